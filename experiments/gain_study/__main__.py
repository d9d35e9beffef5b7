"""Monte Carlo over gains and seeds of an Lb-DNN controller; gains tuned by gradient.

The paper's two-link benchmark with a 3×3 tanh network and the composite law. Gains are drawn
log-uniformly, each set with several initial weights and noises. Then Adam descends through the
closed loop, and nominal, best drawn and tuned gains are compared on fresh seeds.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tyro
from scipy.stats import rankdata
from tqdm import tqdm

from experiments.concurrency import leave
from experiments.gain_study.loops import GAINS, NOMINAL, outcomes
from experiments.gain_study.tuning import Tuned, cost_of, tuned
from experiments.output import Output
from lbdnn.plotting.gains import gains_against_outcome


@dataclass(frozen=True)
class Settings:
    quick: bool = False
    """A few draws, short runs, few steps."""
    draws: int = 256
    """Sets of gains."""
    factor: float = 3.0
    """Gains are drawn from nominal / factor to nominal · factor."""
    seeds: int = 4
    """Initial weights and noises for each set of gains."""
    t1: float = 20.0
    """Seconds of each run."""
    steps: int = 30
    """Of the descent."""
    seed: int = 0
    """Of all draws."""
    output: Path = Path("results/gain_study")
    """Folder of the results."""


_BATCH = 32


def main() -> int:
    settings = tyro.cli(Settings, prog="gain_study", description=__doc__)
    try:
        _check(settings)
        return run(settings, Output(settings.output, asdict(settings)))
    except (ValueError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def _check(settings: Settings) -> None:
    counts = (settings.draws, settings.seeds, settings.steps)
    if min(counts) < 1 or settings.seed < 0:
        raise ValueError("--draws, --seeds and --steps take numbers >= 1, --seed one >= 0")
    if not (settings.factor > 1 and settings.t1 >= 0.02):
        raise ValueError("needs --factor > 1 and --t1 >= 0.02")


def run(settings: Settings, output: Output) -> int:
    """Draws, descends, compares; the exit status."""
    draws, seeds, t1, steps = settings.draws, settings.seeds, settings.t1, settings.steps
    if settings.quick:
        draws, seeds, t1, steps = 16, 2, 2.0, 3
    generator = np.random.default_rng(settings.seed)
    spread = np.log(settings.factor)
    gains = NOMINAL * np.exp(generator.uniform(-spread, spread, (draws, len(NOMINAL))))
    gains[0] = NOMINAL
    found: list[Any] = []
    path: list[Tuned] = []
    finished = False
    with suppress(KeyboardInterrupt):
        starts = range(0, draws, _BATCH)
        for start in tqdm(starts, desc="draws", disable=None, leave=False):
            some = gains[start : start + _BATCH]
            # The last batch is filled up, as each size is compiled anew.
            filled = np.pad(some, [(0, min(_BATCH, draws) - len(some)), (0, 0)], mode="edge")
            own = outcomes(filled, settings.seed, seeds, t1)
            found.append([values[: len(some)] for values in own])
        descent = tuned(settings.seed, 4 * seeds, t1, steps, _scales(found))
        for point in tqdm(descent, desc="descent", total=steps + 1, disable=None, leave=False):
            path.append(point)
        finished = True
    if not found:
        print("interrupted; nothing was finished")
        leave(130)
    scales = _scales(found)
    error, control, diverged = (np.concatenate(parts) for parts in zip(*found, strict=True))
    rows = _rows(gains[: len(error)], error, control, diverged)
    output.table("gains", rows)
    bad = np.any(diverged, axis=1, keepdims=True)[:, 0]
    costs = np.array([cost_of(e, u, scales) for e, u in zip(error, control, strict=True)])
    best = gains[np.argmin(np.where(bad, np.inf, costs))]
    marked = {"nominal": NOMINAL, "best of the draws": best}
    if path:
        output.table("descent", [_named(p.gains) | {"cost": p.cost} for p in path])
        marked["tuned by gradient"] = min(path, key=lambda p: p.cost).gains
    _print_ranks(gains[: len(error)], error, control, bad)
    if finished:
        _compare(marked, settings.seed + 1, seeds, t1, output)
    symbols = [f"{symbol}" for symbol, _ in GAINS.values()]
    figure = gains_against_outcome(
        gains[: len(error)], np.median(error, 1), np.median(control, 1), bad, symbols, marked
    )
    output.figure("gains", figure)
    print(f"{'' if finished else 'interrupted; '}results in {output.folder}")
    if not finished:
        leave(130)
    return 0


def _scales(found: Sequence[Any]) -> tuple[float, float]:
    """Error and control of the nominal gains, the first of the draws."""
    error, control, _ = found[0]
    return float(np.mean(error[0])), float(np.mean(control[0]))


def _named(gains: np.ndarray) -> dict[str, float]:
    return dict(zip(GAINS, map(float, gains), strict=True))


def _rows(
    gains: np.ndarray, error: np.ndarray, control: np.ndarray, diverged: np.ndarray
) -> list[dict[str, Any]]:
    return [
        _named(own)
        | {
            "rms_error_deg_median": float(np.median(e)),
            "rms_error_deg_largest": float(np.max(e)),
            "rms_control_Nm_median": float(np.median(u)),
            "diverged": int(np.sum(d)),
            "seeds": len(e),
        }
        for own, e, u, d in zip(gains, error, control, diverged, strict=True)
    ]


def _print_ranks(
    gains: np.ndarray, error: np.ndarray, control: np.ndarray, bad: np.ndarray
) -> None:
    kept = ~bad
    print(f"{len(gains)} sets of gains, {int(bad.sum())} with a run that diverges")
    if kept.sum() < 3:
        return
    print("rank correlation with    error   control")
    for k, (symbol, _) in enumerate(GAINS.values()):
        ranks = [
            np.corrcoef(rankdata(gains[kept, k]), rankdata(np.median(values[kept], 1)))[0, 1]
            for values in (error, control)
        ]
        print(f"{symbol:20}{ranks[0]:+10.2f}{ranks[1]:+10.2f}")


def _compare(
    marked: dict[str, np.ndarray], seed: int, seeds: int, t1: float, output: Output
) -> None:
    """On seeds that neither the draws nor the descent have seen."""
    error, control, diverged = outcomes(np.stack(list(marked.values())), seed, 4 * seeds, t1)
    rows = _rows(np.stack(list(marked.values())), error, control, diverged)
    named = [{"gains": name} | row for name, row in zip(marked, rows, strict=True)]
    output.table("compared", named)
    print(f"on {4 * seeds} fresh seeds        error (deg)  control (N m)  diverged")
    for row in named:
        print(
            f"{row['gains']:26}{row['rms_error_deg_median']:12.3f}"
            f"{row['rms_control_Nm_median']:15.3f}{row['diverged']:10d}"
        )


if __name__ == "__main__":
    sys.exit(main())

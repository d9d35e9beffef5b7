"""Lb-DNN control of the two-link manipulator: the published benchmark, many times over.

Tracking-error and composite law, θ̂(0) ~ U(−0.5, 0.5) anew for each seed, in the paper's setting and
in that of its published code, beside the published single draws. With --reference: a stored
trajectory of the published code computed again, and the largest differences.
"""

from __future__ import annotations

import csv
import math
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import tyro

from experiments.concurrency import finished_pieces, leave
from experiments.output import Output
from experiments.outside_data import outside_data
from experiments.tracking.replay import TOLERANCE, replay
from experiments.tracking.settings import CODE, LAWS, PAPER, PERIOD
from experiments.tracking.study import METRICS, Study, study
from lbdnn.plotting.tracking import over_time

SIZES = ((3, 3), (4, 3), (4, 4), (5, 5))
SETTINGS = {setting.name: setting for setting in (PAPER, CODE)}
_PUBLISHED = {"tracking": "tracking_error_based", "composite": "composite"}


@dataclass(frozen=True)
class Settings:
    quick: bool = False
    """One size, 4 seeds, 10 s."""
    reference: Path | None = None
    """A stored trajectory of the published code, to be computed again; needs the next three."""
    layers: int | None = None
    """Hidden layers; without it and --neurons the sizes of Table II up to 5×5."""
    neurons: int | None = None
    """Neurons in each hidden layer."""
    law: Literal["tracking", "composite"] | None = None
    """The adaptation law; by default both."""
    seeds: int = 32
    """How many initial weights."""
    t1: float = 100.0
    """Seconds of each run; the metrics of the error are of its second half."""
    seed: int = 0
    """Of the initial weights, the noise and the test points."""
    output: Path = Path("results/tracking")
    """Folder of the results."""


def main() -> int:
    settings = tyro.cli(Settings, prog="tracking", description=__doc__)
    try:
        _check(settings)
        if settings.reference is not None:
            return _replayed(settings)
        return run(settings, Output(settings.output, asdict(settings)))
    except (ValueError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def _check(settings: Settings) -> None:
    sized = settings.layers is not None and settings.neurons is not None
    if (settings.layers is None) != (settings.neurons is None):
        raise ValueError("--layers and --neurons go together")
    if sized and min(settings.layers or 0, settings.neurons or 0) < 1:
        raise ValueError("--layers and --neurons take numbers >= 1")
    if settings.reference is not None and not (sized and settings.law):
        raise ValueError("--reference needs --layers, --neurons and --law")
    if settings.seeds < 1 or settings.seed < 0 or not settings.t1 >= 2 * PERIOD:
        raise ValueError(f"needs --seeds >= 1, --seed >= 0 and --t1 >= {2 * PERIOD}")


def _replayed(settings: Settings) -> int:
    assert settings.reference and settings.layers and settings.neurons and settings.law
    found = replay(settings.reference, settings.layers, settings.neurons, settings.law)
    print("largest difference / largest entry")
    for name, difference in found.items():
        print(f"{name:24}{difference:.1e}")
    agree = all(difference <= TOLERANCE for difference in found.values())
    print(f"{'agrees' if agree else 'DISAGREES'} to {TOLERANCE:g}")
    return 0 if agree else 1


def run(settings: Settings, output: Output) -> int:
    """Simulates, writes tables and figures, prints a summary; the exit status."""
    sizes = SIZES
    if settings.layers is not None and settings.neurons is not None:
        sizes = ((settings.layers, settings.neurons),)
    elif settings.quick:
        sizes = SIZES[:1]
    seeds, t1 = (4, 10.0) if settings.quick else (settings.seeds, settings.t1)
    laws = LAWS if settings.law is None else (settings.law,)
    keys = [(name, size, law) for size in sizes for name in SETTINGS for law in laws]
    work: dict[Any, Any] = {
        key: lambda key=key: study(
            SETTINGS[key[0]], key[1][0], key[1][1], key[2], seed=settings.seed, seeds=seeds, t1=t1
        )
        for key in keys
    }
    found: dict[Any, Study] = dict(finished_pieces(work, "closed loops"))
    finished = len(found) == len(keys)
    published = _published()
    rows = []
    for key in keys:
        if key in found:
            rows += _rows(key, found[key], published)
    if rows:
        output.table("tracking", rows)
        _print(rows)
        _draw(found, sizes, t1, output)
    print(f"{'' if finished else 'interrupted; '}results in {output.folder}")
    if not finished:
        leave(130)
    return 0


def _rows(key: Any, found: Study, published: dict[Any, float]) -> list[dict[str, Any]]:
    setting, (layers, neurons), law = key
    return [
        {
            "setting": setting,
            "layers": layers,
            "neurons": neurons,
            "law": law,
            "metric": metric,
            "unit": METRICS[metric],
            "mean": float(np.mean(values)),
            "standard_deviation": float(np.std(values)),
            "median": float(np.median(values)),
            "least": float(np.min(values)),
            "largest": float(np.max(values)),
            "published": published.get((layers, neurons, law, metric), math.nan),
            "seeds": len(values),
            "diverged": found.diverged,
        }
        for metric, values in found.metrics.items()
    ]


def _published() -> dict[Any, float]:
    """Table II, from the folder of outside data; empty where that is absent."""
    file = outside_data() / "published_tables.csv"
    if not file.is_file():
        return {}
    with file.open(encoding="utf-8", newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if row["table"] == "II"]
    names = {theirs: ours for ours, theirs in _PUBLISHED.items()}
    return {
        (int(row["layers"]), int(row["neurons"]), names[row["law"]], row["metric"]): float(
            row["value"]
        )
        for row in rows
    }


def _print(rows: list[dict[str, Any]]) -> None:
    print("\nmean ± standard deviation over the seeds")
    print(f"{'size':6}{'law':11}{'metric':47}{'published':>9}", end="")
    print("".join(f"{name:>20}" for name in SETTINGS))
    places = dict.fromkeys((r["layers"], r["neurons"], r["law"], r["metric"]) for r in rows)
    for place in places:
        own = {
            r["setting"]: r
            for r in rows
            if (r["layers"], r["neurons"], r["law"], r["metric"]) == place
        }
        first = next(iter(own.values()))
        given = "" if math.isnan(first["published"]) else f"{first['published']:.3f}"
        metric = f"{place[3]} ({first['unit']})"
        print(f"{place[0]}×{place[1]:<4}{place[2]:11}{metric:47}{given:>9}", end="")
        for name in SETTINGS:
            r = own.get(name)
            text = f"{r['mean']:.3f} ± {r['standard_deviation']:.3f}" if r else ""
            print(f"{text:>20}", end="")
        print()


def _draw(found: dict[Any, Study], sizes: Any, t1: float, output: Output) -> None:
    time = PERIOD * np.arange(round(t1 / PERIOD))
    every = max(1, len(time) // 2000)
    for name in SETTINGS:
        for size in sizes:
            own = {key[2]: s for key, s in found.items() if key[:2] == (name, size)}
            if not own:
                continue
            panels = [
                (label, {law: getattr(s, field)[:, ::every] for law, s in own.items()})
                for label, field in (
                    ("‖e‖ (deg)", "error"),
                    ("‖u‖ (N m)", "control"),
                    ("‖f − Φ‖ (rad/s²)", "function_error"),
                )
            ]
            figure = over_time(time[::every], panels)
            output.figure(f"over_time_{name}_{size[0]}x{size[1]}", figure)


if __name__ == "__main__":
    sys.exit(main())

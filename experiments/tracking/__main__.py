"""Lb-DNN control: the published benchmarks, many times over, beside what was published.

Two-link arm (Tables I and II of the composite paper: tracking-error and composite law, baselines,
in the paper's setting and in that of its published code), underwater vehicle that loses its
feedback (Table III), and the ten states of the ResNet paper. θ̂(0) ~ U(−0.5, 0.5) and the noise are
drawn anew for each seed. With --reference: a stored trajectory of the published code computed
again, and the largest differences.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import tyro

from experiments.concurrency import finished_pieces, leave
from experiments.output import Output
from experiments.tracking import cases, figures, residual
from experiments.tracking.cases import SIZES, Case
from experiments.tracking.kept import fingerprint, load, save
from experiments.tracking.published import published
from experiments.tracking.replay import TOLERANCE, replay
from experiments.tracking.settings import LAWS, PERIOD
from experiments.tracking.study import Study, study

System = Literal["two_link", "uuv", "resnet"]


@dataclass(frozen=True)
class Settings:
    quick: bool = False
    """One size, 4 seeds, at most 10 s each."""
    system: System | None = None
    """One benchmark; by default all three."""
    reference: Path | None = None
    """A stored trajectory of the published code, to be computed again; needs the next three."""
    layers: int | None = None
    """Hidden layers of the arm's networks; without it and --neurons the sizes of Table II."""
    neurons: int | None = None
    """Neurons in each hidden layer."""
    law: Literal["tracking", "composite"] | None = None
    """The adaptation law for the arm; by default both, and the baselines."""
    seeds: int = 32
    """How many initial weights."""
    t1: float | None = None
    """Seconds of each run, by default those of the paper: 100, 30 and 10."""
    seed: int = 0
    """Of the initial weights, the noise and the test points."""
    output: Path = Path("results/tracking")
    """Folder of the results. Loops that are done are not done again."""


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
    if settings.system not in (None, "two_link") and (sized or settings.law):
        raise ValueError("--layers, --neurons and --law are for --system two_link")
    if settings.seeds < 1 or settings.seed < 0:
        raise ValueError("needs --seeds >= 1 and --seed >= 0")
    if settings.t1 is not None:
        periods = settings.t1 / PERIOD
        if not periods >= 2 or abs(periods - round(periods)) > 1e-6:
            raise ValueError(f"--t1 is a multiple of the control period, {PERIOD} s, at least two")


def _replayed(settings: Settings) -> int:
    assert settings.reference and settings.layers and settings.neurons and settings.law
    found = replay(settings.reference, settings.layers, settings.neurons, settings.law)
    print("largest difference / largest entry")
    for name, difference in found.items():
        print(f"{name:24}{difference:.1e}")
    agree = all(difference <= TOLERANCE for difference in found.values())
    print(f"{'agrees' if agree else 'DISAGREES'} to {TOLERANCE:g}")
    return 0 if agree else 1


def chosen(settings: Settings) -> list[Case]:
    """What is to be simulated."""
    sized = settings.layers is not None and settings.neurons is not None
    one = sized or settings.law is not None
    sizes = SIZES
    if settings.layers is not None and settings.neurons is not None:
        sizes = ((settings.layers, settings.neurons),)
    elif settings.quick:
        sizes = SIZES[:1]
    found: list[Case] = []
    if settings.system in (None, "two_link"):
        laws = LAWS if settings.law is None else (settings.law,)
        found += cases.two_link_cases(sizes, laws)
        found += [] if one else cases.two_link_baselines()
    if settings.system in (None, "uuv") and not one:
        found += cases.vehicle_cases()
    if settings.system in (None, "resnet") and not one:
        found += cases.residual_cases()
    return found


def run(settings: Settings, output: Output) -> int:
    """Simulates, writes tables and figures, prints a summary; the exit status."""
    own = chosen(settings)
    seeds = 4 if settings.quick else settings.seeds
    lengths = {case: case.t1 if settings.t1 is None else settings.t1 for case in own}
    if settings.quick:
        lengths = {case: min(t1, 10.0) for case, t1 in lengths.items()}
    folder = output.folder / "loops"
    loops = {case: case.make(lengths[case]) for case in own}
    marks = {
        case: {"seeds": seeds, "seed": settings.seed, "loop": fingerprint(loop)}
        for case, loop in loops.items()
    }
    found = {case: kept for case in own if (kept := load(folder, case.name, marks[case]))}
    if found:
        print(f"{len(found)} of {len(own)} loops were done before", file=sys.stderr)
    work: dict[Any, Any] = {
        case: lambda case=case: study(loops[case], seed=settings.seed, seeds=seeds)
        for case in own
        if case not in found
    }
    for case, result in finished_pieces(work, "closed loops"):
        found[case] = result
        save(folder, case.name, marks[case], result)
    finished = len(found) == len(own)
    if any(case.system == "resnet" for case in own) and residual.benchmark()[2] == "drawn":
        print("the plant of the ResNet paper is not in LBDNN_DATA: one was drawn", file=sys.stderr)
    done = [case for case in own if case in found]
    given = published()
    rows = [row for case in done for row in _rows(case, found[case], lengths[case], given)]
    if rows:
        output.table("tracking", rows)
        _print(rows)
        figures.draw({case: found[case] for case in done}, lengths, given, output)
    print(f"{'' if finished else 'interrupted; '}results in {output.folder}")
    if not finished:
        leave(130)
    return 0


def _rows(
    case: Case, found: Study, t1: float, given: dict[tuple[str, str, int, int, str], float]
) -> list[dict[str, Any]]:
    units = case.make(t1).metrics
    rows = []
    for metric, values in found.metrics.items():
        # Of no meaning for this controller; runs that all diverge are told.
        kept = values[np.isfinite(values)]
        if not kept.size and found.diverged < len(values):
            continue
        if not kept.size:
            kept = np.array([np.nan])
        beside = {
            f"published_{place[0]}": given[*place, metric]
            for place in case.places()
            if (*place, metric) in given
        }
        rows.append(
            {
                "system": case.system,
                "setting": case.setting,
                "controller": case.controller,
                "layers": case.layers,
                "neurons": case.neurons,
                "metric": metric,
                "unit": units[metric].unit,
                "mean": float(np.mean(kept)),
                "standard_deviation": float(np.std(kept)),
                "median": float(np.median(kept)),
                "least": float(np.min(kept)),
                "largest": float(np.max(kept)),
                "published_I": math.nan,
                "published_II": math.nan,
                "published_III": math.nan,
                "seeds": len(values),
                "diverged": found.diverged,
                "seconds": t1,
            }
            | beside
        )
    return rows


def _print(rows: Sequence[dict[str, Any]]) -> None:
    print("mean ± standard deviation over the seeds that do not diverge; published: one draw")
    columns = ("controller", "layers", "neurons", "metric")
    for system in dict.fromkeys(row["system"] for row in rows):
        own = [row for row in rows if row["system"] == system]
        settings = list(dict.fromkeys(row["setting"] for row in own))
        print(f"\n{system:67}{'published':>9}" + "".join(f"{name:>20}" for name in settings))
        for place in dict.fromkeys(tuple(row[c] for c in columns) for row in own):
            found = {r["setting"]: r for r in own if tuple(r[c] for c in columns) == place}
            first = next(iter(found.values()))
            size = f"{place[1]}×{place[2]}" if place[1] else ""
            values = (first[f"published_{table}"] for table in ("II", "III", "I"))
            shown = next((f"{value:.3f}" for value in values if not math.isnan(value)), "")
            metric = f"{place[3]} ({first['unit']})"
            texts = "".join(f"{_text(found.get(name)):>20}" for name in settings)
            print(f"{size:6}{place[0]:18} {metric:42}{shown:>9}{texts}")
    lost = {
        f"{r['system']}, {r['setting']}, {r['controller']}": r["diverged"]
        for r in rows
        if r["diverged"]
    }
    for name, count in lost.items():
        print(f"{count} runs diverged: {name}")


def _text(row: dict[str, Any] | None) -> str:
    if row is None:
        return ""
    if row["diverged"] == row["seeds"]:
        return "all diverged"
    return f"{row['mean']:.3f} ± {row['standard_deviation']:.3f}"


if __name__ == "__main__":
    sys.exit(main())

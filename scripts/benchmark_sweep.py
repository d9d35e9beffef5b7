"""Eigenvalues of A*(x) for many models at many points, beside batched PyTorch.

All 828 models of the spectral atlas at the points of a square grid in one compiled program; random
tanh networks with more inputs; and the atlas's depths alone, at a quarter of the points. PyTorch
(eager, in an environment of its own, `.venv-peers-slim`, which the first call makes) has the same
weights and points, and as many threads or one, whichever is faster. It computes the same: once with
the closed form for 2 × 2, once with `torch.linalg.eigvals`, for 2 × 2 at every so many-th point,
its time then multiplied. Each repetition runs all in turn; the shortest times count.
"""

from __future__ import annotations

import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tyro
from peers_environment import environment
from sweep_cases import Ask, Case, Compiled, atlas, difference, drawn, torch

from experiments.output import Output
from experiments.spectral_atlas.models import DEPTHS


@dataclass(frozen=True)
class Settings:
    points: int = 201
    """Of the grid on [−6, 6]², each way."""
    sizes: tuple[int, ...] = (8, 64)
    """Inputs of the random networks."""
    repeats: int = 3
    """At least one."""
    every: int = 200
    """LAPACK on 2 × 2 matrices and the comparison of results take every so many-th point."""
    seed: int = 0
    """Of the weights."""
    output: Path = Path("results/benchmark_sweep")
    """Folder of the results."""


def main() -> int:
    settings = tyro.cli(Settings, prog="benchmark_sweep", description=__doc__)
    numbers = (settings.points, settings.repeats, settings.every)
    if min(numbers) < 1 or min(settings.sizes, default=3) < 3:
        print("error: points, repeats and every are above 0, sizes above 2", file=sys.stderr)
        return 2
    rows: list[dict[str, Any]] = []
    try:
        output = Output(settings.output, asdict(settings))
        python = environment("peers_slim.txt")
        threads = (
            len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        )
        chosen = cases(settings)
        with torch(python, chosen, threads or 1) as (ask, folder):
            output.settings |= {"threads": threads, "peer_versions": ask()}
            report_head(output.settings)
            for index, case in enumerate(chosen):
                rows.append(measured(case, index, ask, folder, settings))
                report(rows[-1])
                output.table("sweep", rows)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"interrupted; results in {settings.output}" if rows else "interrupted")
        return 130
    print(f"results in {output.folder}")
    return 0


def cases(settings: Settings) -> list[Case]:
    """The whole atlas first: compiling it counts from a fresh start."""
    found = [atlas(settings.points, settings.seed, DEPTHS, "float32")]
    for n in settings.sizes:
        count = max(10, 10_000_000 // n**3)
        for dtype in ("float32", "float64"):
            found += [drawn(n, depth, dtype, settings.seed, count) for depth in DEPTHS]
    side = (settings.points + 1) // 2
    for dtype in ("float32", "float64"):
        found += [atlas(side, settings.seed, (depth,), dtype) for depth in DEPTHS]
    return found


def measured(case: Case, index: int, ask: Ask, folder: Path, settings: Settings) -> dict[str, Any]:
    """A row of the table."""
    planar = case.points.shape[1] == 2
    ways = {"closed": 1, "eigvals": settings.every} if planar else {"eigvals": 1}
    own = {"paper": Compiled(case)}
    if planar:
        own["shifted"] = Compiled(case, "shifted")
    for program in own.values():
        program()
    times: dict[str, list[float]] = {name: [] for name in (*own, *ways)}
    share: dict[str, float] = {}
    how: dict[str, dict[str, Any]] = {}
    for _ in range(settings.repeats):
        for form, program in own.items():
            times[form].append(program.seconds())
        for way, every in ways.items():
            answer = ask(case=index, way=way, every=every)
            times[way].append(answer["seconds"])
            how[way] = answer
            share[way] = len(case.points) / len(case.points[::every])
    least = {name: min(seconds) * share.get(name, 1.0) for name, seconds in times.items()}
    every = settings.every if planar else 1
    differences = compared(own["paper"], index, ask, folder, ways, every)
    return {
        "models": case.name,
        "n": case.points.shape[1],
        "depth": case.depth,
        "dtype": case.dtype,
        "matrices": case.size,
        "tracing": own["paper"].tracing,
        "compiling": own["paper"].compiling,
        "seconds": least["paper"],
        "seconds_shifted": least.get("shifted"),
        "nanoseconds_each": 1e9 * least["paper"] / case.size,
        "torch_closed": least.get("closed"),
        "torch_eigvals": least["eigvals"],
        "eigvals_every": ways["eigvals"],
        "ratio_closed": least["closed"] / least["paper"] if planar else None,
        "ratio_eigvals": least["eigvals"] / least["paper"],
        "difference_closed": differences.get("closed"),
        "difference_eigvals": differences["eigvals"],
        "times": times,
        "torch_settings": {way: [a["piece"], a["threads"]] for way, a in how.items()},
    }


def compared(
    program: Compiled, index: int, ask: Ask, folder: Path, ways: dict[str, int], every: int
) -> dict[str, float]:
    """How far the eigenvalues of each way are from this library's."""
    own = program.eigenvalues(every)
    found = {}
    for way in ways:
        ask(case=index, way=way, every=every, keep="found")
        with np.load(folder / "found.npz") as values:
            pairs = [(mine, values[str(k)]) for k, mine in enumerate(own)]
        found[way] = max(difference(*pair) for pair in pairs)
    return found


def report_head(settings: dict[str, Any]) -> None:
    about = ", ".join(f"{name} {value}" for name, value in settings["peer_versions"].items())
    print(f"at most {settings['threads']} threads; PyTorch's environment: {about}")
    print("seconds (shortest of all repetitions), and how many times as long PyTorch takes\n")
    print(
        f"{'':>13}{'n':>3}{'depth':>9}{'dtype':>9}{'matrices':>10}{'trace+compile':>15}{'run':>8}"
        f"{'shifted':>9}{'ns each':>9}{'torch closed':>16}{'torch eigvals':>18}{'difference':>20}"
    )


def report(row: dict[str, Any]) -> None:
    shifted = "" if row["seconds_shifted"] is None else f"{row['seconds_shifted']:.3f}"
    closed = far = ""
    if row["torch_closed"] is not None:
        closed = f"{row['torch_closed']:.3g} ({row['ratio_closed']:.1f}×)"
        far = f"{row['difference_closed']:.0e}"
    eigvals = f"{row['torch_eigvals']:.3g} ({row['ratio_eigvals']:.1f}×)"
    print(
        f"{row['models']:>13}{row['n']:>3}{row['depth']:>9}{row['dtype']:>9}{row['matrices']:>10}"
        f"{row['tracing']:>8.1f} +{row['compiling']:>5.1f}{row['seconds']:>8.3f}{shifted:>9}"
        f"{row['nanoseconds_each']:>9.3g}{closed:>16}{eigvals:>18}"
        f"{far:>11}{row['difference_eigvals']:>9.0e}",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())

"""Bounds of this library beside those of other programs: how tight, and in what time.

Suprema of ‖∂Φ/∂θ‖ and ‖∂²Φ/∂θ²‖ over inputs in [−1, 1]⁴ and parameters fixed or within 1 % of ‖θ‖,
tanh networks with weights U(−0.5, 0.5) and two outputs. On the same cases in the same run:

- immrax (natural inclusion functions of jacfwd and jacfwd(jacfwd)), in an environment of its own,
  `.venv-peers`, which the first call makes;
- dense intervals: each entry enclosed, with the exact range of each activation's derivatives;
- random points, and an attack: values that are reached, beneath the bounds;
- the methods of this library.

The first two know boxes of parameters only: theirs is θ ± r, the smallest that contains the ball.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import tyro
from peer_cases import Case, by_immrax, by_this_project, cases
from peer_table import figure_of, summary
from peers_environment import environment

from experiments.concurrency import leave
from experiments.output import Output


@dataclass(frozen=True)
class Settings:
    networks: tuple[int, ...] = (3, 5)
    """Networks of so many hidden layers of as many neurons."""
    seeds: int = 3
    """Of the weights: 0, 1, …"""
    sides: tuple[int, ...] = (1, 2, 4)
    """Interval methods cut each side of the box of inputs into so many."""
    samples: int = 100_000
    """Random points."""
    limit: float = 20.0
    """Seconds that one interval bound may take; what would take more is left out."""
    output: Path = Path("results/peers")
    """Folder of the results."""


def main() -> int:
    settings = tyro.cli(Settings, prog="compare_peers", description=__doc__)
    numbers = (settings.seeds, settings.samples, *settings.networks, *settings.sides)
    if min(numbers) < 1 or not settings.limit > 0:
        print("error: networks, seeds, sides, samples and limit are above 0", file=sys.stderr)
        return 2
    try:
        output = Output(settings.output, asdict(settings))
        python = environment("peers.txt")
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    chosen = cases(settings.networks, settings.seeds)
    rows: list[dict[str, Any]] = []
    try:
        for row in computed(settings, python, chosen, output):
            rows.append(row)
            if sys.stderr.isatty():
                about = f"{row['network']}, {row['quantity']}, {row['method']}"
                print(f"{len(rows)} computed: {about:<50}", end="\r", file=sys.stderr, flush=True)
        finished = True
    except KeyboardInterrupt:
        finished = False
    except ValueError as error:
        print(f"\nerror: {error}", file=sys.stderr)
        return 1
    if sys.stderr.isatty():
        print(" " * 70, end="\r", file=sys.stderr)
    if rows:
        output.table("peers", rows)
        found = summary(rows)
        output.table("summary", found)
        output.figure("tightness_against_time", figure_of(found))
        report(found)
    print(f"{'' if finished else 'interrupted; '}results in {output.folder}")
    if not finished:
        leave(130)
    return 0


def computed(
    settings: Settings, python: Path, chosen: list[Case], output: Output
) -> Iterator[dict[str, Any]]:
    """Rows of the table, one computation after the other."""
    about = partial(output.settings.__setitem__, "peer_versions")
    yield from by_immrax(python, chosen, settings.sides, settings.limit, about)
    # In a thread: some methods take Ctrl-C for the wish to end their search.
    pool = ThreadPoolExecutor(1)
    try:
        for piece in by_this_project(chosen, settings.sides, settings.limit, settings.samples):
            yield from pool.submit(piece).result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def report(found: list[dict[str, Any]]) -> None:
    """Prints the summary; "no value" to compare with is there where a run was interrupted."""
    print("bound / largest value found (geometric mean over seeds), seconds (median; first seed)")
    last = None
    for row in found:
        radius = f"{100 * row['fraction']:g} % of ‖θ‖" if row["fraction"] else "0"
        case = f"{row['network']}, {row['quantity']}, r = {radius}"
        if case != last:
            print(f"\n{case}")
            last = case
        why = "left out" if row["seconds"] is None else "no value"
        numbers = f"{why:>10}{'':>24}"
        if row["ratio"] is not None:
            numbers = f"{row['ratio']:>10.4g}{row['seconds']:>10.3g} s{row['first']:>10.3g} s"
        print(f"  {row['method']:<28}{numbers}   {row['parameters']}")
    print("\nimmrax rounds to nearest: its numbers are no proofs to the last bit.")


if __name__ == "__main__":
    sys.exit(main())

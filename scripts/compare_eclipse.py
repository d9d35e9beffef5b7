"""Lipschitz constants of this library beside those of eclipse-nn, value and time.

The same networks, random and trained ones, are given to both: to eclipse-nn's "ECLipsE_Fast" (in
closed form) and "ECLipsE" (a semidefinite program a layer; Xu and Sivaranjani, NeurIPS 2024), and
to `lipschitz_constant` of this library. eclipse-nn solves its programs by SCS, and where the answer
fails its check takes the closed form; it is also called with Clarabel in SCS's place. Beside them
stands the largest derivative found at random points: a value below it is no Lipschitz constant.

eclipse-nn runs in an environment of its own, `.venv-peers-eclipse`, which the first call makes. It
rounds to nearest: its numbers are no proofs to the last bit.

Beside the seconds of each estimate stand those of the processor, which other programs on the
machine disturb less; linear algebra runs in one thread.
"""

from __future__ import annotations

import os

# For all programs alike: where the processor is shared, threads of linear algebra wait for each
# other, and count as working. Read when NumPy and torch are loaded.
os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import tyro
from eclipse_cases import (
    OWN,
    PEER,
    by_eclipse,
    by_this_project,
    random_cases,
    reached,
    trained_cases,
)
from peers_environment import environment

from experiments.output import Output


@dataclass(frozen=True)
class Settings:
    layers: tuple[int, ...] = (2, 3, 5, 5)
    """Hidden layers of the random networks."""
    widths: tuple[int, ...] = (20, 50, 50, 100)
    """Neurons in each of them, one number for each number of layers. Time grows with the cube of
    all neurons, so that by default there are 500 at most."""
    activations: tuple[str, ...] = ("relu",)
    """Constants over all of space depend on the range of slopes alone: tanh has that of relu."""
    seeds: int = 1
    """Of the weights: 0, 1, …"""
    limit: float = 30.0
    """Seconds of the processor that one estimate of eclipse-nn may take (ten times as many of the
    clock)."""
    points: int = 5000
    """At which derivatives are computed."""
    output: Path = Path("results/eclipse")
    """Folder of the results."""


def main() -> int:
    settings = tyro.cli(Settings, prog="compare_eclipse", description=__doc__)
    numbers = (*settings.layers, *settings.widths, settings.seeds, settings.points)
    if min(numbers) < 1 or not settings.limit > 0 or len(settings.layers) != len(settings.widths):
        print(
            "error: layers and widths are as many, and they, seeds, points and limit above 0",
            file=sys.stderr,
        )
        return 2
    try:
        output = Output(settings.output, asdict(settings))
        python = environment("peers_eclipse.txt")
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    rows: list[dict[str, Any]] = []
    print(f"{'network':<34}{'method':<18}{'constant':>16}{'seconds':>10}{'processor':>11}")
    try:
        for row in computed(settings, python, output):
            rows.append(row)
            output.table("eclipse", rows)
            print(line(row), flush=True)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    print(f"results in {output.folder}")
    return 0


def computed(settings: Settings, python: Path, output: Output) -> Iterator[dict[str, Any]]:
    """A row for each network and method, and one for the largest derivative."""
    shapes = list(zip(settings.layers, settings.widths, strict=True))
    for case in chain(random_cases(shapes, settings.activations, settings.seeds), trained_cases()):
        least = reached(case, settings.points)
        yield row_of(case.name, "derivative", {"value": least}, least)
        for method in OWN:
            yield row_of(case.name, method, by_this_project(case, method), least)
        for method in PEER:
            found = by_eclipse(python, case, method, settings.limit)
            output.settings["peer_versions"] = found.pop(
                "versions", output.settings.get("peer_versions")
            )
            yield row_of(case.name, method, found, least)


def row_of(network: str, method: str, found: dict[str, Any], least: float) -> dict[str, Any]:
    """`refuted`: whether a derivative is larger, beyond what rounding explains."""
    value = found["value"]
    # Not ≥: NaN is no constant either.
    refuted = value is not None and not value >= least * (1 - 1e-9)
    return (
        {"network": network, "method": method, "derivative": least} | found | {"refuted": refuted}
    )


def line(row: dict[str, Any]) -> str:
    """A row as it is printed."""
    missing = "solver failed" if row.get("failed") else "over the limit"
    value = missing if row["value"] is None else f"{row['value']:.6g}"
    times = [f"{row[key]:.3g}" if key in row else "" for key in ("seconds", "processor")]
    said = "  fell back to ECLipsE_Fast" if row.get("fell_back") else ""
    said += "  below a derivative: no Lipschitz constant" if row["refuted"] else ""
    return f"{row['network']:<34}{row['method']:<18}{value:>16}{times[0]:>10}{times[1]:>11}{said}"


if __name__ == "__main__":
    sys.exit(main())

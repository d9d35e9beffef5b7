"""Structured weights of this library beside those of PNNL's `neuromancer.slim`.

The same random parameters are given to both, in float64, and the weights compared: the program of
the authors of "Spectral analysis and stability of deep neural dynamics" (arXiv 2011.13492).
neuromancer runs in an environment of its own, `.venv-peers-slim`, which the first call makes.
"""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import tyro
from peers_environment import environment
from slim_cases import Case, by_slim, cases

from experiments.output import Output


@dataclass(frozen=True)
class Settings:
    sizes: tuple[int, ...] = (2, 5, 8)
    """Of the square weights."""
    seeds: int = 10
    """Of the parameters: 0, 1, …"""
    output: Path = Path("results/slim")
    """Folder of the results."""


def main() -> int:
    settings = tyro.cli(Settings, prog="compare_slim", description=__doc__)
    if settings.seeds < 1 or not settings.sizes or min(settings.sizes) < 2:
        print("error: sizes must be 2 or more, seeds 1 or more", file=sys.stderr)
        return 2
    try:
        output = Output(settings.output, asdict(settings))
        chosen = cases(settings.sizes, settings.seeds)
        versions, weights, answers = by_slim(environment("peers_slim.txt"), chosen)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    output.settings["peer_versions"] = versions
    rows = table(chosen, weights, answers)
    output.table("slim", rows)
    for row in rows:
        print(
            f"{row['slim']:<26}{row['shape']:>6}  {row['relation']:<32}"
            f"{row['difference']:>9.1e}{row['outside']:>9.1e}{row['imaginary']:>9.1e}"
            f"{row['trained']:>4} of {row['parameters']:<4}  {row['family']}"
        )
    print("\nslim's class, shape, what its matrix is in terms of this library's W, the largest")
    print(
        "difference (relative to the largest entry; of SVDLinear also of the penalty), how far it"
    )
    print("is outside the property, its largest |Im λ|, how many parameters slim trains.")
    print(f"results in {output.folder}")
    return 0


def table(chosen: list[Case], weights: list[np.ndarray], answers: list) -> list[dict[str, Any]]:
    """A row for each family: the largest values over the seeds."""
    rows: dict[str, dict[str, Any]] = {}
    for case, weight, answer in zip(chosen, weights, answers, strict=True):
        difference = np.max(np.abs(weight - case.expected)) / np.max(np.abs(case.expected))
        if case.penalty is not None:
            difference = max(difference, abs(answer["penalty"] / case.penalty - 1))
        square = weight.shape[0] == weight.shape[1]
        with jax.enable_x64(True):
            own = weight.T if case.relation == "Wᵀ" else weight
            outside = case.family.defect(jnp.asarray(own))
        found = {
            "difference": float(difference),
            "outside": float(outside),
            "imaginary": float(np.max(np.abs(np.linalg.eigvals(weight).imag))) if square else 0.0,
        }
        row = rows.setdefault(
            str(case.family),
            {
                "family": str(case.family),
                "slim": case.slim,
                "shape": "×".join(map(str, case.family.shape)),
                "relation": case.relation,
                "parameters": sum(x.size for x in jax.tree.leaves(case.parameters)),
                "trained": answer["trained"],
            }
            | dict.fromkeys(found, 0.0),
        )
        row |= {key: max(row[key], value) for key, value in found.items()}
    return list(rows.values())


if __name__ == "__main__":
    sys.exit(main())

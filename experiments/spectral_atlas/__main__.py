"""The 828 planar models of Drgoňa et al. (2020): spectra of A*(x), attractors, theorem 6.

Draws the weights of all models, computes the eigenvalues of A*(x) on a grid over [−6, 6]², watches
orbits, and compares the dynamics with both conditions of the paper's theorem 6.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import tyro

from experiments.concurrency import leave
from experiments.output import Output
from experiments.spectral_atlas.figures import draw_activations, draw_overview, draw_published
from experiments.spectral_atlas.measurement import OBSERVATION, grid, measured
from experiments.spectral_atlas.models import Model, Weights, models
from lbdnn.spectra import ATTRACTORS


@dataclass(frozen=True)
class Settings:
    quick: bool = False
    """Depth 1 only (276 models), a coarser grid."""
    seed: int = 0
    """Of the weights and of the starts of the orbits."""
    discs: Literal["equal", "inner"] = "inner"
    """Gershgorin weights. equal: formula (26), which in two dimensions leaves one weight for each
    range. inner: a random disc within it for each row, as PNNL's neuromancer has it."""
    grid: int = 201
    """Points of the grid in each direction."""
    output: Path = Path("results/spectral_atlas")
    """Folder of the results."""


def main() -> int:
    settings = tyro.cli(Settings, prog="spectral_atlas", description=__doc__)
    try:
        if settings.seed < 0 or settings.grid < 2:
            raise ValueError("--seed takes a number >= 0, --grid one >= 2")
        made = asdict(settings) | {"observation": asdict(OBSERVATION)}
        return run(settings, Output(settings.output, made))
    except (ValueError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def run(settings: Settings, output: Output) -> int:
    """Measures, writes tables and figures, prints a summary; the exit status."""
    weights = Weights(settings.seed, settings.discs)
    chosen = models(depths=(1,)) if settings.quick else models()
    size = 41 if settings.quick else settings.grid
    found = measured(chosen, weights, grid(size), settings.seed)
    finished = len(found) == len(chosen)
    if found:
        rows = [{"model": str(model), **row} for model, row in found.items()]
        output.table("atlas", rows)
        output.parquet("atlas", rows)
        draw_overview(found, output)
        summary(found)
    if finished:
        draw_activations(output)
        draw_published(weights, size, settings.seed, output, quick=settings.quick)
    print(f"{'' if finished else 'interrupted; '}results in {output.folder}")
    if not finished:
        leave(130)
    return 0


def summary(found: Mapping[Model, Mapping[str, Any]]) -> None:
    """Counts of attractors by activation, and of agreement with theorem 6."""
    names = sorted({model.activation for model in found})
    print(f"\nmodels: {len(found)}\n{'attractor':16}" + "".join(f"{name:>10}" for name in names))
    for kind in ATTRACTORS:
        counts = Counter(m.activation for m, row in found.items() if row["attractor"] == kind)
        print(f"{kind:16}" + "".join(f"{counts[name]:>10}" for name in names))
    for condition, claim in (
        ("necessary", "all orbits end at one point, so ρ(A*(x)) ≤ 1 on the grid"),
        ("sufficient", "all ρ(A_i) ≤ 1 and |ς(z)/z| ≤ 1, so all orbits end at one point"),
    ):
        premise = [
            row
            for row in found.values()
            if row["attractor"] != "undecided"
            and (row["sufficient_condition"] or condition == "necessary")
            and (row["attractor"] == "single point" or condition == "sufficient")
        ]
        agree = int(np.sum([row[f"{condition}_agrees"] for row in premise]))
        print(f"theorem 6, {condition}: {claim}: {agree} of {len(premise)} models")


if __name__ == "__main__":
    sys.exit(main())

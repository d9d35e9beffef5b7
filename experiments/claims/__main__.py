"""Published claims on networks as dynamical systems: each with a verdict and its evidence.

The claims of Drgoňa et al. (2020), judged by criteria stated with each, on counterexamples and on
counts over the atlas of 828 models (experiments.spectral_atlas); and those of slides of Murari on
networks of numerical integrators, by lbdnn.structured.flows.
"""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

import tyro

from experiments.claims import (
    activations,
    affine_maps,
    bias,
    contraction,
    decomposition,
    factorizations,
    preservation,
    robustness,
    theorem_6,
)
from experiments.claims.claim import Claim
from experiments.claims.figures import draw
from experiments.claims.page import page
from experiments.concurrency import leave
from experiments.output import Output
from experiments.spectral_atlas.measurement import OBSERVATION, grid, measured
from experiments.spectral_atlas.models import Weights, models
from lbdnn.files import write_whole


@dataclass(frozen=True)
class Settings:
    quick: bool = False
    """Count over the 276 models of depth 1 only, on a coarser grid."""
    seed: int = 0
    """Of the atlas' weights and of the starts of its orbits."""
    output: Path = Path("results/claims")
    """Folder of the results."""


def main() -> int:
    settings = tyro.cli(Settings, prog="claims", description=__doc__)
    try:
        if settings.seed < 0:
            raise ValueError(f"--seed takes a number >= 0; got {settings.seed}")
        made = asdict(settings) | {"observation": asdict(OBSERVATION)}
        output = Output(settings.output, made)
        weights = Weights(settings.seed, "inner")
        chosen = models(depths=(1,)) if settings.quick else models()
        rows = measured(chosen, weights, grid(41 if settings.quick else 201), settings.seed)
        if len(rows) < len(chosen):
            print("interrupted; no verdicts without all counts", file=sys.stderr)
            leave(130)
        found = [*claims(rows, weights), *claims_on_flows()]
    except (ValueError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    output.document("claims", {"claims": [asdict(claim) for claim in found]})
    write_whole(output.folder / "claims.md", page(found))
    draw(output)
    for claim in found:
        print(f"{claim.verdict:25}{claim.id:30}{claim.source}")
    counts = Counter(claim.verdict for claim in found)
    print("\n" + ", ".join(f"{verdict}: {count}" for verdict, count in counts.items()))
    print(f"results in {output.folder}")
    return 0


def claims(rows: theorem_6.Rows, weights: Weights) -> list[Claim]:
    """Those of Drgoňa et al. (2020), judged on the given rows of the atlas."""
    return [
        affine_maps.exactness(weights),
        affine_maps.relu_is_taylor(weights),
        theorem_6.gelfand(),
        theorem_6.necessary(rows),
        theorem_6.sufficient(rows),
        activations.lipschitz(),
        activations.unstable_regions(),
        activations.bounded(),
        bias.equilibrium(rows, weights),
        bias.spectrum(rows),
        theorem_6.depth(),
        factorizations.perron_frobenius(),
        factorizations.singular_values(),
        factorizations.skew_symmetric(),
        factorizations.hamiltonian(),
        factorizations.gershgorin(),
    ]


def claims_on_flows() -> list[Claim]:
    """Those of the slides, and of what circulates with Murari et al. (2025)."""
    return [
        preservation.euler(),
        preservation.volume(),
        preservation.mass(),
        contraction.contractive(),
        contraction.wide(),
        contraction.expansive(),
        contraction.alternating(),
        decomposition.parts(),
        decomposition.approximation(),
        robustness.robust(),
        robustness.convergent(),
    ]


if __name__ == "__main__":
    sys.exit(main())

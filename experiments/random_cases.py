"""Networks with random weights: of a given structure, and of structures drawn at random."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import numpy as np

from experiments.tightness_measurement import Case
from lbdnn import Box, Chain, FullyConnected

# Radii of the parameter balls over ‖θ‖.
FRACTIONS = (0.0, 0.01, 0.1, 1.0)
SMOOTH = (
    "arctan", "gelu", "gelu_tanh", "logistic", "logsigmoid", "mish", "silu", "sin", "softplus",
    "softsign", "tanh", "tanhshrink",
)  # fmt: skip


def case(n: int, depth: int, width: int, m: int, activation: str, seeds: Sequence[int]) -> Case:
    """Networks of `depth` hidden layers of one width."""
    label = f"{depth}×{width}"
    if (n, m, activation) != (4, 2, "tanh"):
        label += f" {activation} {n}→{m}"
    return weighted(FullyConnected((n, *[width] * depth, m), activation), label, seeds)


def drawn(seed: int, count: int, seeds: Sequence[int]) -> list[Case]:
    """Structures drawn with `seed`: 1-12 inputs, 1-6 outputs, 1-5 hidden layers of 2-10 neurons."""
    rng = np.random.default_rng(seed)
    found: dict[str, Case] = {}
    while len(found) < count:
        n, m, depth = (int(rng.integers(1, most + 1)) for most in (12, 6, 5))
        widths = [int(width) for width in rng.integers(2, 11, depth)]
        activation = SMOOTH[int(rng.integers(len(SMOOTH)))]
        label = f"{'-'.join(map(str, (n, *widths, m)))} {activation}"
        found[label] = weighted(FullyConnected((n, *widths, m), activation), label, seeds)
    return list(found.values())


def weighted(net: Chain, label: str, seeds: Sequence[int]) -> Case:
    """Networks with weights U(−0.5, 0.5), inputs [−1, 1]ⁿ, radii `FRACTIONS` of ‖θ‖."""
    with jax.enable_x64(True):
        thetas = [net.init(jax.random.key(seed)) for seed in seeds]
        norms = [float(np.linalg.norm(np.asarray(net.ravel(theta)))) for theta in thetas]
    radii = [[fraction * norm for fraction in FRACTIONS] for norm in norms]
    about = [[{"seed": seed, "fraction": f} for f in FRACTIONS] for seed in seeds]
    return Case(label, net, thetas, Box(-1.0, 1.0), radii, about)

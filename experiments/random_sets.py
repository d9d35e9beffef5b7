"""Networks, and sets of inputs and parameters, drawn at random: from tiny to large."""

from __future__ import annotations

import numpy as np

from lbdnn import Ball, Box, Chain, FullyConnected, LayerBalls, activations
from lbdnn.networks import Theta
from lbdnn.sets import InputSet, ParameterSet


def drawn_structure(rng: np.random.Generator) -> Chain:
    """1-12 inputs, 1-6 outputs, 0-6 hidden layers of widths 1-12; activations by name."""
    depth = int(rng.integers(0, 7))
    widths = rng.integers(1, 13, depth)
    if rng.random() < 0.3:  # equal layers are kept stacked
        widths[:] = rng.integers(1, 13)
    sizes = (int(rng.integers(1, 13)), *map(int, widths), int(rng.integers(1, 7)))
    names = [str(name) for name in rng.choice(activations.names(), max(1, depth))]
    return FullyConnected(
        sizes,
        names[:1] * depth if rng.random() < 0.6 else names[:depth],
        bias=bool(rng.random() < 0.8),
        output="tanh" if rng.random() < 0.15 else "linear",
    )


def drawn_sets(rng: np.random.Generator, net: Chain) -> tuple[Theta, InputSet, ParameterSet]:
    """θ and two sets; weights and sets from tiny to large, some of them points."""
    scale, power = 10 ** rng.uniform(-3, 1), -0.5 * (rng.random() < 0.7)
    shapes = [a.shape for a in net.affine]
    theta = net.with_weights([scale * s[1] ** power * rng.standard_normal(s) for s in shapes])
    vector = np.asarray(net.ravel(theta))
    centre = 10 ** rng.uniform(-3, 1) * rng.standard_normal(net.inputs)
    half = 10 ** rng.uniform(-3, 1) * rng.random(net.inputs) * (rng.random(net.inputs) < 0.9)
    inputs = (
        Ball(float(half[0]), centre) if rng.random() < 0.3 else Box(centre - half, centre + half)
    )
    radius = 10 ** rng.uniform(-4, 0.3) * float(np.linalg.norm(vector))
    kind = rng.integers(0, 4)
    if kind == 0:
        parameters = LayerBalls(list(radius * rng.random(len(net.affine))))
    elif kind == 1:
        entries = radius / np.sqrt(net.size) * rng.random(net.size)
        parameters = Box(vector - entries, vector + entries)
    else:
        parameters = Ball(radius if rng.random() < 0.85 else 0.0)
    return theta, inputs, parameters

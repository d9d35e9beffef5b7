"""Pictures of the counterexamples."""

from __future__ import annotations

from experiments.claims.theorem_6 import NILPOTENT, SHEAR, layers
from experiments.output import Output
from lbdnn import Box, spectra
from lbdnn.plotting.portraits import portraits


def draw(output: Output) -> None:
    """Two networks of tanh layers that meet the sufficient condition of theorem 6."""
    drawn = []
    for title, weights in (
        ("two layers, ρ(A₀) = ρ(A₁) = ½", SHEAR),
        ("one layer, ρ(A) = 0", (NILPOTENT,)),
    ):
        net, theta = layers("tanh", *weights)
        drawn.append(spectra.planar_portrait(net, theta, Box(-1.5, 1.5), title=title, steps=40))
    output.figure("theorem_6", portraits(drawn))

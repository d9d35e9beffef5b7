"""Pictures of the counterexamples."""

from __future__ import annotations

import numpy as np

from experiments.claims.theorem_6 import NILPOTENT, SHEAR, layers
from experiments.output import Output
from lbdnn import spectra
from lbdnn.plotting.portraits import PlanarPortrait, portraits


def draw(output: Output) -> None:
    """Two networks of tanh layers that meet the sufficient condition of theorem 6."""
    axis = np.linspace(-1.5, 1.5, 121)
    grid = np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2)
    first = np.stack(np.meshgrid(*[np.linspace(-1.35, 1.35, 6)] * 2), -1).reshape(-1, 2)
    drawn = []
    for title, weights in (
        ("two layers, ρ(A₀) = ρ(A₁) = ½", SHEAR),
        ("one layer, ρ(A) = 0", (NILPOTENT,)),
    ):
        net, theta = layers("tanh", *weights)
        values = spectra.eigenvalues(spectra.linearize(net, theta, grid).matrix)
        orbits = np.asarray(spectra.trajectory(net, theta, first, 40))
        fixed = spectra.fixed_points(net, theta, first)
        points = np.array([orbit.points[0] for orbit in fixed if orbit.stability == "stable"])
        shape = (len(axis), len(axis), 2)
        own = np.asarray(values).reshape(shape)
        drawn.append(PlanarPortrait(title, (-1.5, 1.5), own, orbits, points.reshape(-1, 2)))
    output.figure("theorem_6", portraits(drawn))

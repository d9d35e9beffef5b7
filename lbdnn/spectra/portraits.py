"""What is worth drawing of a network of two inputs and two outputs."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float

from ..networks import Chain, Theta
from ..sets import Box
from .affine_maps import Form, linearize
from .attractors import Attractor, Observation, attractor
from .grids import grid
from .orbits import trajectory
from .spectrum import eigenvalues


@dataclass(frozen=True)
class PlanarPortrait:
    """Eigenvalues of A*(x) on a grid over a box, orbits, and where they end.

    - `eigenvalues`: (N, N, 2), first axis x₂, second axis x₁.
    - `orbits`: (T, k, 2), k trajectories.
    - `points`: (j, 2), fixed points and points of cycles that orbits ended at.
    - `kind`: the kind of attractor that was seen (`attractor`).
    """

    title: str
    box: Box
    eigenvalues: Complex[np.ndarray, "N N 2"]
    orbits: Float[np.ndarray, "T k 2"]
    points: Float[np.ndarray, "j 2"]
    kind: Attractor


def planar_portrait(
    net: Chain,
    theta: Theta,
    box: Box,
    *,
    title: str = "",
    points: int = 201,
    orbits: int = 6,
    steps: int = 25,
    form: Form = "shifted",
    observation: Observation | None = None,
    seed: int = 0,
) -> PlanarPortrait:
    """A portrait over a box, for `lbdnn.plotting.portraits`.

    **Arguments:**

    - `points`: of the grid in each direction.
    - `orbits`: as many squared start on a grid within the box; each is drawn for `steps` steps.
    - `observation`, `seed`: how the kind of attractor is judged, from 128 random starts in the box.

    **Raises:** ValueError for a network of other than two inputs and outputs.
    """
    if (net.inputs, net.outputs) != (2, 2):
        raise ValueError(
            "a planar portrait needs a network of 2 inputs and 2 outputs; this one has "
            f"{net.inputs} and {net.outputs}"
        )
    lo, hi = box.ends(2)
    first = grid(Box(lo + 0.05 * (hi - lo), hi - 0.05 * (hi - lo)), 2, orbits)
    seen = attractor(net, theta, np.random.default_rng(seed).uniform(lo, hi, (128, 2)), observation)
    with warnings.catch_warnings():
        if form == "paper":  # the pole is what its portrait is to show
            warnings.simplefilter("ignore", UserWarning)
        matrices = linearize(net, theta, grid(box, 2, points), form=form).matrix
    values = np.asarray(eigenvalues(matrices)).reshape(points, points, 2)
    paths = np.asarray(trajectory(net, theta, first, steps))
    # The grid's first axis is x₁.
    return PlanarPortrait(title, box, values.swapaxes(0, 1), paths, seen.points, seen.kind)

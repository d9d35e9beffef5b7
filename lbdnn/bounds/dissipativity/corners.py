"""The corners of a box of slopes: where, and with which norms, an inequality has to hold.

With slopes D in a box, and squared norms that are affine in D, the right-hand sides of the
inequalities are convex in each slope; so they hold on the box if they hold at its corners.
"""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ...intervals import down, up
from .budget_levels import Levels
from .forms import Stage

# Corners times levels², for which an inequality is looked at.
_MOST = 300
# Of a sum of as many terms, more than it can be.
_ROUNDING = 1e-14


def corners_of(neurons: int, n: int, levels: int) -> Float[np.ndarray, "c n"]:
    """Rows of 0 and 1: the corners for the first `neurons` of n; none where they are too many."""
    if levels**2 * 2.0**neurons > _MOST:
        return np.zeros((0, n))
    found = np.asarray(list(product((1.0, 0.0), repeat=neurons))).reshape(-1, neurons)
    return np.pad(found, [(0, 0), (0, n - neurons)])


class Cases(NamedTuple):
    """What an inequality has to hold for: corners of the slopes' box, or all of it at once.

    slopes (t, a·c, 1, n): at the corners, for each vertex a of the levels; None for the whole box.
    grid: `Levels` with every vertex c times. squares (t, a·c): upper bounds of ‖[s; 1]‖².
    """

    grid: Levels
    slopes: Array | None
    squares: Array

    def each(self, of_vertices: Array) -> Array:
        """(t, a, …) → (t, a·c, …)."""
        return jnp.repeat(of_vertices, self.grid.before.shape[1] // of_vertices.shape[1], 1)


def cases(grid: Levels, stage: Stage, corners: Array, mix: Array) -> Cases:
    """Those of one stage, `Stage.at` applied.

    mix (t,), from 0 to 1: squares are that part of `most` − Σ `fall` D and the rest of m².
    """
    t, a = grid.before.shape
    whole = up(stage.norm**2)[:, None]
    if not corners.shape[0]:
        return Cases(grid, None, jnp.broadcast_to(whole, (t, a)))
    slopes = jnp.where(corners > 0, stage.high, stage.low)
    falls = stage.fall * slopes
    fallen = down(jnp.sum(falls, -1) - _ROUNDING * jnp.sum(jnp.abs(falls), -1))
    coupled = jnp.maximum(up(stage.most[:, None] - fallen), 0.0)
    # Affine in D: one and the same mean of both at all corners.
    mean = up(up(mix[:, None] * coupled) + up(up(1 - mix)[:, None] * whole))
    count = corners.shape[0]
    wide = Levels(
        np.repeat(grid.before, count, 1),
        np.repeat(grid.after, count, 1),
        np.repeat(grid.share, count, 1),
        grid.nodes,
    )
    return Cases(wide, jnp.tile(slopes, (1, a, 1))[:, :, None], jnp.tile(mean, (1, a)))


def preference(grid: Levels, corners: Array) -> Float[Array, "t ac"]:
    """Where `dominating` may start: with the steepest corners."""
    t, a = grid.before.shape
    steep = 2.0 * jnp.sum(corners, 1) if corners.shape[0] else jnp.zeros(1)
    return jnp.broadcast_to(jnp.tile(steep, a), (t, a * steep.size))

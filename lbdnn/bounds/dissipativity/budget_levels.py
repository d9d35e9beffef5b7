"""How much of a shared squared radius the later layers have used: levels and triangles."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .positive import inverse, spectral_radius


class Levels(NamedTuple):
    r"""A triangulation of {(V, u) : V, u ≥ 0, V + u ≤ 1} aligned with V + u.

    V is the share of r² that the layers already passed have used, u what this layer takes. A
    quantity of the passed layers is stored at the nodes V = 0, 1/N, …, 1 and interpolated
    linearly between them. `before` (t, a) and `after` (t, a) are the nodes of V and of V + u at
    the vertices of the triangles, `share` (t, a) is u. On each triangle V and V + u stay between
    neighbouring nodes, so that both interpolants are affine on it, and an inequality that is
    convex in (V, u) holds on the triangle if it holds at its vertices.
    """

    before: np.ndarray
    after: np.ndarray
    share: np.ndarray
    nodes: int

    @property
    def triangles(self) -> int:
        """How many."""
        return self.before.shape[0]

    @property
    def passed(self) -> np.ndarray:
        """(t,): a node that the share V of the layers already passed does not exceed."""
        return self.before.max(1)

    @property
    def left(self) -> np.ndarray:
        """(t,): a node that the share of the layers still to come does not exceed."""
        return self.nodes - 1 - self.after.min(1)

    def candidates(self) -> tuple[np.ndarray, np.ndarray]:
        """For each node, the (flat) vertices that end there, padded, and which are real."""
        ends = self.after.ravel()
        lists = [np.flatnonzero(ends == node) for node in range(self.nodes)]
        width = max(map(len, lists))
        index = np.stack([np.resize(own, width) for own in lists])
        real = np.stack([np.arange(width) < len(own) for own in lists])
        return index, real


def levels(n: int) -> Levels:
    """N ≥ 1 levels."""
    corners = []
    for i in range(n):
        for j in range(n - i):
            corners.append([(i, j), (i + 1, j), (i, j + 1)])
            if i + j + 2 <= n:
                corners.append([(i + 1, j), (i, j + 1), (i + 1, j + 1)])
    at = np.asarray(corners)
    return Levels(at[..., 0], at.sum(-1), at[..., 1] / n, n + 1)


def dominating(
    grid: Levels, forms: Float[Array, "t a n n"], preference: Float[Array, "t a"]
) -> Float[Array, "nodes n n"]:
    """For each node one matrix that is ⪰ every form of the vertices that end there.

    A weighted mean of them (`preference`, by softmax), enlarged by the largest generalised
    eigenvalue. Approximate: rounding is not accounted for here.
    """
    n = forms.shape[-1]
    index, real = grid.candidates()
    ending = forms.reshape(-1, n, n)[index]
    weights = jax.nn.softmax(jnp.where(real, preference.reshape(-1)[index], -jnp.inf), -1)
    mean = jnp.einsum("uc,ucij->uij", weights, ending)
    # Padded neurons leave zero rows: with this floor all are definite.
    floor = 1e-7 * jnp.trace(mean, axis1=-2, axis2=-1) + 1e-200
    mean, ending = (x + _diagonal(floor, x) for x in (mean, ending))
    relative = inverse(mean)[:, None] @ ending
    # Two bounds of λ_max(mean⁻¹C): for C far from the mean, and near it.
    beyond = jnp.minimum(spectral_radius(relative), 1 + spectral_radius(relative - jnp.eye(n)))
    beyond = jnp.max(jnp.where(real, beyond, 0.0), -1)
    return beyond[:, None, None] * mean


def _diagonal(scale: Array, like: Array) -> Array:
    return scale.reshape(-1, *([1] * (like.ndim - 1))) * jnp.eye(like.shape[-1])

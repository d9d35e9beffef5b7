"""Quadratic forms: those that slopes and curvatures satisfy, and their passage through a layer.

Approximate (floating point, rounded to nearest), as all that is proved by `verification`.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .positive import inverse, spectral_radius as largest, symmetric

SMALL = 1e-200


class Stage(NamedTuple):
    """One activation and the affine map after it: v = Dx, Φ = (W + Δ)v; zero-padded to n neurons.

    weight (n, n); low, high (v, n): the slopes in D, where the layers before share what the node
    v of `budget_levels` says; bends (n, g, 3): rows (a, b, c) with
    |ς''| ≤ a + b ς' − c ς'²; own (): ‖Δ‖² beside what is shared; norm (v,): m ≥ ‖[s; 1]‖; holds ():
    1 where the affine map has parameters, 0 for what follows the last one; aligned (v,): κ² ≥ the
    square of the part of a unit v along [s; 1]; most (v,), fall (n,): ‖[s; 1]‖² ≤ most − Σ fall_n
    D_n, fall ≥ 0; gives (n,): 1 for a neuron after it.
    """

    weight: Float[Array, "n n"]
    low: Float[Array, "v n"]
    high: Float[Array, "v n"]
    bends: Float[Array, "n g 3"]
    own: Float[Array, ""]
    norm: Float[Array, " v"]
    holds: Float[Array, ""]
    aligned: Float[Array, " v"]
    most: Float[Array, " v"]
    fall: Float[Array, " n"]
    gives: Float[Array, " n"]

    def at(self, nodes: np.ndarray) -> Stage:
        """For one node a triangle: low, high (t, 1, n), norm, aligned and most (t,)."""
        names = "low", "high", "norm", "aligned", "most"
        found = {name: getattr(self, name)[nodes] for name in names}
        return self._replace(**found | {name: found[name][:, None] for name in names[:2]})


class Sector(NamedTuple):
    """The form σ(x, v) = 2xᵀNv − vᵀMv − xᵀAx with diagonal N, M, A (last axis n)."""

    cross: Array
    inner: Array
    outer: Array


def sector(stage: Stage, multiplier: Array) -> Sector:
    """Σ 2T(v − low·x)(high·x − v), which is ≥ 0 for v = Dx."""
    total = stage.low + stage.high
    return Sector(multiplier * total, 2 * multiplier, 2 * multiplier * stage.low * stage.high)


def bending(weight: Array, majorant: Array) -> Sector:
    """Σ weight·(a x² + b xv − c v²), which is ≥ Σ weight·|ς''|x² for v = ς'x."""
    a, b, c = (majorant[..., i] for i in range(3))
    return Sector(weight * b / 2, weight * c, -weight * a)


def joined(one: Sector, other: Sector) -> Sector:
    """The sum of both forms."""
    return Sector(*(a + b for a, b in zip(one, other, strict=True)))


def through_sector(inside: Array, form: Sector) -> Array:
    """sup over v of vᵀSv + σ(x, v), as a matrix in x; needs M − S ≻ 0."""
    n = inside.shape[-1]
    gap = inverse(jnp.eye(n) * form.inner[..., None, :] - inside)
    solved = form.cross[..., :, None] * gap * form.cross[..., None, :]
    return symmetric(solved) - jnp.eye(n) * form.outer[..., None, :]


def between(forms: Array, slopes: Array) -> Array:
    """DSD, slopes (…, 1, n)."""
    return jnp.swapaxes(slopes, -1, -2) * forms * slopes


def through_slopes(inside: Array, form: Sector, slopes: Array) -> Array:
    """vᵀSv + σ(x, v) for v = Dx, as a matrix in x; slopes (…, 1, n)."""
    d = slopes[..., 0, :]
    own = 2 * form.cross * d - form.inner * d**2 - form.outer
    return between(inside, slopes) + jnp.eye(inside.shape[-1]) * own[..., None, :]


def through_affine(forms: Array, weight: Array, stiffness: Array) -> Array:
    """sup over q of (Wv + q)ᵀX(Wv + q) − ‖q‖²/s, as matrices in v; needs sX ≺ I.

    forms (t, a, n, n), weight (n, n), stiffness (t, a) or (t, 1).
    """
    # (I − sX)⁻¹X, a function of X: symmetric.
    shifted = inverse(jnp.eye(forms.shape[-1]) - stiffness[..., None, None] * forms) @ forms
    return symmetric(weight.T @ symmetric(shifted) @ weight)


def identity(scale: Array, n: int) -> Array:
    """scale·I, for an array of scales."""
    return scale[..., None, None] * jnp.eye(n)


def stiffness(forms: Array, fraction: Array) -> Array:
    """s = sigmoid(fraction)/λ_max of all vertices' forms (t, a, n, n), so that sX ≺ I."""
    size = jnp.max(largest(forms), 1)
    return jax.nn.sigmoid(fraction) / jnp.where(size > SMALL, size, 1.0)


def steep_enough(
    inside: Array, direction: Array, excess: Array, floor: Array | float = 0.0
) -> Array:
    """Multipliers T (t, n) with 2T + floor ≻ S at all vertices (t, a, n, n), S ≻ 0."""
    along = jnp.exp(direction - jnp.mean(direction, -1, keepdims=True))
    root = (1 / jnp.sqrt(along))[:, None]
    needed = jnp.max(largest(root[..., :, None] * inside * root[..., None, :]), 1)
    enough = along * (needed * (1 + jnp.exp(excess)) + SMALL)[:, None]
    least = jnp.min(jnp.broadcast_to(floor, inside.shape[:-1]), 1)
    return jnp.maximum(enough - least, 0.0) / 2

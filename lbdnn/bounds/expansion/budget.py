"""Bounds that depend on how much each layer's parameters move."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .assembly import largest_of_nonnegative
from .sizes import WIDER, vector_norm


class Budget(NamedTuple):
    """The perturbations: ‖E_l‖ ≤ ρ_l with ρ_l ≤ limits_l and Σρ_l² ≤ radius².

    A *growth* is an array (…, K + 1) that stands for x·ρ + x_K of the K layers: a bound that grows
    linearly with what each layer gets, and a rest that holds whatever they get.
    """

    radius: Float[Array, ""]
    limits: Float[Array, " k"]

    def total(self, growth: Float[Array, "*s k+1"]) -> Float[Array, "*s"]:
        """≥ the supremum over ρ, by Cauchy and Schwarz or from the limits."""
        linear, rest = self.parts(growth)
        return (linear + rest) * WIDER

    def parts(self, growth: Float[Array, "*s k+1"]) -> tuple[Array, Array]:
        """`total` of the linear part alone, and the rest."""
        linear, rest = growth[..., :-1], growth[..., -1]
        return jnp.fmin(vector_norm(linear) * self.radius, self._apart(linear)) * WIDER, rest

    def products(self, grown: Float[Array, "*s i k+1"], other: Float[Array, "*s i k+1"]) -> Array:
        """The growth of Σ_i g_ih_i, from growths of both (broadcast)."""
        (x, r), (y, s) = _split(grown, other)
        linear = jnp.sum(x * s[..., None] + y * r[..., None], -2)
        rest = jnp.sum(r * s, -1) + self._quadratic(jnp.einsum("...ik,...il->...kl", x, y))
        return _joined(linear, rest)

    def product(self, grown: Float[Array, "*s k+1"], other: Float[Array, "*s k+1"]) -> Array:
        """The growth of gh, from growths of both: sup (x·ρ)(y·ρ) = (x·y + ‖x‖‖y‖)radius²/2."""
        (x, r), (y, s) = _split(grown, other)
        shared = (jnp.sum(x * y, -1) + vector_norm(x) * vector_norm(y)) * self.radius**2 / 2
        both = jnp.fmin(shared, self._apart(x) * self._apart(y))
        return _joined(x * s[..., None] + y * r[..., None], r * s + both * WIDER)

    def of_product(self, a: Array, grown: Array, b: Array, other: Array) -> Array:
        """How (a + grown)(b + other) − ab grows, a, b ≥ 0 (…) with growths (…, K + 1)."""
        return a[..., None] * other + b[..., None] * grown + self.product(grown, other)

    def own(self) -> Array:
        """(K, K + 1): ρ_l itself, for each layer."""
        k = self.limits.size
        return jnp.eye(k, k + 1)

    def _apart(self, linear: Array) -> Array:
        # A factor 0 stands for a layer that does not count, whatever its limit.
        return jnp.sum(jnp.where(linear == 0, 0.0, linear * self.limits), -1)

    def _quadratic(self, m: Float[Array, "*s k k"]) -> Float[Array, "*s"]:
        """≥ the supremum of ρᵀMρ, M ≥ 0."""
        both = (m + jnp.swapaxes(m, -1, -2)) / 2
        matrices = both.reshape((-1, *both.shape[-2:]))
        largest, _ = jax.vmap(largest_of_nonnegative)(matrices)
        shared = largest.reshape(both.shape[:-2]) * self.radius**2
        limits = jnp.where(m == 0, 0.0, self.limits[:, None] * self.limits)
        return jnp.fmin(shared, jnp.sum(m * limits, (-2, -1))) * WIDER


def plus(growth: Float[Array, "*s k+1"], rest: Float[Array, "*s"]) -> Float[Array, "*s k+1"]:
    """The growth with more in its rest."""
    return growth.at[..., -1].add(rest)


def _split(*growths: Array) -> list[tuple[Array, Array]]:
    return [(g[..., :-1], g[..., -1]) for g in jnp.broadcast_arrays(*growths)]


def _joined(linear: Array, rest: Array) -> Array:
    return jnp.concatenate([linear, rest[..., None]], -1)

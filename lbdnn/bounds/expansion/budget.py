"""Bounds that depend on how much each layer's parameters move."""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

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
        linear, rest = growth[..., :-1], growth[..., -1]
        shared = vector_norm(linear) * self.radius
        # A factor 0 stands for a layer that does not count, whatever its limit.
        apart = jnp.sum(jnp.where(linear == 0, 0.0, linear * self.limits), -1)
        return (jnp.fmin(shared, apart) + rest) * WIDER

    def of_product(self, a: Array, grown: Array, b: Array, other: Array) -> Array:
        """How (a + grown)(b + other) − ab grows, a, b ≥ 0 (…) with growths (…, K + 1)."""
        growth = a[..., None] * other + b[..., None] * grown
        return plus(growth, self.total(grown) * self.total(other))

    def own(self) -> Array:
        """(K, K + 1): ρ_l itself, for each layer."""
        k = self.limits.size
        return jnp.eye(k, k + 1)


def plus(growth: Float[Array, "*s k+1"], rest: Float[Array, "*s"]) -> Float[Array, "*s k+1"]:
    """The growth with more in its rest."""
    return growth.at[..., -1].add(rest)

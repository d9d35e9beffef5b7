"""Products of layer norms when the layers share one radius."""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

_MULTIPLIERS = 64


class Budget(NamedTuple):
    r"""Caps of Π_l (n_l + ρ_l)^{c_l}, c_l ∈ {0, 1, 2}, over Σ ρ_l² ≤ r², 0 ≤ ρ_l ≤ R_l.

    By weak duality, for every multiplier λ > 0

        Σ c_l log(n_l + ρ_l) ≤ λ r² + Σ_l max_{0 ≤ ρ ≤ R_l} [c_l log(n_l + ρ) − λ ρ²],

    and the maximum of the concave bracket is at (√(n_l² + 2c_l/λ) − n_l)/2, or at R_l if that is
    less. So any λ gives an upper bound; the smallest over a grid is kept. A product over a range of
    layers is a difference of prefix sums of brackets.

    `multipliers` (g,) holds the grid, `price` (g,) is λ r².
    """

    multipliers: Float[Array, " g"]
    price: Float[Array, " g"]

    def brackets(
        self, norms: Float[Array, " k"], limits: Float[Array, " k"], power: int = 1
    ) -> Float[Array, "g k"]:
        """The largest value of each bracket, for c = `power`."""
        grid = self.multipliers[:, None]
        norms = jnp.maximum(norms, jnp.finfo(norms.dtype).tiny)
        # (√(n² + 2c/λ) − n)/2, with no difference and no square that overflows.
        share = power / grid
        best = share / (norms + jnp.hypot(norms, jnp.sqrt(2 * share)))
        at = jnp.minimum(best, limits)
        return power * jnp.log(norms + at) - grid * at**2

    def cap(self, brackets: Float[Array, "g ..."]) -> Float[Array, "..."]:
        """The cap of the product whose brackets, summed over its layers, are given."""
        price = self.price.reshape(-1, *([1] * (brackets.ndim - 1)))
        # Never 0: a product of positive norms may underflow.
        return jnp.maximum(jnp.exp(jnp.min(brackets + price, 0)), jnp.finfo(price.dtype).tiny)


def budget(norms: Float[Array, " k"], radius: Float[Array, ""]) -> Budget:
    """The grid for products of these norms that share the radius r; r = 0 gives no caps (inf)."""
    r = jnp.where((radius > 0) & jnp.isfinite(radius), radius, 1.0)
    # By stationarity 2λρ_l(n_l + ρ_l) = c_l: summed over l, and for one l with ρ_l ≤ r.
    high = norms.size / r**2
    low = 1 / (2 * r * (r + jnp.max(norms)) * norms.size)
    grid = low * (high / low) ** jnp.linspace(0.0, 1.0, _MULTIPLIERS)
    return Budget(grid, jnp.where(r == radius, grid * r**2, jnp.inf))


def prefix(brackets: Float[Array, "g k"]) -> Float[Array, "g k+1"]:
    """Prefix sums over layers, starting with 0."""
    return jnp.pad(jnp.cumsum(brackets, 1), ((0, 0), (1, 0)))


def between(
    sums: Float[Array, "g k+1"], start: Int[Array, "..."], stop: Int[Array, "..."]
) -> Float[Array, "g ..."]:
    """The sum over start ≤ l < stop; 0 where the range is empty."""
    return sums[:, jnp.maximum(start, stop)] - sums[:, start]

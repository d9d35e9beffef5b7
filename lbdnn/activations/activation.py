"""What the analyses need to know about a scalar activation."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

# The extremes of one derivative: (point, value there), a pair for each one-sided limit at a jump.
Extremes = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Activation:
    r"""A scalar activation ς with the exact data that bounds are made from.

    On an interval, a derivative ς⁽ᵈ⁾ attains its extremes at the ends, or at one of the listed
    `extremes[d]`; that makes `enclose` exact.

    **Arguments:**

    - `name`: its name; activations with equal fields are equal and share compiled code.
    - `function`: ς, elementwise: `function(x, *parameters)`, written with `jax.numpy`.
    - `extremes`: for d = 0, 1, 2, 3 the pairs (z, value) at which ς⁽ᵈ⁾ has a local extreme, or a
      one-sided limit where it jumps (±inf in `extremes[d]` where ς⁽ᵈ⁻¹⁾ jumps).
    - `limits`: for d = 0, 1, 2, 3 the limits of ς⁽ᵈ⁾ at −∞ and +∞.
    - `growth`: (a1, a0) with |ς(z)| ≤ a1|z| + a0 for every z (per neuron).
    - `parameters`: further arguments of `function`.
    - `derivatives`: optionally ς', ς'', ς''' as elementwise functions (default: automatic).
    """

    name: str
    function: Callable[..., Array]
    extremes: tuple[Extremes, Extremes, Extremes, Extremes]
    limits: tuple[tuple[float, float], ...]
    growth: tuple[float, float]
    parameters: tuple[float, ...] = ()
    derivatives: tuple[Callable[..., Array], ...] = ()

    def __call__(self, x: Float[Array, "*s"]) -> Float[Array, "*s"]:
        """ς(x), elementwise."""
        return self.function(x, *self.parameters)

    def derivative(self, order: int, x: Float[Array, "*s"]) -> Float[Array, "*s"]:
        """ς⁽ᵒʳᵈᵉʳ⁾(x), elementwise; at a jump, one of the two one-sided values."""
        if order == 0:
            return self(x)
        if order <= len(self.derivatives):
            return self.derivatives[order - 1](x, *self.parameters)

        def total(y: Array) -> Array:
            return jnp.sum(self.derivative(order - 1, y))

        return jax.grad(total)(x)

    def enclose(
        self, order: int, lo: Float[Array, "*s"], hi: Float[Array, "*s"]
    ) -> tuple[Float[Array, "*s"], Float[Array, "*s"]]:
        """The smallest interval that contains ς⁽ᵒʳᵈᵉʳ⁾ on [lo, hi] (in the arithmetic of lo, hi).

        Infinite where ς⁽ᵒʳᵈᵉʳ⁻¹⁾ jumps inside. Ends may be infinite.
        """
        left, right = self.limits[order]
        at_lo = jnp.where(jnp.isinf(lo), left, self.derivative(order, _finite(lo)))
        at_hi = jnp.where(jnp.isinf(hi), right, self.derivative(order, _finite(hi)))
        lower, upper = jnp.minimum(at_lo, at_hi), jnp.maximum(at_lo, at_hi)
        for point, value in self.extremes[order]:
            inside = (lo <= point) & (point <= hi)
            lower = jnp.where(inside, jnp.minimum(lower, value), lower)
            upper = jnp.where(inside, jnp.maximum(upper, value), upper)
        return lower, upper

    def range(self, order: int = 0) -> tuple[float, float]:
        """(inf, sup) of ς⁽ᵒʳᵈᵉʳ⁾ over the real line."""
        values = [value for _, value in self.extremes[order]] + list(self.limits[order])
        return min(values), max(values)

    def bound(self, order: int) -> float:
        """sup |ς⁽ᵒʳᵈᵉʳ⁾| over the real line; inf if there is none."""
        return max(map(abs, self.range(order)))

    @cached_property
    def kinks(self) -> tuple[float, ...]:
        """The points where the slope ς' jumps: no second derivative exists there."""
        return tuple(sorted({point for point, value in self.extremes[2] if math.isinf(value)}))


def _finite(x: Array) -> Array:
    return jnp.where(jnp.isinf(x), 0.0, x)

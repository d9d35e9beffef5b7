"""Polynomials of degree at most two in t ∈ [−1, 1]ᵈ, as arrays of coefficients.

The first axis holds the coefficients of 1, t_1 … t_d, and t_a t_b for a ≤ b, 1 + d + d(d+1)/2
in all; further axes are entries. With d = 0 a polynomial is a number.
"""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array


class Monomials(NamedTuple):
    """t_a t_b in the order of the coefficients; `squares` are the places of t_a² among all."""

    variables: int
    first: tuple[int, ...]
    second: tuple[int, ...]

    @property
    def size(self) -> int:
        return 1 + self.variables + len(self.first)

    @property
    def squares(self) -> np.ndarray:
        pairs = zip(self.first, self.second, strict=True)
        same = [place for place, (a, b) in enumerate(pairs) if a == b]
        return np.array(same, int) + 1 + self.variables

    def split(self, x: Array) -> tuple[Array, Array, Array]:
        """The coefficients of degree 0, 1 and 2."""
        return x[0], x[1 : 1 + self.variables], x[1 + self.variables :]

    def squared(self, linear: Array) -> Array:
        """The coefficients of degree 2 of (Σ linear_a t_a)², from those of degree 1."""
        a, b = np.array(self.first, int), np.array(self.second, int)
        twice = np.where(a == b, 1.0, 2.0).reshape((-1,) + (1,) * (linear.ndim - 1))
        return jnp.asarray(twice) * linear[a] * linear[b]

    def product(self, x: Array, y: Array) -> Array:
        """x·y up to degree 2; further axes are broadcast and must be equal in number."""
        a, b = np.array(self.first, int), np.array(self.second, int)
        half = np.where(a == b, 0.5, 1.0).reshape((-1,) + (1,) * (x.ndim - 1))
        (x0, x1, x2), (y0, y1, y2) = self.split(x), self.split(y)
        mixed = half * (x1[a] * y1[b] + x1[b] * y1[a])
        return jnp.concatenate([(x0 * y0)[None], x0 * y1 + x1 * y0, x0 * y2 + x2 * y0 + mixed])

    def grades(self, size: Array) -> tuple[Array, Array, Array]:
        """Bounds of the parts of degree 0, 1, 2 over |t| ≤ 1, from sizes of coefficients ≥ 0."""
        constant, linear, quadratic = self.split(size)
        return constant, jnp.sum(linear, 0), jnp.sum(quadratic, 0)


def monomials(variables: int) -> Monomials:
    pairs = [(a, b) for a in range(variables) for b in range(a, variables)]
    return Monomials(variables, tuple(a for a, _ in pairs), tuple(b for _, b in pairs))

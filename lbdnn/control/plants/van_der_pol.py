"""The Van der Pol oscillator."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .plant import Affine, Scalar, Variable


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class VanDerPol(Affine):
    """ẍ = μ(1 − x²)ẋ − x + u, without units; `damping` is μ.

    Van der Pol, *On relaxation-oscillations* (1926).
    """

    damping: Scalar = 1.0

    @property
    def order(self) -> int:
        return 2

    @property
    def states(self) -> tuple[Variable, ...]:
        return (Variable("x", "1"), Variable("velocity of x", "1"))

    @property
    def controls(self) -> tuple[Variable, ...]:
        return (Variable("input", "1"),)

    def drift(self, state: Float[Array, " 2"]) -> Float[Array, " 1"]:
        """f."""
        x, velocity = state
        return (self.damping * (1 - x * x) * velocity - x)[None]

    def effectiveness(self, state: Float[Array, " 2"]) -> Float[Array, "1 1"]:
        """g = 1."""
        return jnp.ones((1, 1), state.dtype)

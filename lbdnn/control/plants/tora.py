"""The translational oscillator with rotational actuator (TORA)."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .plant import Affine, Scalar, Variable


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class TORA(Affine):
    """ẋ = (x₂, −x₁ + ε sin x₃, x₄, u): a cart on a spring, moved by an eccentric mass; no units.

    x₃ is the mass's angle in rad, x₂ and x₄ are velocities; ε is `coupling`. The state has the
    order of the benchmark's controllers, so that the plant counts as one of order 1: u moves one of
    its two degrees of freedom, and g has not full row rank.

    Jankovic, Fontaine, Kokotović, *TORA example: cascade- and passivity-based control designs*
    (1996), after the change of coordinates; Johnson et al., ARCH-COMP20 (2020).
    """

    coupling: Scalar = 0.1

    @property
    def order(self) -> int:
        return 1

    @property
    def states(self) -> tuple[Variable, ...]:
        return (
            Variable("cart", "1"),
            Variable("velocity of cart", "1"),
            Variable("angle", "rad"),
            Variable("velocity of angle", "rad"),
        )

    @property
    def controls(self) -> tuple[Variable, ...]:
        return (Variable("angular acceleration", "rad"),)

    def drift(self, state: Float[Array, " 4"]) -> Float[Array, " 4"]:
        """f."""
        cart, velocity, angle, turning = state
        force = self.coupling * jnp.sin(angle) - cart
        return jnp.stack([velocity, force, turning, jnp.zeros_like(cart)])

    def effectiveness(self, state: Float[Array, " 4"]) -> Float[Array, "4 1"]:
        """g = (0, 0, 0, 1)."""
        return jnp.eye(4, dtype=state.dtype)[:, 3:]

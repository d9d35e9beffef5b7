"""Adaptive cruise control."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .plant import Affine, Scalar, Variable


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class AdaptiveCruise(Affine):
    """Two cars on one lane, a lead car and the ego car that is controlled, each with

        ṡ = v,   v̇ = γ,   γ̇ = −2γ + 2a − μv²,

    position s in m, velocity v in m/s, internal acceleration γ in m/s²; a, in m/s², is the
    acceleration wanted of it. The lead car's is a parameter, the ego car's the control. The state
    is (s, v, γ) of the lead car, then of the ego car.

    **Arguments:** `lead_acceleration` in m/s²; `drag` μ in 1/(m s), which slows γ.

    Johnson et al., *ARCH-COMP20 category report: artificial intelligence and neural network control
    systems* (2020), adaptive cruise controller.
    """

    lead_acceleration: Scalar = -2.0
    drag: Scalar = 1e-4

    @property
    def order(self) -> int:
        return 1

    @property
    def states(self) -> tuple[Variable, ...]:
        return tuple(
            Variable(f"{name} of {car} car", unit)
            for car in ("lead", "ego")
            for name, unit in (("position", "m"), ("velocity", "m/s"), ("acceleration", "m/s²"))
        )

    @property
    def controls(self) -> tuple[Variable, ...]:
        return (Variable("wanted acceleration of ego car", "m/s²"),)

    def drift(self, state: Float[Array, " 6"]) -> Float[Array, " 6"]:
        """f."""
        _, velocity, acceleration = state.reshape(2, 3).T
        wanted = jnp.zeros_like(acceleration).at[0].set(self.lead_acceleration)
        jerk = 2 * (wanted - acceleration) - self.drag * jnp.square(velocity)
        return jnp.stack([velocity, acceleration, jerk], axis=1).reshape(6)

    def effectiveness(self, state: Float[Array, " 6"]) -> Float[Array, "6 1"]:
        """g = (0, 0, 0, 0, 0, 2)."""
        return 2 * jnp.eye(6, dtype=state.dtype)[:, 5:]

"""Reference trajectories with their derivatives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


class Motion(NamedTuple):
    """Position, velocity and acceleration at one time, each (n,)."""

    position: Float[Array, " n"]
    velocity: Float[Array, " n"]
    acceleration: Float[Array, " n"]

    def state(self, order: int) -> Float[Array, " N"]:
        """X_d: what a plant of this order should have for its state."""
        return self.position if order == 1 else jnp.concatenate([self.position, self.velocity])

    def highest(self, order: int) -> Float[Array, " n"]:
        """The derivative that the control of a plant of this order sets."""
        return self.velocity if order == 1 else self.acceleration


@dataclass(frozen=True)
class Reference:
    """x_d(t), twice differentiable; its derivatives are made automatically.

    `position(t)` maps a time in s to (n,); define it at the top of a module: equal functions are
    the same object.
    """

    position: Callable[[Float[Array, ""]], Float[Array, " n"]]

    def __call__(self, time: Float[Array, ""]) -> Motion:
        def velocity(t: Array) -> tuple[Array, Array]:
            position, slope = jax.jvp(self.position, (t,), (jnp.ones_like(t),))
            return slope, position

        time = jnp.asarray(time, jnp.result_type(float))
        slope, curvature, position = jax.jvp(
            velocity, (time,), (jnp.ones_like(time),), has_aux=True
        )
        return Motion(position, slope, curvature)


def two_link_position(time: Float[Array, ""]) -> Float[Array, " 2"]:
    """0.25 e^(−sin t) (sin t, cos t), in rad: the benchmark of Patil et al. (2023)."""
    return 0.25 * jnp.exp(-jnp.sin(time)) * jnp.stack([jnp.sin(time), jnp.cos(time)])


TWO_LINK = Reference(two_link_position)

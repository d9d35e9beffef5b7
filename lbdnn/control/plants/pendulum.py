"""Pendulums with massless rods, their angles measured from the upright position."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .plant import Affine, Scalar, Variable, matmul


@dataclass(frozen=True)
class _Rods(Affine):
    mass: Scalar = 1.0
    length: Scalar = 1.0
    gravity: Scalar = 9.81
    friction: Scalar = 0.0

    @property
    def order(self) -> int:
        return 2

    @property
    def inertia(self) -> Scalar:
        """m l²."""
        return self.mass * self.length * self.length


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Pendulum(_Rods):
    """m l² ẍ + c ẋ − m g l sin x = u: angle x from upright, in rad, torque u in N m.

    **Arguments:** `mass` m in kg, `length` l in m, `gravity` g in m/s², `friction` c in N m s.
    """

    @property
    def states(self) -> tuple[Variable, ...]:
        return (
            Variable("angle", "rad"),
            Variable("velocity of angle", "rad/s"),
        )

    @property
    def controls(self) -> tuple[Variable, ...]:
        return (Variable("torque", "N m"),)

    def drift(self, state: Float[Array, " 2"]) -> Float[Array, " 1"]:
        """f."""
        x, velocity = state
        slowing = self.friction / self.inertia * velocity
        return (self.gravity / self.length * jnp.sin(x) - slowing)[None]

    def effectiveness(self, state: Float[Array, " 2"]) -> Float[Array, "1 1"]:
        """g = 1 / (m l²)."""
        return jnp.full((1, 1), 1 / self.inertia, state.dtype)


# ẍ = 2 sin x + 8u: Johnson et al., ARCH-COMP20 category report, AINNCS (2020), single pendulum.
ARCH_PENDULUM = Pendulum(mass=0.5, length=0.5, gravity=1.0)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class DoublePendulum(_Rods):
    r"""Two equal point masses on two equal rods, angles (θ₁, θ₂) both from upright, in rad:

        m l² [[2, cos δ], [cos δ, 1]] θ̈ + m l² sin δ (θ̇₂², −θ̇₁²) − m g l (2 sin θ₁, sin θ₂)
            = u − c θ̇,   δ = θ₁ − θ₂,

    Lagrange's equations. The torques u, in N m, act on each rod from outside; a motor between the
    rods that drives the second with torque τ gives u = (−τ, τ). The defaults are the benchmark's.

    **Arguments:** `mass` m in kg, `length` l in m, `gravity` g in m/s², `friction` c in N m s.

    Johnson et al., *ARCH-COMP20 category report: artificial intelligence and neural network control
    systems* (2020), double pendulum.
    """

    mass: Scalar = 0.5
    length: Scalar = 0.5
    gravity: Scalar = 1.0

    @property
    def states(self) -> tuple[Variable, ...]:
        return (
            Variable("angle 1", "rad"),
            Variable("angle 2", "rad"),
            Variable("velocity of angle 1", "rad/s"),
            Variable("velocity of angle 2", "rad/s"),
        )

    @property
    def controls(self) -> tuple[Variable, ...]:
        return (Variable("torque 1", "N m"), Variable("torque 2", "N m"))

    def drift(self, state: Float[Array, " 4"]) -> Float[Array, " 2"]:
        """f."""
        first, second, *_ = angles = state[:2]
        velocity = state[2:]
        centrifugal = self.inertia * jnp.sin(first - second) * jnp.square(velocity)
        weight = self.mass * self.gravity * self.length * jnp.sin(angles)
        torque = jnp.stack([2 * weight[0] - centrifugal[1], weight[1] + centrifugal[0]])
        return matmul(self.effectiveness(state), torque - self.friction * velocity)

    def effectiveness(self, state: Float[Array, " 4"]) -> Float[Array, "2 2"]:
        """g, the inverse of the inertia matrix."""
        cosine = jnp.cos(state[0] - state[1])
        return jnp.array([[1.0, -cosine], [-cosine, 2.0]]) / (self.inertia * (2 - cosine * cosine))

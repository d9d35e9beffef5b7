"""The underwater vehicle."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .plant import Affine, Variable, Vector, matmul

_ANGLES = ("roll", "pitch", "yaw")


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class UnderwaterVehicle(Affine):
    r"""Neutrally buoyant vehicle of 6 degrees of freedom, in earth-fixed coordinates.

    x = (p, η): position p in m and ZYX Euler angles η = (φ, θ, ψ), roll, pitch, yaw, in rad. The
    body-frame velocity ν = (v, ω), in m/s and rad/s, has

        ẋ = J(η)ν,   J = diag(R, T),   R = R_z(ψ)R_y(θ)R_x(φ),
        T = [[1, sin φ tan θ, cos φ tan θ], [0, cos φ, −sin φ], [0, sin φ / cos θ, cos φ / cos θ]],
        Mν̇ + C(ν)ν + D(ν)ν = τ,   C = −[[0, S(M₁v)], [S(M₁v), S(M₂ω)]],   S(a)b = a × b,

    M = diag(M₁, M₂) = diag(inertia), added mass included, D = diag(linear + quadratic·|ν|). With
    the earth-fixed forces u = J⁻ᵀτ, in N and N m, and M̄ = J⁻ᵀMJ⁻¹ this is

        ẍ = J̇ν − JM⁻¹(C + D)ν + M̄⁻¹u,   M̄⁻¹ = JM⁻¹Jᵀ.

    So u₄, u₅, u₆ act along the rates of the Euler angles. At θ = ±π/2 these angles are singular: T
    is not finite and M̄ not invertible. The centres of mass and of buoyancy are the origin of
    the body frame, whose axes are principal axes.

    **Arguments:**

    - `inertia`: three masses in kg, three moments of inertia in kg m².
    - `linear_damping`: three in N s/m, three in N m s.
    - `quadratic_damping`: three in N s²/m², three in N m s².

    Fossen, *Guidance and control of ocean vehicles* (1994), sections 2.1 and 2.2; the numbers are
    those of Patil et al. (2023).
    """

    inertia: Vector = (215.0, 265.0, 265.0, 40.0, 80.0, 80.0)
    linear_damping: Vector = (70.0, 100.0, 200.0, 30.0, 50.0, 50.0)
    quadratic_damping: Vector = (100.0, 200.0, 50.0, 50.0, 100.0, 100.0)

    @property
    def order(self) -> int:
        return 2

    @property
    def states(self) -> tuple[Variable, ...]:
        return (
            *(Variable(axis, "m") for axis in "xyz"),
            *(Variable(angle, "rad") for angle in _ANGLES),
            *(Variable(f"velocity of {axis}", "m/s") for axis in "xyz"),
            *(Variable(f"velocity of {angle}", "rad/s") for angle in _ANGLES),
        )

    @property
    def controls(self) -> tuple[Variable, ...]:
        return (
            *(Variable(f"force along {axis}", "N") for axis in "xyz"),
            *(Variable(f"torque along {angle}", "N m") for angle in _ANGLES),
        )

    def transformation(self, position: Float[Array, " 6"]) -> Float[Array, "6 6"]:
        """J: from body-frame velocities to ẋ."""
        (cf, ct, cp), (sf, st, sp) = jnp.cos(position[3:]), jnp.sin(position[3:])
        rotation = jnp.array(
            [
                [cp * ct, cp * st * sf - sp * cf, cp * st * cf + sp * sf],
                [sp * ct, sp * st * sf + cp * cf, sp * st * cf - cp * sf],
                [-st, ct * sf, ct * cf],
            ]
        )
        rates = jnp.array([[1.0, sf * st / ct, cf * st / ct], [0, cf, -sf], [0, sf / ct, cf / ct]])
        return jax.scipy.linalg.block_diag(rotation, rates)

    def body_velocity(self, state: Float[Array, " 12"]) -> Float[Array, " 6"]:
        """ν = J⁻¹ẋ, finite also where the Euler angles are singular."""
        (cf, ct), (sf, st) = jnp.cos(state[3:5]), jnp.sin(state[3:5])
        rotation = self.transformation(state[:6])[:3, :3]
        rates = jnp.array([[1.0, 0.0, -st], [0.0, cf, ct * sf], [0.0, -sf, ct * cf]])
        return jnp.concatenate([matmul(rotation.T, state[6:9]), matmul(rates, state[9:])])

    def drift(self, state: Float[Array, " 12"]) -> Float[Array, " 6"]:
        """f = J̇ν − JM⁻¹(C + D)ν."""
        position, velocity = state[:6], state[6:]
        body = self.body_velocity(state)
        inertia, linear, quadratic = (
            jnp.asarray(vector, state.dtype)
            for vector in (self.inertia, self.linear_damping, self.quadratic_damping)
        )
        momentum = inertia * body
        coriolis = jnp.concatenate(
            [
                -jnp.cross(momentum[:3], body[3:]),
                -jnp.cross(momentum[:3], body[:3]) - jnp.cross(momentum[3:], body[3:]),
            ]
        )
        force = -coriolis - (linear + quadratic * jnp.abs(body)) * body
        turning, moving = jax.jvp(self.transformation, (position,), (velocity,))
        return matmul(moving, body) + matmul(turning, force / inertia)

    def effectiveness(self, state: Float[Array, " 12"]) -> Float[Array, "6 6"]:
        """g = M̄⁻¹ = JM⁻¹Jᵀ."""
        inertia = jnp.asarray(self.inertia, state.dtype)
        transformation = self.transformation(state[:6])
        return matmul(transformation / inertia, transformation.T)

"""Plants ẍ = f(x, ẋ) + g(x, ẋ) u."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import jax.numpy as jnp
from jaxtyping import Array, Float


class Plant(Protocol):
    """Pure dynamics of second order: positions x (n,), velocities ẋ (n,), controls u (m,).

    A frozen dataclass, or anything hashable with these members, is a plant.

    - `positions`, `controls`: n and m.
    - `drift(x, velocity)`: f, (n,), in units of acceleration.
    - `effectiveness(x, velocity)`: g, (n, m), of full row rank.
    """

    @property
    def positions(self) -> int: ...
    @property
    def controls(self) -> int: ...
    def drift(self, x: Float[Array, " n"], velocity: Float[Array, " n"]) -> Float[Array, " n"]: ...
    def effectiveness(
        self, x: Float[Array, " n"], velocity: Float[Array, " n"]
    ) -> Float[Array, "n m"]: ...


@dataclass(frozen=True)
class TwoLink:
    r"""Two-link manipulator: M(x)ẍ + C(x, ẋ)ẋ + Fẋ = u; angles in rad, torques in N m.

    M = [[p₁ + 2p₃c₂, p₂ + p₃c₂], [p₂ + p₃c₂, p₂]], C = [[−p₃s₂ẋ₂, −p₃s₂(ẋ₁ + ẋ₂)], [p₃s₂ẋ₁, 0]],
    c₂ = cos x₂, s₂ = sin x₂, F = diag(friction). So f = −M⁻¹(C + F)ẋ, g = M⁻¹.

    **Arguments:**

    - `inertia`: (p₁, p₂, p₃) in kg m².
    - `friction`: viscous, in N m s.
    - `drift_with_inertia`: false leaves M⁻¹ out of f, as the published code of Patil et al. does.

    Patil, Griffis, Makumi, Dixon, *Composite adaptive Lyapunov-based deep neural network (Lb-DNN)
    controller* (2023).
    """

    inertia: tuple[float, float, float] = (3.473, 0.196, 0.242)
    friction: tuple[float, float] = (5.3, 1.1)
    drift_with_inertia: bool = True

    @property
    def positions(self) -> int:
        return 2

    @property
    def controls(self) -> int:
        return 2

    def inertia_matrix(self, x: Float[Array, " 2"]) -> Float[Array, "2 2"]:
        """M(x)."""
        one, two, three = self.inertia
        cosine = jnp.cos(x[1])
        coupled = two + three * cosine
        return jnp.array([[one + 2 * three * cosine, coupled], [coupled, two]])

    def drift(self, x: Float[Array, " 2"], velocity: Float[Array, " 2"]) -> Float[Array, " 2"]:
        first, second = velocity
        lever = self.inertia[2] * jnp.sin(x[1])
        coriolis = jnp.array([-lever * second * first - lever * (first + second) * second, 0.0])
        coriolis = coriolis.at[1].set(lever * first * first)
        torque = -coriolis - jnp.asarray(self.friction, velocity.dtype) * velocity
        return self.effectiveness(x, velocity) @ torque if self.drift_with_inertia else torque

    def effectiveness(
        self, x: Float[Array, " 2"], velocity: Float[Array, " 2"]
    ) -> Float[Array, "2 2"]:
        (a, b), (_, d) = self.inertia_matrix(x)
        return jnp.array([[d, -b], [-b, a]]) / (a * d - b * b)

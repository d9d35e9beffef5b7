"""The two-link manipulator."""

from __future__ import annotations

from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .plant import Affine, Variable, Vector, matmul


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class TwoLink(Affine):
    r"""Two-link manipulator: M(x)ẍ + C(x, ẋ)ẋ + Fẋ = u; angles in rad, torques in N m.

    M = [[p₁ + 2p₃c₂, p₂ + p₃c₂], [p₂ + p₃c₂, p₂]], C = [[−p₃s₂ẋ₂, −p₃s₂(ẋ₁ + ẋ₂)], [p₃s₂ẋ₁, 0]],
    c₂ = cos x₂, s₂ = sin x₂, F = diag(friction). So f = −M⁻¹(C + F)ẋ, g = M⁻¹.

    **Arguments:**

    - `inertia`: (p₁, p₂, p₃) in kg m²; M is positive definite where p₂(p₁ − p₂) > p₃².
    - `friction`: viscous, in N m s.
    - `drift_with_inertia`: false leaves M⁻¹ out of f, as the published code of Patil et al. does.

    Patil, Griffis, Makumi, Dixon, *Composite adaptive Lyapunov-based deep neural network (Lb-DNN)
    controller* (2023).
    """

    inertia: Vector = (3.473, 0.196, 0.242)
    friction: Vector = (5.3, 1.1)
    drift_with_inertia: bool = field(default=True, metadata={"static": True})

    @property
    def order(self) -> int:
        return 2

    @property
    def states(self) -> tuple[Variable, ...]:
        angles = (Variable(f"angle of joint {k}", "rad") for k in (1, 2))
        return (*angles, *(Variable(f"velocity of joint {k}", "rad/s") for k in (1, 2)))

    @property
    def controls(self) -> tuple[Variable, ...]:
        return tuple(Variable(f"torque of joint {k}", "N m") for k in (1, 2))

    def inertia_matrix(self, position: Float[Array, " 2"]) -> Float[Array, "2 2"]:
        """M(x)."""
        one, two, three = self.inertia
        cosine = jnp.cos(position[1])
        coupled = two + three * cosine
        return jnp.array([[one + 2 * three * cosine, coupled], [coupled, two]])

    def drift(self, state: Float[Array, " 4"]) -> Float[Array, " 2"]:
        """f."""
        first, second = velocity = state[2:]
        lever = self.inertia[2] * jnp.sin(state[1])
        coriolis = jnp.array([-lever * (2 * first + second) * second, lever * first * first])
        torque = -coriolis - jnp.asarray(self.friction, state.dtype) * velocity
        if not self.drift_with_inertia:
            return torque
        return matmul(self.effectiveness(state), torque)

    def effectiveness(self, state: Float[Array, " 4"]) -> Float[Array, "2 2"]:
        """g = M⁻¹."""
        (a, b), (_, d) = self.inertia_matrix(state[:2])
        return jnp.array([[d, -b], [-b, a]]) / (a * d - b * b)

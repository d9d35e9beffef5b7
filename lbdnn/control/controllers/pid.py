"""The PID controller."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from ...networks import Theta
from ..plants import AffinePlant
from ..references import Motion
from ..sensing import check_limits
from .feedback import checked, checked_fields, no_drift, no_parameters
from .inversion import right_inverse
from .start import check_inverse


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class PID:
    """u = g⁺(ẍ_d − k_p e − k_i ∫e − k_d ė), limited; e = x − x_d, the integral by forward Euler.

    A plant of first order has u = g⁺(ẋ_d − k_p e − k_i ∫e). The gains are numbers or (n,).

    While a limit holds, the integrals stand still that would ask for more of what the limit denies
    (conditional integration, also called clamping): with the missing w − gu, w the wanted
    derivative, those with e·(w − gu) < 0.

    **Arguments:**

    - `plant`: of it the controller knows g and the order alone.
    - `proportional`: k_p. `integral`: k_i. `derivative`: k_d, unused at first order. At second
      order in 1/s², 1/s³ and 1/s, with the defaults those of `PD`; at first in 1/s and 1/s².
    - `lower`, `upper`: limits of u, numbers or (m,), in the units of the controls; None: none.

    Without feedback: u = g⁺(X_d)(ẍ_d − k_i ∫e), limited.

    **Raises:** ValueError from `init` where sizes disagree, and where a simulation starts for a g
    without right inverse at X(0) or limits that leave nothing between.

    Åström, Hägglund, *Advanced PID Control* (2006), section 3.5 (windup).
    """

    plant: AffinePlant
    proportional: float | Float[ArrayLike, " n"] = 26.0
    integral: float | Float[ArrayLike, " n"] = 30.0
    derivative: float | Float[ArrayLike, " n"] = 10.0
    lower: float | Float[ArrayLike, " m"] | None = None
    upper: float | Float[ArrayLike, " m"] | None = None

    def init(
        self, theta: Theta | None, measured: Float[Array, " N"], motion: Motion
    ) -> Float[Array, " n"]:
        checked(self.plant, theta, measured, motion)
        checked_fields(self, ("proportional", "integral", "derivative"), motion.position.size)
        checked_fields(self, ("lower", "upper"), len(self.plant.controls))
        return jnp.zeros_like(motion.position)

    def step(
        self, state: Float[Array, " n"], measured: Float[Array, " N"], motion: Motion, period: float
    ) -> tuple[Float[Array, " n"], Float[Array, " m"]]:
        n, order = motion.position.size, self.plant.order
        error = measured[:n] - motion.position
        pulled = motion.highest(order) - jnp.asarray(self.proportional) * error
        pulled = pulled - jnp.asarray(self.integral) * state
        if order == 2:
            pulled = pulled - jnp.asarray(self.derivative) * (measured[n:] - motion.velocity)
        g = self.plant.effectiveness(measured)
        asked = right_inverse(g, pulled)
        control = jnp.clip(asked, self.lower, self.upper)
        # Without a limit w − gu is rounding, of either sign.
        limited = jnp.any(control != asked)
        winding = limited & (error * (pulled - g @ control) < 0)
        return jnp.where(winding, state, state + period * error), control

    def check(self, theta: Theta | None, state: Float[Array, " N"], period: float | None) -> None:
        """Refuses what cannot work, where values are known."""
        check_inverse(self.plant, state)
        check_limits(self.lower, self.upper, len(self.plant.controls))

    def without_feedback(self, state: Float[Array, " n"], motion: Motion) -> Float[Array, " m"]:
        g = self.plant.effectiveness(motion.state(self.plant.order))
        pulled = motion.highest(self.plant.order) - jnp.asarray(self.integral) * state
        return jnp.clip(right_inverse(g, pulled), self.lower, self.upper)

    def drift_estimate(
        self, state: Float[Array, " n"], inputs: Float[Array, " N"]
    ) -> Float[Array, " n"]:
        return no_drift(self.plant)

    def parameters(self, state: Float[Array, " n"]) -> Float[Array, " 0"]:
        return no_parameters()

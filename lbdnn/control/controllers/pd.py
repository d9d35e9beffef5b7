"""The nonlinear PD controller."""

from __future__ import annotations

from dataclasses import dataclass

import jax
from jaxtyping import Array, Float

from ...networks import Theta
from ..plants import AffinePlant
from ..references import Motion
from .feedback import checked, feedforward, no_drift, no_parameters, tracking, wanted
from .inversion import right_inverse
from .start import check_inverse


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class PD:
    """u = g⁺(ẍ_d − (α₁ + k_r) r + (α₁² − 1) e), e = x − x_d, r = ė + α₁e: `LbDNN` without network.

    So u = g⁺(ẍ_d − k_p e − k_d ė) with k_p = 1 + α₁k_r in 1/s² and k_d = α₁ + k_r in 1/s. A plant
    of first order has u = g⁺(ẋ_d − k_r e).

    **Arguments:**

    - `plant`: of it the controller knows g and the order alone.
    - `error_gain`: α₁. `feedback_gain`: k_r. Both in 1/s.

    Without feedback: u = g⁺(X_d) ẍ_d.

    **Raises:** ValueError from `init` where sizes disagree, and where a simulation starts for a g
    without right inverse at X(0).

    The baseline of Patil, Griffis, Makumi, Dixon (2023), as in their published code.
    """

    plant: AffinePlant
    error_gain: float = 5.0
    feedback_gain: float = 5.0

    def init(self, theta: Theta | None, measured: Float[Array, " N"], motion: Motion) -> None:
        checked(self.plant, theta, measured, motion)

    def step(
        self, state: None, measured: Float[Array, " N"], motion: Motion, period: float
    ) -> tuple[None, Float[Array, " m"]]:
        order = self.plant.order
        errors = tracking(order, measured, motion, self.error_gain)
        pulled = wanted(order, errors, motion, self.error_gain, self.feedback_gain)
        return None, right_inverse(self.plant.effectiveness(measured), pulled)

    def check(self, theta: Theta | None, state: Float[Array, " N"], period: float | None) -> None:
        """Refuses what cannot work, where values are known."""
        check_inverse(self.plant, state)

    def without_feedback(self, state: None, motion: Motion) -> Float[Array, " m"]:
        return feedforward(self.plant, motion)

    def drift_estimate(self, state: None, inputs: Float[Array, " N"]) -> Float[Array, " n"]:
        return no_drift(self.plant)

    def parameters(self, state: None) -> Float[Array, " 0"]:
        return no_parameters()

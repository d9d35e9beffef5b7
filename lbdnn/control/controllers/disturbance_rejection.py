"""Observer-based disturbance rejection."""

from __future__ import annotations

from dataclasses import dataclass

import jax
from jaxtyping import Array, Float

from ...networks import Theta
from ..plants import AffinePlant
from ..plants.plant import matmul
from ..references import Motion
from .feedback import checked, feedforward, no_parameters, tracking, wanted
from .inversion import right_inverse
from .observer import Observer, observed, started
from .start import check_inverse, check_observer


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class DisturbanceRejection:
    """u = g⁺(ẍ_d − (α₁ + k_r) r + (α₁² − 1) e − f̂): `PD` with the observed drift fed forward.

    f̂ is that of the derivative observer of `LbDNN`, sampled in the same way,

        r̂' = gu − ẍ_d + α₁(r − α₁e) + f̂ + α₂ r̃,    f̂' = k_f(r̃' + α₂ r̃) + r̃,    r̃ = r − r̂,

    r̂(0) = r(0), f̂(0) = 0 (the published code starts at r̂(0) = 0). It takes all that is not gu for
    drift, disturbances too. First order: u = g⁺(ẋ_d − k_r e − f̂), r̂' = gu − ẋ_d + f̂ + α₂ r̃.

    **Arguments:**

    - `plant`: of it the controller knows g and the order alone.
    - `error_gain`: α₁. `feedback_gain`: k_r. `observer_gain`: α₂. `drift_gain`: k_f. All in 1/s.

    Without feedback: u = g⁺(X_d) ẍ_d, as in the published code: a drift observed before is not that
    of the states to come.

    **Raises:** ValueError from `init` where sizes disagree, and where a simulation starts for a g
    without right inverse at X(0) or an observer that cannot be sampled with the control period.

    The baseline of Patil, Griffis, Makumi, Dixon (2023).
    """

    plant: AffinePlant
    error_gain: float = 5.0
    feedback_gain: float = 5.0
    observer_gain: float = 10.0
    drift_gain: float = 10.0

    def init(self, theta: Theta | None, measured: Float[Array, " N"], motion: Motion) -> Observer:
        checked(self.plant, theta, measured, motion)
        return started(tracking(self.plant.order, measured, motion, self.error_gain).filtered)

    def step(
        self, state: Observer, measured: Float[Array, " N"], motion: Motion, period: float
    ) -> tuple[Observer, Float[Array, " m"]]:
        order = self.plant.order
        errors = tracking(order, measured, motion, self.error_gain)
        g = self.plant.effectiveness(measured)
        pulled = wanted(order, errors, motion, self.error_gain, self.feedback_gain)
        control = right_inverse(g, pulled - state.drift)
        known = matmul(g, control) + errors.known
        gains = (self.observer_gain, self.drift_gain)
        return observed(state, errors.filtered, known, *gains, period), control

    def check(self, theta: Theta | None, state: Float[Array, " N"], period: float | None) -> None:
        """Refuses what cannot work, where values are known."""
        check_inverse(self.plant, state)
        if period is not None:
            check_observer(self.observer_gain, self.drift_gain, period)

    def without_feedback(self, state: Observer, motion: Motion) -> Float[Array, " m"]:
        return feedforward(self.plant, motion)

    def drift_estimate(self, state: Observer, inputs: Float[Array, " N"]) -> Float[Array, " n"]:
        """f̂, wherever `inputs` is."""
        return state.drift

    def parameters(self, state: Observer) -> Float[Array, " 0"]:
        return no_parameters()

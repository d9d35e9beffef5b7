"""The Lyapunov-based deep neural network controller with derivative observer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ...networks import Chain, Theta
from ..laws import Law, Signals, traced
from ..plants import AffinePlant
from ..plants.plant import matmul
from ..references import Motion
from .feedback import checked_sizes, tracking, wanted
from .inversion import right_inverse
from .observer import Observer, observed, started
from .start import check_errors, check_inverse, check_observer


class LbDNNState(NamedTuple):
    """θ̂ (p,) in the order of `net.ravel`, the law's state, the observer's."""

    theta: Float[Array, " p"]
    law: Any
    observer: Observer


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class LbDNN:
    r"""u = g⁺(ẍ_d − (α₁ + k_r) r + (α₁² − 1) e − k_s sgn r − Φ(X, θ̂)), e = x − x_d, r = ė + α₁e.

    X = [x; ẋ]. A plant of first order has r = e, u = g⁺(ẋ_d − k_r e − k_s sgn e − Φ(x, θ̂)).

    The observer estimates the drift, for the prediction error E = f̂ − Φ(X, θ̂) of composite laws:

        r̂' = gu − ẍ_d + α₁(r − α₁e) + f̂ + α₂ r̃,    f̂' = k_f(r̃' + α₂ r̃) + r̃,    r̃ = r − r̂,

    (first order: r̂' = gu − ẋ_d + f̂ + α₂ r̃). Sampled by forward Euler as in the published code: r̂
    first, then ∫ with the old r̃, then f̂ = k_f (r − r̂) + ∫, r̂(0) = r(0), f̂(0) = 0.

    **Arguments:**

    - `net`: N inputs, n outputs. `plant`: of it the controller knows g and the order alone.
    - `law`: how θ̂ moves.
    - `error_gain`: α₁. `feedback_gain`: k_r. `sliding_gain`: k_s.
    - `observer_gain`: α₂. `drift_gain`: k_f.

    Without feedback: u = g⁺(X_d)(ẍ_d − Φ(X_d, θ̂)).

    **Raises:** ValueError where the network's sizes are not the plant's.

    Patil, Griffis, Makumi, Dixon (2023).
    """

    net: Chain = field(metadata={"static": True})
    plant: AffinePlant
    law: Law
    error_gain: float = 5.0
    feedback_gain: float = 5.0
    observer_gain: float = 10.0
    drift_gain: float = 10.0
    sliding_gain: float = 0.0

    def __post_init__(self) -> None:
        size = len(self.plant.states)
        n = size // self.plant.order
        if (self.net.inputs, self.net.outputs) != (size, n):
            raise ValueError(
                f"a plant of {size} states and order {self.plant.order} needs a network of {size} "
                f"inputs and {n} outputs; got {self.net.inputs} and {self.net.outputs}"
            )

    def init(self, theta: Theta | None, measured: Float[Array, " N"], motion: Motion) -> LbDNNState:
        if theta is None:
            raise ValueError("the controller needs the initial parameters theta of its network")
        checked_sizes(self.plant, measured, motion)
        filtered = tracking(self.plant.order, measured, motion, self.error_gain).filtered
        vector = jnp.asarray(self.net.ravel(theta), filtered.dtype)
        return LbDNNState(vector, self.law.init(self.net), started(filtered))

    def step(
        self, state: LbDNNState, measured: Float[Array, " N"], motion: Motion, period: float
    ) -> tuple[LbDNNState, Float[Array, " m"]]:
        theta, law, observer = state
        control, signals, known = self._at(state, observer.drift, measured, motion)
        law, theta = self.law.step(self.net, law, theta, signals, period)
        gains = (self.observer_gain, self.drift_gain)
        observer = observed(observer, signals.filtered_error, known, *gains, period)
        return LbDNNState(theta, law, observer), control

    def rate(
        self, state: LbDNNState, measured: Float[Array, " N"], motion: Motion
    ) -> tuple[LbDNNState, Float[Array, " m"]]:
        """The derivative of the state in continuous time, and the control; f̂ = k_f r̃ + ∫."""
        theta, law, observer = state
        filtered = tracking(self.plant.order, measured, motion, self.error_gain).filtered
        gap = filtered - observer.filtered_error
        drift = self.drift_gain * gap + observer.integral
        control, signals, known = self._at(state, drift, measured, motion)
        law, theta = self.law.rate(self.net, law, theta, signals)
        following = known + drift + self.observer_gain * gap
        integral = (self.drift_gain * self.observer_gain + 1) * gap
        return LbDNNState(theta, law, Observer(following, jnp.zeros_like(drift), integral)), control

    @property
    def stochastic(self) -> bool:
        return self.law.stochastic

    def noise(self, state: LbDNNState, vector: Float[Array, " p"]) -> LbDNNState:
        """What a stochastic law makes of white noise, as a derivative of the state."""
        still = jax.tree.map(jnp.zeros_like, state)
        return still._replace(theta=self.law.noise(state.law, state.theta, vector))

    def check(
        self, theta: Theta | None, state: Float[Array, " N"], period: float | None = None
    ) -> None:
        """Refuses what cannot work, where values are known: see `Law.check`.

        With a period in s, sampled: the linear error systems of the loop for f = Φ, the control
        held, and of the observer must not have a spectral radius above 1.

        **Raises:** ValueError also where g is not of full row rank at X(0), `state`.
        """
        if theta is None:
            raise ValueError("the controller needs the initial parameters theta of its network")
        check_inverse(self.plant, state)
        if period is not None:
            check_errors(self.plant.order, self.error_gain, self.feedback_gain, period)
            check_observer(self.observer_gain, self.drift_gain, period)
        vector = self.net.ravel(theta)
        self.law.check(vector if traced(vector) else np.asarray(vector), period)

    def without_feedback(self, state: LbDNNState, motion: Motion) -> Float[Array, " m"]:
        order = self.plant.order
        at = motion.state(order)
        missing = motion.highest(order) - self.drift_estimate(state, at)
        return right_inverse(self.plant.effectiveness(at), missing)

    def drift_estimate(self, state: LbDNNState, inputs: Float[Array, " N"]) -> Float[Array, " n"]:
        return self.net(self.net.unravel(state.theta), inputs)

    def parameters(self, state: LbDNNState) -> Float[Array, " p"]:
        return state.theta

    def _at(
        self, state: LbDNNState, drift: Array, measured: Array, motion: Motion
    ) -> tuple[Array, Signals, Array]:
        """The control, what the law sees, and ṙ as far as it is known: without the drift."""
        order = self.plant.order
        errors = tracking(order, measured, motion, self.error_gain)
        filtered = errors.filtered
        value, pullback = jax.vjp(lambda at: self.net(self.net.unravel(at), measured), state.theta)
        g = self.plant.effectiveness(measured)
        pulled = wanted(order, errors, motion, self.error_gain, self.feedback_gain)
        pulled = pulled - self.sliding_gain * jnp.sign(filtered)
        control = right_inverse(g, pulled - value)
        (jacobian,) = jax.vmap(pullback)(jnp.eye(value.size, dtype=value.dtype))
        signals = Signals(
            measured,
            jacobian,
            filtered,
            drift,
            drift - value,
            pullback=lambda vector: pullback(vector)[0],
        )
        return control, signals, matmul(g, control) + errors.known

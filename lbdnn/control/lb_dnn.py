"""The Lyapunov-based deep neural network controller with derivative observer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..networks import Chain, Theta
from .laws import Law, Signals
from .plants import Plant
from .references import Motion


class Measurement(NamedTuple):
    """What the controller receives at a sample, each (n,)."""

    position: Float[Array, " n"]
    velocity: Float[Array, " n"]


class Observer(NamedTuple):
    """r̂, f̂ and the integral in f̂, each (n,)."""

    filtered_error: Float[Array, " n"]
    drift: Float[Array, " n"]
    integral: Float[Array, " n"]


class ControllerState(NamedTuple):
    """θ̂ (p,) in the order of `net.ravel`, the law's state, the observer's."""

    theta: Float[Array, " p"]
    law: Any
    observer: Observer


@dataclass(frozen=True)
class LbDNN:
    r"""u = g⁺(ẍ_d − (α₁ + k_r) r + (α₁² − 1) e − Φ(X, θ̂)), e = x − x_d, r = ė + α₁e, X = [x; ẋ].

    The observer estimates the drift, for the prediction error E = f̂ − Φ(X, θ̂) of composite laws:

        r̂' = gu − ẍ_d + α₁(r − α₁e) + f̂ + α₂ r̃,    f̂' = k_f(r̃' + α₂ r̃) + r̃,    r̃ = r − r̂,

    by forward Euler as in the published code: r̂ first, then ∫ with the old r̃, then
    f̂ = k_f (r − r̂) + ∫, r̂(0) = r(0), f̂(0) = 0.

    **Arguments:**

    - `net`: 2n inputs, n outputs. `plant`: of it the controller knows g alone.
    - `law`: how θ̂ moves.
    - `error_gain`: α₁. `feedback_gain`: k_r. `observer_gain`: α₂. `drift_gain`: k_f.

    **Raises:** ValueError where the network's sizes are not the plant's.

    Patil, Griffis, Makumi, Dixon (2023).
    """

    net: Chain
    plant: Plant
    law: Law
    error_gain: float = 5.0
    feedback_gain: float = 5.0
    observer_gain: float = 10.0
    drift_gain: float = 10.0

    def __post_init__(self) -> None:
        n = self.plant.positions
        if (self.net.inputs, self.net.outputs) != (2 * n, n):
            raise ValueError(
                f"a plant of {n} positions needs a network of {2 * n} inputs and {n} outputs; got "
                f"{self.net.inputs} and {self.net.outputs}"
            )

    def init(self, theta: Theta, measurement: Measurement, motion: Motion) -> ControllerState:
        """The state before the first sample, from the initial parameters θ̂(0)."""
        _, filtered = self._errors(measurement, motion)
        zero = jnp.zeros_like(filtered)
        vector = jnp.asarray(self.net.ravel(theta), filtered.dtype)
        return ControllerState(vector, self.law.init(self.net.size), Observer(filtered, zero, zero))

    def step(
        self, state: ControllerState, measurement: Measurement, motion: Motion, period: float
    ) -> tuple[ControllerState, Float[Array, " m"]]:
        """The control to be held for `period` seconds, and the state at their end."""
        theta, law, observer = state
        error, filtered = self._errors(measurement, motion)
        inputs = jnp.concatenate(measurement)
        value = self.net(self.net.unravel(theta), inputs)
        jacobian = jax.jacrev(lambda v: self.net(self.net.unravel(v), inputs))(theta)
        g = self.plant.effectiveness(*measurement)
        a = self.error_gain
        wanted = motion.acceleration - (a + self.feedback_gain) * filtered
        control = _right_inverse(g, wanted + (a * a - 1) * error - value)
        signals = Signals(jacobian, filtered, observer.drift - value)
        law, theta = self.law.step(law, theta, signals, period)
        acceleration = g @ control - motion.acceleration + a * (filtered - a * error)
        observer = self._observed(observer, filtered, acceleration, period)
        return ControllerState(theta, law, observer), control

    def _errors(self, measurement: Measurement, motion: Motion) -> tuple[Array, Array]:
        error = measurement.position - motion.position
        rate = measurement.velocity - motion.velocity
        return error, rate + self.error_gain * error

    def _observed(
        self, observer: Observer, filtered: Array, acceleration: Array, period: float
    ) -> Observer:
        gap = filtered - observer.filtered_error
        rate = acceleration + observer.drift + self.observer_gain * gap
        following = observer.filtered_error + period * rate
        integral = observer.integral + period * (self.drift_gain * self.observer_gain + 1) * gap
        drift = self.drift_gain * (filtered - following) + integral
        return Observer(following, drift, integral)


def _right_inverse(g: Float[Array, "n m"], wanted: Float[Array, " n"]) -> Float[Array, " m"]:
    """g⁺ wanted, for g of full row rank."""
    if g.shape[0] == g.shape[1]:
        return jnp.linalg.solve(g, wanted)
    return g.T @ jnp.linalg.solve(g @ g.T, wanted)

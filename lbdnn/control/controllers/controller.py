"""What a controller is."""

from __future__ import annotations

from typing import Any, Protocol

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ...networks import Theta
from ..references import Motion


class Controller(Protocol):
    """Pure functions of a state; a pytree whose data are the gains.

    - `init(theta, measured, motion)`: the state before the first sample. `theta`: of the network,
      None for a controller without one.
    - `step(state, measured, motion, period)`: the control (m,) to be held for `period` seconds, and
      the state at their end. `measured`: the state of the plant, (N,).
    - `without_feedback(state, motion)`: the control where nothing was measured; the state stands
      still.
    - `drift_estimate(state, inputs)`: what it takes for the drift at the state `inputs`, (n,); NaN
      if it has no model.
    - `parameters(state)`: θ̂, (p,); p = 0 without a network.

    Beside these one may have

    - `rate(state, measured, motion)`: the derivative of the state, and the control, in continuous
      time; `simulate_continuous` needs it. With `stochastic` true also `noise(state, vector)`, the
      derivative that white noise (p,) per √s makes.
    - `check(theta, state, period)`: raises ValueError for what cannot work from X(0) = `state`,
      sampled with this period in s (None: continuous). It looks at values that are known.
    """

    def init(self, theta: Theta | None, measured: Float[Array, " N"], motion: Motion) -> Any: ...
    def step(
        self, state: Any, measured: Float[Array, " N"], motion: Motion, period: float
    ) -> tuple[Any, Float[Array, " m"]]: ...
    def without_feedback(self, state: Any, motion: Motion) -> Float[Array, " m"]: ...
    def drift_estimate(self, state: Any, inputs: Float[Array, " N"]) -> Float[Array, " n"]: ...
    def parameters(self, state: Any) -> Float[Array, " p"]: ...


def advance(
    controller: Controller,
    state: Any,
    measured: Float[Array, " N"],
    motion: Motion,
    period: float,
    available: bool | Bool[Array, ""] = True,
) -> tuple[Any, Float[Array, " m"], Bool[Array, ""]]:
    """One sample, with feedback or without: state, control, and whether the state stood still.

    Without feedback means not `available`, or a measurement that is not finite.
    """
    usable = jnp.all(jnp.isfinite(measured)) & available

    def blind() -> tuple[Any, Array]:
        return state, controller.without_feedback(state, motion)

    state, control = jax.lax.cond(
        usable, lambda: controller.step(state, measured, motion, period), blind
    )
    return state, control, ~usable

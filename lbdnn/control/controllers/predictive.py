"""Nonlinear model predictive control."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from ...networks import Theta
from ..plants import AffinePlant
from ..plants.plant import matmul
from ..references import Motion, Reference
from ..sensing import check_limits
from .feedback import checked, checked_fields, no_parameters, tracking
from .inversion import right_inverse


class Plan(NamedTuple):
    """Controls for the next periods.

    `optimality` is the largest entry of u − clip(u − ∇J/L), L ≥ ‖∇²J‖ at the guess, in units of the
    controls: 0 where the conditions of first order of the minimum hold, limits included.
    """

    controls: Float[Array, "horizon m"]
    cost: Float[Array, ""]
    optimality: Float[Array, ""]


def midpoint(
    model: AffinePlant, state: Float[Array, " N"], control: Float[Array, " m"], period: float
) -> Float[Array, " N"]:
    """One step of the explicit midpoint rule, of second order."""
    middle = state + period / 2 * model.rate(state, control)
    return state + period * model.rate(middle, control)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class NonlinearMPC:
    r"""The first control of the plan that minimises

        Σₕ q_e ‖e(t_h)‖² + q_r ‖r(t_h)‖² + uₕᵀ R uₕ,    t_h = t + hΔ, h = 1 … horizon,

    e = x − x_d and r = ė + α₁e as `model` predicts them from the measured state (order 1: r = e),
    under `lower` ≤ u ≤ `upper`, Δ the control period; u_h is held in [t_{h−1}, t_h).

    With J that sum, the plan is u = clip(z), clipped to the limits, z the root of ∇J(u)/L + z − u,
    Robinson's normal map: there the conditions of first order hold. `optimistix.Newton` seeks z
    from the last plan, one period on: each of its steps is one of Newton's for J in the controls
    that are off their limits. So the loop stays one compiled program, and plans can be
    differentiated. A plan that `iterations` steps do not finish is used, within the limits; `plan`
    tells how good it is. One that is not finite makes the run diverge.

    **Arguments:**

    - `model`: all of it is known: give it the plant itself, as the published comparison does, or
      one that differs.
    - `reference`: looked up over the horizon.
    - `horizon`: number of controls.
    - `error_weight`: q_e, `filtered_weight`: q_r. `effort`: the diagonal of R, a number or (m,).
    - `error_gain`: α₁, in 1/s.
    - `lower`, `upper`: limits of u, numbers or (m,), in the units of the controls.

    - `predict(model, state, control, period)`: the model's state one period on, by default a step
      of the explicit midpoint rule. A function at the top of a module, or anything hashable.
    - `iterations`: steps of Newton's method, at most.

    Without feedback: u = g⁺(X_d)(ẍ_d − f(X_d)), limited; with fewer controls than n g⁺ is the
    pseudoinverse, so that a model need not be one that can be inverted.

    **Raises:** ValueError where sizes disagree, or an argument is out of range.

    Robinson, *Normal maps induced by linear transformations* (1992). Patil, Griffis, Makumi, Dixon
    (2023) give horizon 5, Q = I, R = 10⁻⁴ I and |u| ≤ 50; q_r stands in their published code alone,
    whose horizon is 3 and whose limit is 100.
    """

    model: AffinePlant
    reference: Reference = field(metadata={"static": True})
    horizon: int = field(default=5, metadata={"static": True})
    error_weight: float = 1.0
    filtered_weight: float = 1.0
    effort: float | Float[ArrayLike, " m"] = 1e-4
    error_gain: float = 5.0
    lower: float | Float[ArrayLike, " m"] = -50.0
    upper: float | Float[ArrayLike, " m"] = 50.0
    predict: Callable[[AffinePlant, Array, Array, float], Array] = field(
        default=midpoint, metadata={"static": True}
    )
    iterations: int = field(default=20, metadata={"static": True})

    def __post_init__(self) -> None:
        if self.horizon < 1 or self.iterations < 1:
            raise ValueError(
                f"horizon and iterations are at least 1; got {self.horizon}, {self.iterations}"
            )
        if isinstance(self.effort, (int, float)) and not self.effort >= 0:
            raise ValueError(f"the effort is >= 0; got {self.effort}")

    def init(
        self, theta: Theta | None, measured: Float[Array, " N"], motion: Motion
    ) -> Float[Array, "horizon m"]:
        checked(self.model, theta, measured, motion)
        m = len(self.model.controls)
        checked_fields(self, ("effort", "lower", "upper"), m)
        return jnp.broadcast_to(self._forward(motion), (self.horizon, m))

    def step(
        self,
        state: Float[Array, "horizon m"],
        measured: Float[Array, " N"],
        motion: Motion,
        period: float,
    ) -> tuple[Float[Array, "horizon m"], Float[Array, " m"]]:
        controls = self.plan(measured, motion.time, period, state).controls
        return jnp.concatenate([controls[1:], controls[-1:]]), controls[0]

    def plan(
        self,
        measured: Float[Array, " N"],
        time: Float[ArrayLike, ""],
        period: float,
        guess: Float[Array, "horizon m"],
    ) -> Plan:
        """The plan for a state measured at `time`, in s, sought from `guess`."""
        import optimistix as optx

        motions = jax.vmap(self.reference)(
            jnp.asarray(time) + period * jnp.arange(1, self.horizon + 1)
        )

        def cost(controls: Array) -> Array:
            return self._cost(controls, measured, motions, period)

        slope = jax.grad(cost)
        # Any L > 0 has the same roots. Above ‖∇²J‖ the limits that a step takes for active are
        # those of a step of projected descent; far below it Newton's method may cycle.
        curvature = jax.jacfwd(slope)(guess).reshape(guess.size, guess.size)
        scale = jnp.max(jnp.sum(jnp.abs(curvature), axis=1))

        def missed(free: Array, _: None = None) -> Array:
            controls = self._limited(free)
            return slope(controls) / scale + free - controls

        tolerance = float(jnp.finfo(guess.dtype).eps) ** 0.6
        solver = optx.Newton(rtol=tolerance, atol=tolerance)
        start = guess - slope(guess) / scale
        found = optx.root_find(missed, solver, start, max_steps=self.iterations, throw=False)
        controls = self._limited(found.value)
        descended = self._limited(controls - slope(controls) / scale)
        return Plan(controls, cost(controls), jnp.max(jnp.abs(controls - descended)))

    def check(self, theta: Theta | None, state: Float[Array, " N"], period: float | None) -> None:
        """Refuses limits that leave nothing between, where they are known."""
        check_limits(self.lower, self.upper, len(self.model.controls))

    def without_feedback(
        self, state: Float[Array, "horizon m"], motion: Motion
    ) -> Float[Array, " m"]:
        return self._forward(motion)

    def drift_estimate(
        self, state: Float[Array, "horizon m"], inputs: Float[Array, " N"]
    ) -> Float[Array, " n"]:
        return self.model.drift(inputs)

    def parameters(self, state: Float[Array, "horizon m"]) -> Float[Array, " 0"]:
        return no_parameters()

    def _forward(self, motion: Motion) -> Array:
        at, order = motion.state(self.model.order), self.model.order
        pulled = motion.highest(order) - self.model.drift(at)
        g = self.model.effectiveness(at)
        if g.shape[1] < g.shape[0]:  # no right inverse: least squares
            return self._limited(matmul(jnp.linalg.pinv(g), pulled))
        return self._limited(right_inverse(g, pulled))

    def _limited(self, control: Array) -> Array:
        return jnp.clip(control, self.lower, self.upper)

    def _cost(self, controls: Array, measured: Array, motions: Motion, period: float) -> Array:
        """J."""

        def follow(state: Array, given: tuple[Array, Motion]) -> tuple[Array, Array]:
            control, motion = given
            state = self.predict(self.model, state, control, period)
            errors = tracking(self.model.order, state, motion, self.error_gain)
            deviation = self.error_weight * jnp.sum(errors.error**2)
            return state, deviation + self.filtered_weight * jnp.sum(errors.filtered**2)

        deviations = jax.lax.scan(follow, measured, (controls, motions))[1]
        return jnp.sum(deviations) + jnp.sum(jnp.asarray(self.effort) * controls**2)

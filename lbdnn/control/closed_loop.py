"""A sampled controller around a continuous plant."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float

from ..networks import Theta
from .controllers import Controller, advance, check
from .controllers.start import check_command, check_plant
from .integration import held
from .plants import Plant
from .references import Reference
from .sensing import Actuator, Sensor

if TYPE_CHECKING:
    import diffrax

_PERFECT, _UNLIMITED = Sensor(), Actuator()

# Beyond this, in the units of the states, a run counts as diverged.
ESCAPE = 1e6


class Run(NamedTuple):
    """One closed loop, sampled at the control period.

    `theta` are the final parameters, `theta_samples` those after the first sample and then after
    every `theta_every`-th. `diverged_at`: the time of the first sample that is not finite or beyond
    `ESCAPE`, inf if none is; from then on the state of plant and controller holds its last value.
    `function_error` is NaN for a controller without a model of the drift, or a plant without drift.
    """

    time: Float[Array, " T"]
    state: Float[Array, "T N"]
    error: Float[Array, "T n"]  # x − x_d
    control: Float[Array, "T m"]  # what the plant got
    function_error: Float[Array, "T n"]  # f − Φ
    without_feedback: Bool[Array, " T"]  # no usable measurement: the controller stood still
    theta: Float[Array, " p"]
    theta_samples: Float[Array, "k p"]
    diverged_at: Float[Array, ""]
    final: Any  # the state of the controller at the end


def simulate(
    plant: Plant,
    controller: Controller,
    reference: Reference,
    state: Float[ArrayLike, " N"],
    theta: Theta | None = None,
    *,
    t1: float,
    control_period: float = 0.01,
    solver: diffrax.AbstractSolver | Literal["euler"] | None = None,
    substeps: int = 1,
    tolerance: float | None = None,
    sensor: Sensor = _PERFECT,
    actuator: Actuator = _UNLIMITED,
    key: Array | None = None,
    theta_every: int | None = None,
) -> Run:
    """The closed loop from t = 0 to `t1`, with zero-order hold: one compiled program.

    Map it (`jax.vmap`) over states, θ, keys, and over the numbers in plant and controller, which
    are pytrees; differentiate it in the same, with `tolerance` by reverse mode only. Compiled anew
    only for other sizes, types, functions or numbers of samples.

    **Arguments:**

    - `plant`: what moves; `controller` may have a plant of its own, of which it knows what it says.
    - `state`: X(0), (N,), in the units of `plant.states`.
    - `theta`: θ̂(0) of the controller's network, if it has one.
    - `solver`: of the plant between samples: a solver of diffrax, by default Tsit5, or "euler".
    - `substeps`: steps of equal size from sample to sample; or
    - `tolerance`: relative and absolute, of adaptive steps.
    - `sensor`, `actuator`: noise, delays, limits, loss of feedback.
    - `key`: of the noise.
    - `theta_every`: samples from one of the kept parameters to the next; none are kept by default.

    **Raises:** ValueError if sizes disagree, an argument is out of range, there is noise without a
    key, or the controller's `check` refuses.
    """
    size = len(plant.states)
    if jnp.shape(state) != (size,):
        raise ValueError(f"the plant has {size} states; got a state of shape {jnp.shape(state)}")
    check_plant(plant)
    if not (control_period > 0 and t1 >= control_period):
        raise ValueError(f"needs 0 < control_period <= t1; got {control_period} and {t1}")
    samples = periods("t1", t1, control_period)
    delays = (
        periods("the delay of the sensor", sensor.delay, control_period),
        periods("the delay of the actuator", actuator.delay, control_period),
    )
    if substeps < 1 or (theta_every is not None and theta_every < 1):
        raise ValueError(f"substeps and theta_every are at least 1; got {substeps}, {theta_every}")
    if tolerance is not None and (solver == "euler" or substeps != 1 or not tolerance > 0):
        raise ValueError(
            "tolerance is a number > 0, for adaptive steps: without substeps, and not of euler"
        )
    sensor.check(size, key)
    actuator.check(len(plant.controls))
    if solver is None:
        import diffrax

        # This kind of loop over stages can be differentiated forwards too.
        solver = diffrax.Tsit5(scan_kind="bounded")
    elif isinstance(solver, str) and solver != "euler":
        raise ValueError(f'solver is "euler" or a solver of diffrax; got {solver!r}')
    chosen = _Choices(
        reference, samples, control_period, solver, substeps, tolerance, delays, theta_every
    )
    state = jnp.asarray(state, jnp.result_type(float))
    check(controller, theta, state, control_period)
    return _simulated(chosen, plant, controller, sensor, actuator, state, theta, key)


def periods(name: str, time: float, period: float, of: str = "the control period") -> int:
    """How many periods a time is; ValueError unless a whole number."""
    ratio = time / period
    if not 0 <= ratio < math.inf or abs(ratio - round(ratio)) > 1e-6:
        raise ValueError(f"{name} is a multiple of {of}, {period} s; got {time}")
    return round(ratio)


class _Choices(NamedTuple):
    """What a compiled loop is made for."""

    reference: Reference
    samples: int
    period: float
    solver: Any
    substeps: int
    tolerance: float | None
    delays: tuple[int, int]  # of sensor and actuator, in samples
    theta_every: int | None


class _Loop(NamedTuple):
    state: Array
    controller: Any
    measured: Array  # the last ones, newest first, where the sensor is late
    commands: Array  # likewise


@partial(jax.jit, static_argnums=0)
def _simulated(
    chosen: _Choices,
    plant: Plant,
    controller: Controller,
    sensor: Sensor,
    actuator: Actuator,
    state: Array,
    theta: Theta | None,
    key: Array | None,
) -> Run:
    reference, samples, period = chosen.reference, chosen.samples, chosen.period
    every = chosen.theta_every
    times = period * jnp.arange(samples, dtype=state.dtype)

    def sensed(state: Array, index: Array) -> Array:
        if sensor.noise is None or key is None:
            return state
        own = jax.random.fold_in(key, index)
        return state + jnp.asarray(sensor.noise) * jax.random.normal(own, state.shape, state.dtype)

    def sample(loop: _Loop, index: Array, before: Array) -> tuple[_Loop, Array, tuple]:
        time = times[index]
        motion = reference(time)
        past, measured = _delayed(loop.measured, sensed(loop.state, index))
        if sensor.feedback is None:
            own, command = controller.step(loop.controller, measured, motion, period)
            blind = jnp.asarray(False)
        else:
            available = sensor.feedback(time)
            own, command, blind = advance(
                controller, loop.controller, measured, motion, period, available
            )
        check_command(plant, command)
        commands, control = _delayed(loop.commands, command)
        control = actuator.limited(control)
        missing = function_error(plant, controller, loop.controller, loop.state, motion.position)
        reached = held(
            plant, loop.state, control, period, chosen.solver, chosen.substeps, chosen.tolerance
        )
        # NaN or infinity in one parameter is in their sum.
        lost = ~jnp.isfinite(jnp.sum(controller.parameters(own)))
        diverged = before | lost | ~(jnp.max(jnp.abs(reached)) <= ESCAPE)
        after = _Loop(reached, own, past, commands)
        kept = jax.tree.map(lambda new, old: jnp.where(diverged, old, new), after, loop)
        error = loop.state[: motion.position.size] - motion.position
        return kept, diverged, (loop.state, error, control, missing, blind, diverged)

    first = sensed(state, jnp.asarray(samples))
    start = controller.init(theta, first, reference(times[0]))
    late, later = chosen.delays
    zero = jnp.zeros((later, len(plant.controls)), state.dtype)
    loop = _Loop(state, start, jnp.broadcast_to(first, (late, *first.shape)), zero)
    rows = 0 if every is None else -(-samples // every)
    kept = jnp.zeros((rows, controller.parameters(start).size), state.dtype)

    def keep(carried: tuple[_Loop, Array, Array], index: Array) -> tuple[Any, tuple]:
        loop, diverged, kept = carried
        loop, diverged, shown = sample(loop, index, diverged)
        if every is not None:
            row, own = index // every, controller.parameters(loop.controller)
            kept = kept.at[row].set(jnp.where(index % every == 0, own, kept[row]))
        return (loop, diverged, kept), shown

    (last, _, kept), (x, error, control, missing, blind, diverged) = jax.lax.scan(
        keep, (loop, jnp.asarray(False), kept), jnp.arange(samples)
    )
    at = jnp.min(jnp.where(diverged, times + period, jnp.inf))
    final = controller.parameters(last.controller)
    return Run(times, x, error, control, missing, blind, final, kept, at, last.controller)


def _delayed(past: Array, newest: Array) -> tuple[Array, Array]:
    """The last values, the newest first, and the one that arrives now."""
    line = jnp.concatenate([newest[None], past])
    return line[:-1], line[-1]


def function_error(
    plant: Plant, controller: Controller, state: Any, at: Array, like: Array
) -> Array:
    """f − Φ at X, by what the controller knew before the sample."""
    drift = getattr(plant, "drift", None)
    if drift is None:
        return jnp.full_like(like, np.nan)
    return drift(at) - controller.drift_estimate(state, at)

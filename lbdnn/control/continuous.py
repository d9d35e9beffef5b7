"""Plant and controller together in continuous time."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from ..networks import Theta
from .closed_loop import ESCAPE, Run, function_error, periods
from .controllers import check
from .controllers.start import check_command, check_plant
from .plants import Plant
from .references import Reference

if TYPE_CHECKING:
    import diffrax


class _Choices(NamedTuple):
    reference: Reference
    rows: int
    every: float
    solver: Any
    step: float | None
    max_steps: int
    theta_every: int | None


def simulate_continuous(
    plant: Plant,
    controller: Any,
    reference: Reference,
    state: Float[ArrayLike, " N"],
    theta: Theta | None = None,
    *,
    t1: float,
    save_every: float = 0.01,
    solver: diffrax.AbstractSolver | None = None,
    tolerance: float = 1e-6,
    step: float | None = None,
    max_steps: int = 100_000,
    key: Array | None = None,
    theta_every: int | None = None,
) -> Run:
    """Plant and controller as one differential equation from t = 0 to `t1`: one compiled program.

    What `simulate` tends to as its control period goes to 0. Map it (`jax.vmap`) and differentiate
    it as that. A stochastic law makes the equation stochastic (Itô's), along a virtual Brownian
    tree.

    **Arguments:**

    - `plant`, `reference`, `state`, `theta`: as for `simulate`.
    - `controller`: one with a `rate`, see `Controller`.
    - `save_every`: seconds from one row of the result to the next; `t1` is a multiple.
    - `solver`: of diffrax. By default Tsit5; with a stochastic law Euler, which then is the
      Euler-Maruyama method.
    - `tolerance`: relative and absolute, of adaptive steps; or
    - `step`: the length in s of equal steps; a stochastic law needs it.
    - `max_steps`: after so many the run ends, as if it had diverged.
    - `key`: of the noise of a stochastic law. That of the law itself is for sampled loops.
    - `theta_every`: rows from one of the kept parameters to the next; none are kept by default.

    **Returns:** a `Run` at the times 0, save_every, … < t1. `diverged_at` is where the solver gave
    up, or a state of the plant went beyond `ESCAPE`; from then on the rows repeat the last one.
    `theta` and `final` are those at t1, or where the run ended.

    **Raises:** ValueError if sizes disagree, an argument is out of range, the controller has no
    `rate` or refuses, or a stochastic law lacks its key or step.
    """
    import diffrax

    size = len(plant.states)
    if jnp.shape(state) != (size,):
        raise ValueError(f"the plant has {size} states; got a state of shape {jnp.shape(state)}")
    if not hasattr(controller, "rate"):
        raise ValueError(
            f"{type(controller).__name__} has no rate, so it is not for continuous time; "
            "use simulate"
        )
    check_plant(plant)
    if not (save_every > 0 and t1 >= save_every):
        raise ValueError(f"needs 0 < save_every <= t1; got {save_every} and {t1}")
    stochastic = getattr(controller, "stochastic", False)
    if stochastic != (key is not None):
        raise ValueError(
            "a stochastic law needs a key (jax.random.key(seed)), and a key is for such a law"
        )
    if stochastic and step is None:
        raise ValueError("a stochastic law needs step, the length in s of the solver's steps")
    if not tolerance > 0 or (step is not None and not step > 0) or max_steps < 1:
        raise ValueError(
            "tolerance and step are > 0 and max_steps is at least 1; got "
            f"{tolerance}, {step} and {max_steps}"
        )
    if theta_every is not None and theta_every < 1:
        raise ValueError(f"theta_every is at least 1; got {theta_every}")
    if solver is None:
        solver = diffrax.Euler() if stochastic else diffrax.Tsit5(scan_kind="bounded")
    rows = periods("t1", t1, save_every, "save_every")
    chosen = _Choices(reference, rows, save_every, solver, step, max_steps, theta_every)
    state = jnp.asarray(state, jnp.result_type(float))
    check(controller, theta, state, None)
    return _simulated(chosen, plant, controller, tolerance, state, theta, key)


@partial(jax.jit, static_argnums=0)
def _simulated(
    chosen: _Choices,
    plant: Plant,
    controller: Any,
    tolerance: float,
    state: Array,
    theta: Theta | None,
    key: Array | None,
) -> Run:
    import diffrax
    import equinox as eqx

    reference, t1 = chosen.reference, chosen.rows * chosen.every
    times = chosen.every * jnp.arange(chosen.rows, dtype=state.dtype)
    start = controller.init(theta, state, reference(times[0]))
    # Keys and counts of a law have no derivative.
    moving, fixed = eqx.partition(start, eqx.is_inexact_array)

    def rate(time: Array, both: tuple[Array, Any], _: Any) -> tuple[Array, Any]:
        at, own = both
        change, control = controller.rate(eqx.combine(own, fixed), at, reference(time))
        check_command(plant, control)
        return plant.rate(at, control), eqx.filter(change, eqx.is_inexact_array)

    def shown(time: Array, both: tuple[Array, Any], _: Any) -> tuple[Array, ...]:
        at, own = both[0], eqx.combine(both[1], fixed)
        motion = reference(time)
        control = controller.rate(own, at, motion)[1]
        error = at[: motion.position.size] - motion.position
        return at, error, control, function_error(plant, controller, own, at, motion.position)

    def parameters(time: Array, both: tuple[Array, Any], _: Any) -> Array:
        return controller.parameters(eqx.combine(both[1], fixed))

    def escaped(time: Array, both: tuple[Array, Any], _: Any, **__: Any) -> Array:
        return ~(jnp.max(jnp.abs(both[0])) <= ESCAPE)

    saved = [diffrax.SubSaveAt(ts=times, fn=shown), diffrax.SubSaveAt(t1=True)]
    if chosen.theta_every is not None:
        saved.append(diffrax.SubSaveAt(ts=times[:: chosen.theta_every], fn=parameters))
    solution = diffrax.diffeqsolve(
        _terms(rate, controller, fixed, start, state, t1, chosen.step, key),
        chosen.solver,
        0.0,
        t1,
        chosen.step,
        (state, moving),
        saveat=diffrax.SaveAt(subs=saved),
        stepsize_controller=(
            diffrax.PIDController(rtol=tolerance, atol=tolerance)
            if chosen.step is None
            else diffrax.ConstantStepSize()
        ),
        event=diffrax.Event(escaped),
        max_steps=chosen.max_steps,
        throw=False,
    )
    assert solution.ys is not None and solution.ts is not None
    rows, (_, own), *kept = solution.ys
    ended = solution.ts[1][0]
    at = jnp.asarray(jnp.where(solution.result == diffrax.RESULTS.successful, jnp.inf, ended))
    x, error, control, missing = jax.tree.map(partial(_filled, solution.ts[0]), rows)
    final = eqx.combine(jax.tree.map(lambda leaf: leaf[0], own), fixed)
    last = controller.parameters(final)
    path = _filled(solution.ts[2], kept[0]) if kept else jnp.zeros((0, last.size), last.dtype)
    seeing = jnp.zeros(chosen.rows, bool)
    return Run(times, x, error, control, missing, seeing, last, path, at, final)


def _terms(
    rate: Any,
    controller: Any,
    fixed: Any,
    start: Any,
    state: Array,
    t1: float,
    step: float | None,
    key: Array | None,
) -> diffrax.AbstractTerm:
    import diffrax
    import equinox as eqx
    import lineax

    drift = diffrax.ODETerm(rate)
    if key is None or step is None:
        return drift
    white = jax.ShapeDtypeStruct(controller.parameters(start).shape, state.dtype)

    def diffusion(time: Any, both: tuple[Array, Any], _: Any) -> lineax.AbstractLinearOperator:
        own = eqx.combine(both[1], fixed)

        def made(vector: Array) -> tuple[Array, Any]:
            change = controller.noise(own, vector)
            return jnp.zeros_like(both[0]), eqx.filter(change, eqx.is_inexact_array)

        return lineax.FunctionLinearOperator(made, white)

    tree = diffrax.VirtualBrownianTree(0.0, t1, tol=step / 2, shape=white, key=key)
    return diffrax.MultiTerm(drift, diffrax.ControlTerm(diffusion, tree))


def _filled(times: Array, values: Array) -> Array:
    """The last value that was reached, where none was."""
    reached = jnp.isfinite(times)
    last = jnp.maximum(jnp.sum(reached) - 1, 0)
    shape = (-1,) + (1,) * (values.ndim - 1)
    return jnp.where(reached.reshape(shape), values, values[last])

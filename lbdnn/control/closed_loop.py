"""A sampled controller around a continuous plant."""

from __future__ import annotations

from functools import partial
from typing import Literal, NamedTuple, get_args

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from ..networks import Theta
from .lb_dnn import ControllerState, LbDNN, Measurement
from .plants import Plant
from .references import Reference

Integrator = Literal["euler", "rk4"]
INTEGRATORS: tuple[Integrator, ...] = get_args(Integrator)

# Beyond this, in rad or m, a run counts as diverged.
ESCAPE = 1e6


class Run(NamedTuple):
    """One closed loop, sampled at the control period.

    `theta` are the final parameters, `theta_samples` those after the first sample and then after
    every `theta_every`-th. `diverged_at`: the time of the first sample that is not finite or beyond
    `ESCAPE`, inf if none is; from then on the state of plant and controller holds its last value.
    """

    time: Float[Array, " T"]
    position: Float[Array, "T n"]
    velocity: Float[Array, "T n"]
    error: Float[Array, "T n"]  # x − x_d
    control: Float[Array, "T m"]
    function_error: Float[Array, "T n"]  # f − Φ
    theta: Float[Array, " p"]
    theta_samples: Float[Array, "k p"]
    diverged_at: Float[Array, ""]


class _Loop(NamedTuple):
    position: Array
    velocity: Array
    controller: ControllerState


def simulate(
    plant: Plant,
    controller: LbDNN,
    reference: Reference,
    theta: Theta,
    position: Float[ArrayLike, " n"],
    velocity: Float[ArrayLike, " n"],
    *,
    t1: float,
    control_period: float = 0.01,
    integrator: Integrator = "rk4",
    substeps: int = 1,
    theta_every: int | None = None,
    noise: float | Float[ArrayLike, " 2n"] | None = None,
    key: Array | None = None,
) -> Run:
    """The closed loop from t = 0 to `t1`, with zero-order hold; map it over θ, x(0), keys.

    **Arguments:**

    - `plant`: what moves; `controller` has a plant of its own, of which it knows g.
    - `theta`: θ̂(0). `position`, `velocity`: of the plant at t = 0.
    - `integrator`: of the plant between samples: "rk4" with `substeps` steps, or "euler".
    - `theta_every`: samples from one of the kept parameters to the next; none are kept by default.
    - `noise`: standard deviations of what is added to [x; ẋ] as measured; needs `key`.

    **Raises:** ValueError if sizes disagree, or for noise without a key.
    """
    n = plant.positions
    if jnp.shape(position) != (n,) or jnp.shape(velocity) != (n,):
        raise ValueError(
            f"the plant has {n} positions; got a position of shape {jnp.shape(position)} and a "
            f"velocity of shape {jnp.shape(velocity)}"
        )
    if control_period <= 0 or t1 < control_period:
        raise ValueError(f"needs 0 < control_period <= t1; got {control_period} and {t1}")
    if abs(t1 / control_period - round(t1 / control_period)) > 1e-6:
        raise ValueError(f"t1 is a multiple of the control period; got {t1} and {control_period}")
    if integrator not in INTEGRATORS:
        raise ValueError(f'integrator is "euler" or "rk4"; got {integrator!r}')
    if integrator == "euler" and substeps != 1:
        raise ValueError("substeps are for rk4; euler takes one step a sample")
    if noise is not None and jnp.shape(noise) not in ((), (2 * n,)):
        raise ValueError(f"noise takes a number or {2 * n} numbers; got shape {jnp.shape(noise)}")
    if (noise is None) != (key is None):
        raise ValueError("noise needs a key (jax.random.key(seed)), and a key is for noise")
    samples, every = round(t1 / control_period), theta_every
    if (every is not None and every < 1) or substeps < 1:
        raise ValueError(f"theta_every and substeps are at least 1; got {every} and {substeps}")
    chosen = _Choices(
        plant, controller, reference, samples, control_period, integrator, substeps, every
    )
    position = jnp.asarray(position, jnp.result_type(float))
    velocity = jnp.asarray(velocity, position.dtype)
    return _simulated(chosen, theta, position, velocity, noise, key)


class _Choices(NamedTuple):
    """What a compiled loop is made for."""

    plant: Plant
    controller: LbDNN
    reference: Reference
    samples: int
    period: float
    integrator: Integrator
    substeps: int
    theta_every: int | None


@partial(jax.jit, static_argnums=0)
def _simulated(
    chosen: _Choices,
    theta: Theta,
    position: Array,
    velocity: Array,
    noise: Array | float | None,
    key: Array | None,
) -> Run:
    plant, controller, reference, samples, period, *_ = chosen
    n, theta_every = plant.positions, chosen.theta_every
    chain = jax.random.key(0) if key is None else key

    def measured(position: Array, velocity: Array, key: Array) -> Measurement:
        if noise is None:
            return Measurement(position, velocity)
        added = noise * jax.random.normal(key, (2 * n,), position.dtype)
        return Measurement(position + added[:n], velocity + added[n:])

    def sample(
        carried: tuple[_Loop, Array, Array], time: Array
    ) -> tuple[tuple[_Loop, Array, Array], tuple[Array, ...]]:
        loop, key, before = carried
        key, own = jax.random.split(key)
        motion = reference(time)
        inputs = jnp.concatenate([loop.position, loop.velocity])
        net = controller.net
        seen = measured(loop.position, loop.velocity, own)
        state, control = controller.step(loop.controller, seen, motion, period)
        value = net(net.unravel(loop.controller.theta), inputs)
        missing = plant.drift(loop.position, loop.velocity) - value
        position, velocity = _integrated(
            plant, loop.position, loop.velocity, control, period, chosen.integrator, chosen.substeps
        )
        reached = jnp.concatenate([position, velocity])
        diverged = before | ~(jnp.max(jnp.abs(reached)) <= ESCAPE)
        after = _Loop(position, velocity, state)
        kept = jax.tree.map(lambda new, old: jnp.where(diverged, old, new), after, loop)
        error = loop.position - motion.position
        shown = (loop.position, loop.velocity, error, control, missing, diverged)
        return (kept, key, diverged), shown

    times = period * jnp.arange(samples, dtype=position.dtype)
    chain, first = jax.random.split(chain)
    start = controller.init(theta, measured(position, velocity, first), reference(times[0]))
    loop = (_Loop(position, velocity, start), chain, jnp.asarray(False))
    every = samples if theta_every is None else theta_every
    rows = -(-samples // every)
    kept = jnp.zeros((0 if theta_every is None else rows, controller.net.size), position.dtype)

    def keep(
        carried: tuple[tuple[_Loop, Array, Array], Array], index: Array
    ) -> tuple[tuple[tuple[_Loop, Array, Array], Array], tuple[Array, ...]]:
        state, kept = carried
        state, shown = sample(state, times[index])
        if theta_every is not None:
            row = index // every
            theta = state[0].controller.theta
            kept = kept.at[row].set(jnp.where(index % every == 0, theta, kept[row]))
        return (state, kept), shown

    ((last, _, _), kept), (x, v, error, control, missing, diverged) = jax.lax.scan(
        keep, (loop, kept), jnp.arange(samples)
    )
    at = jnp.min(jnp.where(diverged, times + period, jnp.inf))
    return Run(times, x, v, error, control, missing, last.controller.theta, kept, at)


def _integrated(
    plant: Plant,
    position: Array,
    velocity: Array,
    control: Array,
    period: float,
    integrator: Integrator,
    substeps: int,
) -> tuple[Array, Array]:
    def rate(position: Array, velocity: Array) -> tuple[Array, Array]:
        push = plant.effectiveness(position, velocity) @ control
        return velocity, plant.drift(position, velocity) + push

    if integrator == "euler":
        slope = rate(position, velocity)
        return position + period * slope[0], velocity + period * slope[1]
    h = period / substeps
    state = (position, velocity)

    def moved(by: float, slope: tuple[Array, Array]) -> tuple[Array, Array]:
        return state[0] + by * slope[0], state[1] + by * slope[1]

    for _ in range(substeps):
        one = rate(*state)
        two = rate(*moved(h / 2, one))
        three = rate(*moved(h / 2, two))
        four = rate(*moved(h, three))
        state = tuple(
            x + h / 6 * (a + 2 * b + 2 * c + d)
            for x, a, b, c, d in zip(state, one, two, three, four, strict=True)
        )
    return state[0], state[1]

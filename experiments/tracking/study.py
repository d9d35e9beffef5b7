"""Many closed loops in one call, and their metrics."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from experiments.tracking.settings import PERIOD
from lbdnn import control
from lbdnn.control.references import Reference

TEST_POINTS = 100
EVERY = 50  # samples from one evaluation at the test points to the next
SHOWN = 2000  # points of a trace that are kept


class Metric(NamedTuple):
    """Root mean square of a trace from the fraction `start` of the run on; None: its last value."""

    unit: str
    trace: str
    start: float | None


class Loop(NamedTuple):
    """A closed loop whose initial weights U(−0.5, 0.5), state and noise are drawn.

    - `state`: X(0) from a key.
    - `traces`: of a run, name to what is plotted and averaged, (T,).
    - `test_range`: half the width of the box of states in which f − Φ is also looked at (trace
      "test", every `EVERY` samples); None: not.
    """

    plant: Any
    controller: control.Controller
    reference: Reference
    state: Callable[[Array], Array]
    t1: float
    traces: Mapping[str, Callable[[control.Run], Array]]
    metrics: Mapping[str, Metric]
    solver: Literal["euler"] | None = None
    sensor: control.Sensor = control.Sensor()
    test_range: float | None = None
    period: float = PERIOD


class Study(NamedTuple):
    """Metrics by name, an entry a seed, traces, a row a seed; NaN where the run diverged.

    Traces are thinned to at most twice `SHOWN` points.
    """

    metrics: dict[str, Float[np.ndarray, " seeds"]]
    traces: dict[str, Float[np.ndarray, "seeds points"]]
    diverged: int


def noise_of(reference: Reference, order: int, signal_to_noise: float | None, t1: float) -> Any:
    """Standard deviations of the noise of X, relative to the reference's mean square."""
    if signal_to_noise is None:
        return None
    with jax.enable_x64(True):
        signals = jax.vmap(lambda time: reference(time).state(order))(jnp.arange(0.0, t1, PERIOD))
        return control.noise_of(np.asarray(signals), signal_to_noise)


def norm(values: Float[Array, "T n"]) -> Float[Array, " T"]:
    return jnp.linalg.norm(values, axis=-1)


def study(loop: Loop, *, seed: int, seeds: int) -> Study:
    """All seeds in one compiled call, in float64."""
    with jax.enable_x64(True):
        keys = jax.random.split(jax.random.key(seed), (seeds, 4))
        traces, diverged = jax.jit(jax.vmap(lambda own: _one(loop, own)))(keys)
    traces = {name: np.asarray(values) for name, values in traces.items()}
    lost = np.asarray(diverged)
    metrics = {
        name: np.where(lost, np.nan, _value(metric, traces))
        for name, metric in loop.metrics.items()
    }
    # The last of "test" is at t1, the others equally spaced before.
    shown = {k: v[:, :-1] if k == "test" else _thinned(v) for k, v in traces.items()}
    shown = {k: np.where(lost[:, None], np.nan, v) for k, v in shown.items()}
    return Study(metrics, shown, int(np.sum(lost)))


def _one(loop: Loop, keys: Array) -> tuple[dict[str, Array], Array]:
    weights, disturbance, testing, starting = keys
    net = getattr(loop.controller, "net", None)
    run = control.simulate(
        loop.plant,
        loop.controller,
        loop.reference,
        loop.state(starting),
        None if net is None else net.init(weights),
        t1=loop.t1,
        control_period=loop.period,
        solver=loop.solver,
        sensor=loop.sensor,
        key=None if loop.sensor.noise is None else disturbance,
        theta_every=EVERY,
    )
    traces = {name: trace(run) for name, trace in loop.traces.items()}
    if loop.test_range is not None and net is not None:
        size = (TEST_POINTS, len(loop.plant.states))
        reach = loop.test_range
        points = jax.random.uniform(testing, size, minval=-reach, maxval=reach)
        drift = jax.vmap(loop.plant.drift)(points)

        def test(vector: Array) -> Array:
            found = jax.vmap(lambda x: net(net.unravel(vector), x))(points)
            return jnp.mean(norm(drift - found))

        traces["test"] = jax.lax.map(test, jnp.concatenate([run.theta_samples, run.theta[None]]))
    return traces, jnp.isfinite(run.diverged_at)


def _value(metric: Metric, traces: dict[str, np.ndarray]) -> np.ndarray:
    values = traces.get(metric.trace)
    if values is None:
        return np.full(len(next(iter(traces.values()))), np.nan)
    if metric.start is None:
        return values[:, -1]
    first = int(metric.start * values.shape[1])
    return np.sqrt(np.mean(values[:, first:] ** 2, axis=1))


def _thinned(values: np.ndarray) -> np.ndarray:
    return values[:, :: max(1, values.shape[1] // SHOWN)]

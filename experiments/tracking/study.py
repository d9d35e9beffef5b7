"""Many initial weights in one call, and the metrics of the published tables."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from experiments.tracking.settings import PERIOD, Law, Setting
from lbdnn import control
from lbdnn.control.references import TWO_LINK

METRICS = {
    "rms_tracking_error": "deg",
    "rms_control": "N m",
    "rms_function_error_on_trajectory": "rad/s²",
    "mean_function_error_test": "rad/s²",
}
TEST_POINTS = 100  # U(−0.25, 0.25)⁴


class Study(NamedTuple):
    """Metrics by name, an entry a seed, and norms over time, a row a seed."""

    metrics: dict[str, Float[np.ndarray, " seeds"]]
    error: Float[np.ndarray, "seeds T"]  # ‖e‖, deg
    control: Float[np.ndarray, "seeds T"]  # ‖u‖, N m
    function_error: Float[np.ndarray, "seeds T"]  # ‖f − Φ‖, rad/s²
    diverged: int


def study(
    setting: Setting, layers: int, neurons: int, law: Law, *, seed: int, seeds: int, t1: float
) -> Study:
    """θ̂(0) ~ U(−0.5, 0.5) and the noise, drawn anew for each seed; float64."""
    controller = setting.controller(layers, neurons, law)
    with jax.enable_x64(True):
        keys = jax.random.split(jax.random.key(seed), (seeds, 3))
        noise = setting.noise
        each = jax.vmap(lambda own: _one(setting, controller, own, noise, t1))
        runs, test = jax.jit(each)(keys)
        norms = {
            name: np.linalg.norm(np.asarray(values), axis=-1)
            for name, values in (
                ("error", np.rad2deg(runs.error)),
                ("control", runs.control),
                ("function_error", runs.function_error),
            )
        }
    late = slice(norms["error"].shape[1] // 2, None)
    metrics = {
        "rms_tracking_error": _rms(norms["error"][:, late]),
        "rms_control": _rms(norms["control"]),
        "rms_function_error_on_trajectory": _rms(norms["function_error"][:, late]),
        "mean_function_error_test": np.asarray(test),
    }
    diverged = int(np.sum(np.isfinite(runs.diverged_at)))
    return Study(metrics, norms["error"], norms["control"], norms["function_error"], diverged)


def _one(
    setting: Setting, controller: control.LbDNN, keys: Array, noise: np.ndarray | None, t1: float
) -> tuple[control.Run, Array]:
    weights, disturbance, testing = keys
    net, plant = controller.net, setting.plant
    run = control.simulate(
        plant,
        controller,
        TWO_LINK,
        jnp.array([*setting.position, 0.0, 0.0]),
        net.init(weights),
        t1=t1,
        control_period=PERIOD,
        solver=setting.solver,
        sensor=control.Sensor(noise),
        key=None if noise is None else disturbance,
    )
    points = jax.random.uniform(testing, (TEST_POINTS, 4), minval=-0.25, maxval=0.25)
    theta = net.unravel(run.theta)
    missing = jax.vmap(lambda x: plant.drift(x) - net(theta, x))(points)
    return run, jnp.mean(jnp.linalg.norm(missing, axis=-1))


def _rms(values: Float[np.ndarray, "seeds T"]) -> Float[np.ndarray, " seeds"]:
    return np.sqrt(np.mean(values**2, axis=1))

"""Loops of Tables I and II: the two-link manipulator."""

from __future__ import annotations

import jax.numpy as jnp

from experiments.tracking.settings import Setting
from experiments.tracking.study import Loop, Metric, noise_of, norm
from lbdnn import control
from lbdnn.control.references import TWO_LINK

T1 = 100.0
BASELINES = ("observer_based", "nonlinear_pd", "nonlinear_mpc")
METRICS = {
    "rms_tracking_error": Metric("deg", "error", 0.5),
    "rms_control": Metric("N m", "control", 0.0),
    "rms_function_error_on_trajectory": Metric("rad/s²", "function error", 0.5),
    "mean_function_error_test": Metric("rad/s²", "test", None),
}
LABELS = {
    "error": "‖e‖ (deg)",
    "control": "‖u‖ (N m)",
    "function error": "‖f − Φ‖ on the\npath (rad/s²)",
    "test": "mean ‖f − Φ‖\noff it (rad/s²)",
}
_TRACES = {
    "error": lambda run: jnp.rad2deg(norm(run.error)),
    "control": lambda run: norm(run.control),
    "function error": lambda run: norm(run.function_error),
}


def loop(setting: Setting, controller: control.Controller, t1: float = T1) -> Loop:
    """The benchmark of Patil et al. (2023); test points U(−0.25, 0.25)⁴."""
    return Loop(
        setting.plant,
        controller,
        TWO_LINK,
        lambda key: jnp.array([*setting.position, 0.0, 0.0]),
        t1,
        _TRACES,
        METRICS,
        setting.solver,
        control.Sensor(noise_of(TWO_LINK, 2, setting.signal_to_noise, T1)),
        0.25,
    )


def baseline(setting: Setting, name: str) -> control.Controller:
    """One of `BASELINES`, with the gains of the networks' controllers."""
    plant = setting.plant
    if name == "observer_based":
        return control.DisturbanceRejection(plant, drift_gain=setting.drift_gain)
    if name == "nonlinear_pd":
        return control.PD(plant)
    return control.NonlinearMPC(
        plant, TWO_LINK, horizon=setting.horizon, lower=-setting.limit, upper=setting.limit
    )

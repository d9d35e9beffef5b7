"""Loops of Table III: the underwater vehicle whose feedback is lost again and again."""

from __future__ import annotations

import jax.numpy as jnp

from experiments.tracking.settings import Law
from experiments.tracking.study import Loop, Metric, noise_of, norm
from lbdnn import FullyConnected, control
from lbdnn.control.references import UUV

T1 = 30.0
LOST = tuple((float(a), a + 1.0) for a in (5, 7, 9, 11, 14, 17, 19, 21, 24, 26))
METRICS = {
    "rms_position_error": Metric("m", "position error", 0.0),
    "rms_angular_error": Metric("rad", "angular error", 0.0),
    "rms_position_error_second_half": Metric("m", "position error", 0.5),
    "rms_angular_error_second_half": Metric("rad", "angular error", 0.5),
}
LABELS = {
    "position error": "position error (m)",
    "angular error": "angular error (rad)",
    "control": "‖u‖ (N, N m)",
    "function error": "‖f − Φ‖\n(m/s², rad/s²)",
}
_TRACES = {
    "position error": lambda run: norm(run.error[:, :3]),
    "angular error": lambda run: norm(run.error[:, 3:]),
    "control": lambda run: norm(run.control),
    "function error": lambda run: norm(run.function_error),
}


_PLANT = control.UnderwaterVehicle()


def loop(controller: control.Controller, t1: float = T1) -> Loop:
    """The benchmark of Patil et al. (2023), the plant as its equations are.

    Noise 50 dB below the reference: none on roll, pitch and their rates, whose references are 0.
    """
    start = jnp.array([-0.5, -0.5, -0.5, *[0.0] * 9])
    noise = noise_of(UUV, 2, 50.0, T1)
    sensor = control.Sensor(noise, feedback=control.Lost(LOST))
    return Loop(_PLANT, controller, UUV, lambda key: start, t1, _TRACES, METRICS, sensor=sensor)


def learning(law: Law, layers: int = 5, neurons: int = 5) -> control.LbDNN:
    """α₁ = 5, α₂ = 10, α₃ = 40, k_r = 20, k_f = 20, Γ(0) = 0.5, κ₀ = 1, β₀ = 10, k_θ = 10⁻⁴."""
    net = FullyConnected((12, *[neurons] * layers, 6), "tanh")
    own = (
        control.TrackingLaw(gain=0.5) if law == "tracking"
        else control.CompositeLaw(prediction_gain=40.0, initial_gain=0.5, largest_gain=1.0)
    )  # fmt: skip
    return control.LbDNN(net, _PLANT, own, feedback_gain=20.0, drift_gain=20.0)


def baseline(name: str) -> control.Controller:
    """One of the baselines of the two-link benchmark, with the gains of `learning`.

    The predictive one's weights are published for the arm alone: 10⁻⁴ for the square of a torque of
    some 10 N m. Here 10⁻⁷, for forces of some 300 N that move the vehicle.
    """
    if name == "observer_based":
        return control.DisturbanceRejection(_PLANT, feedback_gain=20.0, drift_gain=20.0)
    if name == "nonlinear_pd":
        return control.PD(_PLANT, feedback_gain=20.0)
    return control.NonlinearMPC(_PLANT, UUV, effort=1e-7, lower=-jnp.inf, upper=jnp.inf)

"""Loops of the ResNet paper: residual blocks against the same blocks without shortcuts."""

from __future__ import annotations

from pathlib import Path
from zipfile import BadZipFile

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from experiments.outside_data import outside_data
from experiments.tracking.study import Loop, Metric, norm
from lbdnn import Chain, FullyConnected, ResidualNetwork, control
from lbdnn.control.references import Reference, ten_state

T1 = 10.0
SIZE, BLOCKS = 10, 10
NETWORKS = {
    "residual": ResidualNetwork(
        (SIZE,), blocks=BLOCKS, hidden=[SIZE], preactivation=False, bias=False
    ),
    "without shortcuts": Chain(
        FullyConnected((SIZE, SIZE, SIZE), "tanh", bias=False).operations * BLOCKS, SIZE
    ),
}
# Γ and the control period in s. With the code's own, residual networks are beyond what Euler's
# steps of 10 ms bear.
SETTINGS = {"code": (5.0, 0.01), "gain 1": (1.0, 0.01), "1 ms": (5.0, 0.001)}
METRICS = {
    "rms_tracking_error": Metric("1", "error", 0.0),
    "rms_tracking_error_second_half": Metric("1", "error", 0.5),
    "rms_control": Metric("1", "control", 0.0),
    "rms_function_error_on_trajectory": Metric("1", "function error", 0.0),
}
LABELS = {"error": "‖e‖", "control": "‖u‖", "function error": "‖f − Φ‖ on the path"}
_TRACES = {
    "error": lambda run: norm(run.error),
    "control": lambda run: norm(run.control),
    "function error": lambda run: norm(run.function_error),
}


def benchmark() -> tuple[control.TenState, Reference, str]:
    """Plant, reference, and where their numbers are from: outside data, or drawn with seed 0.

    Drawn: A ~ U(−0.5, 0.5) (10, 60), ω ~ U(0.5, 1.5) rad/s.
    """
    file = outside_data() / "resnet_benchmark.npz"
    if file.is_file():
        matrix, omega = _read(file)
        source = "published"
    else:
        generator = np.random.default_rng(0)
        matrix = generator.uniform(-0.5, 0.5, (SIZE, 6 * SIZE))
        omega = generator.uniform(0.5, 1.5, SIZE)
        source = "drawn"
    return control.TenState(matrix), ten_state(omega), source


def _read(file: Path) -> tuple[np.ndarray, np.ndarray]:
    try:
        with np.load(file) as stored:
            return stored["A"], stored["omega"]
    except (OSError, KeyError, ValueError, BadZipFile) as error:
        raise ValueError(f"{file} holds no benchmark ({error})") from None


def loop(network: str, setting: str, t1: float = T1) -> Loop:
    """u = ẋ_d − Φ − 10e, θ̂' = Γ Φ'ᵀe, Euler, x(0) ~ U(−1, 1)¹⁰: Patil et al., arXiv 2404.07385.

    `setting`: one of `SETTINGS`.
    """
    gain, period = SETTINGS[setting]
    plant, reference, _ = benchmark()
    law = control.TrackingLaw(gain=gain, damping=0.0)
    own = control.LbDNN(NETWORKS[network], plant, law, feedback_gain=10.0)

    def state(key: Array) -> Array:
        return jax.random.uniform(key, (SIZE,), jnp.float64, -1.0, 1.0)

    return Loop(plant, own, reference, state, t1, _TRACES, METRICS, "euler", period=period)

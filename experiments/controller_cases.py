"""The trained controllers of the ARCH-COMP AINNCS friendly competition, on boxes of inputs.

Each box is one that the benchmark names: where the closed loop starts or is to stay; for the car,
whose benchmark names no such box, one around the states between the start and the end of braking.
The files are read from the folder that LBDNN_DATA names.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

import lbdnn
from experiments.outside_data import outside_data
from experiments.tightness_measurement import Case
from lbdnn import Box

FRACTIONS = (0.0, 0.001, 0.01, 0.1)
_FILES: dict[str, tuple[str, Box, str]] = {
    "ACC 5×20 relu": (
        "acc_5x20.onnx",
        Box((30.0, 1.4, 20.0, 60.0, -5.0), (30.0, 1.4, 35.0, 110.0, 5.0)),
        "around braking",
    ),
    "double pendulum 2×25 relu": (
        "double_pendulum_more_robust_2x25.onnx",
        Box(-0.5, 1.5),
        "to stay in",
    ),
    "single pendulum 2×25 relu": (
        "single_pendulum_2x25.onnx",
        Box((1.0, 0.0), (1.2, 0.2)),
        "starts in",
    ),
    "TORA 3×100 relu": ("tora_relu_3x100.onnx", Box(-2.0, 2.0), "to stay in"),
    "TORA 3×20 sigmoid": ("tora_sigmoid_3x20.txt", Box(-2.0, 2.0), "to stay in"),
}


def controllers() -> list[Case]:
    """One case a controller, radii `FRACTIONS` of ‖θ‖.

    Raises ValueError, in one sentence, where the files are not found.
    """
    folder = outside_data() / "controllers"
    if not folder.is_dir():
        raise ValueError(f"there is no folder {folder}; set LBDNN_DATA to the one that holds it")
    return [
        controller(label, folder / file, box, why) for label, (file, box, why) in _FILES.items()
    ]


def controller(label: str, file: Path, box: Box, why: str) -> Case:
    """The network of one file on its box; `why` says what the box is."""
    model = lbdnn.read(file)
    norm = float(np.linalg.norm(np.asarray(model.net.ravel(model.theta), np.float64)))
    about = [{"fraction": fraction, "box": why} for fraction in FRACTIONS]
    radii = [fraction * norm for fraction in FRACTIONS]
    return Case(label, model.net, [model.theta], box, [radii], [about])

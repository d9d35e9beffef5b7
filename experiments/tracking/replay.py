"""A stored trajectory of the published code, computed again."""

from __future__ import annotations

from pathlib import Path
from zipfile import BadZipFile

import jax
import numpy as np

from experiments.tracking.settings import CODE, PERIOD, Law
from lbdnn import control
from lbdnn.control.references import TWO_LINK

# Largest difference relative to the largest entry of each array.
TOLERANCE = 1e-9
_COMPARED = {
    "tracking_error": "e",
    "control": "u",
    "network_error": "f − Φ",
    "theta_every_50": "θ̂, every 50 samples",
    "theta_final": "θ̂ at the end",
}


def replay(file: Path, layers: int, neurons: int, law: Law) -> dict[str, float]:
    """Array to largest difference, relative to the largest entry of the stored one.

    Raises ValueError where the file is not such a trajectory, or of another network.
    """
    try:
        with np.load(file) as stored:
            kept = {name: stored[name] for name in (*_COMPARED, "theta_init", "time")}
    except (OSError, KeyError, ValueError, BadZipFile) as error:
        raise ValueError(f"{file} is no stored trajectory ({error})") from None
    controller = CODE.controller(layers, neurons, law, exact_norm=True)
    size = controller.net.size
    if kept["theta_init"].shape != (size,):
        raise ValueError(
            f"{file} holds {kept['theta_init'].size} parameters; a network of {layers} hidden "
            f"layers of {neurons} has {size}"
        )
    with jax.enable_x64(True):
        run = control.simulate(
            CODE.plant,
            controller,
            TWO_LINK,
            np.array([*CODE.position, 0.0, 0.0]),
            controller.net.unravel(kept["theta_init"]),
            t1=PERIOD * len(kept["time"]),
            control_period=PERIOD,
            solver=CODE.solver,
            theta_every=50,
        )
    found = {
        "tracking_error": np.asarray(run.error).T,
        "control": np.asarray(run.control).T,
        "network_error": np.asarray(run.function_error).T,
        "theta_every_50": np.asarray(run.theta_samples).T,
        "theta_final": np.asarray(run.theta),
    }
    return {
        meaning: float(np.abs(found[name] - kept[name]).max() / np.abs(kept[name]).max())
        for name, meaning in _COMPARED.items()
    }

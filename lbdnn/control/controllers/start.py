"""What cannot work, refused before a simulation starts."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from ...networks import Theta
from ..laws import traced
from ..plants import AffinePlant, Plant


def check(
    controller: Any, theta: Theta | None, state: Float[Array, " N"], period: float | None
) -> None:
    """Asks a controller that has a `check`; see `Controller`."""
    own = getattr(controller, "check", None)
    if own is not None:
        # Inside another program what is known is compared now, not traced.
        with jax.ensure_compile_time_eval():
            own(theta, state, period)


def check_plant(plant: Plant) -> None:
    """Raises ValueError for a plant that is stepped from outside, as a `MujocoPlant`."""
    if not hasattr(plant, "rate"):
        raise ValueError(
            f"{type(plant).__name__} has no rate, so it is not for a compiled loop; step it, and "
            "the controller by `advance`, in a loop of Python"
        )


def check_command(plant: Plant, command: Float[Array, " m"]) -> None:
    """Raises ValueError unless there is a number for each control."""
    if command.shape != (len(plant.controls),):
        raise ValueError(
            f"the plant has {len(plant.controls)} controls; the controller gives shape "
            f"{command.shape}"
        )


def check_inverse(plant: AffinePlant, state: Float[Array, " N"]) -> None:
    """Refuses an X(0) of another plant, and an effectiveness without right inverse there."""
    if state.shape != (len(plant.states),):
        raise ValueError(
            f"the controller's plant has {len(plant.states)} states; got a state of shape "
            f"{state.shape}"
        )
    if traced(plant, state):
        return
    with jax.ensure_compile_time_eval():
        found = np.asarray(_effectiveness(plant, state))
    if not np.all(np.isfinite(found)) or np.linalg.matrix_rank(found) < len(found):
        raise ValueError(
            f"the effectiveness g of the plant at X(0) is not finite and of rank {len(found)}, so "
            "that no control gives every wanted derivative; pass another X(0) or another plant"
        )


def check_errors(
    order: int, error_gain: ArrayLike, feedback_gain: ArrayLike, period: float
) -> None:
    """Refuses gains with which the error grows from sample to sample, for f = Φ and exact hold.

    First order: e' = −k_r e, so e⁺ = (1 − k_r T)e. Second order: a double integrator under
    ë = −(1 + α₁k_r)e − (α₁ + k_r)ė, held for T: e⁺ = e + Tė + T²ë/2, ė⁺ = ė + Të.
    """
    if traced(error_gain, feedback_gain):
        return
    t = period
    for a, k in np.broadcast(error_gain, feedback_gain):
        if order == 1:
            moved = np.array([[1 - k * t]])
        else:
            moved = np.array([[1, t], [0, 1]]) - np.outer([t * t / 2, t], [1 + a * k, a + k])
        _refuse(moved, "the tracking error", "feedback_gain or error_gain", period)


def check_observer(observer_gain: ArrayLike, drift_gain: ArrayLike, period: float) -> None:
    """Refuses gains with which the sampled derivative observer has growing errors.

    With r and the control known, r̂⁺ = r̂ − T((k_f + α₂)r̂ − ∫), ∫⁺ = ∫ − T(k_fα₂ + 1)r̂.
    """
    if traced(observer_gain, drift_gain):
        return
    for a, k in np.broadcast(observer_gain, drift_gain):
        moved = np.eye(2) + period * np.array([[-(k + a), 1], [-(k * a + 1), 0]])
        _refuse(moved, "the observer's error", "observer_gain or drift_gain", period)


def _refuse(moved: np.ndarray, what: str, gains: str, period: float) -> None:
    if not np.all(np.isfinite(moved)):
        raise ValueError(f"the gains of {what} are not finite; pass another {gains}")
    radius = np.max(np.abs(np.linalg.eigvals(moved)))
    # Roundings of a spectral radius of 1, as without any feedback.
    if radius > 1 + 1e-6:
        raise ValueError(
            f"with a control period of {period:g} s {what} grows {radius:.4g}-fold a sample; pass "
            f"a shorter period or another {gains}"
        )


@jax.jit
def _effectiveness(plant: AffinePlant, state: Float[Array, " N"]) -> Float[Array, "n m"]:
    return plant.effectiveness(state)

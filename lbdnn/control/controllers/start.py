"""What cannot work, refused before a simulation starts."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
from jaxtyping import Array, Float

from ...networks import Theta
from ..plants import AffinePlant


def check(
    controller: Any, theta: Theta | None, state: Float[Array, " N"], period: float | None
) -> None:
    """Asks a controller that has a `check`; see `Controller`."""
    own = getattr(controller, "check", None)
    if own is not None:
        own(theta, state, period)


def check_inverse(plant: AffinePlant, state: Float[Array, " N"]) -> None:
    """Refuses an effectiveness without right inverse at X(0)."""
    with jax.ensure_compile_time_eval():
        found = np.asarray(_effectiveness(plant, state))
    if not np.all(np.isfinite(found)) or np.linalg.matrix_rank(found) < len(found):
        raise ValueError(
            f"the effectiveness g of the plant at X(0) is not finite and of rank {len(found)}, so "
            "that no control gives every wanted derivative; pass another X(0) or another plant"
        )


def check_errors(order: int, error_gain: float, feedback_gain: float, period: float) -> None:
    """Refuses gains with which the error grows from sample to sample, for f = Φ and exact hold.

    First order: e' = −k_r e, so e⁺ = (1 − k_r T)e. Second order: a double integrator under
    ë = −(1 + α₁k_r)e − (α₁ + k_r)ė, held for T: e⁺ = e + Tė + T²ë/2, ė⁺ = ė + Të.
    """
    k, t = feedback_gain, period
    if order == 1:
        moved = np.array([[1 - k * t]])
    else:
        held = -np.array([1 + error_gain * k, error_gain + k])
        moved = np.array([[1, t], [0, 1]]) + np.outer([t * t / 2, t], held)
    _refuse(moved, "the tracking error", "feedback_gain or error_gain", period)


def check_observer(observer_gain: float, drift_gain: float, period: float) -> None:
    """Refuses gains with which the sampled observer of `LbDNN` has growing errors.

    With r and the control known, r̂⁺ = r̂ − T((k_f + α₂)r̂ − ∫), ∫⁺ = ∫ − T(k_fα₂ + 1)r̂.
    """
    a, k = observer_gain, drift_gain
    moved = np.eye(2) + period * np.array([[-(k + a), 1], [-(k * a + 1), 0]])
    _refuse(moved, "the observer's error", "observer_gain or drift_gain", period)


def _refuse(moved: np.ndarray, what: str, gains: str, period: float) -> None:
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

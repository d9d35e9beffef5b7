"""The feedback that the controllers of a known g have in common."""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from ...networks import Theta
from ..plants import AffinePlant
from ..references import Motion
from .inversion import right_inverse


class Tracking(NamedTuple):
    """e = x − x_d, r = ė + α₁e (order 1: e), and ṙ but for x⁽ᵏ⁾; each (n,)."""

    error: Float[Array, " n"]
    filtered: Float[Array, " n"]
    known: Float[Array, " n"]


def tracking(
    order: int, measured: Float[Array, " N"], motion: Motion, error_gain: float
) -> Tracking:
    """Errors of a plant of this order; `error_gain` is α₁."""
    n = motion.position.size
    error = measured[:n] - motion.position
    if order == 1:
        return Tracking(error, error, -motion.velocity)
    filtered = measured[n:] - motion.velocity + error_gain * error
    known = error_gain * (filtered - error_gain * error) - motion.acceleration
    return Tracking(error, filtered, known)


def wanted(
    order: int, errors: Tracking, motion: Motion, error_gain: float, feedback_gain: float
) -> Float[Array, " n"]:
    """ẍ_d − (α₁ + k_r) r + (α₁² − 1) e; order 1: ẋ_d − k_r e."""
    if order == 1:
        return motion.velocity - feedback_gain * errors.error
    pulled = (error_gain + feedback_gain) * errors.filtered
    return motion.acceleration - pulled + (error_gain * error_gain - 1) * errors.error


def feedforward(plant: AffinePlant, motion: Motion) -> Float[Array, " m"]:
    """g⁺(X_d) x_d⁽ᵏ⁾: without feedback and without a model of the drift."""
    effectiveness = plant.effectiveness(motion.state(plant.order))
    return right_inverse(effectiveness, motion.highest(plant.order))


def checked(plant: AffinePlant, theta: Theta | None, measured: Array, motion: Motion) -> None:
    """Raises ValueError where sizes are not the plant's, or parameters are given to no network."""
    if theta is not None:
        raise ValueError("this controller has no network that learns; leave theta out")
    checked_sizes(plant, measured, motion)


def checked_sizes(plant: AffinePlant, measured: Array, motion: Motion) -> None:
    """Raises ValueError where sizes are not the plant's."""
    size, order = len(plant.states), plant.order
    if measured.shape != (size,) or motion.position.shape != (size // order,):
        raise ValueError(
            f"a plant of {size} states and order {order} is measured with {size} numbers and has "
            f"a reference of {size // order}; got shapes {measured.shape} and "
            f"{motion.position.shape}"
        )


def checked_fields(controller: object, names: tuple[str, ...], size: int) -> None:
    """Raises ValueError unless each of these is None, a number or of shape (size,)."""
    for name in names:
        value = getattr(controller, name)
        if value is not None and jnp.shape(value) not in ((), (size,)):
            raise ValueError(
                f"{name} is a number or of shape ({size},); got shape {jnp.shape(value)}"
            )


def no_drift(plant: AffinePlant) -> Float[Array, " n"]:
    """NaN: there is no model of the drift."""
    return jnp.full(len(plant.states) // plant.order, jnp.nan)


def no_parameters() -> Float[Array, " 0"]:
    """θ̂ where nothing learns."""
    return jnp.zeros(0)

"""The derivative observer, sampled."""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float


class Observer(NamedTuple):
    """r̂, f̂ and the integral in f̂, each (n,)."""

    filtered_error: Float[Array, " n"]
    drift: Float[Array, " n"]
    integral: Float[Array, " n"]


def started(filtered: Float[Array, " n"]) -> Observer:
    """r̂(0) = r(0), f̂(0) = 0."""
    zero = jnp.zeros_like(filtered)
    return Observer(filtered, zero, zero)


def observed(
    observer: Observer,
    filtered: Float[Array, " n"],
    known: Float[Array, " n"],
    observer_gain: float,
    drift_gain: float,
    period: float,
) -> Observer:
    """One period later; `filtered` is r, `known` all of ṙ but the drift.

    r̂ first, then ∫ with the old r̃, then f̂ = k_f (r − r̂) + ∫, as in the published code.
    """
    gap = filtered - observer.filtered_error
    rate = known + observer.drift + observer_gain * gap
    following = observer.filtered_error + period * rate
    integral = observer.integral + period * (drift_gain * observer_gain + 1) * gap
    return Observer(following, drift_gain * (filtered - following) + integral, integral)

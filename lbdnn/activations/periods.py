"""Intervals of a periodic function."""

from __future__ import annotations

import math

import jax.numpy as jnp
from jaxtyping import Array


def within_period(period: float, lo: Array, hi: Array) -> tuple[Array, Array]:
    """[lo, hi] moved by a multiple of the period to |lo| ≤ period/2; the line, if it is longer.

    The phase is read from sine and cosine, which reduce huge arguments exactly, as a quotient by a
    rounded period could not. With a period that is not 2π the product below is rounded, and where
    that could matter the answer is the line: sound, not tight.
    """
    frequency = math.tau / period
    angle = lo * frequency
    first = jnp.arctan2(jnp.sin(angle), jnp.cos(angle)) / frequency
    known = hi - lo < period
    if frequency != 1:
        known &= jnp.abs(angle) * jnp.finfo(lo.dtype).eps < 1e-6
    return jnp.where(known, first, -math.inf), jnp.where(known, first + (hi - lo), math.inf)

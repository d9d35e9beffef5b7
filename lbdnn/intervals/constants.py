"""The real numbers that the constants of a formula stand for."""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import DTypeLike

from .interval import Interval
from .rounding import constant


def meant(value: float) -> tuple[float, float]:
    """Numbers below and above what a constant of a formula stands for: itself, if it has at most 26
    binary digits; else some real number within 8u (of float64) of it, such as √2."""
    if not math.isfinite(value) or (math.frexp(value)[0] * 2**26).is_integer():
        return value, value
    slack = 8 * 2.0**-53 * abs(value)
    return value - slack, value + slack


def ends(value: float, dtype: DTypeLike) -> tuple[float, float]:
    """Numbers of that type below and above what a constant stands for: beyond the largest where it
    is infinite, anything where it is NaN."""
    if math.isnan(value):
        return -math.inf, math.inf
    if math.isinf(value):
        largest = float(np.finfo(np.dtype(dtype)).max)
        return (largest, value) if value > 0 else (value, -largest)
    low, high = meant(value)
    return constant(low, dtype)[0], constant(high, dtype)[1]


def stands_for(value: Any, dtype: DTypeLike) -> Interval:
    """The interval of what constants, of any shape, stand for."""
    numbers = np.asarray(value, np.float64)
    pairs = [ends(v, dtype) for v in numbers.ravel().tolist()]
    lo, hi = np.asarray(pairs, np.float64).reshape(-1, 2).T
    low = jnp.asarray(lo.reshape(numbers.shape), dtype)
    if (lo == hi).all():
        return Interval(low, low)
    return Interval(low, jnp.asarray(hi.reshape(numbers.shape), dtype))

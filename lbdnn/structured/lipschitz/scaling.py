"""Weights as they are taken in: checked, in float64, of moderate size."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import ArrayLike, Float

from .constant import Constant, above, below

_LARGEST = float(np.finfo(np.float64).max)


class Scaled(NamedTuple):
    """The weight is `values` · `scale`, 1 ≤ max|values| < 2, scale a power of two.

    Entries more than 10³⁰⁰ times smaller than the largest may be off by the smallest normal number.
    """

    values: Float[np.ndarray, "*s"]
    scale: float

    def unscaled(self, lower: float, upper: float) -> Constant:
        """Bounds of a norm of the weight from those of its values."""
        lowest = min(lower * self.scale, _LARGEST)
        highest = upper * self.scale
        if lowest < np.finfo(np.float64).tiny:  # there, multiplying by a power of two may round
            lowest, highest = max(below(lowest), 0.0), above(highest)
        return Constant(lowest, highest)


def scaled(weight: ArrayLike, dimensions: int, meaning: str) -> Scaled:
    """The weight in float64 and of moderate size.

    **Raises:** ValueError, in one sentence, where it is not a real, finite array with so many axes,
    none of them empty.
    """
    array = np.asarray(weight)
    if array.dtype.kind not in "fiu" and array.dtype.name != "bfloat16":
        raise ValueError(f"{meaning} must hold real numbers; got {array.dtype}")
    if array.ndim != dimensions or array.size == 0:
        raise ValueError(f"{meaning} needs {dimensions} axes, none empty; got shape {array.shape}")
    if array.dtype.kind != "f" or array.dtype.itemsize > 8:
        exact = array.astype(np.float64)
        if not np.array_equal(exact.astype(array.dtype), array):
            raise ValueError(f"{meaning} holds numbers that float64 cannot; pass float64")
        array = exact
    values = array.astype(np.float64)
    if not np.all(np.isfinite(values)):
        raise ValueError(f"{meaning} holds NaN or infinity; pass finite weights")
    largest = float(np.max(np.abs(values)))
    if largest == 0:
        return Scaled(values, 1.0)
    exponent = math.frexp(largest)[1] - 1
    return Scaled(np.ldexp(values, -exponent), math.ldexp(1.0, exponent))

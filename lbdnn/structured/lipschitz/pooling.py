"""Lipschitz constants of pooling."""

from __future__ import annotations

import math

import numpy as np

from .constant import Constant, above, below, exactly
from .convolution import convolution_norm
from .geometry import Convolution


def average_pooling_norm(windows: Convolution) -> Constant:
    """‖A‖₂ of averaging over windows, each channel by itself: of the kernel 1/(kh·kw).

    Pixels of the padding count in the averages, as zeros. 1/√(kh·kw) where windows do not overlap.
    """
    ones = convolution_norm(np.ones((1, 1, *windows.kernel)), windows)
    number = math.prod(windows.kernel)
    return Constant(
        max(below(ones.lower / number), 0.0),
        above(ones.upper / number),
    )


def max_pooling_constant(windows: Convolution) -> Constant:
    """The Lipschitz constant of the maximum over windows: √(the most windows that share a pixel).

    It is 1 exactly where windows do not overlap. For |max_W x − max_W y| ≤ max_W |x − y|, and the
    sum of its squares over the windows counts each pixel at most so often; it is attained at a
    pixel that is the largest of all windows it is in. Padding counts as −∞.

    **Raises:** ValueError with circular boundaries, which no pooling has.
    """
    if windows.boundary != "zero":
        raise ValueError("pooling has no circular boundary; pass windows with boundary 'zero'")
    padding = np.broadcast_to(np.asarray(windows.padding), 2)
    stride = np.broadcast_to(np.asarray(windows.stride), 2)
    most = 1
    for axis in (0, 1):
        first = stride[axis] * np.arange(windows.output[axis]) - padding[axis]
        pixels = np.arange(windows.image[axis])[:, None]
        inside = (first <= pixels) & (pixels < first + windows.kernel[axis])
        most *= int(inside.sum(1).max())
    root = math.isqrt(most)
    if root * root == most:
        return exactly(root)
    return Constant(below(math.sqrt(most)), above(math.sqrt(most)))

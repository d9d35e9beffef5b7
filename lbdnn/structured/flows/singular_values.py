"""What parametrizations of weights prove about singular values."""

from __future__ import annotations

import math

from ..weights import (
    SVD,
    BlockOrthogonalConvolution,
    NormBounded,
    NormBoundedConvolution,
    Orthogonal,
    OrthogonalConvolution,
    Parametrization,
)


def singular_value_range(weight: Parametrization) -> tuple[float, float]:
    """(s, c) with s‖x‖ ≤ ‖Wx‖ ≤ c‖x‖ for all x and all parameters, in real arithmetic.

    s = 0 for a weight with fewer rows than columns, as it has a kernel; so for a convolution to
    fewer channels.

    **Raises:** ValueError for a parametrization that bounds no singular values.
    """
    rows, columns = weight.shape[:2]
    match weight:
        case Orthogonal() | OrthogonalConvolution() | BlockOrthogonalConvolution():
            least, greatest = 1.0, 1.0
        case NormBounded() | NormBoundedConvolution():
            least, greatest = 0.0, weight.bound
        case SVD() if weight.factors != "penalized":
            ends = abs(weight.least), abs(weight.greatest)
            least = 0.0 if weight.least <= 0 <= weight.greatest else min(ends)
            greatest = max(ends)
        case _:
            raise ValueError(
                "the weight must have bounded singular values: pass Orthogonal, NormBounded, SVD "
                "with orthogonal factors, OrthogonalConvolution, BlockOrthogonalConvolution or "
                f"NormBoundedConvolution; got {weight!r}"
            )
    return (least if rows >= columns else 0.0), greatest


def greatest_singular_value(weight: Parametrization) -> float:
    """c with ‖Wx‖ ≤ c‖x‖ for all x and all parameters; inf where there is none."""
    try:
        return singular_value_range(weight)[1]
    except ValueError:
        return math.inf

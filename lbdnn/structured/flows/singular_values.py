"""What parametrizations of weights prove about singular values."""

from __future__ import annotations

from ..weights import SVD, NormBounded, Orthogonal, Parametrization


def singular_value_range(weight: Parametrization) -> tuple[float, float]:
    """(s, c) with s‖x‖ ≤ ‖Wx‖ ≤ c‖x‖ for all x and all parameters, in real arithmetic.

    s = 0 for a weight with fewer rows than columns, as it has a kernel.

    **Raises:** ValueError for a parametrization that bounds no singular values.
    """
    rows, columns = weight.shape
    match weight:
        case Orthogonal():
            least, greatest = 1.0, 1.0
        case NormBounded():
            least, greatest = 0.0, weight.bound
        case SVD() if weight.factors != "penalized":
            ends = abs(weight.least), abs(weight.greatest)
            least = 0.0 if weight.least <= 0 <= weight.greatest else min(ends)
            greatest = max(ends)
        case _:
            raise ValueError(
                "the weight must have bounded singular values: pass Orthogonal, NormBounded or "
                f"SVD with orthogonal factors; got {weight!r}"
            )
    return (least if rows >= columns else 0.0), greatest

"""How little a matrix stretches."""

from __future__ import annotations

import numpy as np
from jaxtyping import ArrayLike, Float

from .constant import above, below
from .dense import matrix_norm
from .scaling import scaled


def least_singular_value(weight: Float[ArrayLike, "m n"]) -> float:
    r"""s ≥ 0 with s‖x‖ ≤ ‖Ax‖ for all x, for exactly the numbers given; 0 where none is found.

    *Proof.* With any X and δ = ‖XA − I‖: ‖x‖ ≤ ‖XAx‖ + δ‖x‖, so that ‖Ax‖ ≥ (1 − δ)/‖X‖ · ‖x‖.
    X is an approximate pseudoinverse. The product is computed in float64, each entry of it with an
    error of at most γ times the entry of |X||A| (Higham 2002, §3.1), which is added to δ.

    **Raises:** ValueError for what is not a real, finite, non-empty matrix.
    """
    own = scaled(weight, 2, "a weight matrix")
    rows, columns = own.values.shape
    if rows < columns or not own.values.any():
        return 0.0
    try:
        inverse = np.linalg.pinv(own.values)
    except np.linalg.LinAlgError:
        return 0.0
    if not np.all(np.isfinite(inverse)) or not inverse.any():
        return 0.0
    error = inverse @ own.values - np.eye(columns)
    terms = (rows + 4) * np.finfo(np.float64).eps
    # Sums of squares of non-negative numbers: 1e-9 covers their own roundings.
    lost = terms * (np.linalg.norm(inverse) * np.linalg.norm(own.values) + columns) * (1 + 1e-9)
    delta = above(matrix_norm(error).upper + lost)
    if not delta < 1:
        return 0.0
    return max(below(below(below(1 - delta) / matrix_norm(inverse).upper) * own.scale), 0.0)

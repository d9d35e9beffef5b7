"""Clarabel, and matrices as it takes them."""

from __future__ import annotations

from typing import Any

import numpy as np


def triangle(matrix: np.ndarray) -> np.ndarray:
    """The upper triangle by columns, off the diagonal times √2: Clarabel's order."""
    n = len(matrix)
    scaled = np.where(np.eye(n, dtype=bool), matrix, np.sqrt(2) * matrix)
    return np.concatenate([scaled[: j + 1, j] for j in range(n)])


def solver() -> Any:
    """Clarabel; raises ImportError, in one sentence, without the extra."""
    try:
        import clarabel  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise ImportError(
            "linear matrix inequalities need the lmi extra: pip install 'lbdnn[lmi]'"
        ) from None
    return clarabel

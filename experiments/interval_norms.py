"""Norms of derivatives whose entries are known to lie in intervals, over boxes of inputs.

NumPy alone: programs in other environments import this too. Arithmetic rounds to nearest, so what
is bounded here is bounded up to a relative 1e-12 or so, not to the last bit.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from itertools import product

import numpy as np

# Entries of a derivative by output, for a batch of boxes: (c, m, p), or (c, m, p, p).
Entries = np.ndarray
Enclose = Callable[[np.ndarray, np.ndarray], tuple[Entries, Entries]]

_DIRECTIONS = 16


def cells(lo: np.ndarray, hi: np.ndarray, sides: int) -> tuple[np.ndarray, np.ndarray]:
    """(sidesⁿ, n) lower and upper corners of the boxes that a box is cut into."""
    edges = lo + (hi - lo) * np.linspace(0, 1, sides + 1)[:, None]
    places = np.array(list(product(range(sides), repeat=len(lo))))
    axes = np.arange(len(lo))
    return edges[places, axes], edges[places + 1, axes]


def largest_over_cells(
    enclose: Enclose,
    lo: np.ndarray,
    hi: np.ndarray,
    sides: int,
    *,
    together: int = 16,
    limit: float = math.inf,
) -> float:
    """A bound of the operator norm over a box, cut into sidesⁿ boxes for which entries are bounded.

    `enclose` gets `together` boxes at a time (the last ones repeated). NaN once it is seen that all
    boxes would take more than `limit` seconds, from the second call of `enclose` on: the first may
    compile.
    """
    low, high = cells(lo, hi, sides)
    largest, began = 0.0, time.perf_counter()
    for start in range(0, len(low), together):
        chosen = np.minimum(np.arange(start, start + together), len(low) - 1)
        left, right = (np.asarray(x, float) for x in enclose(low[chosen], high[chosen]))
        count = min(together, len(low) - start)
        largest = largest_norm(left[:count], right[:count], largest)
        if start == 0:
            began = time.perf_counter()
        elif (time.perf_counter() - began) / start * len(low) > limit:
            return math.nan
    return largest


def largest_norm(lo: Entries, hi: Entries, known: float = 0.0) -> float:
    r"""≥ `known` and ≥ the operator norms of all tensors with entries in [lo, hi].

    For matrices (c, m, p) that is the spectral norm, for tensors (c, m, p, p) of which each matrix
    is symmetric sup ‖(vᵀT_i w)_i‖ over unit v, w. With M the largest absolute values, C the middle
    and R the radius of the entries, it is at most min(‖M‖, ‖C‖ + ‖R‖).
    """
    if not (np.all(np.isfinite(lo)) and np.all(np.isfinite(hi))):
        return math.inf
    if lo.ndim == 4:
        lo, hi = (
            np.maximum(lo, np.swapaxes(lo, 2, 3)),
            np.minimum(hi, np.swapaxes(hi, 2, 3)),
        )
    middle, radius = (lo + hi) / 2, np.abs(hi - lo) / 2
    size = np.maximum(np.abs(lo), np.abs(hi))
    whole, split = _unfolded(size), _unfolded(middle) + _unfolded(radius)
    roughly = np.minimum(whole, split)
    if lo.ndim == 3:
        return max(known, float(np.max(roughly)))
    # The norm of the unfolded tensor is the larger one: only the largest are looked at closely.
    for cell in np.argsort(-roughly):
        if roughly[cell] <= known:
            break
        if whole[cell] <= split[cell]:
            closely = _operator(size[cell])
        else:
            closely = _operator(middle[cell]) + _operator(radius[cell])
        known = max(known, min(float(roughly[cell]), closely))
    return known


def _unfolded(tensors: Entries) -> np.ndarray:
    """Norms of v ↦ (T_1 v, …, T_m v), (c,)."""
    rows = tensors.reshape(len(tensors), -1, tensors.shape[-1])
    small = rows if rows.shape[1] > rows.shape[2] else np.swapaxes(rows, 1, 2)
    return np.sqrt(np.maximum(np.linalg.eigvalsh(np.swapaxes(small, 1, 2) @ small)[:, -1], 0.0))


def _operator(tensor: np.ndarray) -> float:
    """≥ max ‖Σ uᵢTᵢ‖ over unit u, for symmetric matrices (m, p, p).

    For one output the norm itself. For two, u lies between two directions of a grid on the half
    circle with steps of an angle h, and is a combination of them with coefficients ≥ 0 whose sum is
    at most 1/cos(h/2). Where no entry is negative, the quarter with u ≥ 0 suffices. For more
    outputs, √Σ‖Tᵢ‖².
    """
    if len(tensor) > 2:
        return float(np.linalg.norm(_spectral(tensor)))
    if len(tensor) == 1:
        return float(_spectral(tensor)[0])
    step = math.pi / _DIRECTIONS
    steps = _DIRECTIONS // 2 if np.all(tensor >= 0) else _DIRECTIONS - 1  # u and −u are one
    angles = step * np.arange(steps + 1)
    directions = np.stack([np.cos(angles), np.sin(angles)], 1)
    return float(np.max(_spectral(np.tensordot(directions, tensor, 1))) / math.cos(step / 2))


def _spectral(matrices: np.ndarray) -> np.ndarray:
    """Norms of symmetric matrices, (k,)."""
    return np.max(np.abs(np.linalg.eigvalsh(matrices)), 1)

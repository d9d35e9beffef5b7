"""Regular grids of points in a box."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float

from ..sets import Box

# Of a grid in memory, in bytes: A* and eigenvalues take several times as much.
LARGEST = 2**30


def grid(box: Box, size: int, points: int) -> Float[np.ndarray, "b n"]:
    """The nodes of a regular grid: `points` in each of `size` directions, both ends included.

    Shape (points^size, size), float64; the last direction varies fastest.

    **Raises:** ValueError for fewer than two points, and for a grid of more than a GiB: it says how
    large it would be; `grid_chunks` gives it in parts.
    """
    _check(points)
    total = 8 * size * points**size
    if total > LARGEST:
        raise ValueError(
            f"a grid of {points} points in each of {size} directions has {points**size:.3g} points "
            f"({total / 2**30:.3g} GiB, and A* at each takes more); pass fewer points, or go "
            f"through it with grid_chunks(box, {size}, {points})"
        )
    return np.concatenate(list(grid_chunks(box, size, points)))


def grid_chunks(
    box: Box, size: int, points: int, *, chunk: int = 100_000
) -> Iterator[Float[np.ndarray, "c n"]]:
    """The same nodes, at most `chunk` at a time."""
    _check(points)
    lo, hi = box.ends(size)
    axes = [np.linspace(low, high, points) for low, high in zip(lo, hi, strict=True)]
    total = points**size
    for begin in range(0, total, chunk):
        index = np.arange(begin, min(begin + chunk, total), dtype=object if total > 2**62 else int)
        digits = [(index // points**k) % points for k in reversed(range(size))]
        picked = [axis[d.astype(int)] for axis, d in zip(axes, digits, strict=True)]
        yield np.stack(picked, -1)


def _check(points: int) -> None:
    if points < 2:
        raise ValueError(f"a grid needs at least 2 points in each direction; got {points}")

"""Regular covers of a set of inputs."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float

from ...sets import InputRegion


def regular_cover(
    inputs: InputRegion, count: int, moves: Float[np.ndarray, " d"]
) -> tuple[Float[np.ndarray, "c d"], Float[np.ndarray, "c d"]]:
    """(lo, hi) of at most `count` boxes of equal shape whose union contains the set.

    Neighbours share their ends. `moves` says how much an input of size 1 matters: sides of boxes
    are about inversely proportional to it. Boxes that do not meet the set's ball are left out.
    """
    lo, hi = np.asarray(inputs.lo, float), np.asarray(inputs.hi, float)
    parts = parts_of_axes((hi / 2 - lo / 2) * moves, count)
    edges = [_edges(a, b, p) for a, b, p in zip(lo, hi, parts, strict=True)]
    places = np.stack([g.ravel() for g in np.indices(parts)], 1)
    low = np.stack([e[i] for e, i in zip(edges, places.T, strict=True)], 1)
    high = np.stack([e[i + 1] for e, i in zip(edges, places.T, strict=True)], 1)
    if not np.isfinite(inputs.radius):
        return low, high
    center = np.asarray(inputs.center, float)
    gap = np.maximum(np.maximum(low - center, center - high), 0.0)
    with np.errstate(over="ignore"):
        far = np.linalg.norm(gap, axis=1)
    # Far more than what the roundings of these distances can amount to.
    size = np.abs(low).max(1) + np.abs(high).max(1) + np.abs(center).max()
    meets = ~(far > inputs.radius * (1 + 1e-9) + 1e-9 * size)
    return low[meets], high[meets]


def parts_of_axes(lengths: Float[np.ndarray, " d"], count: int) -> list[int]:
    """Numbers of parts with product ≤ count, about proportional to the lengths; 1 where it is 0."""
    lengths = np.asarray(lengths, float)
    if not np.all(np.isfinite(lengths)) or not np.any(lengths > 0):
        return [1] * len(lengths)
    share = lengths / np.max(lengths)

    def parts(scale: float) -> list[int]:
        return [max(1, math.floor(min(scale * s, count))) for s in share]

    low, high = 0.0, 1.0 + count
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if math.prod(parts(middle)) <= count else (low, middle)
    found = parts(low)
    # What is left over goes to the longest parts.
    for axis in sorted(range(len(found)), key=lambda i: -share[i] / found[i]):
        if share[axis] > 0:
            rest = math.prod(found) // found[axis]
            wished = math.ceil(low * share[axis])
            found[axis] = max(found[axis], min(count // rest, wished))
    return found


def _edges(lo: float, hi: float, parts: int) -> np.ndarray:
    edges = lo + (hi / parts - lo / parts) * np.arange(parts + 1)
    edges[0], edges[-1] = lo, hi
    # Rounded edges may not pass each other or the ends.
    return np.clip(np.maximum.accumulate(edges), lo, hi)

r"""Whether a seminorm of ℝᵐ is at most a number on the unit sphere, from its values at few points.

For u = Σ c_iu_i, c_i ≥ 0, with unit vectors u_1..u_m that are linearly independent, g(u) ≤ Σ c_i
max g(u_i); with nᵀu_i = 1 for all i, Σ c_i = nᵀu ≤ ‖n‖ if u is a unit vector. So g is at most t on
their cone if it is at most t/‖n‖ at each u_i. The cones between ±e_1..±e_m are divided by sums of
multiples of two of their vectors, which are integers, so that nothing is left out.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from itertools import product

import numpy as np

Cone = tuple[tuple[int, ...], ...]

# A cone that is divided once for each pair of its vectors is about half as wide.
_EARLY, _WIDTHS = 2, 6


def every_direction(outputs: int, limit: float, below: Callable[[np.ndarray, float], bool]) -> bool:
    """Whether g ≤ limit on the sphere is proved by `below`: whether g ≤ t at all rows of u."""
    if outputs == 1:
        return below(np.ones((1, 1)), limit)
    # Many directions at a time are quicker, and most often enough.
    first, least = _fan(outputs)
    if below(first, limit * least):
        return True
    shown: dict[tuple[int, ...], float] = {}
    missed: dict[tuple[int, ...], float] = {}

    def holds(vector: tuple[int, ...], t: float) -> bool:
        if shown.get(vector, np.inf) <= t:
            return True
        if missed.get(vector, -1.0) >= t:
            return False
        good = below(_units((vector,)), t)
        (shown if good else missed)[vector] = t
        return good

    todo = [(cone, 0) for cone in _orthants(outputs)]
    while todo:
        cone, depth = todo.pop()
        t = limit * _between(cone)
        if all(holds(vector, t) for vector in cone):
            continue
        i, j, middle = _longest(cone)
        if depth == _WIDTHS * (outputs - 1) or not holds(middle, limit):
            return False
        todo += [(_with(cone, place, middle), depth + 1) for place in (i, j)]
    return True


def _orthants(outputs: int) -> list[Cone]:
    """Half of them, as g(−u) = g(u)."""
    eye = np.eye(outputs, dtype=int)
    signs = product((1,), *[(1, -1)] * (outputs - 1))
    return [tuple(map(tuple, (np.array(own)[:, None] * eye).tolist())) for own in signs]


@cache
def _fan(outputs: int) -> tuple[np.ndarray, float]:
    """The unit vectors of cones that are divided a few times, and the least 1/‖n‖."""
    cones = _orthants(outputs)
    for _ in range(_EARLY * (outputs - 1)):
        divided = ((cone, _longest(cone)) for cone in cones)
        cones = [_with(cone, place, m) for cone, (i, j, m) in divided for place in (i, j)]
    vectors = tuple(sorted({vector for cone in cones for vector in cone}))
    return _units(vectors), min(map(_between, cones))


def _units(vectors: Cone) -> np.ndarray:
    found = np.array(vectors, float)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


@cache
def _between(cone: Cone) -> float:
    """≤ 1/‖n‖. With nᵀu_i ≥ 1 − δ it is Σ c_i ≤ ‖n‖/(1 − δ)."""
    units = _units(cone)
    n = np.linalg.solve(units, np.ones(len(cone)))
    lost = float(np.max(np.abs(units @ n - 1)))
    return (1 - lost - 1e-12) / float(np.linalg.norm(n))


@cache
def _longest(cone: Cone) -> tuple[int, int, tuple[int, ...]]:
    """The places of the two vectors that are furthest apart, and about the middle of these."""
    units = _units(cone)
    cosines = units @ units.T + 2 * np.tri(len(cone))
    i, j = map(int, np.unravel_index(np.argmin(cosines), cosines.shape))
    sizes = [sum(x * x for x in cone[place]) for place in (i, j)]
    shift = round(math.log2(sizes[0] / sizes[1]) / 2)
    left, right = 2 ** max(-shift, 0), 2 ** max(shift, 0)
    return i, j, tuple(left * a + right * b for a, b in zip(cone[i], cone[j], strict=True))


def _with(cone: Cone, place: int, vector: tuple[int, ...]) -> Cone:
    return (*cone[:place], vector, *cone[place + 1 :])

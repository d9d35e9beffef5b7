"""Where activations contract towards 0: |ς(z)/z| ≤ 1 (figure 1 of Drgoňa et al.)."""

from __future__ import annotations

import math
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from ..activations import Activation
from ..compilation import at_once


class ActivationStability(NamedTuple):
    """The numbers that lemmas 8 and 10 of Drgoňa et al. (2020) speak about.

    - `value_at_zero`: ς(0).
    - `lipschitz`: K = sup |ς'|, exact; inf where ς jumps.
    - `ratio`: an upper bound of sup |ς(z)/z|, attained or approached for the library's own; inf
      where ς(0) ≠ 0.
    - `contracting`: intervals of z within ±`REACH` where |ς(z)/z| ≤ 1 + 1e-14, their ends to 1e-9.
      (So from 28.9 on for softplus, though softplus(z) > z for every z.)
    - `outside`: whether |ς(z)/z| ≤ 1 holds outside some bounded interval (lemma 10): `contracting`
      reaches −`REACH` and `REACH`.
    """

    activation: Activation
    value_at_zero: float
    lipschitz: float
    ratio: float
    contracting: tuple[tuple[float, float], ...]
    outside: bool


REACH = 1e3


def activation_stability(activation: Activation) -> ActivationStability:
    """The numbers of one activation."""
    intervals = _contracting(activation)
    outside = bool(intervals) and (intervals[0][0], intervals[-1][1]) == (-REACH, REACH)
    return ActivationStability(
        activation,
        activation.value_at_zero,
        activation.bound(1),
        largest_ratio(activation),
        intervals,
        outside,
    )


def largest_ratio(activation: Activation) -> float:
    """An upper bound of sup |ς(z)/z| over z ≠ 0; inf where ς(0) ≠ 0.

    The least of sup |ς'| (mean value theorem) and of the a₁ with |ς(z)| ≤ a₁|z|, if there is one:
    the Lipschitz constant of GELU is 1.129, but |GELU(z)| ≤ |z|.
    """
    if activation.value_at_zero != 0:  # NaN too
        return math.inf
    slope, constant = activation.growth
    return min(activation.bound(1), slope if constant == 0 else math.inf)


def _contracting(activation: Activation) -> tuple[tuple[float, float], ...]:
    def holds(z: np.ndarray) -> np.ndarray:
        values = at_once(lambda: np.asarray(activation(jnp.asarray(z))))
        return np.abs(values) <= np.abs(z) * (1 + 1e-14)  # equality but for rounding holds

    left, right = (min(max(end, -REACH), REACH) for end in activation.domain)
    magnitudes = np.geomspace(1e-6, REACH, 4000)
    knots = [point for point in (*activation.kinks, *activation.jumps) if abs(point) < REACH]
    points = np.unique(np.concatenate([-magnitudes, magnitudes, knots]))
    points = points[(points >= left) & (points <= right) & (points != 0)]
    true = holds(points)
    changes = np.flatnonzero(true[1:] != true[:-1])
    lo, hi, first = points[changes].copy(), points[changes + 1].copy(), true[changes]
    for _ in range(60):
        middle = (lo + hi) / 2
        same = holds(np.where(middle == 0, 1e-300, middle)) == first
        lo, hi = np.where(same, middle, lo), np.where(same, hi, middle)
    edges = [*([points[0]] if true[0] else []), *lo, *([points[-1]] if true[-1] else [])]
    return tuple((float(a), float(b)) for a, b in zip(edges[::2], edges[1::2], strict=True))

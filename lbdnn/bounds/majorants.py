"""Curvature and value bounded by slope: |ς''| ≤ a + b ς' − c ς'², ς² ≤ a − b ς'."""

from __future__ import annotations

import math
from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np

from ..activations import Activation, get

COUNT = 6
_CELLS, _FAR = 20_000, 1e3


@lru_cache(maxsize=64)
def majorants(activation: Activation) -> np.ndarray:
    """Rows (a, b, c), shape (COUNT − 1, 3), each with |ς''(z)| ≤ a + b ς'(z) − c ς'(z)², all z.

    A neuron cannot be steep and bent at once: for tanh, |ς''| = 2ς'√(1 − ς'), which
    (ε + 1/ε)ς' − ς'²/ε bounds for every ε > 0. For any activation: such parabolas, each as low as
    possible at one slope, by linear programming at sampled z; then a is raised to what enclosures
    of ς' and ς'' on 20 000 intervals that cover the line require. Rows (sup|ς''|, 0, 0) where the
    activation has no bounded curvature or the programme fails.
    """
    from scipy.optimize import linprog

    worst = activation.bound(2)
    plain = np.tile([worst, 0.0, 0.0], (COUNT - 1, 1))
    if not math.isfinite(worst) or worst == 0 or not math.isfinite(activation.bound(1)):
        return plain
    edges = _edges(activation)
    with jax.ensure_compile_time_eval(), jax.enable_x64(True):
        lo, hi = jnp.asarray(edges[:-1]), jnp.asarray(edges[1:])
        slope_lo, slope_hi = map(np.asarray, activation.enclose(1, lo, hi))
        bend = np.max(np.abs(np.stack(activation.enclose(2, lo, hi))), 0)
    if not all(np.all(np.isfinite(x)) for x in (slope_lo, slope_hi, bend)):
        return plain
    least, most = float(np.min(slope_lo)), float(np.max(slope_hi))
    steepest = max(abs(least), abs(most))
    inside = slice(1, -1)
    slopes = np.linspace(least, most, 50)
    rows = []
    for part in np.linspace(0, 1, COUNT + 1)[1:-1]:
        at = least + part * (most - least)
        middle = (slope_lo + slope_hi)[inside] / 2
        table = -np.stack([np.ones_like(middle), middle, -(middle**2)], 1)
        found = linprog(
            # Low at this slope first, then low on average.
            [1.05, at + 0.05 * np.mean(slopes), -(at**2) - 0.05 * np.mean(slopes**2)],
            A_ub=table[::4],
            b_ub=-bend[inside][::4],
            bounds=[(0, worst), (None, None), (0, 100 * worst / steepest**2)],
        )
        rows.append(_raised(found.x, slope_lo, slope_hi, bend) if found.success else plain[0])
    return np.asarray(rows)


def square_majorant(activation: Activation) -> tuple[float, float] | None:
    """(a, b) with ς² ≤ a − b ς' everywhere, b > 0; None where none is known.

    A neuron cannot be large and steep at once: tanh² = 1 − tanh', and for the logistic function
    ς² = 1 − 2ς' − (1 − ς)².
    """
    known = {"tanh": (1.0, 1.0), "logistic": (1.0, 2.0)}
    same = [pair for name, pair in known.items() if activation == get(name)]
    return same[0] if same else None


def _raised(row: np.ndarray, lo: np.ndarray, hi: np.ndarray, bend: np.ndarray) -> np.ndarray:
    _, b, c = row
    # c ≥ 0: concave in the slope, so least at an end of each interval.
    least = np.minimum(b * lo - c * lo**2, b * hi - c * hi**2)
    steepest = np.max(np.abs([lo, hi]))
    scale = np.max(bend) + (abs(b) + c * steepest) * steepest
    return np.asarray([max(float(np.max(bend - least)), 0.0) + 1e-14 * scale, b, c])


def _edges(activation: Activation) -> np.ndarray:
    if activation.period is not None:
        return np.linspace(0.0, 1.001 * activation.period, _CELLS + 1)
    grid = np.sinh(np.linspace(-math.asinh(_FAR), math.asinh(_FAR), _CELLS - 1))
    left, right = activation.domain
    if (left, right) != (-math.inf, math.inf):
        grid = np.clip(grid, *(np.nextafter([left, right], [math.inf, -math.inf])))
    return np.concatenate([[-math.inf], grid, [math.inf]])

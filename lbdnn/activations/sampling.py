"""The values of an activation at many points, for the search for wrong constants."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import jax.numpy as jnp
import numpy as np

from .activation import Activation

# Always as many points, so that array operations are compiled once for all activations.
_POINTS = 6000
_FAR = 1e30


@dataclass(frozen=True)
class Samples:
    """Increasing points z, (n,), of the domain, and ς, ς', ς'', ς''' there, (4, n), float64."""

    activation: Activation
    z: np.ndarray
    values: np.ndarray
    span: float

    @property
    def whole_line(self) -> bool:
        return self.activation.domain == (-math.inf, math.inf)

    @cached_property
    def _scales(self) -> list[float]:
        sizes = np.abs(self.values[:, np.abs(self.z) <= self.span])
        return [float(np.quantile(s[np.isfinite(s)], 0.95)) for s in sizes]

    def scale(self, order: int) -> float:
        """The usual size of |ς⁽ᵈ⁾|, in the units of which rounding errors are measured."""
        return self._scales[order]

    def tolerance(self, order: int, value: np.ndarray | float, relative: float) -> np.ndarray:
        """Relative to the value, and to the usual size, by which formulas with cancellation err."""
        size = np.abs(np.where(np.isfinite(value), value, 0))
        return relative * (size + 1e-3 * self.scale(order)) + 1e-300

    def windows(self, sizes: Sequence[int]) -> Iterator[tuple[np.ndarray, ...]]:
        """(i, j, lo, hi): samples i ≤ … ≤ j lie in [lo, hi]; last, all half lines."""
        n = len(self.z)
        every, zero = np.arange(n), np.zeros(n, int)
        for size in sizes:
            j = np.minimum(every + size, n - 1)
            yield every, j, self.z, self.z[j]
        left, right = self.activation.domain
        if right == math.inf:
            yield every, zero + n - 1, self.z, np.full(n, math.inf)
        if left == -math.inf:
            yield zero, every, np.full(n, -math.inf), self.z

    def enclose(self, order: int, lo: np.ndarray, hi: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The enclosures that the activation claims on [lo, hi]."""
        lower, upper = self.activation.enclose(order, jnp.asarray(lo), jnp.asarray(hi))
        return np.asarray(lower), np.asarray(upper)

    def greatest(self, values: np.ndarray, i: np.ndarray, j: np.ndarray) -> np.ndarray:
        """max(values[i:j+1]), for windows as `windows` makes them."""
        values = np.where(np.isnan(values), -math.inf, values)
        if i[0] == i[-1]:
            return np.maximum.accumulate(values)
        if j[0] == j[-1]:
            return np.maximum.accumulate(values[::-1])[::-1]
        size = j[0] - i[0]
        padded = np.concatenate([values, np.full(size, -math.inf)])
        return np.lib.stride_tricks.sliding_window_view(padded, size + 1).max(1)

    def excess(self, a1: float, a0: float) -> tuple[int, float]:
        """The sample where |ς(z)| − a1|z| − a0 is greatest, and its value less rounding errors."""
        z, values = np.abs(self.z), np.abs(self.values[0])
        with np.errstate(invalid="ignore"):
            excess = values - (a1 * z + a0) - 1e-9 * values - 1e-12 * (1 + a0)
        excess = np.where(np.isfinite(excess), excess, -math.inf)
        i = int(np.argmax(excess))
        return i, float(excess[i])

    def sides(self, z: float) -> list[tuple[float, float]]:
        """For each order, ς⁽ᵈ⁾ just left and just right of z."""
        i, j = np.searchsorted(self.z, [z - _step(z), z + _step(z)])
        return [(float(values[i]), float(values[j])) for values in self.values]

    def towards(self, order: int, side: str) -> tuple[float, float]:
        """ς⁽ᵈ⁾ near an end of the domain, and still nearer."""
        values = self.values[order] if side == "left" else self.values[order][::-1]
        return float(values[8]), float(values[0])


def sample(activation: Activation) -> Samples:
    """Samples to ±1e30, dense near 0 and near every point in `extremes`."""
    points = {p for group in activation.extremes for p, _ in group}
    period = activation.period or 0.0
    span = 4 * max(5.0, period, *map(abs, points)) if points else 20.0
    steps = np.geomspace(1e-7, 1, 15)
    clusters = [p + (1 + abs(p)) * s * steps for p in points for s in (-1, 1)]
    far = np.geomspace(1e-3, _FAR, 250)
    left, right = activation.domain
    ends = [
        end + s * np.geomspace(1e-12, 1, 40)
        for end, s in ((left, 1), (right, -1))
        if math.isfinite(end)
    ]
    sides = [p + s * _step(p) for p in points for s in (-1, 1)]
    special = np.concatenate([[0.0], sorted(points), sides, *clusters, far, -far, *ends])
    special = np.unique(special[(left < special) & (special < right)])
    even = np.linspace(max(-span, left), min(span, right), _POINTS + 2)[1:-1]
    others = np.setdiff1d(even, special)
    chosen = np.linspace(0, len(others) - 1, max(_POINTS - len(special), 1000)).astype(int)
    z = np.union1d(special, others[chosen])
    values = np.stack([np.asarray(activation.derivative(d, jnp.asarray(z))) for d in range(4)])
    return Samples(activation, z, values, span)


def _step(z: float) -> float:
    """How far beside z its sides are sampled."""
    return 1e-14 * abs(z) or 1e-200


def peak(samples: Samples, order: int, sign: int, i: int, j: int) -> tuple[float, float]:
    """(z, ς⁽ᵈ⁾(z)) where sign·ς⁽ᵈ⁾ is greatest between the samples i and j."""
    window = sign * samples.values[order][i : j + 1]
    k = i + int(np.nanargmax(window))
    n = len(samples.z)
    lo, hi = samples.z[max(k - 1, 0)], samples.z[min(k + 1, n - 1)]
    best = (float(samples.z[k]), float(samples.values[order][k]))
    for _ in range(4):
        grid = np.linspace(lo, hi, _POINTS)
        values = np.asarray(samples.activation.derivative(order, jnp.asarray(grid)))
        top = int(np.nanargmax(sign * values))
        if sign * values[top] > sign * best[1]:
            best = (float(grid[top]), float(values[top]))
        lo, hi = grid[max(top - 1, 0)], grid[min(top + 1, _POINTS - 1)]
    return best

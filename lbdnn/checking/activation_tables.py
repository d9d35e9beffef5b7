"""Activations over many intervals at once: floats, with errors proved in ball arithmetic."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np
from flint import arb

from ..activations import Activation
from .definitions import Piece, definition
from .spans import NotShown, Span, coefficients, range_of

# On a cell of width 1/64 a Taylor polynomial of this many terms is exact to about 1e-13.
_FINEST, _CELLS, _TERMS = 64, 4096, 5
# Derivatives 0..4 are enclosed.
_ORDERS = 5
# Of numbers of moderate size after some dozens of roundings.
_ROUNDING = 2.0**-46


@dataclass(frozen=True)
class Table:
    """ς⁽ᵒ⁾, o = 0..4, on the cells [start + k, start + k + 1]/per_unit.

    On the first and the last of them, and beyond, nothing is known.

    terms (o, i, k): the coefficients of Taylor polynomials about the middles, error (o, k) what
    they are off by at most; low, high (o, level, k): ranges over the 2^level cells from k on.
    """

    per_unit: float
    start: int
    terms: np.ndarray
    error: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def at(self, order: int, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """ς⁽ᵒ⁾(z) and how far it may be off."""
        place = np.clip(np.floor(z * self.per_unit).astype(np.int64) - self.start, 0, self._last)
        t = z - (place + self.start + 0.5) / self.per_unit
        t = np.where((place > 0) & (place < self._last), t, 0.0)
        total = self.terms[order, -1][place]
        for term in self.terms[order, -2::-1]:
            total = total * t + term[place]
        return total, self.error[order][place]

    def over(self, order: int, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """A range of ς⁽ᵒ⁾ over each [low, high]; infinite where it does not exist."""
        below, above = self._ranges(order, low, high)
        if order + 1 == _ORDERS:
            return below, above
        falls, rises = self._ranges(order + 1, low, high)
        (left, left_error), (right, right_error) = self.at(order, low), self.at(order, high)
        lowest = np.minimum(left - left_error, right - right_error)
        highest = np.maximum(left + left_error, right + right_error)
        monotone = (falls >= 0) | (rises <= 0)
        middle = low / 2 + high / 2
        reach = np.maximum(high - middle, middle - low) * (1 + 1e-15)
        value, error = self.at(order, middle)
        steep = np.maximum(-falls, rises)
        # Where a derivative jumps, steep is infinite.
        with np.errstate(invalid="ignore"):
            spread = np.where(np.isinf(steep), np.inf, steep * reach * (1 + 1e-15) + error)
        spread = spread + 2.0**-50 * np.abs(value)
        lowest = np.where(monotone, lowest, value - spread)
        highest = np.where(monotone, highest, value + spread)
        return np.fmax(below, lowest), np.fmin(above, highest)

    @property
    def _last(self) -> int:
        return self.error.shape[1] - 1

    def _ranges(
        self, order: int, low: np.ndarray, high: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        # At an end of a cell its neighbour counts too.
        first = np.ceil(low * self.per_unit).astype(np.int64) - 1 - self.start
        last = np.floor(high * self.per_unit).astype(np.int64) - self.start
        first, last = (np.clip(x, 0, self._last) for x in (first, last))
        level = np.frexp(last - first + 1)[1] - 1
        other = last - (1 << level) + 1
        below, above = self.low[order], self.high[order]
        return (
            np.minimum(below[level, first], below[level, other]),
            np.maximum(above[level, first], above[level, other]),
        )


@cache
def table(activation: Activation, reach: float) -> Table:
    """For arguments of at most this size. NotShown for an activation unknown to the checker."""
    pieces = definition(activation)
    if pieces is None:
        raise NotShown(f"the checker has no definition of {activation.spec}")
    side = 2.0 ** max(0, math.ceil(math.log2(reach)))
    per_unit = min(float(_FINEST), _CELLS / 2 / side)
    count = round(2 * side * per_unit) + 2
    terms = np.zeros((_ORDERS, _TERMS, count))
    error = np.zeros((_ORDERS, count))
    low, high = np.zeros((_ORDERS, count)), np.zeros((_ORDERS, count))
    low[:, [0, -1]], high[:, [0, -1]], error[:, [0, -1]] = -np.inf, np.inf, np.inf
    start = -(count // 2)
    for k in range(1, count - 1):
        ends = Span(arb(start + k) / per_unit, arb(start + k + 1) / per_unit)
        _fill(pieces, ends, (terms, error, low, high), k)
    _mark_jumps(pieces, per_unit, start, (terms, error, low, high))
    return Table(per_unit, start, terms, error, _levels(low, np.minimum), _levels(high, np.maximum))


def _fill(pieces: tuple[Piece, ...], ends: Span, into: tuple[np.ndarray, ...], k: int) -> None:
    """One cell: where it lies within one piece its Taylor polynomial, otherwise a range."""
    terms, error, low, high = into
    own = [
        p
        for p in pieces
        if (p.left is None or p.left <= ends.lo) and (p.right is None or p.right >= ends.hi)
    ]
    if not own:
        for order in range(_ORDERS):
            low[order, k], high[order, k] = _outward(_range(pieces, order, ends))
            terms[order, 0, k] = low[order, k] / 2 + high[order, k] / 2
            error[order, k] = (high[order, k] - low[order, k]) * (1 + 1e-15)
        return
    middle, half = (ends.lo + ends.hi) / 2, (ends.hi - ends.lo) / 2
    length = _ORDERS + _TERMS
    near = coefficients(own[0].formula, middle, length + 1)
    far = coefficients(own[0].formula, ends.lo.union(ends.hi), length + 1)
    for order in range(_ORDERS):
        off = arb(0)
        for i in range(_TERMS):
            # ς⁽ᵒ⁺ⁱ⁾/i! from the coefficient of degree o + i.
            exact = near[order + i] * arb(order + i).fac() / arb(i).fac()
            terms[order, i, k] = float(exact.mid())
            off += abs(exact - arb(terms[order, i, k])) * half**i
        last = far[order + _TERMS] * arb(order + _TERMS).fac() / arb(_TERMS).fac()
        off += abs(last) * half**_TERMS
        size = sum((abs(near[order + i] * arb(order + i).fac()) for i in range(_TERMS)), arb(0))
        error[order, k] = _up((off + size * arb(_ROUNDING)).upper())
        value = near[order] * arb(order).fac()
        steep = near[order + 1] * arb(order + 1).fac()
        bent = far[order + 2] * arb(order + 2).fac()
        step = arb(0, half.upper())
        over = value + step * (steep + step * bent / 2)
        low[order, k], high[order, k] = _outward(Span(over.lower(), over.upper()))


def _range(pieces: tuple[Piece, ...], order: int, ends: Span) -> Span:
    try:
        return range_of(pieces, order, ends)
    except NotShown:
        return Span(-arb("inf"), arb("inf"))


def _mark_jumps(
    pieces: tuple[Piece, ...], per_unit: float, start: int, into: tuple[np.ndarray, ...]
) -> None:
    """Infinite ranges of ς⁽ᵒ⁺¹⁾ on cells where ς⁽ᵒ⁾ may jump, o ≥ 1, and of what follows."""
    terms, error, low, high = into
    count = error.shape[1]
    for left, right in pairwise(pieces):
        at = left.right
        assert at is not None
        place = float(at) * per_unit - start
        near = [int(np.clip(np.floor(place + e), 0, count - 1)) for e in (-1e-6, 1e-6)]
        sides = [coefficients(p.formula, at, _ORDERS) for p in (left, right)]
        for order in range(1, _ORDERS - 1):
            if sides[0][order].is_exact() and sides[0][order] == sides[1][order]:
                continue
            for later in range(order + 1, _ORDERS):
                for k in near:
                    low[later, k], high[later, k] = -np.inf, np.inf
                    terms[later, :, k], error[later, k] = 0.0, np.inf
            break


def _levels(cells: np.ndarray, combine: np.ufunc) -> np.ndarray:
    levels = [cells]
    while 2 ** len(levels) <= cells.shape[1]:
        step = 2 ** (len(levels) - 1)
        before = levels[-1]
        after = np.concatenate([before[:, step:], np.repeat(before[:, -1:], step, 1)], 1)
        levels.append(combine(before, after))
    return np.stack(levels, 1)


def _outward(span: Span) -> tuple[float, float]:
    return -_up((-span.lo).upper()), _up(span.hi.upper())


def _up(x: arb) -> float:
    """A float ≥ x."""
    if not x.is_finite():
        return math.inf
    return math.nextafter(float(x), math.inf)

"""Elementwise maps over many intervals at once: ranges, slopes, curvatures, and lines near them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from flint import arb

from ..activations import Activation
from .activation_tables import Table
from .cell_norms import TINY, WIDER
from .spans import NotShown

_UNIT = 2.0**-52


@dataclass
class Bent:
    """Over intervals around `middle`: ψ in [low, high]; ψ' within `spread` of `slope`, ψ'' within
    `bend_spread` of `bend`; |ψ(z) − line − slope·(z − middle)| ≤ noise."""

    low: np.ndarray
    high: np.ndarray
    middle: np.ndarray
    slope: np.ndarray
    spread: np.ndarray
    bend: np.ndarray
    bend_spread: np.ndarray
    line: np.ndarray
    noise: np.ndarray


@dataclass
class Bending:
    """ψ(z) = outer·ς(inner·z + shift) + offset, entry by entry; without a table ς is z ↦ z.

    On the first `carried` entries, those of shortcuts, ψ is the identity.
    """

    inner: np.ndarray
    shift: np.ndarray
    outer: np.ndarray
    offset: np.ndarray
    activation: Activation | None = None
    table: Table | None = None
    carried: int = 0

    @staticmethod
    def straight(n: int) -> Bending:
        one, none = np.ones(n), np.zeros(n)
        return Bending(one, none, one, none)

    def scaled(self, scale: np.ndarray, offset: np.ndarray) -> Bending:
        """Followed by x ↦ scale·x + offset. NotShown if that is no float."""
        if self.activation is None:
            return Bending(
                _products(scale, self.inner),
                _sums(_products(scale, self.shift), offset),
                self.outer,
                self.offset,
            )
        return Bending(
            self.inner,
            self.shift,
            _products(scale, self.outer),
            _sums(_products(scale, self.offset), offset),
            self.activation,
        )

    def followed_by(self, activation: Activation) -> Bending:
        """ς after it."""
        if self.activation is not None:
            raise NotShown("two activations without a layer between them")
        one, none = np.ones_like(self.inner), np.zeros_like(self.inner)
        return Bending(self.inner, self.shift, one, none, activation)

    def beside(self, carried: int) -> Bending:
        """With the identity on so many entries more, in front."""
        one, none = np.ones(carried), np.zeros(carried)
        return Bending(
            np.concatenate([one, self.inner]),
            np.concatenate([none, self.shift]),
            np.concatenate([one, self.outer]),
            np.concatenate([none, self.offset]),
            self.activation,
            self.table,
            carried + self.carried,
        )

    @property
    def _bent(self) -> Bending:
        """On the entries that are not carried."""
        own = slice(self.carried, None)
        lines = self.inner[own], self.shift[own], self.outer[own], self.offset[own]
        return Bending(*lines, self.activation, self.table)

    def over(self, low: np.ndarray, high: np.ndarray) -> Bent:
        """Over intervals (c, n)."""
        n = self.carried
        if n and self.table is not None:
            same = Bending.straight(n).over(low[:, :n], high[:, :n])
            rest = self._bent.over(low[:, n:], high[:, n:])
            pairs = zip(vars(same).values(), vars(rest).values(), strict=True)
            return Bent(*(np.concatenate(pair, 1) for pair in pairs))
        middle = low / 2 + high / 2
        half = np.maximum(high - middle, middle - low) * WIDER + TINY
        if self.table is None:
            slope = self.inner * self.outer
            none = np.zeros_like(low)
            line = self.outer * (self.inner * middle + self.shift) + self.offset
            size = np.abs(slope) * (np.abs(middle) + half) + np.abs(self.outer * self.shift)
            lost = 16 * _UNIT * (size + np.abs(self.offset)) + TINY
            wide = np.abs(slope) * half + lost
            own = np.broadcast_to(slope, low.shape)
            rounding = 4 * _UNIT * np.abs(own)
            return Bent(line - wide, line + wide, middle, own, rounding, none, none, line, lost)
        argument = self._into(middle, np.zeros_like(half))
        ends = self._into(middle, half)
        ranges = [self.table.over(order, *ends) for order in range(3)]
        factors = (self.outer, self.outer * self.inner, self.outer * self.inner * self.inner)
        (value, reach), (slope, spread), (bend, bend_spread) = (
            _centred(low * f, high * f) for f, (low, high) in zip(factors, ranges, strict=True)
        )
        value = value + self.offset
        lost = 16 * _UNIT * (np.abs(value) + np.abs(self.offset)) + TINY
        low, high = value - reach - lost, value + reach + lost
        # ς at the middle, then Taylor's formula of first or of second order.
        at, off = self.table.over(0, *argument)
        line, error = _centred(at * self.outer, off * self.outer)
        line, error = line + self.offset, error + lost
        steep, unsure = _centred(*(x * factors[1] for x in self.table.over(1, *argument)))
        turn = (np.abs(steep - slope) + unsure + 4 * _UNIT * np.abs(slope)) * half
        up = np.maximum(bend + bend_spread, 0.0) * (half * half / 2)
        down = np.minimum(bend - bend_spread, 0.0) * (half * half / 2)
        curved, straight = turn + (up - down) / 2, spread * half
        with np.errstate(invalid="ignore"):
            smaller = curved < straight
            lift = np.where(smaller, (up + down) / 2, 0.0)
        noise = (np.where(smaller, curved, straight) + error) * WIDER
        noise = noise + 8 * _UNIT * (np.abs(line) + np.abs(lift))
        return Bent(low, high, middle, slope, spread, bend, bend_spread, line + lift, noise)

    def most(self, order: int, low: np.ndarray, high: np.ndarray) -> np.ndarray:
        """≥ |ψ⁽ᵒʳᵈᵉʳ⁾| on intervals, order ≥ 2."""
        if self.table is None:
            return np.zeros_like(low)
        if self.carried:
            n = self.carried
            rest = self._bent.most(order, low[:, n:], high[:, n:])
            return np.concatenate([np.zeros_like(low[:, :n]), rest], 1)
        middle = low / 2 + high / 2
        half = np.maximum(high - middle, middle - low) * WIDER + TINY
        below, above = self.table.over(order, *self._into(middle, half))
        return np.maximum(-below, above) * np.abs(self.outer * self.inner**order) * WIDER

    def _into(self, middle: np.ndarray, half: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What inner·z + shift can be."""
        center = self.inner * middle + self.shift
        wide = np.abs(self.inner) * half * WIDER
        wide = wide + 8 * _UNIT * (np.abs(self.inner * middle) + np.abs(self.shift)) + TINY
        return center - wide, center + wide


def _exactly(found: np.ndarray, exact: list[arb]) -> np.ndarray:
    if not all(arb(a) == b for a, b in zip(found.tolist(), exact, strict=True)):
        raise NotShown("scalings that follow each other are not joined")
    return found


def _products(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    exact = [arb(x) * arb(y) for x, y in zip(a.tolist(), b.tolist(), strict=True)]
    return _exactly(a * b, exact)


def _sums(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    exact = [arb(x) + arb(y) for x, y in zip(a.tolist(), b.tolist(), strict=True)]
    return _exactly(a + b, exact)


def _centred(one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The middle between two ends and how far they are; 0 and infinity where one is infinite."""
    known = np.isfinite(one) & np.isfinite(other)
    with np.errstate(invalid="ignore"):
        middle = np.where(known, one / 2 + other / 2, 0.0)
        reach = np.maximum(np.abs(one - middle), np.abs(other - middle)) * (1 + 1e-15)
    reach = reach + 4 * _UNIT * np.abs(middle) + TINY
    return middle, np.where(known, reach, np.inf)

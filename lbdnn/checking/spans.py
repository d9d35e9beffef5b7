"""Proved ranges of one smooth piece over an interval, by bisection in ball arithmetic."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from flint import arb, arb_series, ctx

from .definitions import Formula, Piece

# Ranges are this fine, relative to the largest value met and, in tails where a function vanishes,
# to the argument: far finer than float64.
_FINE, _FINEST = arb(2) ** -70, arb(2) ** -110
_CELLS = 100_000


class Span(NamedTuple):
    """[lo, hi]; the ends are numbers known to many digits, rounded outward when they are used."""

    lo: arb
    hi: arb

    def magnitude(self) -> arb:
        """An upper bound of |x|."""
        return largest([(-self.lo).upper(), self.hi.upper()])


class NotShown(Exception):
    """A statement that could not be proved, in one clause; it may be true."""


def largest(values: list[arb]) -> arb:
    """The exact maximum of exact numbers; NotShown where one is infinite or NaN."""
    if not all(value.is_finite() for value in values):
        raise NotShown("a number is not finite")
    best = values[0]
    for value in values[1:]:
        if value > best:
            best = value
    return best


def hull(spans: list[Span]) -> Span:
    """The smallest interval that contains all of them."""
    low = largest([-(s.lo.lower()) for s in spans])
    return Span(-low, largest([s.hi.upper() for s in spans]))


def scaled(span: Span, factor: arb, shift: arb) -> Span:
    """factor·x + shift over the span."""
    ends = [span.lo * factor + shift, span.hi * factor + shift]
    return hull([Span(end, end) for end in ends])


def parts(pieces: tuple[Piece, ...], span: Span) -> list[tuple[Piece, Span]]:
    """The pieces that meet the span, each with its part of it."""
    found = []
    for piece in pieces:
        lo, hi = span
        if (piece.left is not None and hi < piece.left) or (
            piece.right is not None and lo > piece.right
        ):
            continue
        if piece.left is not None and not lo >= piece.left:
            lo = piece.left
        if piece.right is not None and not hi <= piece.right:
            hi = piece.right
        found.append((piece, Span(lo, hi)))
    return found


def range_of(pieces: tuple[Piece, ...], order: int, span: Span) -> Span:
    """An interval that contains ς⁽ᵒʳᵈᵉʳ⁾ on the span; at a breakpoint, both one-sided values."""
    found = []
    for piece, part in parts(pieces, span):
        own = _once(piece, part)
        own.magnitude()  # NotShown where an end is not finite
        found.append(_range(piece.formula, order, own.lo.lower(), own.hi.upper(), ctx.prec))
    return hull(found)


def coefficients(formula: Formula, at: arb, length: int) -> arb_series:
    """The power series of ς about every point of the ball `at`; NaN where the ball is too wide."""
    try:
        return formula(arb_series([at, 1], prec=length))
    except (ValueError, ZeroDivisionError):  # a divisor that contains 0
        return arb_series([arb.nan()] * length, prec=length)


# The proofs of one network, and the changes of one proof, ask for the same ranges again. Exact ends
# have a hash, and what is found with fewer bits is kept apart.
@lru_cache(maxsize=10_000)
def _range(formula: Formula, order: int, low: arb, high: arb, bits: int) -> Span:
    span = Span(low, high)
    factorial = arb(order).fac()

    def near(at: arb) -> tuple[arb, arb]:
        series = coefficients(formula, at, order + 2)
        return series[order] * factorial, series[order + 1] * factorial * (order + 1)

    todo = [span]
    values = [near(end)[0] for end in span]
    flat = _FINEST * (1 + span.magnitude())
    for _ in range(_CELLS):
        if not todo:
            return hull([Span(v, v) for v in values])
        lo, hi = todo.pop()
        middle = ((lo + hi) / 2).mid()
        value, slope = near(middle)
        series = coefficients(formula, lo.union(hi), order + 3)
        spread = arb(0, ((hi - lo) / 2).upper())
        steepness = series[order + 1] * factorial * (order + 1)
        bend = series[order + 2] * factorial * (order + 1) * (order + 2)
        steepness = _both(steepness, slope + spread * bend)
        if steepness >= 0 or steepness <= 0:  # monotone: the ends, which are among the values
            continue
        cell = _both(series[order] * factorial, value + spread * steepness)
        if cell.rad() <= _FINE * largest([v.abs_upper() for v in values]) + flat:
            values.append(cell)
            continue
        if not lo < middle < hi:
            break
        values.append(value)
        todo += [Span(middle, hi), Span(lo, middle)]
    raise NotShown(f"no range of an activation on [{float(span.lo)}, {float(span.hi)}]")


def _once(piece: Piece, span: Span) -> Span:
    """A span on which the piece has the same values, no longer than its period."""
    if piece.period is None or span.hi - span.lo <= piece.period:
        return span
    return Span(arb(0), piece.period)


def _both(one: arb, other: arb) -> arb:
    """Two enclosures of the same numbers as one."""
    return one.intersection(other) if one.is_finite() and other.is_finite() else one


def parabola_above(
    piece: Piece, span: Span, steep: arb, bent: arb, parabola: tuple[arb, arb, arb]
) -> bool:
    """Whether |bent·ς''| ≤ a + b·(steep·ς') − c·(steep·ς')² on the span.

    By bisection: with g the difference, m the middle and h half the width of a cell Z,
    g ≥ g(m) − |g'(m)|h − ½ max(0, −g''(Z))h².
    """
    a, b, c = parabola[0], parabola[1] * steep, parabola[2] * steep * steep

    def gaps(at: arb) -> list[arb_series]:
        slope = coefficients(piece.formula, at, 5).derivative()
        over = a + slope * b - slope * slope * c
        curvature = slope.derivative() * bent
        return [over - curvature, over + curvature]

    todo = [_once(piece, span)]
    for _ in range(_CELLS):
        if not todo:
            return True
        lo, hi = todo.pop()
        whole = gaps(lo.union(hi))
        if all(gap[0] >= 0 for gap in whole):
            continue
        middle = ((lo + hi) / 2).mid()
        half = ((hi - lo) / 2).upper()
        near = gaps(middle)
        if all(
            at[0] - abs(at[1]) * half - (-gap[2].lower()).max(arb(0)) * half * half >= 0
            for at, gap in zip(near, whole, strict=True)
        ):
            continue
        if any(at[0] < 0 for at in near) or not lo < middle < hi:
            return False
        todo += [Span(middle, hi), Span(lo, middle)]
    return False

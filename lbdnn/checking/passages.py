"""Intervals and norms through single operations."""

from __future__ import annotations

from flint import arb, arb_mat

from .definiteness import euclidean, least
from .definitions import Piece
from .regions import Parameters
from .spans import Span, hull, largest, range_of, scaled


def through_affine(
    center: arb_mat, x: list[Span], norm: arb, parameters: Parameters, layer: int
) -> tuple[list[Span], arb]:
    """An interval and a norm of V_jᵀ[x; 1], ‖[x; 1]‖ ≤ norm."""
    radius = parameters.layer_radii()[layer]
    nominal = [_dot(row, x) for row in center.tolist()]
    through = least(
        euclidean([span.magnitude() for span in nominal]), (parameters.norms[layer] * norm).upper()
    )
    moved = [(least(radius, own) * norm).upper() for own in parameters.row_radii(layer)]
    widened = [Span(s.lo - m, s.hi + m) for s, m in zip(nominal, moved, strict=True)]
    return widened, (through + radius * norm).upper()


def _dot(row: list[arb], x: list[Span]) -> Span:
    """Σ w_n x_n (+ the bias, if there is one entry more)."""
    lo = hi = row[len(x)] if len(row) > len(x) else arb(0)
    zero = arb(0)
    for weight, span in zip(row, x, strict=False):
        if weight >= 0:
            term = Span(weight * span.lo, weight * span.hi)
        elif weight <= 0:
            term = Span(weight * span.hi, weight * span.lo)
        else:
            term = scaled(span, weight, zero)
        lo, hi = lo + term.lo, hi + term.hi
    return Span(lo, hi)


def through_scaling(
    factors: list[arb], shifts: list[arb], x: list[Span], norm: arb
) -> tuple[list[Span], arb]:
    """An interval and a norm of factor·x + shift, entry by entry."""
    image = [scaled(*entry) for entry in zip(x, factors, shifts, strict=True)]
    steepest = largest([abs(f).upper() for f in factors])
    return image, (euclidean([abs(s).upper() for s in shifts]) + steepest * norm).upper()


def through_activation(
    pieces: tuple[Piece, ...], x: list[Span], norm: arb
) -> tuple[list[Span], arb, list[Span]]:
    """An interval and a norm of ς(x), and intervals of ς'(x)."""
    image = [range_of(pieces, 0, span) for span in x]
    slopes = [range_of(pieces, 1, span) for span in x]
    zero = Span(arb(0), arb(0))
    at_zero = range_of(pieces, 0, zero).magnitude()
    # The slope between 0 and x, where it matters for |ς(x)| ≤ |ς(0)| + sup|ς'|·|x|.
    between = [
        own if span.lo <= 0 and span.hi >= 0 else range_of(pieces, 1, hull([span, zero]))
        for own, span in zip(slopes, x, strict=True)
    ]
    steepest = largest([slope.magnitude() for slope in between])
    return image, (euclidean([at_zero] * len(x)) + steepest * norm).upper(), slopes


def times(a: Span, b: Span) -> Span:
    """Products of numbers of both."""
    return hull([scaled(a, b.lo, arb(0)), scaled(a, b.hi, arb(0))])

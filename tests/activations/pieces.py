"""A smooth piece of an activation, in ball arithmetic."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction

from flint import arb, arb_series, ctx, fmpq

from .tails import Tail

INF = math.inf


@contextmanager
def precision(bits: int, terms: int = 7) -> Iterator[None]:
    """Bits of ball arithmetic, and terms of series, inside."""
    before = ctx.prec, ctx.cap
    ctx.prec, ctx.cap = bits, terms
    try:
        yield
    finally:
        ctx.prec, ctx.cap = before


@dataclass(frozen=True)
class Piece:
    """ς on [left, right]: a formula for series; what is known at an infinite end.

    `limits` and `tails`: for −1 and 1, the limits of the orders below the tail's, and the tail.
    `offset`: the limit of |ς| − |z| at ∞, where the tail does not give it.
    `touches`: zeros of ς' that are no change of sign. `periodic`: all else repeats this piece.
    `far`: beyond ±far, proofs use the tails' algebra, before it bisection.
    """

    left: float | Fraction
    right: float | Fraction
    formula: Callable[[arb_series], arb_series]
    tails: dict[int, Tail] = field(default_factory=dict)
    limits: dict[int, tuple[float | Callable[[], arb], ...]] = field(default_factory=dict)
    offset: float | None = None
    touches: tuple[float, ...] = ()
    periodic: bool = False
    far: float = 12.0

    def derivatives(self, z: arb, number: int = 6) -> list[arb]:
        """Balls that contain ς⁽⁰⁾, …, ς⁽ⁿ⁻¹⁾ on the ball z."""
        with precision(ctx.prec, number):
            try:
                series = self.formula(arb_series([z, 1], number))
            except ValueError:  # on too wide a ball a denominator contains 0
                return [arb.nan()] * number
            return [series[k] * math.factorial(k) for k in range(number)]


def ball(value: float | Fraction) -> arb:
    """An exact number as a ball."""
    if isinstance(value, Fraction):
        return arb(fmpq(value.numerator, value.denominator))
    return arb(value)

"""What an activation does towards ±∞: its derivatives as fractions of polynomials.

Towards +∞ (and, with z = −x, towards −∞) every activation of the library, or its first or second
derivative, is N(x, E)/B(x, E) with polynomials N, B and an E that vanishes there faster than any
power of 1/x, such as exp(−x). E' is a polynomial too, so all derivatives follow by exact algebra
over the rationals, and signs and limits from their leading terms.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache

from flint import Ordering, arb, fmpq, fmpq_mpoly, fmpq_mpoly_ctx

RING = fmpq_mpoly_ctx.get(("x", "E", "c"), Ordering.lex)
x, E, c = RING.gens()  # c = √(2/π)


@dataclass(frozen=True, eq=False)
class Tail:
    """h⁽ᵒʳᵈᵉʳ⁾ = numerator/base^power, h(x) = ς(±x); `rate` is E'; `size(r)` bounds E for x ≥ r.

    Without `size`, E is any positive number. `power` may be a fraction.
    """

    order: int
    numerator: fmpq_mpoly
    base: fmpq_mpoly
    rate: fmpq_mpoly
    size: Callable[[arb], arb] | None
    power: Fraction = Fraction(1)

    def __neg__(self) -> Tail:
        return replace(self, numerator=-self.numerator)

    def at(self, order: int) -> Tail:
        """The same for a higher derivative."""
        assert order >= self.order
        return self if order == self.order else _next(self.at(order - 1))

    def sign(self, order: int, start: float) -> int:
        """The sign of h⁽ᵒʳᵈᵉʳ⁾ on x ≥ start, proved; AssertionError where it cannot be."""
        tail = self.at(order)
        return tail._sign_of(tail.numerator, start) * self._sign_of(self.base, start)

    def limit(self, order: int) -> arb:
        """The limit of h⁽ᵒʳᵈᵉʳ⁾ at infinity."""
        tail = self.at(order)
        above = _terms(tail.numerator)
        leading = [term for term in above if term[1] == 0]
        if not leading:
            assert self.size is not None
            return arb(0)
        degree, top = _leading(leading)
        degree_below, bottom = _leading([t for t in _terms(self.base) if t[1] == 0])
        excess = degree - tail.power * degree_below
        if excess < 0:
            return arb(0)
        assert bottom > 0
        if excess > 0:
            return arb.pos_inf() if top > 0 else arb.neg_inf()
        return top / bottom ** int(tail.power)

    def minus_line(self, slope: fmpq) -> Tail:
        """h − slope·x, for a tail of order 0."""
        assert self.order == 0
        return replace(self, numerator=self.numerator - slope * x * self.base)

    def _sign_of(self, polynomial: fmpq_mpoly, start: float) -> int:
        """The sign of a polynomial for x ≥ start: that of its leading term, if that prevails."""
        terms = _terms(polynomial)
        if not terms:
            return 0
        least = min(j for _, j, _, _ in terms)
        most = max(i for i, j, _, _ in terms if j == least)
        total = arb(0)
        for i, j, _, coefficient in terms:
            total += coefficient * self._monomial(i - most, j - least, start)
        assert not total.contains(0), f"no sign of {polynomial} from {start}"
        return 1 if total > 0 else -1

    def _monomial(self, i: int, j: int, start: float) -> arb:
        """A ball that contains xⁱEʲ for x ≥ start."""
        if i == j == 0:
            return arb(1)
        # Where i > 0, xⁱEʲ decreases from x = i on, as −E'/E ≥ 1.
        assert self.size is not None and (i <= 0 or (j > 0 and i <= start))
        largest = arb(start) ** i * self.size(arb(start)) ** j
        return arb(0).union(largest)


@cache
def _next(tail: Tail) -> Tail:
    def prime(p: fmpq_mpoly) -> fmpq_mpoly:
        return p.derivative("x") + tail.rate * p.derivative("E")

    base, k = tail.base * RING.constant(1), tail.power
    above = tail.numerator * RING.constant(1)
    if base.is_constant():
        return replace(tail, order=tail.order + 1, numerator=prime(above))
    numerator = prime(above) * base - fmpq(k.numerator, k.denominator) * above * prime(base)
    return replace(tail, order=tail.order + 1, numerator=numerator, power=k + 1)


def _terms(polynomial: fmpq_mpoly) -> list[tuple[int, int, int, arb]]:
    """(i, j, k, coefficient·cᵏ) for each term coefficient·xⁱEʲcᵏ."""
    root = (2 / arb.pi()).sqrt()
    p = polynomial * RING.constant(1)
    return [
        (*map(int, powers), arb(q) * root ** int(powers[2]))
        for powers, q in zip(p.monoms(), p.coeffs(), strict=True)
    ]


def _leading(terms: list[tuple[int, int, int, arb]]) -> tuple[int, arb]:
    degree = max(i for i, _, _, _ in terms)
    return degree, sum((q for i, _, _, q in terms if i == degree), arb(0))

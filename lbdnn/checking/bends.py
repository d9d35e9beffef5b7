"""The elementwise maps between layers: their slopes, and where curvatures are taken."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

from flint import arb

from .definitions import Piece
from .spans import NotShown, Span, hull, parabola_above, parts, range_of


@dataclass
class Bend:
    """The elementwise map ψ between two layers: outer·ς(inner·z + …) + …, or without ς.

    slopes: ψ' over the region, one a neuron; spans: the arguments of ς. The first `carried` neurons
    are what shortcuts carry, on which ψ is the identity. square: (a, b) with
    ψ² ≤ a − bψ' everywhere.
    """

    slopes: list[Span]
    inner: list[arb]
    outer: list[arb]
    pieces: tuple[Piece, ...] | None = None
    spans: list[Span] = field(default_factory=list)
    carried: int = 0
    square: tuple[int, int] | None = None

    @staticmethod
    def straight(n: int) -> Bend:
        """The identity."""
        ones = [arb(1)] * n
        return Bend([Span(arb(1), arb(1))] * n, ones, ones)

    def beside(self, carried: int) -> Bend:
        """With the identity on so many neurons more, in front."""
        ones = [arb(1)] * carried
        return Bend(
            [Span(arb(1), arb(1))] * carried + self.slopes,
            ones + self.inner,
            ones + self.outer,
            self.pieces,
            [Span(arb(0), arb(0))] * carried + self.spans,
            carried + self.carried,
            None if carried else self.square,
        )

    def steepest(self) -> list[arb]:
        """Upper bounds of |ψ'|, one a neuron."""
        return [slope.magnitude() for slope in self.slopes]

    def under(self, neuron: int, parabola: tuple[arb, arb, arb]) -> bool:
        """Whether |ψ''| ≤ a + bψ' − cψ'² over the region is proved.

        NotShown where ψ' may jump.
        """
        if self._without(neuron):
            slope = self.inner[neuron] * self.outer[neuron]
            a, b, c = parabola
            return bool(a + b * slope - c * slope * slope >= 0)
        met = self._smooth_parts(neuron)
        steep = self.inner[neuron] * self.outer[neuron]
        bent = steep * self.inner[neuron]
        return all(parabola_above(piece, span, steep, bent, parabola) for piece, span in met)

    def curvatures(self) -> list[arb]:
        """Upper bounds of |ψ''|, one a neuron; NotShown where ψ' may jump."""
        found = []
        for neuron, (inner, outer) in enumerate(zip(self.inner, self.outer, strict=True)):
            if self._without(neuron):
                found.append(arb(0))
                continue
            met = [range_of((piece,), 2, span) for piece, span in self._smooth_parts(neuron)]
            found.append((hull(met).magnitude() * abs(outer * inner * inner)).upper())
        return found

    def _without(self, neuron: int) -> bool:
        return self.pieces is None or neuron < self.carried

    def _smooth_parts(self, neuron: int) -> list[tuple[Piece, Span]]:
        assert self.pieces is not None
        met = parts(self.pieces, self.spans[neuron])
        for (piece, span), (following, _) in pairwise(met):
            left, right = (
                range_of((Piece(None, None, p.formula),), 1, Span(span.hi, span.hi))
                for p in (piece, following)
            )
            if not (left.lo == left.hi == right.lo == right.hi):
                raise NotShown("a slope may jump in the set, so ∂²Φ/∂θ² may not exist")
        return met

"""What one pass over a chain of layers shows: slopes, norms, and where curvatures are taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from flint import arb, arb_mat

from ..networks import Affine, Chain, Pointwise, Scaling
from .definiteness import euclidean, identity, least, spectral_norm
from .definitions import Piece, definition
from .regions import Inputs, Parameters
from .spans import NotShown, Span, hull, largest, parabola_above, parts, range_of, scaled


@dataclass
class Bend:
    """The elementwise map ψ between two layers: outer·ς(inner·z + …) + …, or without ς.

    slopes: ψ' over the region, one a neuron; spans: the arguments of ς.
    """

    slopes: list[Span]
    inner: list[arb]
    outer: list[arb]
    pieces: tuple[Piece, ...] | None = None
    spans: list[Span] = field(default_factory=list)

    @staticmethod
    def straight(n: int) -> Bend:
        """The identity."""
        ones = [arb(1)] * n
        return Bend([Span(arb(1), arb(1))] * n, ones, ones)

    def steepest(self) -> list[arb]:
        """Upper bounds of |ψ'|, one a neuron."""
        return [slope.magnitude() for slope in self.slopes]

    def under(self, neuron: int, parabola: tuple[arb, arb, arb]) -> bool:
        """Whether |ψ''| ≤ a + bψ' − cψ'² over the region is proved.

        NotShown where ψ' may jump.
        """
        if self.pieces is None:
            slope = self.inner[neuron] * self.outer[neuron]
            a, b, c = parabola
            return bool(a + b * slope - c * slope * slope >= 0)
        met = self._smooth_parts(neuron)
        steep = self.inner[neuron] * self.outer[neuron]
        bent = steep * self.inner[neuron]
        return all(parabola_above(piece, span, steep, bent, parabola) for piece, span in met)

    def curvatures(self) -> list[arb]:
        """Upper bounds of |ψ''|, one a neuron; NotShown where ψ' may jump."""
        if self.pieces is None:
            return [arb(0)] * len(self.slopes)
        found = []
        for neuron, (inner, outer) in enumerate(zip(self.inner, self.outer, strict=True)):
            met = [range_of((piece,), 2, span) for piece, span in self._smooth_parts(neuron)]
            found.append((hull(met).magnitude() * abs(outer * inner * inner)).upper())
        return found

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


@dataclass
class Layer:
    """Φ_j = V_jᵀ[ψ_j(Φ_{j−1}); 1]: ψ_j, W_j of the centre, and a bound of ‖[ψ_j(Φ_{j−1}); 1]‖.

    Without bias there is no 1. `aligned` is the largest square of the part of a unit vector [v; 0]
    along [ψ_j(Φ_{j−1}); 1]: ‖s‖²/(‖s‖² + 1).
    """

    bend: Bend
    weight: arb_mat
    norm: arb
    bias: bool

    @property
    def aligned(self) -> arb:
        return 1 - 1 / self.norm**2 if self.bias else arb(1)


@dataclass
class Enclosure:
    """The layers, ψ after the last one, whether anything stands there, and a bound of ‖Φ‖."""

    layers: list[Layer]
    bend: Bend
    trailing: bool
    value: arb


def enclose(net: Chain, inputs: Inputs, parameters: Parameters) -> Enclosure:
    """Intervals and norms, layer by layer.

    Through an affine map: intervals through the centre's weights, each widened by the row of the
    perturbation times ‖[s; 1]‖; in norm ‖V‖‖[s; 1]‖ + r‖[s; 1]‖. Through ς: its exact range, and
    |ς(0)| + sup|ς'|·‖x‖. NotShown for an operation that is not known.
    """
    x, norm, bend = inputs.spans, inputs.norm(), Bend.straight(len(inputs.spans))
    layers: list[Layer] = []
    centers = parameters.split(parameters.center)
    for operation in net.written_out:
        match operation:
            case Affine():
                j = len(layers)
                if operation.bias:
                    norm = euclidean([norm, arb(1)])
                weight = _columns(centers[j], operation.n_in)
                layers.append(Layer(bend, weight, norm, operation.bias))
                x, norm = _through_affine(centers[j], x, norm, parameters, j)
                bend = Bend.straight(len(x))
            case Scaling(scale, offset):
                factors, shifts = [arb(s) for s in scale], [arb(o) for o in offset]
                x, norm = _through_scaling(factors, shifts, x, norm)
                _scale(bend, factors)
            case Pointwise(activation):
                pieces = definition(activation)
                if pieces is None:
                    raise NotShown(f"the checker has no definition of {activation.spec}")
                if bend.pieces is not None:
                    raise NotShown("two activations without a layer between them")
                bend.pieces, bend.spans = pieces, x
                x, norm, slopes = _through_activation(pieces, x, norm)
                bend.slopes = [_times(a, b) for a, b in zip(bend.slopes, slopes, strict=True)]
            case _:
                raise NotShown(f"{type(operation).__name__} blocks are not known to the checker")
        norm = least(norm, euclidean([span.magnitude() for span in x]))
    trailing = not isinstance(net.written_out[-1], Affine)
    return Enclosure(layers, bend, trailing, norm)


def _columns(m: arb_mat, n: int) -> arb_mat:
    rows = [row[:n] for row in m.tolist()]
    return arb_mat(len(rows), n, [entry for row in rows for entry in row])


def _through_affine(
    center: arb_mat, x: list[Span], norm: arb, parameters: Parameters, layer: int
) -> tuple[list[Span], arb]:
    radius = parameters.layer_radii()[layer]
    nominal = [_dot(row, x) for row in center.tolist()]
    through = least(
        euclidean([span.magnitude() for span in nominal]), (spectral_norm(center) * norm).upper()
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


def _through_scaling(
    factors: list[arb], shifts: list[arb], x: list[Span], norm: arb
) -> tuple[list[Span], arb]:
    image = [scaled(*entry) for entry in zip(x, factors, shifts, strict=True)]
    steepest = largest([abs(f).upper() for f in factors])
    return image, (euclidean([abs(s).upper() for s in shifts]) + steepest * norm).upper()


def _scale(bend: Bend, factors: list[arb]) -> None:
    if bend.pieces is None:
        bend.inner = [a * f for a, f in zip(bend.inner, factors, strict=True)]
    else:
        bend.outer = [a * f for a, f in zip(bend.outer, factors, strict=True)]
    zero = arb(0)
    bend.slopes = [scaled(s, f, zero) for s, f in zip(bend.slopes, factors, strict=True)]


def _through_activation(
    pieces: tuple[Piece, ...], x: list[Span], norm: arb
) -> tuple[list[Span], arb, list[Span]]:
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


def _times(a: Span, b: Span) -> Span:
    return hull([scaled(a, b.lo, arb(0)), scaled(a, b.hi, arb(0))])


def stages(known: Enclosure) -> Sequence[tuple[Bend, arb_mat, arb | None, arb]]:
    """(ψ_j, W_j, ‖[s_j; 1]‖, `Layer.aligned`) for j ≥ 1; at the end the identity, with None, where
    something stands behind the last layer, or where there is but one."""
    found: list[tuple[Bend, arb_mat, arb | None, arb]] = [
        (layer.bend, layer.weight, layer.norm, layer.aligned) for layer in known.layers[1:]
    ]
    if known.trailing or not found:
        found.append((known.bend, identity(arb(1), len(known.bend.slopes)), None, arb(1)))
    return found

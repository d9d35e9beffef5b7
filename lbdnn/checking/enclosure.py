"""What one pass over a chain of layers shows: slopes and norms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from flint import arb, arb_mat

from ..activations import Activation
from ..networks import Affine, Chain, Operation, Pointwise, Repeat, Residual, Scaling
from .bends import Bend
from .definiteness import euclidean, identity, least
from .definitions import definition, square
from .passages import through_activation, through_affine, through_scaling, times
from .regions import Inputs, Parameters
from .spans import NotShown, Span, largest, scaled


class Image(NamedTuple):
    """What layer j takes and gives: ‖s_j‖ ≤ size, Φ_j in spans, ‖Φ_j‖ ≤ norm."""

    size: arb
    spans: list[Span]
    norm: arb


class Moved(NamedTuple):
    """Known of layer j beforehand: its image for the parameters at the centre, and how far others
    take Φ_{j−1} from it (`before`, in norm) and Φ_j (`norm`, and entry by entry)."""

    image: Image
    before: arb
    norm: arb
    entries: list[arb]


@dataclass
class Layer:
    """Φ_j = V_jᵀ[ψ_j(Φ_{j−1}); 1]: ψ_j, W_j of the centre, and a bound of ‖[ψ_j(Φ_{j−1}); 1]‖.

    Without bias there is no 1. Without parameters of its own `norm` is None and `radius`, that of
    V_j, 0. `aligned` is the largest square of the part of a unit vector [v; 0] along
    [ψ_j(Φ_{j−1}); 1]: ‖s‖²/(‖s‖² + 1).

    In a residual block Φ_j = [η; z]: η is carried, V_j and [ψ_j(Φ_{j−1}); 1] belong to z alone.
    """

    bend: Bend
    weight: arb_mat
    norm: arb | None
    radius: arb
    bias: bool

    @property
    def aligned(self) -> arb:
        return arb(1) if self.norm is None or not self.bias else 1 - 1 / self.norm**2

    @property
    def squares(self) -> tuple[int, int] | None:
        """(a, b) with ‖[ψ_j(Φ_{j−1}); 1]‖² ≤ a − bΣψ_j'; None where none is known."""
        if self.norm is None or self.bend.square is None:
            return None
        a, b = self.bend.square
        return a * len(self.bend.slopes) + self.bias, b


@dataclass
class Enclosure:
    """The layers, ψ after the last one, whether anything stands there, and a bound of ‖Φ‖.

    Of a network with residual blocks something always stands there.
    """

    layers: list[Layer]
    bend: Bend
    trailing: bool
    value: arb


def enclose(
    net: Chain, inputs: Inputs, parameters: Parameters, moved: Sequence[Moved] | None = None
) -> Enclosure:
    """Intervals and norms, layer by layer.

    Through an affine map: intervals through the centre's weights, each widened by the row of the
    perturbation times ‖[s; 1]‖; in norm ‖V‖‖[s; 1]‖ + r‖[s; 1]‖. Through ς: its exact range, and
    |ς(0)| + sup|ς'|·‖x‖. x ↦ x + F(x) is x ↦ [x; x], F on the lower part, and [η; z] ↦ η + z; the
    first and the last of these three are one layer with an affine map of F beside them, if there is
    one and it has not been joined with the other already. What `moved` says holds, too, one for
    each affine map of a chain without residual blocks. NotShown for an operation that is not known.
    """
    before = _Reached(inputs.spans, inputs.norm(), Bend.straight(len(inputs.spans)), 0)
    way = _Way(parameters, moved)
    end = way.through(net.operations, before)
    trailing = net.residual or not isinstance(net.written_out[-1], Affine)
    return Enclosure(way.layers, end.bend, trailing, end.norm)


class _Reached(NamedTuple):
    """Intervals and a norm, ψ since the last layer, and how many numbers shortcuts carry."""

    x: list[Span]
    norm: arb
    bend: Bend
    carried: int


class _Way:
    """The layers passed so far."""

    def __init__(self, parameters: Parameters, moved: Sequence[Moved] | None) -> None:
        self.layers: list[Layer] = []
        self.parameters, self.moved = parameters, moved
        self.passed = 0

    def through(self, operations: Sequence[Operation], at: _Reached) -> _Reached:
        for operation in operations:
            match operation:
                case Repeat(inside, times):
                    for _ in range(times):
                        at = self.through(inside, at)
                case Residual(inside):
                    at = self.beside(inside, at)
                case Affine():
                    at = self.affine(operation, at)
                case Scaling(scale, offset):
                    factors, shifts = [arb(s) for s in scale], [arb(o) for o in offset]
                    x, norm = through_scaling(factors, shifts, at.x, at.norm)
                    at = _Reached(x, norm, _scaled(at.bend, factors), at.carried)
                case Pointwise(activation):
                    at = _activated(activation, at)
                case _:
                    raise NotShown(f"{type(operation).__name__} is not known to the checker")
            at = at._replace(norm=least(at.norm, euclidean([s.magnitude() for s in at.x])))
        return at

    def affine(self, operation: Affine, at: _Reached) -> _Reached:
        j, size = self.passed, at.norm
        known = None if self.moved is None else self.moved[j]
        self.passed += 1
        if known is not None:
            steep = largest(at.bend.steepest())
            size = least(size, (known.image.size + steep * known.before).upper())
        norm = euclidean([size, arb(1)]) if operation.bias else size
        center = self.parameters.centers[j]
        weight = _lower_right(at.carried, _columns(center, operation.n_in))
        radius = self.parameters.layer_radii()[j]
        x, image = through_affine(center, at.x, norm, self.parameters, j)
        if known is not None:
            x = [
                _met(own, span, far)
                for own, span, far in zip(x, known.image.spans, known.entries, strict=True)
            ]
            image = least(image, (known.image.norm + known.norm).upper())
        self.layers.append(Layer(at.bend.beside(at.carried), weight, norm, radius, operation.bias))
        norm = least(image, euclidean([span.magnitude() for span in x]))
        return _Reached(x, norm, Bend.straight(len(x)), at.carried)

    def beside(self, inside: Sequence[Operation], at: _Reached) -> _Reached:
        n, start = len(at.x), len(self.layers)
        eye = identity(arb(1), n)
        twice = _lower_right(at.carried, _stacked(eye, eye))
        self._fixed(at.bend.beside(at.carried), twice)
        begun = _Reached(at.x, at.norm, Bend.straight(n), at.carried + n)
        end = self.through(inside, begun)
        added = _lower_right(at.carried, _stacked(eye, eye).transpose())
        if isinstance(inside[-1], Affine):
            self.layers[-1].weight = added * self.layers[-1].weight
        else:
            self._fixed(end.bend.beside(end.carried), added)
        if isinstance(inside[0], Affine) and len(self.layers) > start + 2:
            front, first = self.layers[start : start + 2]
            first.bend, first.weight = front.bend, first.weight * front.weight
            del self.layers[start]
        x = [Span(a.lo + b.lo, a.hi + b.hi) for a, b in zip(at.x, end.x, strict=True)]
        return _Reached(x, (at.norm + end.norm).upper(), Bend.straight(n), at.carried)

    def _fixed(self, bend: Bend, weight: arb_mat) -> None:
        self.layers.append(Layer(bend, weight, None, arb(0), False))


def _met(own: Span, span: Span, far: arb) -> Span:
    """What both intervals hold, the second widened by `far`."""
    low, high = (span.lo - far).lower(), (span.hi + far).upper()
    return Span(largest([own.lo.lower(), low]), least(own.hi.upper(), high))


def _activated(activation: Activation, at: _Reached) -> _Reached:
    pieces = definition(activation)
    if pieces is None:
        raise NotShown(f"the checker has no definition of {activation.spec}")
    bend = at.bend
    if bend.pieces is not None:
        raise NotShown("two activations without a layer between them")
    x, norm, slopes = through_activation(pieces, at.x, at.norm)
    slopes = [times(a, b) for a, b in zip(bend.slopes, slopes, strict=True)]
    plain = all(factor == 1 for factor in bend.inner)
    known = square(activation) if plain else None
    found = Bend(slopes, bend.inner, bend.outer, pieces, at.x, square=known)
    return _Reached(x, norm, found, at.carried)


def _lower_right(carried: int, weight: arb_mat) -> arb_mat:
    """[[I, 0], [0, W]]."""
    found = arb_mat(carried + weight.nrows(), carried + weight.ncols())
    for i in range(carried):
        found[i, i] = arb(1)
    for i, row in enumerate(weight.tolist()):
        for j, entry in enumerate(row):
            found[carried + i, carried + j] = entry
    return found


def _stacked(upper: arb_mat, lower: arb_mat) -> arb_mat:
    rows = upper.tolist() + lower.tolist()
    return arb_mat(len(rows), upper.ncols(), [entry for row in rows for entry in row])


def _columns(m: arb_mat, n: int) -> arb_mat:
    rows = [row[:n] for row in m.tolist()]
    return arb_mat(len(rows), n, [entry for row in rows for entry in row])


def _scaled(bend: Bend, factors: list[arb]) -> Bend:
    zero = arb(0)
    slopes = [scaled(s, f, zero) for s, f in zip(bend.slopes, factors, strict=True)]
    if bend.pieces is None:
        inner = [a * f for a, f in zip(bend.inner, factors, strict=True)]
        return replace(bend, slopes=slopes, inner=inner)
    outer = [a * f for a, f in zip(bend.outer, factors, strict=True)]
    return replace(bend, slopes=slopes, outer=outer, square=None)


def stages(known: Enclosure) -> Sequence[Layer]:
    """Those after the first; at the end the identity, without parameters, where something stands
    behind the last layer, or where there is but one."""
    found = known.layers[1:]
    if known.trailing or not found:
        eye = identity(arb(1), len(known.bend.slopes))
        found.append(Layer(known.bend, eye, None, arb(0), False))
    return found

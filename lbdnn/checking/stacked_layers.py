"""A chain over a set of parameters in floats, as elementwise maps and affine maps in turn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from flint import arb, arb_mat

from ..networks import Affine, Chain, Operation, Pointwise, Repeat, Residual, Scaling
from .activation_tables import table
from .cell_bends import Bending
from .enclosure import Enclosure
from .regions import Parameters
from .spans import NotShown

_UNIT = 2.0**-52


@dataclass
class StackedLayer:
    """Φ_{t+1} = W s + b + [0; E[s°; 1]], s = ψ(Φ_t), ‖E‖ ≤ radius, rows of [0; E] at most `rows`
    long.

    s° is s without its first `kept` entries, which shortcuts carry; E moves the entries of Φ_{t+1}
    from `acts` on. Where `owned` is 0 the layer has no parameters; without `one` there is no 1.
    """

    bending: Bending
    weight: np.ndarray
    bias: np.ndarray
    radius: float
    rows: np.ndarray
    owned: float
    one: float
    acts: int = 0

    @property
    def kept(self) -> int:
        return self.bending.carried


@dataclass
class Stack:
    """The layers; Σ‖E_t‖² ≤ shared². W and b are exact; the radii include what rounding took."""

    layers: list[StackedLayer]
    shared: float

    def acting(self, node: int) -> slice:
        """The entries of Φ_node that are moved by parameters, all of those of the inputs."""
        return slice(self.layers[node - 1].acts if node else 0, None)

    @property
    def rounding(self) -> float:
        """Of a sum of products of entries of W, slopes, …, as a fraction of that of sizes."""
        count = sum(4 * sum(layer.weight.shape) + 64 for layer in self.layers)
        return 8 * count * _UNIT


def stacked(net: Chain, parameters: Parameters, known: Enclosure) -> Stack:
    """The chain over a set of parameters; `known` tells what its numbers can be at most.

    Residual blocks become layers as in `enclose`. NotShown for an operation that is not known here.
    """
    way = _Way(net.inputs, parameters)
    way.through(net.operations, 0)
    if known.trailing or not way.layers:
        way.fixed(np.eye(len(way.pending.inner)), 0)
    for layer, spans in zip(way.layers, _arguments(known), strict=True):
        _prepare(layer.bending, spans)
    shared = math.inf if parameters.radius is None else _up(parameters.radius + way.lost.sqrt())
    return Stack(way.layers, shared)


class _Way:
    """The layers so far, and the elementwise map since the last of them."""

    def __init__(self, inputs: int, parameters: Parameters) -> None:
        self.layers: list[StackedLayer] = []
        self.pending, self.lost, self.passed = Bending.straight(inputs), arb(0), 0
        self.parameters, self.centers = parameters, parameters.split(parameters.center)

    def through(self, operations: Sequence[Operation], carried: int) -> None:
        """The operations, on what stands below so many carried numbers."""
        for operation in operations:
            match operation:
                case Repeat(inside, times):
                    for _ in range(times):
                        self.through(inside, carried)
                case Residual(inside):
                    self.beside(inside, carried)
                case Scaling(scale, offset):
                    factors = np.asarray(scale, float), np.asarray(offset, float)
                    self.pending = self.pending.scaled(*factors)
                case Pointwise(activation):
                    self.pending = self.pending.followed_by(activation)
                case Affine():
                    self.affine(operation, carried)
                case _:
                    raise NotShown(
                        f"over boxes, {type(operation).__name__} is not known to the checker"
                    )

    def affine(self, operation: Affine, carried: int) -> None:
        j = self.passed
        self.passed += 1
        matrix, off = _floats(self.centers[j])
        self.lost = self.lost + off * off
        radius = _up(self.parameters.layer_radii()[j] + off)
        rows = np.array([_up(x + off) for x in self.parameters.row_radii(j)])
        n_in, none = operation.n_in, np.zeros(carried)
        own = matrix[:, n_in] if operation.bias else np.zeros(operation.n_out)
        self.layers.append(
            StackedLayer(
                self.pending.beside(carried),
                _lower_right(carried, matrix[:, :n_in]),
                np.concatenate([none, own]),
                radius,
                np.concatenate([none, np.minimum(rows, radius)]),
                1.0,
                float(operation.bias),
                carried,
            )
        )
        self.pending = Bending.straight(operation.n_out)

    def beside(self, inside: Sequence[Operation], carried: int) -> None:
        """x + F(x): x ↦ [x; x], F on the lower part, [η; z] ↦ η + z, joined with affine maps of F
        at its ends if there are two. Products with 0 and 1 are exact."""
        eye, start = np.eye(len(self.pending.inner)), len(self.layers)
        self.fixed(np.concatenate([eye, eye]), carried)
        self.pending = Bending.straight(len(eye))
        self.through(inside, carried + len(eye))
        added = np.concatenate([eye, eye], 1)
        if isinstance(inside[-1], Affine):
            last, total = self.layers[-1], _lower_right(carried, added)
            last.weight, last.bias = total @ last.weight, total @ last.bias
            last.rows, last.acts = total @ last.rows, carried
        else:
            self.pending = self.pending.beside(len(eye))
            self.fixed(added, carried)
        if isinstance(inside[0], Affine) and len(self.layers) > start + 2:
            front, first = self.layers[start : start + 2]
            first.bending, first.weight = front.bending, first.weight @ front.weight
            del self.layers[start]
        self.pending = Bending.straight(len(eye))

    def fixed(self, weight: np.ndarray, carried: int) -> None:
        """A layer without parameters."""
        weight = _lower_right(carried, weight)
        none = np.zeros(len(weight))
        bending = self.pending.beside(carried)
        self.layers.append(StackedLayer(bending, weight, none, 0.0, none, 0.0, 0.0))


def _lower_right(carried: int, weight: np.ndarray) -> np.ndarray:
    """[[I, 0], [0, W]]."""
    n_out, n_in = weight.shape
    found = np.zeros((carried + n_out, carried + n_in))
    found[:carried, :carried] = np.eye(carried)
    found[carried:, carried:] = weight
    return found


def _arguments(known: Enclosure) -> Sequence[list]:
    """The arguments of each ς, as far as there is one."""
    bends = [layer.bend for layer in known.layers]
    if known.trailing or not bends:
        bends.append(known.bend)
    return [bend.spans for bend in bends]


def _prepare(bending: Bending, spans: list) -> None:
    if bending.activation is None:
        return
    # Boxes are enclosed in another way than the whole set, so perhaps not within it.
    reach = 2 * max([1.0, *(_up(span.magnitude()) for span in spans)])
    bending.table = table(bending.activation, 2.0 ** math.ceil(math.log2(reach)))


def _floats(m: arb_mat) -> tuple[np.ndarray, arb]:
    """The nearest floats and how far they are off."""
    rows = [[float(entry.mid()) for entry in row] for row in m.tolist()]
    off = arb(0)
    for exact, near in zip(m.tolist(), rows, strict=True):
        for a, b in zip(exact, near, strict=True):
            off += (a - arb(b)) ** 2
    return np.array(rows), off.sqrt()


def _up(x: arb) -> float:
    """A float ≥ x."""
    top = x.upper()
    near = float(top)
    return near if arb(near) >= top else math.nextafter(near, math.inf)

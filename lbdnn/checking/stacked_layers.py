"""A chain over a set of parameters in floats, as elementwise maps and affine maps in turn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from flint import arb, arb_mat

from ..networks import Affine, Chain, Pointwise, Scaling
from .activation_tables import table
from .cell_bends import Bending
from .enclosure import Enclosure
from .regions import Parameters
from .spans import NotShown

_UNIT = 2.0**-52


@dataclass
class StackedLayer:
    """Φ_{t+1} = W s + b + E[s; 1], s = ψ(Φ_t), ‖E‖ ≤ radius, rows of E at most `rows` long.

    Where `owned` is 0 the layer has no parameters; without `one` there is no 1.
    """

    bending: Bending
    weight: np.ndarray
    bias: np.ndarray
    radius: float
    rows: np.ndarray
    owned: float
    one: float


@dataclass
class Stack:
    """The layers; Σ‖E_t‖² ≤ shared². W and b are exact; the radii include what rounding took."""

    layers: list[StackedLayer]
    shared: float

    @property
    def rounding(self) -> float:
        """Of a sum of products of entries of W, slopes, …, as a fraction of that of sizes."""
        count = sum(4 * sum(layer.weight.shape) + 64 for layer in self.layers)
        return 8 * count * _UNIT


def stacked(net: Chain, parameters: Parameters, known: Enclosure) -> Stack:
    """The chain over a set of parameters; `known` tells what its numbers can be at most.

    NotShown for an operation that is not known here, residual blocks among them.
    """
    layers: list[StackedLayer] = []
    pending = Bending.straight(net.inputs)
    centers, lengths = parameters.split(parameters.center), parameters.layer_radii()
    lost = arb(0)
    for operation in net.written_out:
        match operation:
            case Scaling(scale, offset):
                pending = pending.scaled(np.asarray(scale, float), np.asarray(offset, float))
            case Pointwise(activation):
                pending = pending.followed_by(activation)
            case Affine(n_in, n_out, bias):
                j = len(layers)
                matrix, off = _floats(centers[j])
                lost = lost + off * off
                own = matrix[:, n_in] if bias else np.zeros(n_out)
                rows = [_up(x + off) for x in parameters.row_radii(j)]
                radius = _up(lengths[j] + off)
                layers.append(
                    StackedLayer(
                        pending,
                        matrix[:, :n_in],
                        own,
                        radius,
                        np.minimum(rows, radius),
                        1.0,
                        float(bias),
                    )
                )
                pending = Bending.straight(n_out)
            case _:
                raise NotShown(
                    f"over boxes, {type(operation).__name__} is not known to the checker"
                )
    width = len(pending.inner)
    if known.trailing or not layers:
        eye, none = np.eye(width), np.zeros(width)
        layers.append(StackedLayer(pending, eye, none, 0.0, none, 0.0, 0.0))
    for layer, spans in zip(layers, _arguments(known), strict=True):
        _prepare(layer.bending, spans)
    shared = math.inf if parameters.radius is None else _up(parameters.radius + lost.sqrt())
    return Stack(layers, shared)


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

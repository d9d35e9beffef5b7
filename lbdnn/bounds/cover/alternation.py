"""A chain as activations and affine maps in turn, shortcuts carried along."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from ...activations import Activation, get
from ...networks import Affine, Chain, Operation, Parameters, Pointwise, Residual, Scaling
from ...sets import ParameterRegion
from ..expansion.network import normal


@dataclass(frozen=True)
class Layer:
    """x ↦ W[x_1; ς(x_2)] + b, where x_1 are the first `kept` entries.

    A perturbation of the parameters of layer `place` adds E[ς(x_2); 1] to the entries of the
    result from `acts` on; `one` says whether the 1 is there. `place` is None without parameters.
    """

    activation: Activation
    weight: Float[np.ndarray, "n_out n_in"]
    bias: Float[np.ndarray, " n_out"]
    place: int | None = None
    one: bool = False
    kept: int = 0
    acts: int = 0


def alternating(net: Chain, region: ParameterRegion) -> list[Layer]:
    """The layers at the set's centre.

    A fixed scaling is an affine map without parameters, and so is the identity between two
    activations or after the last; between two affine maps stands the identity as an activation.
    x ↦ x + F(x) is x ↦ [x; x], F on the lower part, and [η; z] ↦ η + z; the last of these is joined
    with an affine map at the end of F, the first with one at its beginning if that is another one.

    **Raises:** ValueError for an operation that is none of these.
    """
    way = _Way()
    width = way.through(net.steps(net.with_weights(region.center)), net.inputs, 0)
    if way.pending is not None:
        way.add(np.eye(width), None, 0)
    return way.layers


class _Way:
    """The layers so far, and the activation that waits for the next."""

    def __init__(self) -> None:
        self.layers: list[Layer] = []
        self.pending: Activation | None = None
        self.places = 0

    def through(
        self, steps: Iterable[tuple[Operation, Parameters]], width: int, carried: int
    ) -> int:
        """The operations on the last `width` numbers, `carried` before them; the new width."""
        for operation, own in steps:
            match operation:
                case Pointwise(activation):
                    if self.pending is not None:
                        self.add(np.eye(width), None, carried)
                    self.pending = activation
                case Affine(n_in, n_out, bias):
                    matrix = np.asarray(own, np.float64)
                    self.add(matrix[:, :n_in], matrix[:, -1] if bias else None, carried)
                    place, self.places = self.places, self.places + 1
                    self.layers[-1] = replace(self.layers[-1], place=place, one=bias)
                    width = n_out
                case Scaling(scale, offset):
                    self.add(np.diag(normal(scale)), normal(offset), carried)
                case Residual(inside):
                    self._beside(inside, own, width, carried)
                case _:
                    raise ValueError(
                        "enclosures over cells need affine layers, activations, fixed scalings, "
                        f"residual blocks and repetitions; got {type(operation).__name__}"
                    )
        return width

    def add(self, weight: np.ndarray, bias: np.ndarray | None, carried: int) -> None:
        """A layer without parameters, beside what is carried."""
        activation = get("identity") if self.pending is None else self.pending
        bias = np.zeros(len(weight)) if bias is None else bias
        bias = np.concatenate([np.zeros(carried), bias])
        layer = Layer(activation, _lower_right(carried, weight), bias, kept=carried, acts=carried)
        self.layers.append(layer)
        self.pending = None

    def _beside(
        self, inside: Sequence[Operation], own: Sequence[Parameters], n: int, carried: int
    ) -> None:
        start, twice, added = len(self.layers), np.eye(n), np.eye(n)
        twice, added = np.concatenate([twice, twice]), np.concatenate([added, added], 1)
        self.add(twice, None, carried)
        self.through(zip(inside, own, strict=True), n, carried + n)
        if self.pending is None and isinstance(inside[-1], Affine):
            # Nothing stands between it and the sum. Products with 0 and 1 are exact.
            last, total = self.layers[-1], _lower_right(carried, added)
            changed = {"weight": total @ last.weight, "bias": total @ last.bias, "acts": carried}
            self.layers[-1] = replace(last, **changed)
        else:
            self.add(np.eye(n), None, carried + n)
            last, total = self.layers[-1], _lower_right(carried, added)
            self.layers[-1] = replace(last, weight=total, bias=last.bias[n:], acts=carried)
        if isinstance(inside[0], Affine) and len(self.layers) > start + 2:
            front, first = self.layers[start : start + 2]
            changed = {"activation": front.activation, "kept": carried}
            changed["weight"] = first.weight @ front.weight
            self.layers[start : start + 2] = [replace(first, **changed)]


def _lower_right(carried: int, weight: np.ndarray) -> np.ndarray:
    """[[I, 0], [0, W]]."""
    n_out, n_in = weight.shape
    found = np.zeros((carried + n_out, carried + n_in))
    found[:carried, :carried] = np.eye(carried)
    found[carried:, carried:] = weight
    return found

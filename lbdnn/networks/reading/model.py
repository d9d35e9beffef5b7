"""What reading gives: a network with its parameters; and what it refuses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ...activations import Activation, get
from ..chain import Chain, Theta
from ..operations import Affine, Operation, Pointwise, Scaling, stacked

LARGEST_FILE = 2 * 2**30  # bytes
LARGEST_LAYER = 2**20  # values in one layer
MOST_OPERATIONS = 10_000
_MOST_FIXED = 2**22  # values in all scalings together


class ModelError(ValueError):
    """A network that cannot be read: one sentence with the place and what is supported."""


@dataclass(frozen=True, eq=False)
class Model:
    """A network read from somewhere.

    - `net`: the network.
    - `theta`: its parameters, NumPy arrays in the precision of the file (float16 and bfloat16
      are widened to float32, which changes no value), structured for `net`.
    - `name`: the file's name without its suffix, or what the caller said.
    - `inputs`: (lo, hi), each (n,), where the file states a box of inputs; else None.
    """

    net: Chain
    theta: Theta
    name: str
    inputs: tuple[np.ndarray, np.ndarray] | None = None


class Assembly:
    """A model in the making: operations are appended, each checked as it comes."""

    def __init__(self, inputs: int) -> None:
        self.inputs = self.size = checked_size(inputs, "the input")
        self.operations: list[Operation] = []
        self.weights: list[np.ndarray] = []
        self._fixed = 0

    def affine(self, weight: np.ndarray, bias: np.ndarray | None, where: str) -> None:
        """x ↦ weight·x + bias; shapes (n_out, n_in) and (n_out,)."""
        if weight.ndim != 2 or weight.shape[1] != self.size:
            raise ModelError(
                f"{where} has a weight of shape {weight.shape}; it is given {self.size} values, so "
                f"(outputs, {self.size}) is expected"
            )
        n_out = checked_size(weight.shape[0], where)
        self._append(Affine(self.size, n_out, bias=False), where)
        self.weights.append(weight)
        self.size = n_out
        if bias is not None:
            self.bias(bias, where)

    def bias(self, bias: np.ndarray, where: str) -> None:
        """Gives the last operation, an affine one without bias, the bias of shape (n_out,)."""
        last = self.operations[-1]
        assert isinstance(last, Affine) and not last.bias
        if bias.shape != (last.n_out,):
            raise ModelError(
                f"{where} has a bias of shape {bias.shape}; ({last.n_out},) is expected"
            )
        self.operations[-1] = Affine(last.n_in, last.n_out)
        self.weights[-1] = np.concatenate([self.weights[-1], bias[:, None]], axis=1)

    def pointwise(self, activation: str | Activation, where: str) -> None:
        """x ↦ ς(x); "linear" appends nothing."""
        if activation != "linear":
            self._append(Pointwise(named(activation, where)), where)

    def scaling(self, scale: ArrayLike, offset: ArrayLike, where: str) -> None:
        """x ↦ scale ∘ x + offset, fixed; each broadcasts to (size,). The identity is left out."""
        parts = [np.asarray(part, np.float64) for part in (scale, offset)]
        if not all(np.all(np.isfinite(part)) for part in parts):
            raise ModelError(f"{where} scales by NaN or infinity; finite values are expected")
        if np.all(parts[0] == 1) and np.all(parts[1] == 0):
            return
        self._fixed += self.size
        if self._fixed > _MOST_FIXED:
            raise ModelError(f"{where} exceeds the limit of {_MOST_FIXED} fixed scalings in all")
        full = [tuple(np.broadcast_to(part, self.size).tolist()) for part in parts]
        self._append(Scaling(*full), where)

    def model(self, name: str, inputs: tuple[np.ndarray, np.ndarray] | None = None) -> Model:
        """The finished model; equal consecutive layers are stacked."""
        net = Chain(stacked(self.operations), self.inputs)
        return Model(net, net.with_weights(self.weights), name, inputs)

    def _append(self, operation: Operation, where: str) -> None:
        if len(self.operations) == MOST_OPERATIONS:
            raise ModelError(f"{where} exceeds the limit of {MOST_OPERATIONS} operations")
        self.operations.append(operation)


def named(activation: str | Activation, where: str) -> Activation:
    """The activation of that name."""
    if isinstance(activation, Activation):
        return activation
    try:
        return get(activation)
    except ValueError as error:
        raise ModelError(f"{where}: {error}") from None


def checked_size(size: float, where: str) -> int:
    """A number of values in one layer, from 1 to the limit."""
    if not (size == size and 1 <= size <= LARGEST_LAYER and size == int(size)):
        raise ModelError(
            f"{where} has {size} values; a whole number from 1 to {LARGEST_LAYER} is supported"
        )
    return int(size)


def floating(array: Any, where: str) -> np.ndarray:
    """Finite weights as float32 or float64; float16 and bfloat16 are widened to float32."""
    try:
        array = np.asarray(array)
    except (ValueError, TypeError):
        raise ModelError(f"{where} is not an array of numbers") from None
    if array.dtype.name in ("float16", "bfloat16"):
        array = array.astype(np.float32)
    if array.dtype.name not in ("float32", "float64"):
        raise ModelError(
            f"{where} holds {array.dtype}; float64, float32, float16 or bfloat16 is supported"
        )
    if not np.all(np.isfinite(array)):
        raise ModelError(f"{where} holds NaN or infinity; finite weights are expected")
    return np.asarray(array, array.dtype.newbyteorder("="))


def shown(name: object) -> str:
    """A name from a file, quoted and kept short, for a message."""
    text = repr(name)
    return text if len(text) <= 60 else text[:57] + "..."

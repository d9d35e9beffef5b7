"""Layers between flows: what changes the shape of the state."""

from __future__ import annotations

import math
from dataclasses import dataclass

import jax
import numpy as np
from jaxtyping import Array, Float

from ..weights import Parametrization
from ..weights.parametrization import shaped
from .filter import Shape, apply, entries, linear, spaces, written_out
from .gradient import WeightAndBias, bias
from .singular_values import greatest_singular_value
from .unrolling import Unrolled, affine


@dataclass(frozen=True)
class Linear:
    """x ↦ Wx + b: more or fewer channels, other sizes of images, the last layer of a classifier.

    **Property:** its Lipschitz constant is at most the bound of ‖W‖₂ that `weight` has.

    **Arguments:** `weight`, any parametrization: of matrices, or for images of kernels. Parameters:
    `WeightAndBias`, one bias a row or channel, drawn as those of `GradientFlow`.
    """

    weight: Parametrization

    @property
    def shape(self) -> Shape:
        """Of x."""
        return spaces(self.weight)[0]

    @property
    def output(self) -> Shape:
        """Of the result."""
        return spaces(self.weight)[1]

    @property
    def lipschitz(self) -> float:
        """A Lipschitz constant for all parameters, in real arithmetic; inf where none is proved."""
        return greatest_singular_value(self.weight)

    def init(self, key: Array) -> WeightAndBias:
        """Random parameters."""
        first, second = jax.random.split(key)
        return WeightAndBias(self.weight.init(first), bias(second, self.weight))

    def __call__(self, parameters: WeightAndBias, x: Float[Array, "*n"]) -> Float[Array, "*m"]:
        """Wx + b.

        **Raises:** ValueError for an x of another shape.
        """
        x = shaped(x, self.shape, "state")
        return self.apply(self.weights(parameters), x)

    def weights(self, parameters: WeightAndBias) -> WeightAndBias:
        """W, a matrix or a `Filter`, and b: what `apply` takes."""
        return WeightAndBias(linear(self.weight, parameters.weight), parameters.bias)

    def apply(self, weights: WeightAndBias, x: Float[Array, "*n"]) -> Float[Array, "*m"]:
        """Wx + b."""
        a, bias = weights
        return apply(a, shaped(x, self.shape, "state")) + entries(bias, a)

    def unrolled(self, parameters: WeightAndBias) -> Unrolled:
        """One affine operation."""
        return affine(*self.weights(parameters))


@dataclass(frozen=True)
class AveragePooling:
    r"""(channels, height, width) to the averages over windows that do not overlap.

    **Property:** its Lipschitz constant is 1/√(kh·kw), the norm of the linear map.

    *Proof.* (Σx/k)² ≤ Σx²/k over the k pixels of a window, with equality where they are equal;
    each pixel is in one window.

    **Arguments:** `shape`, of the images, and `window`, (kh, kw), which divide height and width.
    There are no parameters: they are ().

    **Raises:** ValueError for a shape that is not of three positive integers, and windows that do
    not divide it.
    """

    shape: Shape
    window: tuple[int, int] = (2, 2)

    def __post_init__(self) -> None:
        store_shape(self, "shape", 3)
        store_shape(self, "window", 2)
        if any(n % k for n, k in zip(self.shape[1:], self.window, strict=True)):
            raise ValueError(
                f"windows of {self.window} pixels do not divide images of {self.shape[1:]}"
            )

    @property
    def output(self) -> Shape:
        """Of the result."""
        channels, height, width = self.shape
        return channels, height // self.window[0], width // self.window[1]

    @property
    def lipschitz(self) -> float:
        """1/√(kh·kw)."""
        return 1 / math.sqrt(math.prod(self.window))

    def init(self, key: Array) -> tuple[()]:
        """No parameters."""
        return ()

    def __call__(self, parameters: tuple[()], x: Float[Array, "c h w"]) -> Float[Array, "c a b"]:
        """The averages.

        **Raises:** ValueError for an x of another shape.
        """
        channels, height, width = self.output
        down, right = self.window
        x = shaped(x, self.shape, "state")
        return x.reshape(channels, height, down, width, right).mean((2, 4))

    def weights(self, parameters: tuple[()]) -> tuple[()]:
        """None."""
        return ()

    def apply(self, weights: tuple[()], x: Float[Array, "c h w"]) -> Float[Array, "c a b"]:
        """As a call."""
        return self(weights, x)

    def unrolled(self, parameters: tuple[()]) -> Unrolled:
        """One affine operation."""
        return affine(written_out(lambda x: self((), x), self.shape, self.output), None)


@dataclass(frozen=True)
class Flatten:
    """States of some shape to those of shape (n,), row by row; its Lipschitz constant is 1.

    There are no parameters: they are ().

    **Raises:** ValueError for a shape that is not of positive integers.
    """

    shape: Shape

    def __post_init__(self) -> None:
        store_shape(self, "shape")

    @property
    def output(self) -> Shape:
        """Of the result."""
        return (math.prod(self.shape),)

    @property
    def lipschitz(self) -> float:
        """1."""
        return 1.0

    def init(self, key: Array) -> tuple[()]:
        """No parameters."""
        return ()

    def __call__(self, parameters: tuple[()], x: Float[Array, "*n"]) -> Float[Array, " n"]:
        """The entries.

        **Raises:** ValueError for an x of another shape.
        """
        return shaped(x, self.shape, "state").ravel()

    def weights(self, parameters: tuple[()]) -> tuple[()]:
        """None."""
        return ()

    def apply(self, weights: tuple[()], x: Float[Array, "*n"]) -> Float[Array, " n"]:
        """As a call."""
        return self(weights, x)

    def unrolled(self, parameters: tuple[()]) -> Unrolled:
        """None: states of networks are flat."""
        return (), ()


def store_shape(owner: object, name: str, axes: int | None = None) -> None:
    """Keeps a field as a tuple of that many sizes; raises ValueError if it is none."""
    value = getattr(owner, name)
    usual = isinstance(value, tuple | list) and len(value) == (axes or len(value)) and value
    if not usual or not all(isinstance(n, int | np.integer) and n > 0 for n in value):
        number = "positive integers" if axes is None else f"{axes} positive integers"
        raise ValueError(f"{name} must be a tuple of {number}; got {value!r}")
    object.__setattr__(owner, name, tuple(map(int, value)))

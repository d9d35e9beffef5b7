"""Fields of constant volume with parametrized weights: of vectors, and of images."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array

from ...activations import Activation
from ..lipschitz.geometry import Convolution
from ..weights import Parametrization
from .field import Branch, BranchField, Integrator, store_activation
from .filter import Filter, LinearMap, Shape, linear, spaces
from .gradient import WeightAndBias, bias


class Halves(NamedTuple):
    """Of the part that moves the first states or channels, and of the one that moves the rest."""

    first: WeightAndBias
    second: WeightAndBias


@dataclass(frozen=True)
class Coupling(BranchField):
    r"""(ẋ, v̇) = (Σ(Av + a), Σ(Bx + b)) with parametrized A and B: `VolumePreserving` for images.

    x are the first states, or the first channels of an image, as many as A has rows or gives
    channels; v are the others. With the steps of `VolumePreserving`, "lie" and "strang".

    **Property:** the flow and the steps Ψ keep volume, det Ψ'(x) = 1, whatever A and B are.

    *Proof.* As for `VolumePreserving`: each part moves x or v by a function of the other.

    Kernels are filled up with zeros to all channels: a part costs as much as a convolution of
    these.

    **Arguments:** `first`, `second`, what makes A and B: any parametrizations, of matrices or, for
    images, of kernels; `activation`. Parameters: `Halves`. `init` draws biases as `GradientFlow`.

    **Raises:** ValueError for weights that do not lead from v to x and back.

    Dinh, Krueger, Bengio (2014, arXiv 1410.8516); Gomez, Ren, Urtasun, Grosse, *The reversible
    residual network* (2017, arXiv 1707.04585).
    """

    first: Parametrization
    second: Parametrization
    activation: str | Activation = "tanh"
    n: int = field(init=False, repr=False)

    integrators: ClassVar[tuple[Integrator, ...]] = ("lie", "strang")

    def __post_init__(self) -> None:
        store_activation(self)
        there, back = spaces(self.first), spaces(self.second)
        if there != back[::-1] or there[0][1:] != there[1][1:]:
            raise ValueError(
                "the first weight maps the second part of the states to the first, and the second "
                "one back, between images of one size; they map "
                f"{there[0]} to {there[1]} and {back[0]} to {back[1]}"
            )
        object.__setattr__(self, "n", math.prod(self.shape))

    @property
    def shape(self) -> Shape:
        """Of the states."""
        other, own = spaces(self.first)
        return own[0] + other[0], *own[1:]

    def init(self, key: Array) -> Halves:
        """Random parameters."""
        keys = jax.random.split(key, 4)
        return Halves(
            WeightAndBias(self.first.init(keys[0]), bias(keys[1], self.first)),
            WeightAndBias(self.second.init(keys[2]), bias(keys[3], self.second)),
        )

    def branches(self, parameters: Halves) -> tuple[Branch, ...]:
        """(Σ(Av + a), 0) and (0, Σ(Bx + b)), on all states."""
        k, whole = spaces(self.first)[1][0], self.shape[0]
        first = linear(self.first, parameters.first.weight)
        second = linear(self.second, parameters.second.weight)
        return (
            Branch(_reading(first, k, 0), parameters.first.bias, _writing(first, 0, whole)),
            Branch(
                _reading(second, 0, whole - k), parameters.second.bias, _writing(second, k, whole)
            ),
        )


def _reading(a: LinearMap, before: int, after: int) -> LinearMap:
    """A applied to some of the states: those before and after do not count."""
    if isinstance(a, Filter):
        kernel = jnp.pad(a.kernel, ((0, 0), (before, after), (0, 0), (0, 0)))
        return Filter(kernel, a.convolution)
    return jnp.pad(a, ((0, 0), (before, after)))


def _writing(a: LinearMap, start: int, whole: int) -> LinearMap:
    """What A gives, as states from `start` on, the others 0."""
    if isinstance(a, Filter):
        rows = a.kernel.shape[0]
        kernel = jnp.eye(whole, rows, -start, a.kernel.dtype)[:, :, None, None]
        return Filter(kernel, Convolution(a.convolution.output, (1, 1)))
    return jnp.eye(whole, a.shape[0], -start, a.dtype)

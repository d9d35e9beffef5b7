"""Blocks of residual networks, without a property and with bounded weights."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, ClassVar, NamedTuple

import jax
from jaxtyping import Array, Float

from ...activations import Activation
from ..weights import Parametrization
from ..weights.parametrization import store_sizes
from .field import Branch, BranchField, Integrator, normal, slopes, store_activation
from .filter import Shape, linear, spaces
from .gradient import bias
from .singular_values import greatest_singular_value


class HiddenLayer(NamedTuple):
    """`inner` A, (m, n); `bias` b, (m,); `outer` B, (n, m)."""

    inner: Float[Array, "m n"]
    bias: Float[Array, " m"]
    outer: Float[Array, "n m"]


@dataclass(frozen=True)
class Residual(BranchField):
    r"""ẋ = BΣ(Ax + b), with explicit Euler steps x ↦ x + hBΣ(Ax + b): a block of a ResNet.

    **Property:** none but that: these are the blocks of `lbdnn.ResidualNetwork((n,), blocks=k,
    hidden=(m,), preactivation=False)`, without biases after B. The field without constraints, to
    compare others with.

    **Arguments:** `n`, `width` m, and by keyword `activation`. Parameters: `HiddenLayer`. `init`
    draws A and b from N(0, 1/n), B from N(0, 1/m).

    **Raises:** ValueError for sizes that are no positive integers.

    He et al. (2016, arXiv 1512.03385); Haber and Ruthotto (2017, arXiv 1705.03341).
    """

    n: int
    width: int
    _: KW_ONLY
    activation: str | Activation = "tanh"

    integrators: ClassVar[tuple[Integrator, ...]] = ("euler",)

    def __post_init__(self) -> None:
        store_sizes(self, "n", "width")
        store_activation(self)

    def init(self, key: Array) -> HiddenLayer:
        """Random parameters."""
        first, second = jax.random.split(key)
        inner, bias = normal(first, self.width, self.n)
        return HiddenLayer(inner, bias, normal(second, self.n, self.width)[0])

    def branches(self, parameters: HiddenLayer) -> tuple[Branch, ...]:
        """The one branch."""
        return (Branch(*parameters),)


class TwoWeights(NamedTuple):
    """`inner` and `outer`: what the parametrizations make A and B from; `bias` b: one a row, or
    channel, of A."""

    inner: Any
    bias: Float[Array, " m"]
    outer: Any


@dataclass(frozen=True)
class ResidualBlock(BranchField):
    r"""ẋ = BΣ(Ax + b) with parametrized A and B, and explicit Euler steps x ↦ x + hBΣ(Ax + b).

    **Property:** with |ς'| ≤ β, ‖A‖₂ ≤ c_A and ‖B‖₂ ≤ c_B, steps have the Lipschitz constant
    1 + |h|βc_Ac_B. For weights without bounds there is none.

    *Proof.* The triangle inequality.

    **Arguments:** `inner`, `outer`, what makes A and B: any parametrizations, of matrices or, for
    images, of kernels; `activation`, Lipschitz. Parameters: `TwoWeights`. `init` draws b as that of
    `GradientFlow`.

    **Raises:** ValueError for weights that do not lead to a space and back, and activations that
    are not Lipschitz.

    He et al. (2016, arXiv 1512.03385).
    """

    inner: Parametrization
    outer: Parametrization
    activation: str | Activation = "relu"
    n: int = field(init=False, repr=False)

    integrators: ClassVar[tuple[Integrator, ...]] = ("euler",)

    def __post_init__(self) -> None:
        store_activation(self)
        slopes(self.activation)
        there, back = spaces(self.inner), spaces(self.outer)
        if there != back[::-1]:
            raise ValueError(
                f"the inner weight maps {there[0]} to {there[1]}, so the outer one must map "
                f"{there[1]} to {there[0]}; it maps {back[0]} to {back[1]}"
            )
        object.__setattr__(self, "n", math.prod(self.shape))

    @property
    def shape(self) -> Shape:
        """Of the states."""
        return spaces(self.inner)[0]

    def init(self, key: Array) -> TwoWeights:
        """Random parameters."""
        one, other, last = jax.random.split(key, 3)
        return TwoWeights(self.inner.init(one), bias(other, self.inner), self.outer.init(last))

    def branches(self, parameters: TwoWeights) -> tuple[Branch, ...]:
        """The one branch."""
        inner, outer = linear(self.inner, parameters.inner), linear(self.outer, parameters.outer)
        return (Branch(inner, parameters.bias, outer),)

    def lipschitz(self, step: float) -> float:
        """1 + |h|βc_Ac_B."""
        beta = max(map(abs, slopes(self.activation)))
        sizes = greatest_singular_value(self.inner) * greatest_singular_value(self.outer)
        return 1.0 if step == 0 else 1 + abs(step) * beta * sizes

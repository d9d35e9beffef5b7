"""Fields that may expand, at a known rate."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar

import jax
from jaxtyping import Array

from ...activations import Activation
from ..weights import Parametrization
from .field import Branch, BranchField, Integrator, slopes, store_activation
from .filter import Shape, linear, spaces
from .gradient import WeightAndBias, bias
from .singular_values import singular_value_range


@dataclass(frozen=True)
class Expansive(BranchField):
    r"""ẋ = Σ(Wx + v), W square, with explicit Euler steps x ↦ x + hΣ(Wx + v).

    **Property:** with |ς'| ≤ β and ‖W‖₂ ≤ c, steps have the Lipschitz constant 1 + |h|βc.

    *Proof.* The triangle inequality: Σ(W· + v) has the constant βc. No smaller number will do for
    all W with ‖W‖ ≤ c, as W = ±cI shows, with v for which ς'(Wx + v) is near ±β.

    **Arguments:** `weight`, what makes W: `Orthogonal`, `NormBounded` or `SVD` with orthogonal
    factors, or for images `NormBoundedConvolution`, `BlockOrthogonalConvolution` or
    `OrthogonalConvolution`; `activation`, Lipschitz. Parameters: `WeightAndBias`. `init` draws v
    from N(0, 1/n).

    **Raises:** ValueError for other weights, and activations that are not Lipschitz.

    Celledoni et al. (2022, arXiv 2210.02373).
    """

    weight: Parametrization
    activation: str | Activation = "leaky_relu(0.5)"
    n: int = field(init=False, repr=False)

    integrators: ClassVar[tuple[Integrator, ...]] = ("euler",)

    def __post_init__(self) -> None:
        store_activation(self)
        inputs, outputs = spaces(self.weight)
        if inputs != outputs:
            raise ValueError(
                f"the weight must be square; got the shape {self.weight.shape}"
                if len(inputs) == 1
                else f"the weight must keep the shape of images; it maps {inputs} to {outputs}"
            )
        singular_value_range(self.weight)
        object.__setattr__(self, "n", math.prod(inputs))
        slopes(self.activation)

    @property
    def shape(self) -> Shape:
        """Of the states."""
        return spaces(self.weight)[0]

    def init(self, key: Array) -> WeightAndBias:
        """Random parameters."""
        first, second = jax.random.split(key)
        return WeightAndBias(self.weight.init(first), bias(second, self.weight))

    def branches(self, parameters: WeightAndBias) -> tuple[Branch, ...]:
        """The one branch."""
        return (Branch(linear(self.weight, parameters.weight), parameters.bias, None),)

    def lipschitz(self, step: float) -> float:
        """1 + |h|βc."""
        beta = max(map(abs, slopes(self.activation)))
        _, c = singular_value_range(self.weight)
        return 1 + abs(step) * beta * c

"""Gradient flows of convex potentials."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

import jax
from jaxtyping import Array, Float

from ...activations import Activation
from ..weights import Parametrization
from .field import Branch, BranchField, Integrator, normal, slopes, store_activation
from .filter import Shape, linear, spaces
from .singular_values import singular_value_range


class WeightAndBias(NamedTuple):
    """`weight`: what the parametrization makes W from; `bias`: one a row, or channel, of W."""

    weight: Any
    bias: Float[Array, " m"]


@dataclass(frozen=True)
class GradientFlow(BranchField):
    r"""ẋ = −AᵀΣ(Ax + b), with explicit Euler steps x ↦ x − hAᵀΣ(Ax + b).

    It is −∇V of V(x) = Σ_i ∫₀^{(Ax+b)_i} ς, which is convex for an increasing ς. Let the difference
    quotients of ς lie in [α, β], 0 ≤ α ≤ β, and the singular values of A, for all parameters of
    `weight`, in [s, c] (s = 0 for an A with fewer rows than columns, which has a kernel).

    **Property:** for 0 ≤ h ≤ 2/(βc²) steps are non-expansive, ‖Ψ(x) − Ψ(y)‖ ≤ L‖x − y‖ with
    L = max(1 − hαs², hβc² − 1) ≤ 1.

    *Proof.* Entry by entry, ς(z) − ς(z') = d(z − z') with d in [α, β]. So
    Ψ(x) − Ψ(y) = (I − hAᵀDA)(x − y), D = diag(d). The eigenvalues of the symmetric AᵀDA are within
    [αs², βc²], those of I − hAᵀDA within [1 − hβc², 1 − hαs²]; both ends have modulus at most L.

    It is sharp: with D = αI and D = βI, slopes that a kinked ς has for large b of either sign, the
    ends are eigenvalues. For h > 2/(βc²) a step may expand, by hβc² − 1: such steps are refused.

    **Contraction:** for s, α > 0 and h < 2/(βc²), L < 1; it is least for h = 2/(αs² + βc²),
    L = (βc² − αs²)/(βc² + αs²).

    Published: h‖A‖² ≤ 2 for β = 1 (Sherry et al. 2023, arXiv 2306.17332), and for orthogonal A and
    (α, β) = (1/2, 1) the constant √(1 − h + h²) of strongly monotone fields (Celledoni et al. 2022,
    arXiv 2210.02373), which exceeds L = max(1 − h/2, h − 1) for h > 0; see `alternating`.

    **Arguments:**

    - `weight`: what makes A (m, n): `Orthogonal`, `NormBounded` or `SVD` with orthogonal factors;
      or, for states that are images (channels, height, width), a convolution A of any number of
      channels: `NormBoundedConvolution`, `BlockOrthogonalConvolution`, `OrthogonalConvolution`.
    - `activation`: increasing and Lipschitz.

    Parameters: `WeightAndBias`. `init` draws b from N(0, 1/n); for convolutions of
    n channels, from N(0, 1/(n·kh·kw)).

    **Raises:** ValueError for other weights, and activations that decrease or jump.
    """

    weight: Parametrization
    activation: str | Activation = "leaky_relu(0.5)"
    n: int = field(init=False, repr=False)

    integrators: ClassVar[tuple[Integrator, ...]] = ("euler",)

    def __post_init__(self) -> None:
        store_activation(self)
        singular_value_range(self.weight)
        object.__setattr__(self, "n", math.prod(self.shape))
        least, _ = slopes(self.activation)
        if least < 0:
            raise ValueError(
                "a gradient flow of a convex potential needs an increasing activation; "
                f"{self.activation} has the slope {least:.3g}"
            )

    @property
    def shape(self) -> Shape:
        """Of the states."""
        return spaces(self.weight)[0]

    @property
    def steps(self) -> tuple[float, float]:
        """(0, 2/(βc²))."""
        (_, c), (_, beta) = singular_value_range(self.weight), slopes(self.activation)
        return 0.0, 2 / (beta * c**2) if beta * c**2 > 0 else float("inf")

    def init(self, key: Array) -> WeightAndBias:
        """Random parameters."""
        first, second = jax.random.split(key)
        return WeightAndBias(self.weight.init(first), bias(second, self.weight))

    def branches(self, parameters: WeightAndBias) -> tuple[Branch, ...]:
        """The one branch."""
        a = linear(self.weight, parameters.weight)
        return (Branch(a, parameters.bias, -a.T),)

    def lipschitz(self, step: float) -> float:
        """L of a step."""
        (s, c), (alpha, beta) = singular_value_range(self.weight), slopes(self.activation)
        return max(1 - step * alpha * s**2, step * beta * c**2 - 1)


def bias(key: Array, weight: Parametrization) -> Float[Array, " m"]:
    """A bias drawn from N(0, 1/f), f the number of entries of a row of the weight."""
    rows, *row = weight.shape
    return normal(key, rows, math.prod(row))[1]

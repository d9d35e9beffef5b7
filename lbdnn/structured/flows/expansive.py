"""Fields whose Euler steps are residual layers."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field
from typing import ClassVar, NamedTuple

import jax
from jaxtyping import Array, Float

from ...activations import Activation
from ..weights import Parametrization
from ..weights.parametrization import store_sizes
from .field import Branch, BranchField, Integrator, normal, slopes, store_activation
from .gradient import WeightAndBias
from .singular_values import singular_value_range


@dataclass(frozen=True)
class Expansive(BranchField):
    r"""ẋ = Σ(Wx + v), W square, with explicit Euler steps x ↦ x + hΣ(Wx + v).

    **Property:** with |ς'| ≤ β and ‖W‖₂ ≤ c, steps have the Lipschitz constant 1 + |h|βc.

    *Proof.* The triangle inequality: Σ(W· + v) has the constant βc. No smaller number will do for
    all W, as W = cI and large v show.

    **Arguments:** `weight`, what makes W: `Orthogonal`, `NormBounded` or `SVD` with orthogonal
    factors; `activation`, Lipschitz. Parameters: `WeightAndBias`. `init` draws v from N(0, 1/n).

    **Raises:** ValueError for other weights, and activations that are not Lipschitz.

    Celledoni et al. (2022, arXiv 2210.02373).
    """

    weight: Parametrization
    activation: str | Activation = "leaky_relu(0.5)"
    n: int = field(init=False, repr=False)

    integrators: ClassVar[tuple[Integrator, ...]] = ("euler",)

    def __post_init__(self) -> None:
        store_activation(self)
        rows, columns = self.weight.shape
        if rows != columns:
            raise ValueError(f"the weight must be square; got the shape {self.weight.shape}")
        singular_value_range(self.weight)
        object.__setattr__(self, "n", self.weight.shape[1])
        slopes(self.activation)

    def init(self, key: Array) -> WeightAndBias:
        """Random parameters."""
        first, second = jax.random.split(key)
        return WeightAndBias(self.weight.init(first), normal(second, self.n, self.n)[1])

    def branches(self, parameters: WeightAndBias) -> tuple[Branch, ...]:
        """The one branch."""
        return (Branch(self.weight(parameters.weight), parameters.bias, None),)

    def lipschitz(self, step: float) -> float:
        """1 + |h|βc."""
        beta = max(map(abs, slopes(self.activation)))
        _, c = singular_value_range(self.weight)
        return 1 + abs(step) * beta * c


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

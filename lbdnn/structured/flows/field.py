"""What all families of vector fields have in common."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any, ClassVar, Literal, NamedTuple

import jax
from jaxtyping import Array, Float

from ...activations import Activation
from ...networks.fully_connected import named
from ..weights.parametrization import matmul
from .filter import LinearMap, Shape, apply, entries

Integrator = Literal["euler", "lie", "strang", "cayley"]


class VectorField(ABC):
    """A family ẋ = X_θ(x) of which every member has a property, and what is known of its steps.

    Frozen and hashable: it holds sizes and choices, no arrays. Calls are pure, and work under
    `jax.jit`, `jax.grad` and `jax.vmap`.

    - `n`: the number of states; `shape`: that of their array, (n,), or (channels, height, width).
    - `integrators`: those that keep the property, the usual one first.
    - `steps`: (least, greatest), the steps h for which they do, both included where finite.
    - `init(key)`: random parameters, a pytree of real arrays; any others of their shapes will do.
    - `field(parameters, x)`: X_θ(x), of the shape of x.
    - `lipschitz(step)`: a Lipschitz constant of one step, for all parameters, in Euclidean norms
      and real arithmetic; inf where none is proved.
    """

    integrators: ClassVar[tuple[Integrator, ...]]
    n: int

    @property
    def shape(self) -> Shape:
        """Of the states."""
        return (self.n,)

    @property
    def steps(self) -> tuple[float, float]:
        """All."""
        return -math.inf, math.inf

    @abstractmethod
    def init(self, key: Array) -> Any:
        """Random parameters."""

    @abstractmethod
    def __call__(self, parameters: Any, x: Float[Array, "*n"]) -> Float[Array, "*n"]:
        """X_θ(x)."""

    def lipschitz(self, step: float) -> float:
        """inf, as the weights have no bound (1 for the step 0)."""
        return 1.0 if step == 0 else math.inf


class Branch(NamedTuple):
    """x ↦ outer · Σ(inner · x + bias), Σ acting entry by entry; `outer` None is the identity.

    `inner` (m, n) and `outer` (n, m) are matrices, or convolutions (`Filter`) of m and n channels;
    then there is one bias a channel.
    """

    inner: LinearMap
    bias: Float[Array, " m"]
    outer: LinearMap | None

    def __call__(self, activation: str | Activation, x: Float[Array, "*n"]) -> Float[Array, "*n"]:
        hidden = named(activation)(apply(self.inner, x) + entries(self.bias, self.inner))
        return hidden if self.outer is None else apply(self.outer, hidden)


class BranchField(VectorField):
    """A field that is a sum of branches.

    For "lie" and "strang" each branch is constant along its own flow, which therefore is
    x ↦ x + hF_i(x) exactly.
    """

    activation: str | Activation

    @abstractmethod
    def branches(self, parameters: Any) -> tuple[Branch, ...]:
        """Of which the field is the sum."""

    def __call__(self, parameters: Any, x: Float[Array, "*n"]) -> Float[Array, "*n"]:
        """X_θ(x)."""
        values = [branch(self.activation, x) for branch in self.branches(parameters)]
        return sum(values[1:], start=values[0])


class SkewField(VectorField):
    """A field S_θ(x)x with Sᵀ = −S; `constant`: whether S_θ does not depend on x."""

    constant: ClassVar[bool] = False

    @abstractmethod
    def matrix(self, parameters: Any, x: Float[Array, " n"]) -> Float[Array, "n n"]:
        """S_θ(x)."""

    def __call__(self, parameters: Any, x: Float[Array, " n"]) -> Float[Array, " n"]:
        """X_θ(x)."""
        return matmul(self.matrix(parameters, x), x)


def store_activation(owner: object) -> None:
    """Keeps the activation of that name."""
    object.__setattr__(owner, "activation", named(getattr(owner, "activation")))  # noqa: B009


def slopes(activation: str | Activation) -> tuple[float, float]:
    """(inf, sup) of its difference quotients; ValueError where they have no bounds.

    A function without jumps that has slopes in [α, β] but at some points is the integral of them.
    """
    activation = named(activation)
    least, greatest = activation.range(1)
    whole = activation.domain == (-math.inf, math.inf)
    if activation.jumps or not whole or not math.isfinite(least) or not math.isfinite(greatest):
        raise ValueError(
            f"the activation must be defined and Lipschitz everywhere; {activation} is not"
        )
    return least, greatest


def normal(key: Array, rows: int, columns: int) -> tuple[Array, Array]:
    """A matrix and a bias drawn from N(0, 1/columns)."""
    both = jax.random.normal(key, (rows, columns + 1)) / math.sqrt(columns)
    return both[:, :columns], both[:, columns]

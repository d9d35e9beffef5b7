"""Fields S(x)w with a skew-symmetric S(x): of constant sum, and of constant norm."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import ClassVar, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ...activations import Activation
from ..weights import SkewSymmetric
from ..weights.parametrization import store_sizes
from ..weights.skew_symmetric import skew_symmetric
from .field import Branch, BranchField, Integrator, SkewField, normal, store_activation


class Neurons(NamedTuple):
    """`weight` U, (m, n); `bias` u, (m,)."""

    weight: Float[Array, "m n"]
    bias: Float[Array, " m"]


@dataclass(frozen=True)
class MassPreserving(BranchField):
    r"""ẋ = (M(x) − M(x)ᵀ)1, the n(n−1) entries of M off the diagonal Σ(Ux + u), row by row.

    **Property:** 1ᵀx = Σx_i is constant along the flow, and under explicit Euler steps.

    *Proof.* 1ᵀ(M − Mᵀ)1 = 0, as it equals minus its transpose. An Euler step adds h times the
    field. (So does every Runge–Kutta method: it keeps all linear invariants.)

    Here the step is x + hEΣ(Ux + u) with the E of entries 0, 1, −1 that sums rows less columns; its
    own columns sum to 0. In floating point the sum changes by roundings of the summands.

    **Arguments:** `n` ≥ 2, and by keyword `activation`. Parameters: `Neurons`, m = n(n−1). `init`
    draws from N(0, 1/n).

    **Raises:** ValueError for a size that is no integer above 1: one state of constant sum stays.

    Celledoni et al. (2022, arXiv 2210.02373).
    """

    n: int
    _: KW_ONLY
    activation: str | Activation = "tanh"

    integrators: ClassVar[tuple[Integrator, ...]] = ("euler",)

    def __post_init__(self) -> None:
        store_several(self)
        store_activation(self)

    def init(self, key: Array) -> Neurons:
        """Random parameters."""
        return Neurons(*normal(key, self.n * (self.n - 1), self.n))

    def branches(self, parameters: Neurons) -> tuple[Branch, ...]:
        """The one branch."""
        rows, columns = np.nonzero(~np.eye(self.n, dtype=bool))
        states = np.arange(self.n)[:, None]
        outer = 1.0 * (rows == states) - (columns == states)
        return (Branch(*parameters, jnp.asarray(outer, parameters.weight.dtype)),)


@dataclass(frozen=True)
class SpherePreserving(SkewField):
    r"""ẋ = S(x)x, the n(n−1)/2 entries of S below the diagonal Σ(Ux + u), S = −Sᵀ.

    With Cayley steps x ↦ (I − ½hS)⁻¹(I + ½hS)x, S = S(x).

    **Property:** ‖x‖ is constant along the flow and under the steps: spheres go into themselves.

    *Proof.* d‖x‖²/dt = 2xᵀSx = 0. The Cayley transform of a skew-symmetric matrix exists (its
    eigenvalues are imaginary, so that I − ½hS is regular) and is orthogonal.

    **Arguments:** `n` ≥ 2, and by keyword `activation`. Parameters: `Neurons`, m = n(n−1)/2. `init`
    draws from N(0, 1/n).

    A step is no chain of affine maps and activations: `unrolled` refuses it.

    **Raises:** ValueError for a size that is no integer above 1: one state of constant norm stays.

    Celledoni et al. (2022, arXiv 2210.02373); the step is the one of Lie group methods with the
    Cayley map (Iserles et al. 2000, Acta Numerica 9).
    """

    n: int
    _: KW_ONLY
    activation: str | Activation = "tanh"

    integrators: ClassVar[tuple[Integrator, ...]] = ("cayley",)

    def __post_init__(self) -> None:
        store_several(self)
        store_activation(self)

    def init(self, key: Array) -> Neurons:
        """Random parameters."""
        return Neurons(*normal(key, self.n * (self.n - 1) // 2, self.n))

    def matrix(self, parameters: Neurons, x: Float[Array, " n"]) -> Float[Array, "n n"]:
        """S(x)."""
        hidden = Branch(*parameters, None)(self.activation, x)
        return skew_symmetric(hidden, self.n)


@dataclass(frozen=True)
class Isometric(SkewField):
    r"""ẋ = Sx with a constant S = −Sᵀ, and Cayley steps x ↦ (I − ½hS)⁻¹(I + ½hS)x.

    **Property:** ‖x‖ and distances ‖x − y‖ are constant along the flow and under the steps.

    *Proof.* As for `SpherePreserving`; the step is linear and orthogonal.

    It is the implicit midpoint rule, of order 2. In floating point its error grows with h‖S‖.

    **Arguments:** `n`. Parameters: those of `lbdnn.structured.weights.SkewSymmetric`.

    **Raises:** ValueError for a size that is no positive integer.
    """

    n: int

    integrators: ClassVar[tuple[Integrator, ...]] = ("cayley",)
    constant: ClassVar[bool] = True

    def __post_init__(self) -> None:
        store_sizes(self, "n")

    def init(self, key: Array) -> Float[Array, " k"]:
        """Random parameters."""
        return SkewSymmetric(self.n).init(key)

    def matrix(self, parameters: Float[Array, " k"], x: Float[Array, " n"]) -> Float[Array, "n n"]:
        """S, whatever x is."""
        return SkewSymmetric(self.n)(parameters)

    def lipschitz(self, step: float) -> float:
        """1."""
        return 1.0


def store_several(owner: object) -> None:
    """Keeps n as an integer; raises ValueError if it is not one above 1."""
    store_sizes(owner, "n")
    if getattr(owner, "n") < 2:  # noqa: B009
        raise ValueError(f"n must be at least 2; got {getattr(owner, 'n')}")  # noqa: B009

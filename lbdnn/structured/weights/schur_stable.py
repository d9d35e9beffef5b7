"""Weights with a bounded spectral radius."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .norm_bounded import contraction
from .parametrization import excess, matmul, shaped, store_numbers, store_sizes


class SchurStableParameters(NamedTuple):
    """`contraction` is K, shape (n, n); `basis` the n(n+1)/2 entries of T, row by row: S is T with
    e^t in place of the diagonal entries t."""

    contraction: Float[Array, "n n"]
    basis: Float[Array, " k"]


@dataclass(frozen=True)
class SchurStable:
    r"""W = radius · S⁻¹CS, ‖C‖₂ < 1 as in `NormBounded`, S lower triangular with S_ii > 0.

    **Property:** ρ(W) < radius; with radius = 1 W is Schur stable: Wᵏ → 0. More: P = SᵀS obeys
    WᵀPW ≺ radius²·P, so V(x) = xᵀPx is a Lyapunov function of x ↦ Wx, shrinking by radius² or more
    at each step. Every matrix with ρ < radius is reached.

    *Proof.* WᵀPW = radius²·SᵀCᵀS⁻ᵀ(SᵀS)S⁻¹CS = radius²·SᵀCᵀCS ≺ radius²·SᵀS. For an eigenvector,
    |μ|²v*Pv = v*WᵀPWv < radius²·v*Pv. Conversely, ρ(W) < radius gives a P ≻ 0 with
    WᵀPW ≺ radius²·P (Lyapunov and Stein: P = Σ_k (Wᵀ)ᵏWᵏ/radius²ᵏ), which is SᵀS for one such S;
    then C = SWS⁻¹/radius has CᵀC = S⁻ᵀWᵀPWS⁻¹/radius² ≺ I, and `NormBounded` reaches it.

    **Not a property:** ‖W‖₂ ≤ radius. It is at most radius·κ(S): steps may grow before they shrink,
    and products of *different* Schur-stable weights may diverge. With an activation that has
    |ς(z)| ≤ |z| after W, V decreases where P is diagonal, else it need not. In floating point the
    eigenvalues of the stored W are those of the formula up to some κ(S) roundings: choose a radius
    below 1 by that much where a margin counts.

    **Arguments:** `n`, and by keyword `radius` > 0. Parameters: `SchurStableParameters`. `init`
    draws K from N(0, 1/n) and T from N(0, 1/(4n)).

    **Raises:** ValueError for a size that is no positive integer and a radius that is not positive
    and finite.

    The form S⁻¹·contraction·S is that of Gillis, Karow, Sharma, *Approximating the nearest stable
    discrete-time system* (2019), Linear Algebra and its Applications 573.
    """

    n: int
    _: KW_ONLY
    radius: float = 1.0

    def __post_init__(self) -> None:
        store_sizes(self, "n")
        store_numbers(self, "radius")
        if self.radius <= 0:
            raise ValueError(f"radius must be positive; got {self.radius!r}")

    @property
    def shape(self) -> tuple[int, int]:
        """Of the weight."""
        return self.n, self.n

    def init(self, key: Array) -> SchurStableParameters:
        """Random parameters."""
        one, other = jax.random.split(key)
        scale = np.sqrt(self.n)
        return SchurStableParameters(
            jax.random.normal(one, self.shape) / scale,
            jax.random.normal(other, (self.n * (self.n + 1) // 2,)) / (2 * scale),
        )

    def __call__(self, parameters: SchurStableParameters) -> Float[Array, "n n"]:
        """The weight."""
        s, c = self._basis(parameters), contraction(self._k(parameters))
        return self.radius * jax.scipy.linalg.solve_triangular(s, matmul(c, s), lower=True)

    def lyapunov(self, parameters: SchurStableParameters) -> Float[Array, "n n"]:
        """P = SᵀS, with WᵀPW ≺ radius²·P."""
        s = self._basis(parameters)
        return matmul(s.T, s)

    def defect(self, weight: Float[Array, "n n"]) -> Float[Array, ""]:
        """By how much the spectral radius exceeds the radius."""
        weight = shaped(weight, self.shape, "weight")
        return excess(jnp.abs(jnp.linalg.eigvals(weight)) - self.radius)

    def _k(self, parameters: SchurStableParameters) -> Array:
        return shaped(parameters.contraction, self.shape, "contraction")

    def _basis(self, parameters: SchurStableParameters) -> Array:
        entries = shaped(parameters.basis, (self.n * (self.n + 1) // 2,), "basis")
        t = jnp.zeros(self.shape, entries.dtype).at[np.tril_indices(self.n)].set(entries)
        return jnp.where(np.eye(self.n, dtype=bool), jnp.exp(t), t)

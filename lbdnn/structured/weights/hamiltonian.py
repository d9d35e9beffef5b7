"""Weights of the two-block form of Haber and Ruthotto."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .parametrization import excess, shaped, store_sizes


@dataclass(frozen=True)
class Hamiltonian:
    r"""W = [[0, A], [−Aᵀ, 0]] with blocks of n/2 rows.

    **Property:** W is skew-symmetric with zero diagonal blocks. Its eigenvalues are ±iσ_k, σ_k the
    singular values of A, and ‖x(t)‖ is conserved along ẋ = Wx. With `symmetric` A is replaced by
    (A + Aᵀ)/2, and W is a Hamiltonian matrix: JW is symmetric, J = [[0, I], [−I, 0]].

    *Proof.* Wᵀ = −W, so d‖x‖²/dt = xᵀ(W + Wᵀ)x = 0; W² = −diag(AAᵀ, AᵀA) has the eigenvalues
    −σ_k². JW = diag(−Aᵀ, −A), which is symmetric exactly if A is.

    **Not a property**, though the text of the source says so:

    - W is not symplectic: WᵀJW = [[0, A²], [−(A²)ᵀ, 0]], which is J only if A² = I. (The flow e^W
      is orthogonal for every A, and symplectic if A is symmetric.)
    - The dominant eigenvalue is not 1: its modulus is ‖A‖₂, which has no bound. It is e^W, the
      flow of the differential equation, whose eigenvalues have modulus 1.
    - So as a map x ↦ Wx is not stable whatever A is: A = 2I doubles every vector.

    **Arguments:** `n`, even, and by keyword `symmetric`. Parameters: A, shape (n/2, n/2). `init`
    draws from N(0, 2/n).

    **Raises:** ValueError for a size that is no positive even integer.

    Haber and Ruthotto (2017, arXiv 1705.03341); Drgoňa et al. (2020, arXiv 2011.13492), equation
    (25), where A is any square matrix.
    """

    n: int
    _: KW_ONLY
    symmetric: bool = False

    def __post_init__(self) -> None:
        store_sizes(self, "n")
        if self.n % 2:
            raise ValueError(f"the size of a Hamiltonian weight must be even; got {self.n}")

    @property
    def shape(self) -> tuple[int, int]:
        """Of the weight."""
        return self.n, self.n

    def init(self, key: Array) -> Float[Array, "n/2 n/2"]:
        """Random parameters."""
        half = self.n // 2
        return jax.random.normal(key, (half, half)) / np.sqrt(half)

    def __call__(self, parameters: Float[Array, "n/2 n/2"]) -> Float[Array, "n n"]:
        """The weight."""
        a = shaped(parameters, (self.n // 2,) * 2, "parameters")
        a = (a + a.T) / 2 if self.symmetric else a
        zero = jnp.zeros_like(a)
        return jnp.block([[zero, a], [-a.T, zero]])

    def defect(self, weight: Float[Array, "n n"]) -> Float[Array, ""]:
        """The largest entry of |W + Wᵀ|, of the diagonal blocks and, if asked for, of |A − Aᵀ|."""
        weight, half = shaped(weight, self.shape, "weight"), self.n // 2
        found = [weight + weight.T, weight[:half, :half], weight[half:, half:]]
        a = weight[:half, half:]
        found += [a - a.T] if self.symmetric else []
        return excess(*map(jnp.abs, found))

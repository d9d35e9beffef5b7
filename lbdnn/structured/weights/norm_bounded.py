"""Weights with a bounded spectral norm."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .parametrization import excess, shaped, store_numbers, store_sizes


@dataclass(frozen=True)
class NormBounded:
    r"""W = bound · K R⁻¹, RᵀR = I + KᵀK, R upper triangular with positive diagonal.

    **Property:** ‖W‖₂ < bound, and each such W is reached by exactly one K. (For n_out < n_in the
    formula is applied to Kᵀ, and its result transposed: the smaller Gram matrix.)

    *Proof.* C = KR⁻¹ has CᵀC = R⁻ᵀ(RᵀR − I)R⁻¹ = I − R⁻ᵀR⁻¹ ≺ I. Conversely, for ‖C‖₂ < 1 the
    positive definite (I − CᵀC)⁻¹ is RRᵀ for one upper triangular R with positive diagonal, and
    K = CR has I + KᵀK = I + Rᵀ(I − (RRᵀ)⁻¹)R = RᵀR.

    C is computed as the upper block of Q in [K; I] = QR, which loses no digits to KᵀK.
    The bound is approached, not attained; in floating point ‖W‖₂ is at most the bound and a few
    roundings, however large K is. No singular value is computed, and no power iteration has to
    converge.

    **Arguments:** `n_out`, `n_in`, and by keyword `bound` > 0. Parameters: K, shape (n_out, n_in).
    `init` draws from N(0, 1/n_in).

    **Raises:** ValueError for sizes that are no positive integers and a bound that is not positive
    and finite.

    Derived here. Spectral normalization (Miyato et al. 2018, arXiv 1802.05957) divides by an
    estimate of ‖K‖₂ from below instead.
    """

    n_out: int
    n_in: int
    _: KW_ONLY
    bound: float = 1.0

    def __post_init__(self) -> None:
        store_sizes(self, "n_out", "n_in")
        store_numbers(self, "bound")
        if self.bound <= 0:
            raise ValueError(f"bound must be positive; got {self.bound!r}")

    @property
    def shape(self) -> tuple[int, int]:
        """Of the weight."""
        return self.n_out, self.n_in

    def init(self, key: Array) -> Float[Array, "n_out n_in"]:
        """Random parameters."""
        return jax.random.normal(key, self.shape) / np.sqrt(self.n_in)

    def __call__(self, parameters: Float[Array, "n_out n_in"]) -> Float[Array, "n_out n_in"]:
        """The weight."""
        return self.bound * contraction(shaped(parameters, self.shape, "parameters"))

    def defect(self, weight: Float[Array, "n_out n_in"]) -> Float[Array, ""]:
        """By how much ‖W‖₂ exceeds the bound."""
        weight = shaped(weight, self.shape, "weight")
        return excess(jnp.linalg.svd(weight, compute_uv=False) - self.bound)


def contraction(k: Float[Array, "n_out n_in"]) -> Float[Array, "n_out n_in"]:
    """C with ‖C‖₂ < 1, as in `NormBounded`."""
    if k.shape[0] < k.shape[1]:
        return contraction(k.T).T
    return orthonormal(k)[: len(k)]


def orthonormal(k: Float[Array, "m n"]) -> Float[Array, "m+n n"]:
    """Q of [K; I] = QR, QᵀQ = I, R with a positive diagonal."""
    identity = jnp.eye(k.shape[1], dtype=k.dtype)
    # Q does not depend on a common factor: where squares would overflow, there is one.
    largest = jax.lax.stop_gradient(jnp.max(jnp.abs(k), initial=0.0))
    factor = largest / float(jnp.finfo(k.dtype).max) ** 0.5
    scale = jnp.maximum(factor, 1)
    q, r = jnp.linalg.qr(jnp.concatenate([k, identity]) / scale)
    # LAPACK leaves the signs open; those of a positive diagonal make the map continuous.
    return q * jnp.where(jnp.diagonal(r) < 0, -1, 1).astype(k.dtype)

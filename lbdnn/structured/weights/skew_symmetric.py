"""Skew-symmetric weights with damping."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .parametrization import excess, shaped, store_numbers, store_sizes


@dataclass(frozen=True)
class SkewSymmetric:
    r"""W = L − Lᵀ − γI, L strictly lower triangular, γ = `damping`.

    **Property:** W + Wᵀ = −2γI. So W is normal, its eigenvalues are −γ + iω with real ω, and along
    ẋ = Wx ‖x(t)‖ = e^(−γt)‖x(0)‖: kept for γ = 0, decaying for γ > 0.

    *Proof.* (L − Lᵀ)ᵀ = −(L − Lᵀ), and a real skew-symmetric matrix is normal with imaginary
    eigenvalues; d‖x‖²/dt = xᵀ(W + Wᵀ)x = −2γ‖x‖².

    **Not a property:** anything about the size of ω, so ρ(W) = ‖W‖₂ = √(γ² + max ω²) has no bound.
    The stability is that of the differential equation. The map x ↦ Wx, as used in a layer, grows
    wherever γ² + ω² > 1, and the Euler step I + hW has |1 − hγ + ihω|, above 1 for γ = 0 ≠ ω.

    **Arguments:** `n`, and by keyword `damping`, of either sign. Parameters: the n(n−1)/2 entries
    of L below the diagonal, row by row (the diagonal of an L with one cancels). `init` draws from
    N(0, 1/n).

    **Raises:** ValueError for a size that is no positive integer and damping that is not finite.

    Haber and Ruthotto, *Stable architectures for deep neural networks* (2017, arXiv 1705.03341);
    Drgoňa et al. (2020, arXiv 2011.13492), equation (24).
    """

    n: int
    _: KW_ONLY
    damping: float = 0.0

    def __post_init__(self) -> None:
        store_sizes(self, "n")
        store_numbers(self, "damping")

    @property
    def shape(self) -> tuple[int, int]:
        """Of the weight."""
        return self.n, self.n

    def init(self, key: Array) -> Float[Array, " k"]:
        """Random parameters."""
        return jax.random.normal(key, (self.n * (self.n - 1) // 2,)) / np.sqrt(self.n)

    def __call__(self, parameters: Float[Array, " k"]) -> Float[Array, "n n"]:
        """The weight."""
        skew = skew_symmetric(parameters, self.n)
        return skew - self.damping * jnp.eye(self.n, dtype=skew.dtype)

    def defect(self, weight: Float[Array, "n n"]) -> Float[Array, ""]:
        """The largest entry of |W + Wᵀ + 2γI|."""
        weight = shaped(weight, self.shape, "weight")
        twice = 2 * self.damping * jnp.eye(self.n, dtype=weight.dtype)
        return excess(jnp.abs(weight + weight.T + twice))


def skew_symmetric(entries: Float[Array, " k"], n: int) -> Float[Array, "n n"]:
    """L − Lᵀ for the n(n−1)/2 entries of L below its diagonal, row by row."""
    entries = shaped(entries, (n * (n - 1) // 2,), "parameters")
    lower = jnp.zeros((n, n), entries.dtype).at[np.tril_indices(n, -1)].set(entries)
    return lower - lower.T

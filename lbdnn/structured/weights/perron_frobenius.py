"""Weights with bounded row sums."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .parametrization import excess, shaped, store_range, store_sizes


class PerronFrobeniusParameters(NamedTuple):
    """A' (`shares`) and M' (`scales`) of equation (21), both of shape (n_out, n_in)."""

    shares: Float[Array, "n_out n_in"]
    scales: Float[Array, "n_out n_in"]


@dataclass(frozen=True)
class PerronFrobenius:
    r"""W = softmax(A') ∘ M, the softmax along rows, M = greatest − (greatest − least) logistic(M').

    **Property:** every row sum is in [least, greatest], and ‖W‖_∞ ≤ max(|least|, |greatest|). If
    least ≥ 0 then W ≥ 0, and for a square W the spectral radius is in [least, greatest] and is an
    eigenvalue; if greatest ≤ 0 the same holds for −W.

    *Proof.* A row of the softmax is ≥ 0 with sum 1, so Σ_j softmax_ij M_ij is a mean of numbers in
    [least, greatest], and Σ_j |W_ij| one of their moduli. The spectral radius of a non-negative
    matrix is an eigenvalue (Perron and Frobenius) and lies between the least and the greatest row
    sum: W1 ≥ least·1 gives Wᵏ1 ≥ leastᵏ·1, so ‖Wᵏ‖_∞^(1/k) ≥ least; above, ρ(W) ≤ ‖W‖_∞.

    **Not a property**, though the text of the source suggests it: the *other* eigenvalues are
    bounded by |λ| ≤ greatest only (softmax = ½ everywhere and M = 1 give eigenvalues 1 and 0 for
    least = greatest = 1); singular values may exceed greatest, so a step may lengthen vectors; and
    if least < 0 < greatest the dominant eigenvalue may be negative or complex.

    **Arguments:** `n_out`, `n_in`, and by keyword `least` ≤ `greatest`. Parameters:
    `PerronFrobeniusParameters`. `init` draws A' from N(0, 1) and M uniform in [least, greatest].

    **Raises:** ValueError for sizes that are no positive integers, for bounds that are not finite
    and for least > greatest.

    Tuor, Drgoňa, Vrabie, *Constrained neural ordinary differential equations with stability
    guarantees* (2020, arXiv 2004.10883); Drgoňa et al., *Spectral analysis and stability of deep
    neural dynamics* (2020, arXiv 2011.13492), equation (21).
    """

    n_out: int
    n_in: int
    _: KW_ONLY
    least: float
    greatest: float

    def __post_init__(self) -> None:
        store_sizes(self, "n_out", "n_in")
        store_range(self)

    @property
    def shape(self) -> tuple[int, int]:
        """Of the weight."""
        return self.n_out, self.n_in

    def init(self, key: Array) -> PerronFrobeniusParameters:
        """Random parameters."""
        one, other = jax.random.split(key)
        return PerronFrobeniusParameters(
            jax.random.normal(one, self.shape), jax.random.logistic(other, self.shape)
        )

    def __call__(self, parameters: PerronFrobeniusParameters) -> Float[Array, "n_out n_in"]:
        """The weight."""
        shares = shaped(parameters.shares, self.shape, "shares")
        scales = shaped(parameters.scales, self.shape, "scales")
        m = self.greatest - (self.greatest - self.least) * jax.nn.sigmoid(scales)
        return jax.nn.softmax(shares, axis=1) * m

    def defect(self, weight: Float[Array, "n_out n_in"]) -> Float[Array, ""]:
        """By how much row sums, the maximum norm or signs of entries are outside the property."""
        weight = shaped(weight, self.shape, "weight")
        sums = jnp.sum(weight, 1)
        norms = jnp.sum(jnp.abs(weight), 1) - max(abs(self.least), abs(self.greatest))
        found = [self.least - sums, sums - self.greatest, norms]
        found += [-weight] if self.least >= 0 else []
        found += [weight] if self.greatest <= 0 else []
        return excess(*found)

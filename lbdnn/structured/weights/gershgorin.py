"""Weights whose eigenvalues lie in one Gershgorin disc."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .parametrization import excess, shaped, store_range, store_sizes


class GershgorinParameters(NamedTuple):
    """`couplings` are log m_ij: (n(n−1)/2,), those below the diagonal row by row, for real
    eigenvalues; (n, n−1), each row without its diagonal entry, for complex ones. `centres` are
    (n,) for inner discs, else None."""

    couplings: Float[Array, "..."]
    centres: Float[Array, " n"] | None = None


@dataclass(frozen=True)
class Gershgorin:
    r"""W = λI + diag(r/s_1, …, r/s_n) M, λ = (least + greatest)/2, r = (greatest − least)/2.

    M has zero diagonal and entries m_ij = e^(p_ij) > 0 off it, s_i = Σ_j m_ij; `eigenvalues` says
    what more: "real", M symmetric; "complex", each w_ij below the diagonal gets a minus sign. (The
    text of the source gives a rule for neither.)

    **Property:** every eigenvalue μ obeys |μ − λ| ≤ r. So Re μ is in [least, greatest] and
    ρ(W) ≤ max(|least|, |greatest|). With "real" all are real, in [least, greatest]; with "complex",
    equal discs and least < greatest, n ≥ 2, there is a pair that is not.

    *Proof.* For n ≥ 2 (n = 1 gives [λ]) row i has its diagonal entry λ and Σ_{j≠i} |w_ij| = r: all
    of Gershgorin's discs are the one about λ with radius r. *Real:* with D = diag(r/s), DM is
    similar to D^½ M D^½, which is symmetric. *Complex:* N = W − λI has w_ij w_ji < 0 for i ≠ j, so
    the sum of its squared eigenvalues, tr N² = 2 Σ_{i<j} w_ij w_ji, is negative; real numbers have
    no negative squares.

    **Less freedom than it seems.** For n ≥ 2 all discs are equal and full. With "real", W1 = (λ +
    r)1, so `greatest` always is an eigenvalue; and for n = 2 m_ij/s_i = 1 whatever M is: the only
    weight is [[λ, r], [r, λ]] with eigenvalues least and greatest, and [[λ, r], [−r, λ]] with λ ±
    ir. Without signs, as (26) stands, eigenvalues are real for n = 2, and for n > 2 in general not.
    `discs="inner"` gives row i a disc of its own within the whole one, about λ + r(logistic(c_i) −
    ½) with radius r/2, as PNNL's `neuromancer` has them (with smaller radii). The property holds,
    as |w_ii − λ| + Σ_{j≠i}|w_ij| ≤ r; but a pair that is not real is certain for n = 2 only: there
    |w_11 − w_22| < r. Moduli are not bounded from below by |least|: discs of (−1, 1) contain 0. And
    the eigenvalues of a non-normal W do not bound ‖Wx‖/‖x‖.

    **Arguments:** `n`, and by keyword `least` ≤ `greatest`, `eigenvalues`, `discs` ("equal" or
    "inner"). Parameters: `GershgorinParameters`. `init` draws m_ij from U(0, 1), as the source
    says, and c_i from N(0, 1).

    **Raises:** ValueError for a size that is no positive integer, bounds that are not finite,
    least > greatest and other words.

    Varga, *Geršgorin and his circles* (2004); Drgoňa et al. (2020, arXiv 2011.13492), equation
    (26).
    """

    n: int
    _: KW_ONLY
    least: float
    greatest: float
    eigenvalues: Literal["real", "complex"] = "real"
    discs: Literal["equal", "inner"] = "equal"

    def __post_init__(self) -> None:
        store_sizes(self, "n")
        store_range(self)
        if self.eigenvalues not in ("real", "complex"):
            raise ValueError(f'eigenvalues must be "real" or "complex"; got {self.eigenvalues!r}')
        if self.discs not in ("equal", "inner"):
            raise ValueError(f'discs must be "equal" or "inner"; got {self.discs!r}')

    @property
    def shape(self) -> tuple[int, int]:
        """Of the weight."""
        return self.n, self.n

    @property
    def centre(self) -> float:
        """λ."""
        return self.least / 2 + self.greatest / 2

    @property
    def radius(self) -> float:
        """r."""
        return self.greatest / 2 - self.least / 2

    def init(self, key: Array) -> GershgorinParameters:
        """Random parameters."""
        one, other = jax.random.split(key)
        # log U(0, 1) = −(a number of the exponential distribution), never the logarithm of 0.
        couplings = -jax.random.exponential(one, self._couplings)
        inner = self.discs == "inner"
        centres = jax.random.normal(other, (self.n,)) if inner else None
        return GershgorinParameters(couplings, centres)

    def __call__(self, parameters: GershgorinParameters) -> Float[Array, "n n"]:
        """The weight."""
        couplings = shaped(parameters.couplings, self._couplings, "couplings")
        dtype, radius, offsets = couplings.dtype, self.radius, jnp.zeros((), couplings.dtype)
        if self.discs == "inner":
            if parameters.centres is None:
                raise ValueError(f"inner discs need centres, an array of shape {(self.n,)}")
            centres = shaped(parameters.centres, (self.n,), "centres")
            offsets = radius * (jax.nn.sigmoid(centres) - 0.5)
            radius = radius / 2
        # Both parts are added apart from the centre: a small radius keeps its digits.
        identity = jnp.eye(self.n, dtype=dtype)
        return (self.centre + offsets) * identity + radius * self._shares(couplings)

    def defect(self, weight: Float[Array, "n n"]) -> Float[Array, ""]:
        """By how much Gershgorin's discs leave the one about λ with radius r.

        With "real" also the largest |Im μ|.
        """
        weight = shaped(weight, self.shape, "weight")
        distances = jnp.sum(jnp.abs(weight - self.centre * jnp.eye(self.n, dtype=weight.dtype)), 1)
        found = [distances - self.radius]
        if self.eigenvalues == "real":
            found.append(jnp.abs(jnp.linalg.eigvals(weight).imag))
        return excess(*found)

    @property
    def _couplings(self) -> tuple[int, ...]:
        n = self.n
        return (n * (n - 1) // 2,) if self.eigenvalues == "real" else (n, n - 1)

    def _shares(self, couplings: Array) -> Array:
        """±m_ij/s_i, shape (n, n)."""
        n = self.n
        if n == 1:
            return jnp.zeros((1, 1), couplings.dtype)
        logits = jnp.full((n, n), -jnp.inf, couplings.dtype)
        if self.eigenvalues == "real":
            i, j = np.tril_indices(n, -1)
            return jax.nn.softmax(logits.at[i, j].set(couplings).at[j, i].set(couplings), axis=1)
        i, j = np.nonzero(~np.eye(n, dtype=bool))  # row by row
        shares = jax.nn.softmax(logits.at[i, j].set(couplings.ravel()), axis=1)
        return jnp.where(np.tri(n, dtype=bool), -shares, shares)

"""Weights with bounded singular values."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .orthogonal import Orthogonal
from .parametrization import excess, matmul, shaped, store_range, store_sizes


class SVDParameters(NamedTuple):
    """`left` is U, (n_out, n_out), `right` is V, (n_in, n_in), or what `Orthogonal` makes them
    from; `values` is Σ of equation (23), the k = min(n_out, n_in) numbers before the logistic."""

    left: Float[Array, "..."]
    values: Float[Array, " k"]
    right: Float[Array, "..."]


@dataclass(frozen=True)
class SVD:
    r"""W = U diag(s) V, s = greatest − (greatest − least) logistic(Σ).

    diag(s) is n_out × n_in. `factors` says what U and V are: "penalized", parameters themselves, as
    in the source, orthogonal at `init` and kept nearly so by adding `orthogonality_penalty` to a
    loss; or "cayley", "exponential", "householder": orthogonal exactly, by `Orthogonal`.

    **Property:** with m = min |s|, M = max |s| over [least, greatest] (m = 0 if 0 is in it), and
    δ_U = ‖UᵀU − I‖₂, δ_V = ‖VVᵀ − I‖₂, both below 1, the singular values of W are between
    m√((1 − δ_U)(1 − δ_V)) and M√((1 + δ_U)(1 + δ_V)). So with orthogonal factors they are in
    [m, M], and for a square W the moduli of its eigenvalues are too.

    *Proof.* Singular values of U are in [√(1 − δ_U), √(1 + δ_U)], as UᵀU has eigenvalues within δ_U
    of 1; so are those of V. The largest singular value of a product is at most the product of the
    largest ones, the least at least that of the least (all are square, but the middle one, and that
    has the singular values |s|). ‖Wx‖ is in [σ_min, σ_max]·‖x‖, so an eigenvector shows
    σ_min ≤ |μ| ≤ σ_max.

    **Not a property**, though the source has bounded "eigenvalues by extension":

    - Eigenvalues are bounded in modulus only, not in [least, greatest]: U = −I, V = I, s = 1 has
      the eigenvalues −1. Negative bounds change no modulus: the weights of (−1.5, −1.1) are those
      of (1.1, 1.5) with −U for U.
    - With penalized factors none of it holds but through δ: after training s says little unless the
      penalty is small. `defect` measures it.

    **Arguments:** `n_out`, `n_in`, and by keyword `least` ≤ `greatest` and `factors`. Parameters:
    `SVDParameters`. `init` draws orthogonal U, V and s uniform in [least, greatest].

    **Raises:** ValueError for sizes that are no positive integers, bounds that are not finite,
    least > greatest and other factors.

    Zhang, Lei, Dhillon, *Stabilizing gradients for deep neural networks via efficient SVD
    parameterization* (2018, arXiv 1803.09327), for exact factors; Drgoňa et al. (2020, arXiv
    2011.13492), equations (22) and (23), "spectral weights".
    """

    n_out: int
    n_in: int
    _: KW_ONLY
    least: float
    greatest: float
    factors: Literal["penalized", "cayley", "exponential", "householder"] = "penalized"

    def __post_init__(self) -> None:
        store_sizes(self, "n_out", "n_in")
        store_range(self)
        known = ("penalized", "cayley", "exponential", "householder")
        if self.factors not in known:
            words = ", ".join(f'"{name}"' for name in known)
            raise ValueError(f"factors must be one of {words}; got {self.factors!r}")

    @property
    def shape(self) -> tuple[int, int]:
        """Of the weight."""
        return self.n_out, self.n_in

    def init(self, key: Array) -> SVDParameters:
        """Random parameters."""
        keys = jax.random.split(key, 3)
        values = jax.random.logistic(keys[1], (min(self.shape),))
        if self.factors == "penalized":
            left = jax.random.orthogonal(keys[0], self.n_out)
            right = jax.random.orthogonal(keys[2], self.n_in)
        else:
            one, other = self._orthogonal()
            left, right = one.init(keys[0]), other.init(keys[2])
        return SVDParameters(left, values, right)

    def __call__(self, parameters: SVDParameters) -> Float[Array, "n_out n_in"]:
        """The weight."""
        k = min(self.shape)
        values = shaped(parameters.values, (k,), "values")
        s = self.greatest - (self.greatest - self.least) * jax.nn.sigmoid(values)
        u, v = self._factors(parameters)
        return matmul(u[:, :k] * s, v[:k])

    def orthogonality_penalty(self, parameters: SVDParameters) -> Float[Array, ""]:
        """‖I − UUᵀ‖ + ‖I − UᵀU‖ + ‖I − VVᵀ‖ + ‖I − VᵀV‖, equation (22).

        The norms are Frobenius's, as in the authors' program; they are no less than the spectral
        ones. At 0 the gradient is 0.
        """
        u, v = self._factors(parameters)
        grams = (matmul(u, u.T), matmul(u.T, u), matmul(v, v.T), matmul(v.T, v))
        return jnp.sum(jnp.stack([_distance(gram) for gram in grams]))

    def defect(self, weight: Float[Array, "n_out n_in"]) -> Float[Array, ""]:
        """By how much singular values are outside [m, M]."""
        found = jnp.linalg.svd(shaped(weight, self.shape, "weight"), compute_uv=False)
        ends = abs(self.least), abs(self.greatest)
        least = 0.0 if self.least <= 0 <= self.greatest else min(ends)
        return excess(found - max(ends), least - found)

    def _factors(self, parameters: SVDParameters) -> tuple[Array, Array]:
        if self.factors == "penalized":
            u = shaped(parameters.left, (self.n_out, self.n_out), "left factor")
            return u, shaped(parameters.right, (self.n_in, self.n_in), "right factor")
        one, other = self._orthogonal()
        return one(parameters.left), other(parameters.right)

    def _orthogonal(self) -> tuple[Orthogonal, Orthogonal]:
        assert self.factors != "penalized"
        n_out, n_in = self.shape
        return (
            Orthogonal(n_out, n_out, method=self.factors),
            Orthogonal(n_in, n_in, method=self.factors),
        )


def _distance(gram: Array) -> Array:
    """‖I − gram‖ in Frobenius's norm, with gradient 0 where it is 0."""
    square = jnp.sum((gram - jnp.eye(len(gram), dtype=gram.dtype)) ** 2)
    return jnp.where(square > 0, jnp.sqrt(jnp.where(square > 0, square, 1)), 0)

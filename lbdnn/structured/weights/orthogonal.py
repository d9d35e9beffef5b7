"""Weights with orthonormal columns or rows."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .parametrization import excess, matmul, shaped, store_sizes
from .skew_symmetric import skew_symmetric


@dataclass(frozen=True)
class Orthogonal:
    r"""The first n_out rows and n_in columns of an orthogonal Q of size N = max(n_out, n_in).

    **Property:** WᵀW = I if n_out ≥ n_in, WWᵀ = I if n_out ≤ n_in. So all singular values are 1:
    ‖Wx‖ = ‖x‖ for all x in the first case, ‖W‖₂ = 1 in both.

    *Proof.* Columns of Q are orthonormal, and so are rows. With a skew-symmetric S of the n(n−1)/2
    parameters, each `method` gives such a Q:

    - "cayley": Q = (I + S)⁻¹(I − S). I + S is regular, as S has imaginary eigenvalues, and commutes
      with I − S = (I + S)ᵀ; so QᵀQ = (I + S)(I − S)⁻¹(I + S)⁻¹(I − S) = I. Every Q without the
      eigenvalue −1 is reached, once; all have determinant 1.
    - "exponential": Q = e^S, QᵀQ = e^(−S)e^S = I. Every Q with determinant 1 is reached, many
      times.
    - "householder": Q = H_1 ⋯ H_k, k = min(n_out, n_in), transposed for n_out < n_in;
      H_i = I − 2v_iv_iᵀ/v_iᵀv_i is symmetric with H_i² = I (and H_i = I where v_i = 0). Every W
      with n_out ≠ n_in is reached: as in a QR factorization, one H_i after the other makes a
      column that of the identity. So is every square Q with determinant (−1)ⁿ, with all v_i ≠ 0:
      it is a product of at most n reflections (Cartan and Dieudonné), whose parity is that of n, to
      which pairs HH = I are added.

    **Not a property:** that training can reach every square Q. Determinants are 1 or −1, so no
    continuous path of parameters (v_i ≠ 0) leads from one kind to the other.

    **Arguments:** `n_out`, `n_in`, and by keyword `method`. Parameters: the N(N−1)/2 entries of S
    below its diagonal, row by row, or the rows v_i, shape (k, N). `init` draws from N(0, 1), for
    the first two methods divided by √N.

    In floating point "householder" is orthogonal to rounding for all parameters; the error of
    "cayley" grows in proportion to ‖S‖, and so does that of "exponential", which is NaN above
    ‖S‖₁ of about 3·10⁵ (the squarings of `jax.scipy.linalg.expm` are limited).

    **Raises:** ValueError for sizes that are no positive integers and another method.

    Helfrich, Willmott, Ye (2018, arXiv 1707.09520); Lezcano-Casado and Martínez-Rubio (2019, arXiv
    1901.08428); Mhammedi et al. (2017, arXiv 1612.00188).
    """

    n_out: int
    n_in: int
    _: KW_ONLY
    method: Literal["cayley", "exponential", "householder"] = "cayley"

    def __post_init__(self) -> None:
        store_sizes(self, "n_out", "n_in")
        if self.method not in _METHODS:
            words = ", ".join(f'"{name}"' for name in _METHODS)
            raise ValueError(f"method must be one of {words}; got {self.method!r}")

    @property
    def shape(self) -> tuple[int, int]:
        """Of the weight."""
        return self.n_out, self.n_in

    def init(self, key: Array) -> Float[Array, " k"] | Float[Array, "k N"]:
        """Random parameters."""
        size = max(self.shape)
        if self.method == "householder":
            return jax.random.normal(key, (min(self.shape), size))
        return jax.random.normal(key, (size * (size - 1) // 2,)) / math.sqrt(size)

    def __call__(
        self, parameters: Float[Array, " k"] | Float[Array, "k N"]
    ) -> Float[Array, "n_out n_in"]:
        """The weight."""
        return _METHODS[self.method](parameters, self.n_out, self.n_in)

    def defect(self, weight: Float[Array, "n_out n_in"]) -> Float[Array, ""]:
        """The largest entry of |WᵀW − I|, for n_out < n_in of |WWᵀ − I|."""
        weight = shaped(weight, self.shape, "weight")
        tall = weight if self.n_out >= self.n_in else weight.T
        gram = matmul(tall.T, tall)
        return excess(jnp.abs(gram - jnp.eye(len(gram), dtype=gram.dtype)))


def _cayley(parameters: Array, n_out: int, n_in: int) -> Array:
    skew = skew_symmetric(parameters, max(n_out, n_in))
    identity = jnp.eye(len(skew), dtype=skew.dtype)
    return jnp.linalg.solve(identity + skew, (identity - skew)[:, :n_in])[:n_out]


def _exponential(parameters: Array, n_out: int, n_in: int) -> Array:
    return jax.scipy.linalg.expm(skew_symmetric(parameters, max(n_out, n_in)))[:n_out, :n_in]


def _householder(parameters: Array, n_out: int, n_in: int) -> Array:
    tall, size = min(n_out, n_in), max(n_out, n_in)
    parameters = shaped(parameters, (tall, size), "parameters")

    def reflect(x: Array, v: Array) -> tuple[Array, None]:
        # A reflection does not see the length of v: scaled, no square over- or underflows.
        largest = jax.lax.stop_gradient(jnp.max(jnp.abs(v)))
        v = v / jnp.where(largest > 0, largest, 1)
        length = jnp.where(largest > 0, jnp.sum(v * v), 1)
        return x - 2 * jnp.outer(v, matmul(v, x)) / length, None

    start = jnp.eye(size, tall, dtype=parameters.dtype)
    found = jax.lax.scan(reflect, start, parameters, reverse=True)[0]
    return found if n_out >= n_in else found.T


_METHODS: dict[str, Callable[[Array, int, int], Array]] = {
    "cayley": _cayley,
    "exponential": _exponential,
    "householder": _householder,
}

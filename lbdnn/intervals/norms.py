"""Proved upper bounds of vector and matrix norms, eigenvalues and spectral radii.

Every function takes leading batch axes, can be jitted and vmapped, and returns a number that is at
least the truth: all errors of rounding and of underflow are counted and added. Where an input
is infinite or NaN the bound is inf. LAPACK gives approximate eigenvectors only; what follows from
them is computed and bounded here.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .rounding import gamma, power_of_two, up

_EXACT = jax.lax.Precision.HIGHEST


@partial(jax.jit, static_argnames="axis")
def euclidean(x: Float[Array, "*s"], axis: int | None = None) -> Array:
    """≥ √Σx² over an axis, or over all entries."""
    n = x.size if axis is None else x.shape[axis]
    info = jnp.finfo(x.dtype)
    scale = power_of_two(jnp.max(jnp.abs(x), axis=axis, keepdims=True, initial=0.0))
    squares = jnp.sum((x / scale) ** 2, axis=axis)
    # Squares that underflow are below the smallest normal, as are entries taken for 0.
    root = up(jnp.sqrt(up(squares * (1 + gamma(n + 3, x.dtype))) + 4 * n * info.tiny))
    norm = up(root * jnp.squeeze(scale, axis) + 2 * n * info.tiny)
    return jnp.where(jnp.all(jnp.isfinite(x), axis=axis), norm, jnp.inf)


@jax.jit
def spectral_norm(
    a: Float[Array, "*b m n"], radius: Float[Array, "*b m n"] | None = None
) -> Float[Array, "*b"]:
    r"""≥ ‖A + Δ‖₂ for every |Δ| ≤ radius, entry by entry.

    ‖A‖² = λ_max(G) of the smaller Gram matrix G = AᵀA or AAᵀ, with entries computed to
    |fl(G) − G| ≤ γ|A|ᵀ|A|, bounded as in `largest_eigenvalue`; never more than
    min(‖A‖_F, √(‖A‖₁‖A‖_∞)). Then ‖A + Δ‖ ≤ ‖A‖ + ‖radius‖₂, the latter by `nonnegative_norm`.
    """
    return _with_radius(_scaled(a, _gram_eigenvalue), radius)


@partial(jax.jit, static_argnames="squarings")
def spectral_norm_quick(
    a: Float[Array, "*b m n"], radius: Float[Array, "*b m n"] | None = None, *, squarings: int = 10
) -> Float[Array, "*b"]:
    r"""≥ ‖A + Δ‖₂ for every |Δ| ≤ radius, entry by entry, by products of matrices alone.

    ‖A‖ ≤ ‖G^(2ᵏ)‖_F^(1/2^(k+1)), G the smaller Gram matrix and k the number of squarings (Gram
    iteration: Delattre et al. 2023). Too large by a factor n^(1/2^(k+2)) at most, n the smaller
    dimension, and by far less where one singular value dominates.
    """

    def iterated(b: Array) -> Array:
        return _gram_iteration(b, squarings)

    return _with_radius(_scaled(a, iterated), radius)


@jax.jit
def rough_norm(a: Float[Array, "*b m n"]) -> Float[Array, "*b"]:
    """≥ ‖A‖₂, at little cost: min(‖A‖_F, √(‖A‖₁‖A‖_∞))."""
    return _scaled(a, _cheap_norm)


@jax.jit
def nonnegative_norm(m: Float[Array, "*b m n"]) -> Float[Array, "*b"]:
    """≥ ‖M‖₂ for M ≥ 0: the root of the spectral radius of MᵀM, bounded as in `perron`."""

    def bound(b: Array) -> Array:
        b = b if b.shape[-1] <= b.shape[-2] else jnp.swapaxes(b, -1, -2)
        gram = up(_product(jnp.swapaxes(b, -1, -2), b, sum(b.shape[-2:])))
        return up(jnp.sqrt(_collatz_wielandt(gram)))

    return _scaled(m, bound)


@jax.jit
def perron(m: Float[Array, "*b n n"]) -> Float[Array, "*b"]:
    r"""≥ the spectral radius of M ≥ 0.

    For every x > 0, ρ(M) ≤ max_i (Mx)_i/x_i (Collatz, Wielandt); x is close to the Perron vector,
    from 2¹⁰ power iterations done by squaring. Never more than the largest row or column sum.
    """
    return _scaled(m, _collatz_wielandt)


@jax.jit
def largest_eigenvalue(
    s: Float[Array, "*b n n"], radius: Float[Array, "*b n n"] | None = None
) -> Float[Array, "*b"]:
    r"""≥ λ_max(S + Δ) for every symmetric |Δ| ≤ radius, entry by entry; S is (s + sᵀ)/2.

    With approximate eigenvectors Q, ‖QᵀQ − I‖ ≤ δ < 1 and t ≥ λ_max(QᵀSQ) by Gershgorin's discs:
    λ_max(S) = max yᵀQᵀSQy/yᵀQᵀQy ≤ t/(1 − δ) where t ≥ 0, t/(1 + δ) where t < 0. Never more
    than Gershgorin's bound of S itself.
    """
    bound = _scaled(s, lambda b: _eigenvalue(_symmetric(b), jnp.zeros(s.shape[:-1], s.dtype)))
    if radius is None:
        return bound
    return up(bound + perron(up(_symmetric(radius))))


@jax.jit
def definite(s: Float[Array, "*b n n"]) -> Array:
    r"""True only if the symmetric matrix (s + sᵀ)/2 is proved to be positive definite.

    Scaled by powers of two to a diagonal in [1, 4), S = cI + LLᵀ + R with L from Cholesky's
    algorithm applied to S − cI, and ‖R‖ < c is then verified, with all errors (after Rump,
    Verification of positive definiteness, 2006). c is of the size of these errors, so that only
    matrices with smallest eigenvalue below about n²u may be missed.
    """
    n, info = s.shape[-1], jnp.finfo(s.dtype)
    diagonal: Array = jnp.diagonal(s, axis1=-2, axis2=-1)
    # With smaller diagonals, entries that underflow would count.
    usable = jnp.all(jnp.isfinite(s), (-2, -1)) & jnp.all(diagonal >= info.tiny / info.eps**2, -1)
    power = power_of_two(jnp.sqrt(jnp.where(diagonal > 0, diagonal, 1.0)))
    rows, columns = power[..., :, None], power[..., None, :]
    b = _symmetric(s / jnp.minimum(rows, columns) / jnp.maximum(rows, columns))
    usable &= jnp.all(jnp.isfinite(b), (-2, -1))
    eye = jnp.eye(n, dtype=s.dtype)
    shift = 8 * (n + 4) * n * info.eps
    factor = jnp.linalg.cholesky(jnp.where(usable[..., None, None], b - shift * eye, eye))
    factor = jnp.tril(jnp.nan_to_num(factor))
    transposed = jnp.swapaxes(factor, -1, -2)
    rest = jnp.abs((b - jnp.matmul(factor, transposed, precision=_EXACT)) - shift * eye)
    size = _product(jnp.abs(factor), jnp.abs(transposed), n) + jnp.abs(b) + shift * eye
    rest = up(up(rest) + up(gamma(n + 4, s.dtype) * size + info.eps**2))
    return usable & (_row_sums(rest) < shift)


def _scaled(a: Array, bound: Callable[[Array], Array]) -> Array:
    """s·bound(A/s), s the power of two below the largest entry; inf where an entry is not finite.

    Entries of A/s that underflow change a norm or an eigenvalue by at most mn times the smallest
    normal, and so do subnormal entries of A itself.
    """
    size = a.shape[-1] * a.shape[-2]
    if size == 0:
        return jnp.zeros(a.shape[:-2], a.dtype)
    slack = 2 * size * jnp.finfo(a.dtype).tiny
    scale = power_of_two(jnp.max(jnp.abs(a), axis=(-2, -1)))
    usable = jnp.all(jnp.isfinite(a), axis=(-2, -1))
    b = jnp.where(usable[..., None, None], a / scale[..., None, None], 0.0)
    return jnp.where(usable, up(up(up(bound(b) + slack) * scale) + slack), jnp.inf)


def _with_radius(norm: Array, radius: Array | None) -> Array:
    return norm if radius is None else up(norm + nonnegative_norm(radius))


def _symmetric(s: Array) -> Array:
    """(S + Sᵀ)/2: exact where S is symmetric, else one rounding per entry."""
    return s / 2 + jnp.swapaxes(s, -1, -2) / 2


def _product(a: Array, b: Array, n: int) -> Array:
    """≥ AB for A, B ≥ 0 and inner dimension ≤ n, once `up` has covered the last rounding."""
    tiny = jnp.finfo(a.dtype).tiny
    return jnp.matmul(a, b, precision=_EXACT) * (1 + gamma(n + 2, a.dtype)) + 2 * n * tiny


def _row_sums(m: Array) -> Array:
    """≥ the largest row sum of M ≥ 0: its norm ‖·‖_∞."""
    return up(jnp.max(jnp.sum(m, -1), -1) * (1 + gamma(m.shape[-1] + 2, m.dtype)))


def _cheap_norm(b: Array) -> Array:
    """≥ ‖B‖₂: min(‖B‖_F, √(‖B‖₁‖B‖_∞))."""
    sizes = jnp.abs(b)
    sums = up(_row_sums(sizes) * _row_sums(jnp.swapaxes(sizes, -1, -2)))
    squares = up(jnp.sum(b * b, (-2, -1)) * (1 + gamma(b.shape[-1] * b.shape[-2] + 2, b.dtype)))
    slack = 4 * b.shape[-1] * b.shape[-2] * jnp.finfo(b.dtype).tiny
    return up(jnp.sqrt(jnp.minimum(up(squares + slack), sums)))


def _gram(b: Array) -> tuple[Array, Array]:
    """fl(G) of the smaller Gram matrix, symmetric, and row sums of a bound of |fl(G) − G|."""
    b = b if b.shape[-1] <= b.shape[-2] else jnp.swapaxes(b, -1, -2)
    m = b.shape[-2]
    transposed = jnp.swapaxes(b, -1, -2)
    gram = _symmetric(jnp.matmul(transposed, b, precision=_EXACT))
    sizes = jnp.abs(b)
    rows = _product(jnp.swapaxes(sizes, -1, -2), up(_sums(sizes, b.shape[-1]))[..., None], m)[
        ..., 0
    ]
    error = up(up(rows) * gamma(m + 2, b.dtype)) + 4 * m * b.shape[-1] * jnp.finfo(b.dtype).tiny
    return gram, up(error)


def _sums(m: Array, n: int) -> Array:
    """≥ the row sums of M ≥ 0, once `up` has covered the last rounding."""
    return jnp.sum(m, -1) * (1 + gamma(n + 2, m.dtype))


def _gram_eigenvalue(b: Array) -> Array:
    gram, error = _gram(b)
    largest = jnp.maximum(_eigenvalue(gram, error), 0.0)
    return jnp.minimum(up(jnp.sqrt(largest)), _cheap_norm(b))


def _eigenvalue(s: Array, error: Array) -> Array:
    """≥ λ_max of every symmetric matrix that differs from the symmetric S by row sums ≤ error."""
    n, info = s.shape[-1], jnp.finfo(s.dtype)
    eye = jnp.eye(n, dtype=s.dtype)
    # Each entry of S carries two roundings of its own: of the halves' sum, and of its computation.
    own = up(2 * info.eps * _row_sums(jnp.abs(s)))
    q: Array = jnp.linalg.eigh(jax.lax.stop_gradient(s), symmetrize_input=False)[1]
    good = jnp.all(jnp.abs(q) <= 2, (-2, -1))
    q = jnp.where(good[..., None, None], q, eye)
    qt, sizes = jnp.swapaxes(q, -1, -2), jnp.abs(q)
    # QᵀSQ: two products, so twice γ_n of |Qᵀ||S||Q|; in row sums. δ in the same way.
    ones = _sums(sizes, n)
    spread = up(_product(jnp.abs(s), up(ones)[..., None], n))
    spread = jnp.max(up(_product(jnp.swapaxes(sizes, -1, -2), spread, n)), (-2, -1))
    lost = up(up(spread * (3 * gamma(n + 2, s.dtype))) + 8 * n**3 * info.tiny)
    t = jnp.matmul(qt, jnp.matmul(s, q, precision=_EXACT), precision=_EXACT)
    discs = up(_gershgorin(_symmetric(t)) + lost)
    defect = jnp.abs(jnp.matmul(qt, q, precision=_EXACT) - eye)
    products = up(_product(jnp.swapaxes(sizes, -1, -2), up(ones)[..., None], n))
    inexact = up(up(jnp.max(products, (-2, -1)) * gamma(n + 3, s.dtype)) + 4 * n * n * info.tiny)
    defect = up(_row_sums(defect) + inexact)
    shrunk = jnp.where(discs >= 0, -up(defect - 1), up(defect + 1))
    verified = jnp.where(shrunk > 0, up(discs / jnp.where(shrunk > 0, shrunk, 1.0)), jnp.inf)
    plain = _gershgorin(s)
    return up(jnp.minimum(verified, plain) + up(own + jnp.max(error, -1)))


def _gershgorin(s: Array) -> Array:
    """≥ max_i (S_ii + Σ_{j≠i} |S_ij|)."""
    diagonal = jnp.diagonal(s, axis1=-2, axis2=-1)
    off = jnp.abs(jnp.where(jnp.eye(s.shape[-1], dtype=bool), 0.0, s))
    return jnp.max(up(diagonal + up(_sums(off, s.shape[-1]))), -1)


def _gram_iteration(b: Array, squarings: int) -> Array:
    """The Gram matrix is scaled to ‖·‖_F ≤ 1 before each squaring; the scales are collected."""
    gram, error = _gram(b)
    n, info = gram.shape[-1], jnp.finfo(b.dtype)

    def frobenius(g: Array) -> Array:
        total = jnp.sum(g * g, (-2, -1)) * (1 + gamma(n * n + 2, g.dtype))
        return up(jnp.sqrt(up(total + 4 * n * n * info.tiny)))

    # λ(G) ≤ λ(fl G) + e; with f = ‖fl G‖_F, λ(fl G/p) ≤ 1 roughly, and each squaring errs by
    # γ_n ‖·‖_F² at most. The bound is built from the inside outward: v_k ≥ λ_k,
    # λ_i = √(λ_{i+1}·p_{i+1} + err), so that first the powers are computed, then the bound.
    scales, errors = [], [jnp.max(error, -1)]
    g = gram
    for _ in range(squarings):
        scale = power_of_two(jnp.maximum(jnp.max(jnp.abs(g), (-2, -1)), info.tiny))
        g = g / scale[..., None, None]
        scales.append(scale)
        size = frobenius(g)
        errors.append(up(up(size * size * gamma(n + 3, g.dtype)) + 8 * n * n * info.tiny))
        g = _symmetric(jnp.matmul(g, g, precision=_EXACT))
    bound = frobenius(g)
    for scale, lost in zip(reversed(scales), reversed(errors[1:]), strict=True):
        bound = up(jnp.sqrt(up(bound + lost)))
        bound = up(up(bound + 2 * n * n * info.tiny) * scale)
    return jnp.minimum(up(jnp.sqrt(up(bound + errors[0]))), _cheap_norm(b))


def _collatz_wielandt(m: Array) -> Array:
    n, info = m.shape[-1], jnp.finfo(m.dtype)

    def squared(_: int, p: Array) -> Array:
        p = jnp.matmul(p, p, precision=_EXACT)
        return p / power_of_two(jnp.maximum(jnp.max(p, (-2, -1), keepdims=True), info.tiny))

    largest = jnp.maximum(jnp.max(jnp.sum(m, -1), -1), info.tiny)[..., None, None]
    # The shift makes periodic matrices converge. x is any positive vector: no error matters.
    shifted = m / largest + 0.1 * jnp.eye(n, dtype=m.dtype)
    x = jnp.sum(jax.lax.fori_loop(0, 10, squared, shifted), -1, keepdims=True)
    x = jnp.maximum(x / jnp.max(x, (-2, -1), keepdims=True), info.eps**2)
    quotients = up(up(_product(m, x, n)) / x)
    sums = jnp.minimum(_row_sums(m), _row_sums(jnp.swapaxes(m, -1, -2)))
    return jnp.minimum(jnp.max(quotients, (-2, -1)), sums)

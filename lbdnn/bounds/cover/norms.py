"""Proved norms of many small vectors and matrices, cells along the last axis."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..expansion.sizes import WIDER, U

TINY = 2.0**-1022
# Up to this size products of matrices are written out, sums of products over all cells at once.
_UNROLLED = 16


def length(x: Array, axis: int | tuple[int, ...]) -> Array:
    """≥ the Euclidean norm along an axis, or the Frobenius norm along two."""
    scale = jnp.max(jnp.abs(x), axis, keepdims=True, initial=0.0) + 1e-140
    total = jnp.sum((x * (1 / scale)) ** 2, axis)
    # A sum of more terms than `WIDER` covers, in whatever order.
    total = total * (1 + 4 * U * (x.size // max(total.size, 1)))
    return _scaled_back(jnp.squeeze(scale, axis), jnp.sqrt(total))


def matrix_norm(x: Float[Array, "*b m n c"], squarings: int = 1) -> Float[Array, "*b c"]:
    r"""≥ ‖X‖₂ of every cell, by products of matrices alone.

    G is the smaller Gram matrix, of size n, scaled to tr G ≤ 1, and H = G^(2ˢ), s = `squarings`.
    With t₁ = tr H and t₂ = ‖H‖_F², λ_max(H) ≤ (t₁ + √((n − 1)(n t₂ − t₁²)))/n (Wolkowicz and Styan
    1980), equality if at most one eigenvalue differs from the others. Rounding changes the entries
    of G by γ_m tr G at most, m the inner dimension; each squaring doubles a change ‖·‖_F and adds
    γ_n.
    """
    if x.shape[-3] < x.shape[-2]:
        x = jnp.swapaxes(x, -3, -2)
    inner, n = x.shape[-3:-1]
    scale = jnp.max(jnp.abs(x), (-3, -2)) + 1e-140
    x = x * (1 / scale)[..., None, None, :]
    gram = _product(x, x)
    trace = _trace(gram) + 1e-140
    power = gram * (1 / trace)[..., None, None, :]
    error = 4 * n * (inner + 8) * U
    for _ in range(squarings - 1):
        power = _product(power, power)
        error = 2 * error + 4 * n * (n + 8) * U
    # tr H = ‖G‖_F², without the product when it is not needed for more.
    first = jnp.sum(power * power, (-3, -2)) if squarings else _trace(power)
    last = _product(power, power) if squarings else power
    second = jnp.sum(last * last, (-3, -2))
    error = 8 * error + 8 * n * (n + 8) * U
    spread = jnp.maximum(n * second - first * first, 0.0) + (n + 4) * error
    largest = jnp.minimum(
        (first + error + jnp.sqrt((n - 1) * spread)) / n, jnp.sqrt(second + error)
    )
    for _ in range(squarings):
        largest = jnp.sqrt(largest * WIDER)
    return _scaled_back(scale, jnp.sqrt(trace * (largest + 4 * (inner + 8) * U)))


def product(a: Array, b: Array) -> Array:
    """a·b of upper bounds; it is not lost where it underflows."""
    return a * b + TINY


def _scaled_back(scale: Array, size: Array) -> Array:
    # Squares that underflow are below 1e−290; reciprocals of larger scales might underflow.
    return jnp.where(scale < 1e300, scale * size * WIDER + 1e-290, jnp.inf)


def _trace(x: Array) -> Array:
    return jnp.trace(x, axis1=-3, axis2=-2)


def _product(a: Array, b: Array) -> Array:
    """aᵀb of every cell."""
    inner = a.shape[-3]
    if max(inner, a.shape[-2]) > 4 * _UNROLLED or a.shape[-2] > _UNROLLED:
        left, right = jnp.moveaxis(a, -1, -3), jnp.moveaxis(b, -1, -3)
        product = jnp.matmul(jnp.swapaxes(left, -1, -2), right, precision=jax.lax.Precision.HIGHEST)
        return jnp.moveaxis(product, -3, -1)
    total = a[..., 0, :, None, :] * b[..., 0, None, :, :]
    for i in range(1, inner):
        total = total + a[..., i, :, None, :] * b[..., i, None, :, :]
    return total


def largest_eigenvalue(m: Float[Array, "n n c"]) -> Float[Array, " c"]:
    """≥ the largest eigenvalue of M ≥ 0 of every cell: at most max_i (Mx)_i/x_i for every x > 0
    (Collatz, Wielandt), here x near the eigenvector."""
    n = m.shape[0]
    power = m / (jnp.max(m, (0, 1)) + 1e-140) + 0.05 * jnp.eye(n)[:, :, None]
    power = (power + jnp.swapaxes(power, 0, 1)) / 2
    for _ in range(6):
        power = _product(power, power)
        power = power / jnp.max(power, (0, 1))
    x = jnp.sum(power, 1)
    x = x / jnp.max(x, 0) + 1e-12
    return jnp.max(jnp.sum(m * x[None], 1) / x, 0) * WIDER + 1e-290

"""Norms and products of upper bounds that lose nothing to underflow."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jaxtyping import Array


def euclidean(x: Array, axis: int | None = None) -> Array:
    """√Σx² over an axis, or over all entries; inf where an entry is infinite."""
    largest = jnp.max(jnp.abs(x), axis=axis, keepdims=True, initial=0.0)
    usable = (largest > 0) & jnp.isfinite(largest)
    scaled = x / jnp.where(usable, largest, 1.0)
    norm = jnp.where(usable, largest, 1.0) * jnp.sqrt(jnp.sum(scaled**2, axis=axis, keepdims=True))
    return jnp.squeeze(jnp.where(usable, norm, largest), axis=axis)


def product(a: Array, b: Array) -> Array:
    """a·b of upper bounds a, b ≥ 0, never rounded down to 0."""
    tiny = jnp.finfo(jnp.result_type(a, b)).tiny
    return jnp.maximum(a * b, jnp.where((a > 0) & (b > 0), tiny, 0.0))


def matrix_product(a: Array, b: Array) -> Array:
    """a @ b of upper bounds a, b ≥ 0, no entry rounded down to 0."""
    tiny = jnp.finfo(jnp.result_type(a, b)).tiny
    terms = (a > 0).astype(a.dtype) @ (b > 0).astype(b.dtype)
    exact = jax.lax.Precision.HIGHEST
    return jnp.matmul(a, b, precision=exact) + 2 * tiny * terms


def euclidean_of_all(arrays: list[Array]) -> Array:
    """The norm of the arrays as one vector."""
    return euclidean(jnp.stack([euclidean(array) for array in arrays]))

"""Products of upper bounds that lose nothing to underflow."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jaxtyping import Array


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

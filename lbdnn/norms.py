"""Euclidean norms that do not lose squares to overflow or underflow."""

from __future__ import annotations

import jax.numpy as jnp
from jaxtyping import Array


def euclidean(x: Array, axis: int | None = None) -> Array:
    """√Σx² over an axis, or over all entries; inf where an entry is infinite."""
    largest = jnp.max(jnp.abs(x), axis=axis, keepdims=True, initial=0.0)
    usable = (largest > 0) & jnp.isfinite(largest)
    scaled = x / jnp.where(usable, largest, 1.0)
    norm = jnp.where(usable, largest, 1.0) * jnp.sqrt(jnp.sum(scaled**2, axis=axis, keepdims=True))
    return jnp.squeeze(jnp.where(usable, norm, largest), axis=axis)


def euclidean_of_all(arrays: list[Array]) -> Array:
    """The norm of the arrays as one vector."""
    return euclidean(jnp.stack([euclidean(array) for array in arrays]))

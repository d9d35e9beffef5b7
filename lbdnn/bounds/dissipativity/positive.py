"""Small symmetric matrices in large batches, by products alone.

LAPACK treats a batch one matrix at a time; these run on any device and are quick to differentiate.
Approximate: rounding is not accounted for here.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

_SQUARINGS = 5


def symmetric(s: Float[Array, "*b n n"]) -> Float[Array, "*b n n"]:
    """The symmetric part."""
    return (s + jnp.swapaxes(s, -1, -2)) / 2


@jax.custom_vjp
def inverse(s: Float[Array, "*b n n"]) -> Float[Array, "*b n n"]:
    """The inverse of positive definite matrices: Gauss and Jordan's elimination, no pivots."""
    n = s.shape[-1]

    def eliminated(i: Array, a: Array) -> Array:
        row = jax.lax.dynamic_index_in_dim(a, i, -2, keepdims=True)
        column = jax.lax.dynamic_index_in_dim(a, i, -1, keepdims=True)
        pivot = jax.lax.dynamic_index_in_dim(row, i, -1, keepdims=True)
        at_row = (jnp.arange(n) == i)[:, None]
        at_column = (jnp.arange(n) == i)[None, :]
        rest = a - column * row / pivot
        edge = jnp.where(at_row, row / pivot, -column / pivot)
        return jnp.where(at_row & at_column, 1 / pivot, jnp.where(at_row | at_column, edge, rest))

    return jax.lax.fori_loop(0, n, eliminated, s)


def _inverse_forward(s: Array) -> tuple[Array, Array]:
    found = inverse(s)
    return found, found


def _inverse_backward(found: Array, slope: Array) -> tuple[Array]:
    transposed = jnp.swapaxes(found, -1, -2)
    return (-transposed @ slope @ transposed,)


inverse.defvjp(_inverse_forward, _inverse_backward)


def spectral_radius(a: Float[Array, "*b n n"]) -> Float[Array, "*b"]:
    """Upper bound of ρ(A) for matrices with real spectrum: tr(A³²)^(1/32).

    At most n^(1/32) times the spectral radius.
    """
    size = jax.lax.stop_gradient(jnp.max(jnp.abs(a), (-1, -2), keepdims=True))
    power = a / jnp.where(size > 0, size, 1.0)
    for _ in range(_SQUARINGS - 1):
        power = power @ power
    trace = jnp.sum(power * jnp.swapaxes(power, -1, -2), (-1, -2))
    root = jnp.maximum(trace, 1e-200) ** (1 / 2**_SQUARINGS)
    return root * size[..., 0, 0]

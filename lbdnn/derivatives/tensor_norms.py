"""Norms of a small third-order tensor T (m × p × p), each T_i symmetric: pure JAX."""

from __future__ import annotations

from typing import Literal, get_args

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

TensorNorm = Literal["operator", "unfolded", "frobenius"]


def tensor_norm(
    tensor: Float[Array, "m p p"],
    norm: TensorNorm = "operator",
    *,
    directions: int = 16,
    ascents: int = 8,
) -> Float[Array, ""]:
    r"""A norm of a tensor of symmetric matrices; jit and vmap as any JAX function.

    operator ≤ unfolded ≤ frobenius:

    - "operator": sup over unit E of ‖T[E, E]‖₂ = sup over unit u of ‖Σ_i u_i T_i‖₂. For m = 1 it is
      |λ|_max. For m ≥ 2 what is returned is attained, so a lower bound: the best of a fixed set of
      lines u, improved by the ascent E ← top eigenvector of Σ_i u_i T_i, u ← T[E, E]/‖T[E, E]‖. For
      m = 2 these are K = `directions` equally spaced lines, so it is at least cos(π/(2K)) times the
      norm (0.995 for K = 16; proof in `sphere.sphere_maximum`). For m ≥ 3 they are the axes and
      (m − 1)K random lines, with no such guarantee.
    - "unfolded": spectral norm of the (m·p) × p matrix.
    - "frobenius".

    The cost of "operator" is a symmetric eigenvalue problem of size p a direction and ascent.
    """
    check_norm(norm)
    largest = jax.lax.stop_gradient(jnp.max(jnp.abs(tensor), initial=0))
    scale = jnp.where(largest > 0, largest, 1)  # else squares of small entries underflow
    tensor = tensor / scale
    if norm == "frobenius":
        return scale * jnp.linalg.norm(tensor.reshape(-1))
    if norm == "unfolded":
        return scale * jnp.linalg.norm(tensor.reshape(-1, tensor.shape[-1]), 2)
    return scale * _operator_norm(tensor, directions, ascents)


def check_norm(norm: str) -> None:
    """Raises ValueError for a name that is not one of `TensorNorm`."""
    if norm not in get_args(TensorNorm):
        raise ValueError(f"norm must be one of {', '.join(get_args(TensorNorm))}; got {norm!r}")


def _operator_norm(tensor: Array, directions: int, ascents: int) -> Array:
    if len(tensor) == 1:
        return jnp.max(jnp.abs(jnp.linalg.eigvalsh(tensor[0])))
    lines = _lines(len(tensor), directions).astype(tensor.dtype)
    values = jax.vmap(lambda u: jnp.max(jnp.abs(jnp.linalg.eigvalsh(_combine(u, tensor)))))(lines)

    def climb(_: int, state: tuple[Array, Array]) -> tuple[Array, Array]:
        u, best = state
        curve = _along(tensor, _top(_combine(u, tensor)))
        length: Array = jnp.linalg.norm(curve)
        u = jnp.where(length > 0, curve / jnp.where(length > 0, length, 1), u)
        return u, jnp.maximum(best, length)

    start = (lines[jnp.argmax(values)], jnp.max(values))
    return jax.lax.fori_loop(0, ascents, climb, start)[1]


def _lines(m: int, count: int) -> Array:
    """Unit vectors (·, m)."""
    if m == 2:
        angle = jnp.arange(count) * (jnp.pi / count)
        return jnp.stack([jnp.cos(angle), jnp.sin(angle)], 1)
    random = jax.random.normal(jax.random.key(0), ((m - 1) * count, m))
    return jnp.concatenate([jnp.eye(m), random / jnp.linalg.norm(random, axis=1, keepdims=True)])


def _combine(u: Array, tensor: Array) -> Array:
    return jnp.einsum("i,ipq->pq", u, tensor, precision=jax.lax.Precision.HIGHEST)


def _along(tensor: Array, direction: Array) -> Array:
    return jnp.einsum(
        "ipq,p,q->i", tensor, direction, direction, precision=jax.lax.Precision.HIGHEST
    )


def _top(matrix: Array) -> Array:
    """A unit eigenvector of the eigenvalue of largest modulus."""
    values, vectors = jnp.linalg.eigh(matrix)
    return vectors[:, jnp.argmax(jnp.abs(values))]

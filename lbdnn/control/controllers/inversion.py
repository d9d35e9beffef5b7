"""Controls from wanted derivatives."""

from __future__ import annotations

import jax.numpy as jnp
from jaxtyping import Array, Float

from ..plants.plant import matmul


def right_inverse(
    effectiveness: Float[Array, "n m"], wanted: Float[Array, " n"]
) -> Float[Array, " m"]:
    """g⁺ wanted, for g of full row rank; not finite where g is singular."""
    if effectiveness.shape[0] == effectiveness.shape[1]:
        return _solve(effectiveness, wanted)
    gram = matmul(effectiveness, effectiveness.T)
    return matmul(effectiveness.T, _solve(gram, wanted))


def _solve(matrix: Float[Array, "n n"], wanted: Float[Array, " n"]) -> Float[Array, " n"]:
    """By Cramer's rule up to n = 3: compiled into the loop, where a call of LAPACK takes longer
    than a network. The largest entry divides all, so that no determinant under- or overflows."""
    if wanted.size > 3:
        return jnp.linalg.solve(matrix, wanted)
    scale = jnp.max(jnp.abs(matrix))
    rows, wanted = matrix / scale, wanted / scale
    if wanted.size == 1:
        return wanted / rows[0]
    if wanted.size == 2:
        (a, b), (c, d) = rows
        first, second = wanted
        return jnp.stack([d * first - b * second, a * second - c * first]) / (a * d - b * c)
    columns = [jnp.cross(rows[(k + 1) % 3], rows[(k + 2) % 3]) for k in range(3)]
    found = sum(one * column for one, column in zip(wanted, columns, strict=True))
    return jnp.asarray(found) / jnp.sum(rows[0] * columns[0])

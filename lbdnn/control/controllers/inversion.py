"""Controls from wanted derivatives."""

from __future__ import annotations

import jax.numpy as jnp
from jaxtyping import Array, Float


def right_inverse(
    effectiveness: Float[Array, "n m"], wanted: Float[Array, " n"]
) -> Float[Array, " m"]:
    """g⁺ wanted, for g of full row rank."""
    if effectiveness.shape[0] == effectiveness.shape[1]:
        return jnp.linalg.solve(effectiveness, wanted)
    gram = effectiveness @ effectiveness.T
    return effectiveness.T @ jnp.linalg.solve(gram, wanted)

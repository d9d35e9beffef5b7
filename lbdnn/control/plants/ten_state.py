"""The first-order benchmark of the ResNet paper."""

from __future__ import annotations

from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from .plant import Affine, Variable, matmul


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class TenState(Affine):
    """ẋ = A[x; tanh x; sin x; sech x; x²; x³] + u, each function by entries; without units.

    **Arguments:**

    - `matrix`: A (n, 6n).
    - `size`: n, 10 in the benchmark.

    **Raises:** ValueError for a matrix of another shape, where the drift is computed.

    Patil, Le, Griffis, Dixon, *Deep residual neural network (ResNet)-based adaptive control: a
    Lyapunov-based approach* (2022).
    """

    matrix: Float[ArrayLike, "n 6n"]
    size: int = field(default=10, metadata={"static": True})

    @property
    def order(self) -> int:
        return 1

    @property
    def states(self) -> tuple[Variable, ...]:
        return tuple(Variable(f"x{i + 1}", "1") for i in range(self.size))

    @property
    def controls(self) -> tuple[Variable, ...]:
        return tuple(Variable(f"u{i + 1}", "1") for i in range(self.size))

    def drift(self, state: Float[Array, " n"]) -> Float[Array, " n"]:
        """f."""
        wanted = (self.size, 6 * self.size)
        if jnp.shape(self.matrix) != wanted:
            raise ValueError(
                f"{self.size} states need a matrix of shape {wanted}; got {jnp.shape(self.matrix)}"
            )
        features = (state, jnp.tanh(state), jnp.sin(state), 1 / jnp.cosh(state), state**2, state**3)
        matrix = jnp.asarray(self.matrix, state.dtype)
        return matmul(matrix, jnp.concatenate(features))

    def effectiveness(self, state: Float[Array, " n"]) -> Float[Array, "n n"]:
        """g = I."""
        return jnp.eye(state.shape[0], dtype=state.dtype)

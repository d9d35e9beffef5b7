"""Weights without a property."""

from __future__ import annotations

import math
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .parametrization import shaped, store_sizes


@dataclass(frozen=True)
class Unstructured:
    """The weight is its own parameter, shape (n_out, n_in): every weight, and no property.

    `init` draws from U(−1/√n_in, 1/√n_in), as layers of PyTorch do.

    **Raises:** ValueError for sizes that are no positive integers.
    """

    n_out: int
    n_in: int

    def __post_init__(self) -> None:
        store_sizes(self, "n_out", "n_in")

    @property
    def shape(self) -> tuple[int, int]:
        """Of the weight."""
        return self.n_out, self.n_in

    def init(self, key: Array) -> Float[Array, "n_out n_in"]:
        """Random parameters."""
        limit = 1 / math.sqrt(self.n_in)
        return jax.random.uniform(key, self.shape, minval=-limit, maxval=limit)

    def __call__(self, parameters: Float[Array, "n_out n_in"]) -> Float[Array, "n_out n_in"]:
        """The weight."""
        return shaped(parameters, self.shape, "parameters")

    def defect(self, weight: Float[Array, "n_out n_in"]) -> Float[Array, ""]:
        """0: there is nothing to violate."""
        return jnp.zeros((), shaped(weight, self.shape, "weight").dtype)

"""Random weights: functions (key, n_out, n_in, bias) -> Vᵀ, shape (n_out, n_in + bias)."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array


def uniform(limit: float = 0.5) -> Callable[[Array, int, int, bool], Array]:
    """Weights and biases U(−limit, limit), as in the published benchmarks."""

    def draw(key: Array, n_out: int, n_in: int, bias: bool) -> Array:
        return jax.random.uniform(key, (n_out, n_in + bias), minval=-limit, maxval=limit)

    return draw


def glorot() -> Callable[[Array, int, int, bool], Array]:
    """Glorot and Bengio (2010), uniform: limit √(6/(n_in + n_out)); zero biases."""
    return _zero_bias(jax.nn.initializers.glorot_uniform())


def he() -> Callable[[Array, int, int, bool], Array]:
    """He et al. (2015), normal: variance 2/n_in; zero biases."""
    return _zero_bias(jax.nn.initializers.he_normal())


def orthogonal(scale: float = 1.0) -> Callable[[Array, int, int, bool], Array]:
    """Orthonormal rows or columns (Saxe et al. 2014), times `scale`; zero biases."""
    return _zero_bias(jax.nn.initializers.orthogonal(scale))


def _zero_bias(initializer: Callable[..., Array]) -> Callable[[Array, int, int, bool], Array]:
    def draw(key: Array, n_out: int, n_in: int, bias: bool) -> Array:
        weight = initializer(key, (n_in, n_out)).T
        return jnp.concatenate([weight, jnp.zeros((n_out, 1))], 1) if bias else weight

    return draw

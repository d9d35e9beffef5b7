"""The multipliers of the inequalities: where they start, and their descent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array

from .budget_levels import Levels
from .corners import preference
from .storage import Multipliers

# Of the smooth maximum: at the first step and at the last.
_SHARPNESS = 20.0, 1000.0


def hessian_start(grid: Levels, corners: Array, count: int, bends: int) -> Multipliers:
    """Before the descent: all alike."""
    t, n = grid.triangles, corners.shape[1]
    return _paths(grid, count, n) | {
        "through": jnp.zeros((count, t)),
        "split": jnp.zeros((count, t)),
        "mix": jnp.zeros((count, t)),
        "exchange": jnp.zeros((count, t)),
        "pivot": jnp.zeros((count, t, n)),
        "bend": jnp.zeros((count, t, n, bends)),
        "tangent": jnp.zeros((count, t, n)),
        "sector": jnp.zeros((count, t, n)),
        "excess": jnp.full((count, t), -1.0),
        "mean": _means(grid, corners, count),
    }


def jacobian_start(grid: Levels, corners: Array, count: int) -> Multipliers:
    """Before the descent: all alike."""
    t, n = grid.triangles, corners.shape[1]
    return {
        "through": jnp.zeros((count, t)),
        "mix": jnp.zeros((count, t)),
        "sector": jnp.zeros((count, t, n)),
        "excess": jnp.full((count, t), -1.0),
        "mean": _means(grid, corners, count),
    }


def input_start(grid: Levels, count: int, n: int) -> Multipliers:
    """Before the descent: all alike."""
    return _paths(grid, count, n) | {"front": jnp.zeros(grid.triangles)}


def _means(grid: Levels, corners: Array, count: int) -> Array:
    found = preference(grid, corners)
    return jnp.broadcast_to(found, (count, *found.shape))


def _paths(grid: Levels, count: int, n: int) -> Multipliers:
    t, a = grid.before.shape
    return {
        "path": jnp.zeros((count, t)),
        "column": jnp.zeros((count, t)),
        "path_sector": jnp.zeros((count, t, n)),
        "path_excess": jnp.full((count, t), -1.0),
        "path_mean": jnp.zeros((count, t, a)),
    }


def descended(
    costs: Callable[[Multipliers], Array], start: Multipliers, steps: int, rate: float = 0.1
) -> Multipliers:
    """The best multipliers, by the largest cost, that `steps` steps of Adam met.

    Any multipliers give a bound; these only make it small. Adam sees a smooth maximum of the
    logarithms, sharper with each step; steps whose gradient is not finite move nothing.
    """
    import optax

    optimizer = optax.adam(optax.cosine_decay_schedule(rate, steps), b2=0.99)

    def objective(multipliers: Multipliers, sharpness: Array) -> tuple[Array, Array]:
        logs = jnp.log(costs(multipliers) + 1e-300)
        return jax.nn.logsumexp(sharpness * logs) / sharpness, jnp.max(logs)

    def step(state: tuple, sharpness: Array) -> tuple[tuple, None]:
        here, memory, best, least = state
        (_, value), slope = jax.value_and_grad(objective, has_aux=True)(here, sharpness)
        slope = jax.tree.map(lambda g: jnp.where(jnp.isfinite(g), g, 0.0), slope)
        better = value < least
        best = jax.tree.map(lambda a, b: jnp.where(better, a, b), here, best)
        update, memory = optimizer.update(slope, memory, here)
        moved: Any = optax.apply_updates(here, update)
        return (moved, memory, best, jnp.fmin(value, least)), None

    state = (start, optimizer.init(start), start, jnp.inf)
    return jax.lax.scan(step, state, jnp.geomspace(*_SHARPNESS, steps))[0][2]

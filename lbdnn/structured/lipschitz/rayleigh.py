"""Lower bounds of the norm of a linear map, from one vector."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ...intervals import down, euclidean, gamma, up
from ...intervals.rounding import power_of_two

LinearMap = Callable[[Array, Array], Array]


def quotient(
    apply: LinearMap, weight: Float[Array, "*w"], vector: Float[Array, "*s"], terms: int
) -> Float[Array, ""]:
    """≤ ‖Av‖/‖v‖ ≤ ‖A‖, A v = apply(weight, v), linear in both, all rounding errors counted.

    Each entry of A v is a sum of at most `terms` products, so that it errs by γ times the entry of
    |A||v| = apply(|weight|, |v|). Entries of the weight are to be of moderate size; each may be
    off by the smallest normal number. 0 where the vector is 0 or not finite.
    """
    info = jnp.finfo(vector.dtype)
    largest = jnp.max(jnp.abs(vector))
    usable = jnp.isfinite(largest) & (largest > 0)
    v = jnp.where(usable, vector / power_of_two(largest), 0.0)
    image = apply(weight, v)
    lost = gamma(terms + 2, v.dtype)
    sizes = up(apply(jnp.abs(weight), jnp.abs(v)) * (1 + lost))
    error = euclidean(up(sizes * lost) + 8 * terms * info.tiny)
    least = down(least_length(image) - error)
    return jnp.where(usable, jnp.maximum(down(least / jnp.maximum(euclidean(v), 1.0)), 0.0), 0.0)


def least_length(x: Float[Array, "*s"]) -> Float[Array, ""]:
    """≤ √Σx² over all entries."""
    info = jnp.finfo(x.dtype)
    scale = power_of_two(jnp.max(jnp.abs(x)))
    squares = jnp.sum((x / scale) ** 2)
    squares = down(squares * (1 - gamma(x.size + 3, x.dtype)) - 4 * x.size * info.tiny)
    return down(down(jnp.sqrt(jnp.maximum(squares, 0.0))) * scale)


def top_vector(
    apply: Callable[[Array], Array], start: Float[Array, "*s"], steps: int
) -> Float[Array, "*s"]:
    """Approximately the vector that a linear map stretches most, by Lanczos' method on AᵀA.

    Each new direction is made orthogonal to all before it, twice.
    """
    steps = min(steps, start.size)
    _, pulled = jax.vjp(apply, start)

    def normal(v: Array) -> Array:
        return pulled(apply(v.reshape(start.shape)))[0].ravel()

    def length(v: Array) -> Array:
        return jnp.sqrt(jnp.sum(v * v))

    def step(k: int, state: tuple[Array, Array]) -> tuple[Array, Array]:
        basis, images = state
        image = normal(basis[k])
        rest = image - (basis @ image) @ basis
        rest = rest - (basis @ rest) @ basis
        # What is left of a direction within the span of the others is rounding.
        new = length(rest) > 1e-8 * length(image)
        rest = jnp.where(new, rest / jnp.where(new, length(rest), 1.0), 0.0)
        return basis.at[k + 1].set(rest), images.at[k].set(image)

    basis = jnp.zeros((steps + 1, start.size), start.dtype).at[0].set(start.ravel() / length(start))
    images = jnp.zeros((steps, start.size), start.dtype)
    basis, images = jax.lax.fori_loop(0, steps, step, (basis, images))
    small = basis[:-1] @ images.T
    return (jnp.linalg.eigh(small)[1][:, -1] @ basis[:-1]).reshape(start.shape)

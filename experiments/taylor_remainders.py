"""The Taylor remainder of a case: bounds from bounds of the derivatives, and an ascent beneath.

R(σ, θ̃) = Φ(σ, θ+θ̃) − Φ(σ, θ) − ∂Φ/∂θ(σ, θ)θ̃ over the box of inputs and ‖θ̃‖ ≤ r.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from lbdnn import Attack, Box, Chain, bounds_by_radius
from lbdnn.bounds import Method
from lbdnn.networks import Theta

# Radii between 0 and the largest: the more, the smaller the bound.
_BETWEEN = np.concatenate([np.geomspace(1e-3, 0.1, 10, endpoint=False), np.linspace(0.1, 1, 19)])
# Points drawn for each that an ascent starts from.
_TRIED = 32


def remainder_bounds(
    net: Chain, theta: Theta, inputs: Box, radii: Sequence[float], method: Method
) -> np.ndarray:
    """Bounds for steps of each of the lengths, (k,); inf where there are none."""
    every = np.unique(np.concatenate([radii, [0.0], np.max(radii) * _BETWEEN]))
    asked: dict[str, Any] = {"inputs": inputs, "quantities": ("jacobian", "hessian")}
    curve = bounds_by_radius(net, theta, every, method=method, **asked)
    if not any(np.isfinite(bounds).any() for bounds in curve.upper.values()):
        return np.full(len(radii), np.inf)
    return curve.remainder(np.asarray(radii))


def attacked_remainders(
    net: Chain, theta: Theta, inputs: Box, radii: Sequence[float], attack: Attack
) -> np.ndarray:
    """The largest ‖R‖ found for each radius, (k,): ascents from the best of many random points.

    Many, because without curvature, away from a kink, R is 0 and has no slope to follow.
    """
    with jax.enable_x64(True):
        weights = [jnp.asarray(w, jnp.float64) for w in net.weights(theta)]
        ends = [jnp.asarray(end) for end in inputs.ends(net.inputs)]
        keys = jax.random.split(jax.random.key(attack.seed), attack.starts * _TRIED)
        found = _ascents(net, attack.starts, weights, *ends, jnp.asarray(radii), keys, attack.steps)
    # A step of length 0 leaves nothing but rounding errors.
    return np.where(np.asarray(radii) > 0, np.asarray(found), 0.0)


@partial(jax.jit, static_argnums=(0, 1))
def _ascents(
    net: Chain,
    starts: int,
    weights: list[Array],
    lo: Array,
    hi: Array,
    radii: Array,
    keys: Array,
    steps: int,
) -> Array:
    def square(sigma: Array, step: list[Array]) -> Array:
        moved = [w + s for w, s in zip(weights, step, strict=True)]
        value, slope = jax.jvp(lambda at: net.at(at, sigma), (weights,), (step,))
        return jnp.sum((net.at(moved, sigma) - value - slope) ** 2)

    def drawn(radius: Array, key: Array) -> tuple[Array, list[Array]]:
        first, second, third = jax.random.split(key, 3)
        share = jax.random.uniform(first, lo.shape)
        corner = jax.random.bernoulli(third)
        sigma = lo + (hi - lo) * jnp.where(corner, jnp.round(share), share)
        noise = jax.random.normal(second, (net.size,), lo.dtype)
        return sigma, _of_length(net.weights(net.unravel(noise)), radius)

    def largest(radius: Array) -> Array:
        # One after the other: of a large network all at once would not fit into memory.
        values = jax.lax.map(lambda key: square(*drawn(radius, key)), keys, batch_size=starts)
        top, places = jax.lax.top_k(values, starts)
        chosen = jax.vmap(partial(drawn, radius))(keys[places])
        climb = partial(_climb, square, lo, hi, radius, steps)
        return jnp.maximum(top[0], jnp.max(jax.vmap(climb)(*chosen)))

    return jnp.sqrt(jax.lax.map(largest, radii))


def _climb(
    square: Callable[[Array, list[Array]], Array],
    lo: Array,
    hi: Array,
    radius: Array,
    steps: int,
    sigma: Array,
    step: list[Array],
) -> Array:
    half = (hi - lo) / 2

    def one(i: Array, state: tuple) -> tuple:
        sigma, step, most = state
        value, (up, ahead) = jax.value_and_grad(square, (0, 1))(sigma, step)
        # Long steps first, again and again: a chain that overshoots has looked elsewhere.
        length = 0.8 ** (i % 20)
        up = half * up
        sigma = jnp.clip(sigma + length * half * up / _positive(jnp.max(jnp.abs(up))), lo, hi)
        ahead = _of_length(ahead, length * radius)
        step = _of_length([x + y for x, y in zip(step, ahead, strict=True)], radius)
        return sigma, step, jnp.fmax(most, value)

    return jax.lax.fori_loop(0, steps, one, (sigma, step, jnp.zeros(())))[2]


def _of_length(step: list[Array], length: Array) -> list[Array]:
    norm = jnp.sqrt(sum(jnp.sum(s**2) for s in step))
    return [length * s / _positive(norm) for s in step]


def _positive(x: Array) -> Array:
    return jnp.where(x > 0, x, 1.0)

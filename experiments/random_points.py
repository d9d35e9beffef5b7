"""The largest value of a derivative's norm at points drawn at random."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from lbdnn import Chain, derivatives

_TOGETHER = 1000
_ROUNDS = 6


def largest_at_random(
    net: Chain,
    theta: Float[np.ndarray, " p"],
    radius: float,
    lo: Float[np.ndarray, " n"],
    hi: Float[np.ndarray, " n"],
    quantity: str,
    count: int,
    seed: int,
) -> float:
    """The largest of `count` values, points uniform in the box and in the ball about θ (ravelled).

    "jacobian" is exact at each point; of "hessian" it is what a few rounds of power iteration reach
    from a random direction, ‖∂²(uᵀΦ)/∂θ² v‖ for unit u and v, which is never above the norm. There
    are as many points as are asked for, rounded up to thousands.
    """
    largest = 0.0
    with jax.enable_x64(True):
        for key in jax.random.split(jax.random.key(seed), -(-count // _TOGETHER)):
            found = _largest(net, quantity, key, theta, radius, lo, hi)
            largest = max(largest, float(found))
    return largest


@partial(jax.jit, static_argnums=(0, 1))
def _largest(
    net: Chain, quantity: str, key: Array, theta: Array, radius: Array, lo: Array, hi: Array
) -> Array:
    inputs, lengths, directions, first = jax.random.split(key, 4)
    sigmas = jax.random.uniform(inputs, (_TOGETHER, len(lo)), minval=lo, maxval=hi)
    away = _unit(jax.random.normal(directions, (_TOGETHER, len(theta))))
    # The volume within a fraction f of the radius is f^p of the whole.
    length = radius * jax.random.uniform(lengths, (_TOGETHER, 1)) ** (1 / len(theta))
    if quantity == "jacobian":
        values = jax.vmap(lambda t, s: derivatives.jacobian_norm(net, net.unravel(t), s))
        return jnp.max(values(theta + length * away, sigmas))
    starts = jax.random.normal(first, (_TOGETHER, len(theta)))
    return jnp.max(jax.vmap(partial(_climbed, net))(theta + length * away, sigmas, _unit(starts)))


def _climbed(net: Chain, theta: Array, sigma: Array, v: Array) -> Array:
    """‖∂²(uᵀΦ)/∂θ² v‖, u and v from alternating power iteration."""

    def function(t: Array) -> Array:
        return net(net.unravel(t), sigma)

    def slope_along(t: Array, v: Array) -> Array:
        return jax.jvp(function, (t,), (v,))[1]

    def product(v: Array) -> Array:
        u = _unit(jax.jvp(partial(slope_along, v=v), (theta,), (v,))[1])
        gradient = jax.grad(lambda t: u @ function(t))
        return jax.jvp(gradient, (theta,), (v,))[1]

    v = jax.lax.fori_loop(0, _ROUNDS - 1, lambda _, v: _unit(product(v)), v)
    return jnp.linalg.norm(product(v))


def _unit(x: Array) -> Array:
    length = jnp.sqrt(jnp.sum(x * x, -1, keepdims=True))
    return x / jnp.maximum(length, jnp.finfo(x.dtype).tiny)

"""The quantities as multilinear forms."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..networks import Chain
from .coordinates import matrices

Weights = list[Array]

# How many directions of θ, and of σ, a form takes.
COUNT = {
    "value": (0, 0),
    "jacobian": (1, 0),
    "hessian": (2, 0),
    "input_jacobian": (0, 1),
    "input_jacobian_max": (0, 0),
    "input_hessian": (0, 1),
    "mixed_hessian": (1, 1),
}


def form(
    net: Chain, quantity: str, sigma: Array, weights: Weights, directions: tuple
) -> Float[Array, " m"]:
    """The form whose largest norm over unit directions is the quantity, (m,).

    value: Φ; jacobian: Φ'[E]; hessian: Φ''[E, F]; input_jacobian: (∂Φ/∂σ)[v]; input_hessian:
    (∂²Φ/∂σ²)[v, v]; mixed_hessian: (∂²Φ/∂θ∂σ)[E, v]; input_jacobian_max: the largest sum of a row
    of |∂Φ/∂σ|, alone. By Banach's theorem a symmetric form has the same norm over pairs (E, F) as
    over E = F, so ‖Φ''[E, F]‖ is a lower bound of the operator norm for any unit E, F.
    """

    def phi(w: Weights, s: Array) -> Array:
        return net.at(w, s)

    def on_sigma(direction: Array) -> Callable[[Weights, Array], Array]:
        return lambda w, s: jax.jvp(lambda t: phi(w, t), (s,), (direction,))[1]

    def along(direction: Weights, function: Callable[[Weights], Array]) -> Array:
        return jax.jvp(function, (weights,), (direction,))[1]

    match quantity:
        case "value":
            return phi(weights, sigma)
        case "input_jacobian":
            return on_sigma(directions[0])(weights, sigma)
        case "input_jacobian_max":
            columns = jax.vmap(lambda v: on_sigma(v)(weights, sigma))(jnp.eye(net.inputs))
            return jnp.max(jnp.sum(jnp.abs(columns), 0))[None]
        case "input_hessian":
            (v,) = directions
            return jax.jvp(lambda s: on_sigma(v)(weights, s), (sigma,), (v,))[1]
        case "mixed_hessian":
            e, v = directions
            return along(e, lambda w: on_sigma(v)(w, sigma))
        case "jacobian":
            return along(directions[0], lambda w: phi(w, sigma))
    assert quantity == "hessian"

    def once(w: Weights) -> Array:
        return jax.jvp(lambda v: phi(v, sigma), (w,), (directions[0],))[1]

    return along(directions[1], once)


def directions(net: Chain, quantity: str, together: Array) -> tuple:
    """The directions of a form, each a part of one vector."""
    on_theta, on_sigma = COUNT[quantity]
    theta, sigma = together[: on_theta * net.size], together[on_theta * net.size :]
    parts = theta.reshape(on_theta, net.size)
    own = [matrices(net, part) for part in parts]
    return (*own, sigma) if on_sigma else tuple(own)


def turns(net: Chain, quantity: str) -> list[slice]:
    """Where each direction lies in that vector."""
    on_theta, on_sigma = COUNT[quantity]
    ends = np.cumsum([0] + [net.size] * on_theta + [net.inputs] * on_sigma)
    return [slice(a, b) for a, b in pairwise(ends)]

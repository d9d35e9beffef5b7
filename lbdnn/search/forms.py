"""The quantities as multilinear forms."""

from __future__ import annotations

from collections.abc import Callable

import jax
from jaxtyping import Array, Float

from ..networks import Chain
from .coordinates import matrices

Weights = list[Array]

# How many directions a form takes.
COUNT = {"value": 0, "jacobian": 1, "hessian": 2, "input_jacobian": 1}


def form(
    net: Chain, quantity: str, sigma: Array, weights: Weights, directions: tuple
) -> Float[Array, " m"]:
    """The multilinear form whose largest norm over unit directions is the quantity, (m,).

    value: Φ; jacobian: Φ'[E]; hessian: Φ''[E, F]; input_jacobian: (∂Φ/∂σ)[v]. By Banach's
    theorem the symmetric form Φ'' has the same norm over pairs (E, F) as over E = F, so
    ‖Φ''[E, F]‖ is a lower bound of the operator norm for any unit E, F.
    """

    def phi(w: Weights, s: Array) -> Array:
        return net.at(w, s)

    if quantity == "value":
        return phi(weights, sigma)
    if quantity == "input_jacobian":
        (direction,) = directions
        return jax.jvp(lambda s: phi(weights, s), (sigma,), (direction,))[1]

    def along(direction: Weights) -> Callable[[Weights], Array]:
        return lambda w: jax.jvp(lambda v: phi(v, sigma), (w,), (direction,))[1]

    if quantity == "jacobian":
        return along(directions[0])(weights)
    assert quantity == "hessian"
    return jax.jvp(along(directions[0]), (weights,), (directions[1],))[1]


def directions(net: Chain, quantity: str, together: Array) -> tuple:
    """The directions of a form, each a part of one vector."""
    if quantity == "input_jacobian":
        return (together,)
    parts = together.reshape(COUNT[quantity], net.size)
    return tuple(matrices(net, part) for part in parts)

"""Derivatives as dense arrays, for networks whose p × p matrices fit in memory."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..networks import Chain, Theta
from .layers import floating


def jacobian(net: Chain, theta: Theta, sigma: Float[Array, " n"]) -> Float[Array, "m p"]:
    """∂Φ/∂θ, columns in the order of `net.ravel`."""
    return jax.jacrev(_of_vector(net, sigma))(jnp.asarray(net.ravel(theta)))


def hessian(net: Chain, theta: Theta, sigma: Float[Array, " n"]) -> Float[Array, "m p p"]:
    """∂²Φ/∂θ², one symmetric matrix an output, in the order of `net.ravel`."""
    return second_derivative(_of_vector(net, sigma), jnp.asarray(net.ravel(theta)))


def input_jacobian(net: Chain, theta: Theta, sigma: Float[Array, " n"]) -> Float[Array, "m n"]:
    """∂Φ/∂σ."""
    return _first(lambda x: net(theta, x), net.outputs, net.inputs)(floating(sigma))


def input_hessian(net: Chain, theta: Theta, sigma: Float[Array, " n"]) -> Float[Array, "m n n"]:
    """∂²Φ/∂σ², one symmetric matrix an output."""
    return second_derivative(lambda x: net(theta, x), floating(sigma))


def mixed_hessian(net: Chain, theta: Theta, sigma: Float[Array, " n"]) -> Float[Array, "m n p"]:
    """∂²Φ/∂σ∂θ: entry (i, j, q) is ∂²Φ_i/∂σ_j∂θ_q."""

    def slope(vector: Array) -> Array:
        return jax.jacfwd(lambda x: net(net.unravel(vector), x))(floating(sigma))

    return _first(slope, net.outputs * net.inputs, net.size)(jnp.asarray(net.ravel(theta)))


def taylor_remainder(
    net: Chain,
    theta: Theta,
    sigma: Float[Array, " n"],
    direction: Theta | Float[Array, " p"],
) -> Float[Array, " m"]:
    """R = Φ(σ, θ+θ̃) − Φ(σ, θ) − Φ'(σ, θ)θ̃, by that formula.

    It carries the rounding error of the three terms, so it says nothing where ‖R‖ is below an
    ulp of them.

    **Arguments:**

    - `direction`: θ̃, as parameters or as a vector in the order of `net.ravel`.
    """
    step = net.ravel(direction) if isinstance(direction, tuple) else jnp.asarray(direction)
    vector = jnp.asarray(net.ravel(theta))
    if step.shape != vector.shape:
        raise ValueError(f"the network has {net.size} parameters; the direction has {step.shape}")
    function = _of_vector(net, sigma)
    value, slope = jax.jvp(function, (vector,), (step.astype(vector.dtype),))
    return function(vector + step) - value - slope


def second_derivative(
    function: Callable[[Array], Array], x: Float[Array, " n"]
) -> Float[Array, "m n n"]:
    """One symmetric matrix an output, by reverse over forward mode.

    Not `jax.hessian`, which is forward over reverse: through a `scan` that differentiates the code
    of an activation, not its formulas (JAX 0.10), and at a tie of a maximum or |·| the slope of the
    code is another: 0 for the softplus at 0.
    """

    _ = jax.eval_shape(function, x)  # raises where the shape is not the network's

    def along(direction: Array) -> Array:
        return jax.jacrev(lambda y: jax.jvp(function, (y,), (direction,))[1])(x)

    return jnp.moveaxis(jax.vmap(along)(jnp.eye(x.size, dtype=x.dtype)), 0, -1)


def _of_vector(net: Chain, sigma: Array) -> Callable[[Array], Array]:
    sigma = floating(sigma)
    return lambda vector: net(net.unravel(vector), sigma)


def _first(function: Callable[[Array], Array], rows: int, columns: int) -> Callable[[Array], Array]:
    """The first derivative by the mode that needs fewer passes."""
    return jax.jacrev(function) if rows <= columns else jax.jacfwd(function)

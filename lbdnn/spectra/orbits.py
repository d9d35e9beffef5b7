"""Iterates of x ↦ Φ(x), and how fast they part."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from ..networks import Chain, Theta
from .affine_maps import checked_points


def trajectory(
    net: Chain, theta: Theta, x: Float[ArrayLike, "*batch n"], steps: int
) -> Float[Array, "steps+1 *batch n"]:
    """x, Φ(x), Φ(Φ(x)), …: `steps` + 1 states of each point, the first one x itself.

    **Raises:** ValueError if the network's outputs are not as many as its inputs, or x does not
    end in that number.
    """
    check_iterable(net)
    if steps < 0:
        raise ValueError(f"a trajectory has at least 0 steps; got {steps}")
    return _trajectory(net, theta, _in_type_of(theta, checked_points(net, theta, x)), steps)


@partial(jax.jit, static_argnames=("net", "steps"))
def _trajectory(net: Chain, theta: Theta, x: Array, steps: int) -> Array:
    def step(state: Array, _: None) -> tuple[Array, Array]:
        return following(net, theta, state), state

    last, states = jax.lax.scan(step, x, None, length=steps)
    return jnp.concatenate([states, last[None]])


def following(net: Chain, theta: Theta, x: Float[Array, "*batch n"]) -> Float[Array, "*batch n"]:
    """Φ(x) at every point, inside compiled programs."""
    columns = x.reshape(-1, net.inputs)
    return jax.vmap(net, (None, 0), 0)(theta, columns).reshape(x.shape)


def lyapunov_exponents(
    net: Chain, theta: Theta, x: Float[ArrayLike, "*batch n"], steps: int, *, settle: int = 100
) -> Float[Array, "*batch n"]:
    r"""The Lyapunov exponents of the orbit of each point, the largest first, in nats a step.

    Means of ln R_ii over `steps` steps after the first `settle`, where Q_{k+1}R_{k+1} = Φ'(x_k)Q_k
    (Benettin et al. 1980). An exponent of a direction that the network forgets at once is −inf.

    **Raises:** as `trajectory`.
    """
    check_iterable(net)
    if steps < 1 or settle < 0:
        raise ValueError(
            f"Lyapunov exponents need at least one step, and settle >= 0; got {steps} and {settle}"
        )
    x = _in_type_of(theta, checked_points(net, theta, x))
    return _exponents(net, theta, x, steps, settle)


@partial(jax.jit, static_argnames=("net", "steps", "settle"))
def _exponents(net: Chain, theta: Theta, x: Array, steps: int, settle: int) -> Array:
    points = x.reshape(-1, net.inputs)

    def advance(state: Array, _: None) -> tuple[Array, None]:
        return following(net, theta, state), None

    def pushed(point: Array, frame: Array) -> tuple[Array, Array]:
        move = partial(jax.jvp, partial(net, theta), (point,))
        image, columns = jax.vmap(lambda v: move((v,)), 1, (None, 1))(frame)
        return image, columns

    def step(state: tuple[Array, Array, Array], _: None) -> tuple[tuple[Array, Array, Array], None]:
        point, frame, total = state
        image, columns = jax.vmap(pushed)(point, frame)
        frame, triangle = jnp.linalg.qr(columns)
        diagonal = jnp.abs(jnp.diagonal(triangle, axis1=-2, axis2=-1))
        return (image, frame, total + jnp.log(diagonal)), None

    points, _ = jax.lax.scan(advance, points, None, length=settle)
    frames = jnp.broadcast_to(jnp.eye(net.inputs, dtype=points.dtype), (*points.shape, net.inputs))
    start = (points, frames, jnp.zeros_like(points))
    (_, _, total), _ = jax.lax.scan(step, start, None, length=steps)
    return -jnp.sort(-total / steps, -1).reshape(x.shape)


def _in_type_of(theta: Theta, x: Array) -> Array:
    """The points in the type that the network's values have."""
    return x.astype(jnp.result_type(x, *jax.tree.leaves(theta)))


def check_iterable(net: Chain) -> None:
    """ValueError unless the network maps its inputs to as many outputs."""
    if net.inputs != net.outputs:
        raise ValueError(
            f"iterating needs as many outputs as inputs; the network maps {net.inputs} inputs to "
            f"{net.outputs} outputs"
        )

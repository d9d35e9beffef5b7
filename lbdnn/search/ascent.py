"""Ascent of one form from many starts."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from ..compilation import OPTIMIZED
from ..networks import Chain
from ..sets import InputRegion, ParameterRegion
from .coordinates import flat, matrices, nearest, with_biases
from .forms import COUNT, directions, form, turns
from .starts import Start

# A step is taken if it beats the least of so many values before it.
_MEMORY = 10


def taken_directions(quantity: str, start: Start) -> Array:
    """The directions that the quantity takes, as one vector."""
    on_theta, on_sigma = COUNT[quantity]
    theta = start.along_theta[:on_theta].ravel()
    if on_sigma == 0:
        return theta
    return jnp.concatenate([theta, start.along_sigma]) if on_theta else start.along_sigma


@partial(jax.jit, static_argnums=(0, 1), compiler_options=OPTIMIZED)
def climbs(
    net: Chain,
    quantity: str,
    steps: Array,
    inputs: InputRegion,
    parameters: ParameterRegion,
    start: Start,
) -> tuple[Array, Start]:
    """Where the ascents arrive: values (problems, starts) and the points, as starts again."""

    def one(inputs: InputRegion, parameters: ParameterRegion, start: Start) -> tuple[Array, Start]:
        return jax.vmap(partial(_climb, net, quantity, inputs, parameters, steps))(start)

    return jax.vmap(one)(inputs, parameters, start)


def _climb(
    net: Chain,
    quantity: str,
    inputs: InputRegion,
    parameters: ParameterRegion,
    steps: Array,
    start: Start,
) -> tuple[Array, Start]:
    n, behind, held = net.inputs, net.inputs + net.size, start.held
    own = taken_directions(quantity, start)
    x = jnp.concatenate([start.sigma, start.coordinates, own])
    places = [slice(behind + t.start, behind + t.stop) for t in turns(net, quantity)]

    # In these units every group of variables is of order 1; so are pre-activations.
    reach = parameters.reach()
    last = jnp.where(held > 0, jnp.minimum(reach, 1.0), reach)
    columns = [np.arange(a.shape[1]) == a.n_in for a in net.affine for _ in range(a.n_out)]
    sizes = jnp.where(np.concatenate([*columns, np.zeros(0, bool)]), last, reach)
    unit = jnp.concatenate([(inputs.hi - inputs.lo) / 2, sizes, jnp.ones(own.size)])

    def shift(point: Array) -> Array:
        own, _ = with_biases(net, matrices(net, point[n:]), point[:n], held)
        return flat(own) - center

    def logarithm(sigma: Array, shift: Array, own: Array) -> tuple[Array, Array]:
        weights = matrices(net, center + shift)
        value = form(net, quantity, sigma, weights, directions(net, quantity, own))
        square = jnp.sum(value**2)
        return jnp.log(_positive(square)) / 2, jnp.sqrt(square)

    center = flat(parameters.center)
    edge = parameters.radius**2

    def retracted(x: Array) -> Array:
        sigma = inputs.project(x[:n])
        own = nearest(net, parameters, matrices(net, x[n:behind]), sigma, held)
        return jnp.concatenate([sigma, flat(own), *(_unit(x[at]) for at in places)])

    def evaluated(x: Array) -> tuple[Array, Array]:
        """The value, none outside the ball, and the gradient's tangential part."""
        point = x[:behind]
        moved, pulled_back = jax.vjp(shift, point)
        ascent = jax.grad(logarithm, (0, 1, 2), has_aux=True)
        value: Array
        (g_sigma, g_theta, g_own), value = ascent(x[:n], moved, x[behind:])
        (both,) = jax.vmap(pulled_back)(jnp.stack([g_theta, moved]))
        towards = unit[:behind] * (both[0] + jnp.pad(g_sigma, (0, net.size)))
        normal = unit[:behind] * both[1]
        size = jnp.vdot(moved, moved)
        outwards = jnp.vdot(towards, normal) / _positive(jnp.vdot(normal, normal))
        onto = (size > (1 - 1e-9) * edge) & (outwards > 0)
        towards = towards - jnp.where(onto, outwards, 0.0) * normal
        towards = jnp.concatenate([towards, g_own])

        along = unit[:n] * towards[:n]
        tiny = 1e-7 / _positive(jnp.max(jnp.abs(along)))
        along = (inputs.project(x[:n] + tiny * along) - x[:n]) / (tiny * _positive(unit[:n]))
        across = [towards[at] - jnp.vdot(towards[at], x[at]) * x[at] for at in places]
        towards = jnp.concatenate([along, towards[n:behind], *across])
        outside = (held > 0) & (size > (1 + 1e-12) * edge)
        usable = jnp.isfinite(value) & ~outside
        return jnp.where(usable, value, -1.0), towards

    def step(i: Array, state: tuple[Array, ...]) -> tuple:
        x, towards, length, cut, recent, best, top = state
        move = cut * length * towards
        fresh = retracted(x + unit * move / jnp.maximum(1.0, jnp.linalg.norm(move)))
        value, fresh_towards = evaluated(fresh)

        # The two lengths in turn; where the value is not concave along the step, a longer one.
        s, y = (fresh - x) / _positive(unit), towards - fresh_towards
        bend = jnp.vdot(s, y)
        lengths = jnp.vdot(s, s) / _positive(bend), bend / _positive(jnp.vdot(y, y))
        longer = jnp.where(bend > 0, jnp.where(i % 2 == 0, *lengths), 3 * length)
        longer = jnp.where(i == 0, 0.3 / _positive(jnp.linalg.norm(fresh_towards)), longer)
        values = jnp.where(i == 0, value, recent.at[i % _MEMORY].set(value))

        good = value > jnp.min(recent)
        x, towards, length, recent = (
            jnp.where(good, new, old)
            for new, old in (
                (fresh, x),
                (fresh_towards, towards),
                (longer, length),
                (values, recent),
            )
        )
        cut = jnp.where(good, 1.0, 0.3 * cut)
        better = value > top
        best, top = jnp.where(better, fresh, best), jnp.where(better, value, top)
        return x, towards, length, cut, recent, best, top

    state = (x, jnp.zeros_like(x), 1.0, 1.0, jnp.full(_MEMORY, -1.0), x, -1.0)
    *_, best, top = jax.lax.fori_loop(0, steps, step, state)
    end = start._replace(sigma=best[:n], coordinates=best[n:behind])
    on_theta, on_sigma = COUNT[quantity]
    if on_sigma:
        end = end._replace(along_sigma=best[len(best) - n :])
    own = best[behind : behind + on_theta * net.size].reshape(-1, net.size)
    return top, end._replace(along_theta=start.along_theta.at[: len(own)].set(own))


def _unit(v: Array) -> Array:
    return v / _positive(jnp.linalg.norm(v))


def _positive(x: Array) -> Array:
    return jnp.where(x > 0, x, 1.0)

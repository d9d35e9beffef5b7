"""Points of a set that climb: the largest value of each quantity at any of them."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from lbdnn import Chain
from lbdnn.bounds import QUANTITIES
from lbdnn.sets import InputRegion, ParameterRegion

# Chains for each network.
CHAINS = 40


def sampled(
    net: Chain, steps: int, seed: int, inputs: InputRegion, parameters: ParameterRegion
) -> dict[str, np.ndarray]:
    """The largest finite value of each quantity that chains of points find in each of many sets.

    Chains climb one of the quantities each, by projected gradient ascent over σ, θ and directions;
    at each of their points, `steps` + 1 a chain, all four are evaluated: norms, of the second
    derivative its size along the chain's direction. "finite" counts the points of each set where
    all four were finite. The regions have a leading axis, (k,); so have the results.
    """
    with jax.enable_x64(True):
        keys = jax.random.split(jax.random.key(seed), len(inputs.lo))
        most, finite = _sampled(net, steps, keys, inputs, parameters)
    found = {q: np.asarray(most)[:, i] for i, q in enumerate(QUANTITIES)}
    return found | {"finite": np.asarray(finite)}


@partial(jax.jit, static_argnums=0)
def _sampled(
    net: Chain, steps: int, keys: Array, inputs: InputRegion, parameters: ParameterRegion
) -> tuple[Array, Array]:

    def one(key: Array, inputs: InputRegion, parameters: ParameterRegion) -> tuple:
        keys = jax.random.split(key, CHAINS)
        climb = partial(_climb, net, inputs, parameters, steps)
        most, finite = jax.vmap(climb)(jnp.arange(CHAINS), keys)
        return jnp.max(most, 0), jnp.sum(finite)

    return jax.vmap(one)(keys, inputs, parameters)


def _climb(
    net: Chain,
    inputs: InputRegion,
    parameters: ParameterRegion,
    steps: int,
    index: Array,
    key: Array,
) -> tuple[Array, Array]:
    """One chain, up the quantity of its index; the largest values of all four on the way."""
    climbed = jax.nn.one_hot(index % len(QUANTITIES), len(QUANTITIES))
    half, reach = (inputs.hi - inputs.lo) / 2, parameters.reach()

    def height(point: tuple) -> Array:
        forms = jnp.stack([jnp.sum(form**2) for form in _forms(net, *point)])
        return jnp.sum(climbed * jnp.log(jnp.maximum(forms, 1e-300)))

    def step(i: Array, state: tuple) -> tuple:
        point, most, finite = state
        values = _quantities(net, *point)
        known = jnp.isfinite(values)
        most = jnp.where(known, jnp.maximum(most, values), most)
        finite = finite + jnp.all(known)
        slopes = jax.tree.map(jnp.nan_to_num, jax.grad(height)(point))
        # Long steps first; a chain that overshoots has looked at other points.
        length = 0.7 ** (i % 12)
        sigma, weights, *directions = point
        up_sigma, up_weights, *turns = slopes
        towards = half * _units(half * up_sigma) * jnp.sqrt(net.inputs)
        sigma = inputs.project(sigma + length * towards)
        moved = [w + length * reach * u for w, u in zip(weights, _units(up_weights), strict=True)]
        turned = [
            _units(jax.tree.map(jnp.add, direction, _units(turn)))
            for direction, turn in zip(directions, turns, strict=True)
        ]
        return (sigma, parameters.project(moved), *turned), most, finite

    start = _start(net, inputs, parameters, index, key)
    state = (start, jnp.full(len(QUANTITIES), -jnp.inf), 0)
    _, most, finite = jax.lax.fori_loop(0, steps + 1, step, state)
    return most, finite


def _start(
    net: Chain, inputs: InputRegion, parameters: ParameterRegion, index: Array, key: Array
) -> tuple[Array, list[Array], list[Array], Array]:
    """Corners and inner points; the centre, points of the sphere, and θ made larger as a whole."""
    draw = jax.random.split(key, 4)
    share = jax.random.uniform(draw[0], (net.inputs,))
    share = jnp.where(index % 3 == 2, share, jnp.round(share))
    sigma = inputs.project(inputs.lo + share * (inputs.hi - inputs.lo))
    noise = net.weights(net.unravel(jax.random.normal(draw[1], (net.size,))))
    outward = jnp.where(index // 4 % 3 == 2, 1.0, 0.0)
    way = [outward * c + (1 - outward) * e for c, e in zip(parameters.center, noise, strict=True)]
    size = jnp.where(index // 4 % 3 == 0, 0.0, parameters.reach())
    moved = [c + size * e for c, e in zip(parameters.center, _units(way), strict=True)]
    direction = net.weights(net.unravel(jax.random.normal(draw[2], (net.size,))))
    along = jax.random.normal(draw[3], (net.inputs,))
    return sigma, parameters.project(moved), _units(direction), _units(along)


def _forms(
    net: Chain, sigma: Array, weights: list[Array], direction: list[Array], along: Array
) -> tuple[Array, ...]:
    """Φ, ∂Φ/∂θ[E], ∂²Φ/∂θ²[E, E] and ∂Φ/∂σ[v] for unit directions E of θ and v of σ."""

    def slope(at: list[Array]) -> tuple[Array, Array]:
        return jax.jvp(lambda w: net.at(w, sigma), (at,), (direction,))

    (value, first), (_, second) = jax.jvp(slope, (weights,), (direction,))
    return value, first, second, jax.jvp(partial(net.at, weights), (sigma,), (along,))[1]


def _quantities(
    net: Chain, sigma: Array, weights: list[Array], direction: list[Array], along: Array
) -> Array:
    """‖Φ‖, ‖∂Φ/∂θ‖, ‖∂²Φ/∂θ²[E, E]‖, ‖∂Φ/∂σ‖: (4,)."""
    second = _forms(net, sigma, weights, direction, along)[2]
    value, pull = jax.vjp(net.at, weights, sigma)
    rows, slope = jax.vmap(pull)(jnp.eye(net.outputs))
    wide = jnp.concatenate([r.reshape(net.outputs, -1) for r in rows], 1)
    return jnp.stack([_norm(value[None]), _norm(wide), _norm(second[None]), _norm(slope)])


def _norm(matrix: Array) -> Array:
    """The largest singular value."""
    scale = jnp.max(jnp.abs(matrix))
    matrix = matrix / jnp.where(scale > 0, scale, 1.0)
    if len(matrix) == 1:
        return scale * jnp.linalg.norm(matrix)
    return scale * jnp.sqrt(jnp.maximum(jnp.linalg.eigvalsh(matrix @ matrix.T)[-1], 0.0))


def _units(tree: Any) -> Any:
    """The tree of arrays, together of norm 1; zeros stay zeros."""
    largest = jnp.max(jnp.stack([jnp.max(jnp.abs(leaf)) for leaf in jax.tree.leaves(tree)]))
    tree = jax.tree.map(lambda leaf: leaf / jnp.where(largest > 0, largest, 1.0), tree)
    norm = jnp.sqrt(sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(tree)))
    return jax.tree.map(lambda leaf: leaf / jnp.where(norm > 0, norm, 1.0), tree)

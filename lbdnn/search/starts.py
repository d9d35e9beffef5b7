"""Where an ascent starts: corners of the box, and weights whose layers amplify."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..compilation import QUICK
from ..networks import Affine, Chain, Pointwise
from ..sets import InputRegion, ParameterRegion
from .coordinates import flat, with_preactivations

Weights = list[Array]


class Start(NamedTuple):
    """A point, and unit directions of which a quantity takes as many as it needs.

    `coordinates` and `held` are those of `lbdnn.search.coordinates`.
    """

    sigma: Float[Array, " n"]
    coordinates: Float[Array, " p"]
    held: Float[Array, ""]
    along_sigma: Float[Array, " n"]
    along_theta: Float[Array, "2 p"]


@partial(jax.jit, static_argnums=(0, 1, 2), compiler_options=QUICK)
def starts(
    net: Chain, count: int, seed: int, inputs: InputRegion, parameters: ParameterRegion
) -> Start:
    """For each of several problems (the regions' leading axis) as many starts as `count`.

    σ: corners of the box in turn, every fourth start a random point. θ: a third the centre or a
    point of the sphere each, and half, in turn with these, weights that amplify.
    """
    # One call for all random numbers: each one compiled costs as much as a layer.
    sizes = [net.inputs, net.inputs, net.size, net.size, net.size, *_widths(net)]
    noise = jax.random.normal(jax.random.key(seed), (count, sum(sizes)))

    def one(inputs: InputRegion, parameters: ParameterRegion) -> Start:
        def start(index: Array, noise: Array) -> Start:
            return _start(net, inputs, parameters, index, _pieces(noise, sizes))

        return jax.vmap(start)(jnp.arange(count), noise)

    return jax.vmap(one)(inputs, parameters)


def _start(
    net: Chain,
    inputs: InputRegion,
    parameters: ParameterRegion,
    index: Array,
    noise: list[Array],
) -> Start:
    first, second, third, *along = noise[:5]
    # Corners in turn (as many as the starts allow).
    places = jnp.arange(net.inputs)
    bits = jnp.where(places < 30, (index // 2 >> places % 30) & 1 == 1, first > 0)
    share = jax.scipy.stats.norm.cdf(first)
    inside = inputs.lo + (inputs.hi - inputs.lo) * share
    corner = jnp.where(bits, inputs.hi, inputs.lo)
    sigma = inputs.project(jnp.where(index % 4 == 3, inside, corner))

    amplifying, held, entry = _amplifying(net, sigma, parameters, noise[5:])
    center = flat(parameters.center)
    other = center + jnp.where(index % 3 == 1, 0.0, parameters.reach()) * _unit(third)
    chained = (index % 3 == 0) | (index % 6 == 1)
    # Behind a chain a perturbation of the first layer is amplified most.
    directions = jnp.stack([_unit(d) for d in along])
    guesses = jnp.stack([_unit(0.1 * d + entry) for d in directions])
    return Start(
        sigma,
        jnp.where(chained, amplifying, other),
        jnp.where(chained, held, 0.0),
        _unit(second),
        jnp.where(chained, guesses, directions),
    )


def _amplifying(
    net: Chain, sigma: Array, parameters: ParameterRegion, draws: list[Array]
) -> tuple[Array, Array, Array]:
    """Coordinates with E_l ∝ q_{l+1} q_lᵀ, `held`, and a perturbation of the first layer.

    The biases bring the pre-activations to where |ς'| is largest, so that the gains of the layers
    multiply; in the last hidden layer one neuron goes to where |ς''| is. The chain runs backwards,
    q_l near W_lᵀ q_{l+1} / ‖W_lᵀ q_{l+1}‖. The first layer is not amplified: a perturbation of its
    own parameters starts behind it. Where the ball is too small for those pre-activations, at most
    half of the squared radius goes into the biases, and they are not held. Shortcuts of residual
    blocks are left out of account.
    """
    center, layers = parameters.center, net.affine
    behind = _behind(net)
    last = max((j for j, ς in enumerate(behind) if ς is not None), default=-1)
    chosen = draws[last] == jnp.max(draws[last])

    wanted: list[Array | None] = [None] * len(layers)
    for j, (layer, ς) in enumerate(zip(layers, behind, strict=True)):
        if layer.bias and ς is not None:
            wanted[j] = _peak(ς, 1) + 0.05 * draws[j]
    if last >= 0 and wanted[last] is not None:
        # Not a number: as it is.
        wanted[last] = jnp.where(chosen, _peak(behind[last], 2), jnp.nan)
    moved, entering = with_preactivations(net, center, sigma, wanted)
    shift = [w - c for w, c in zip(moved, center, strict=True)]
    reach, need = parameters.reach(), jnp.linalg.norm(flat(shift))
    share = jnp.minimum(1.0, reach * jnp.sqrt(0.5) / _positive(need))
    held = jnp.where((share < 1) | jnp.isinf(parameters.radius), 0.0, 1.0)
    gain = jnp.sqrt(jnp.maximum(reach**2 - (share * need) ** 2, 0.0))
    gain = gain / jnp.sqrt(max(len(layers) - 1, 1))

    found, q, entry = [], _unit(draws[-1]), jnp.zeros(0)
    for j in reversed(range(len(layers))):
        layer, w = layers[j], layers[j].weight(center[j])
        if q.size != layer.n_out:
            q = _unit(draws[j])
        bias = center[j][:, w.shape[1] :] + share * shift[j][:, w.shape[1] :]
        if layer.bias:
            bias = bias + held * (w @ entering[j])[:, None]
        if j == 0:
            entry = jnp.outer(q, jnp.concatenate([entering[0], jnp.ones(int(layer.bias))]))
        else:
            draw = draws[j - 1] if draws[j - 1].size == layer.n_in else jnp.ones(layer.n_in)
            before = _unit(_unit(w.T @ q) + 0.3 * _unit(draw))
            if j - 1 == last and chosen.size == layer.n_in:
                before = _unit(jnp.where(chosen, 1.0, 0.1 * draw))
            w, q = w + gain * jnp.outer(q, before), before
        found.append(jnp.concatenate([w, bias], 1))
    entry = jnp.pad(_unit(entry.ravel()), (0, net.size - entry.size))
    return flat(found[::-1]), held, entry


def _widths(net: Chain) -> list[int]:
    return [layer.n_out for layer in net.affine]


def _behind(net: Chain) -> list[Pointwise | None]:
    """The activation that follows each affine layer at once, if one does."""
    following = [*net.elementary[1:], None]
    return [
        after if isinstance(after, Pointwise) else None
        for operation, after in zip(net.elementary, following, strict=True)
        if isinstance(operation, Affine)
    ]


def _peak(operation: Pointwise | None, order: int) -> float:
    """Where the activation's |ς⁽ᵒʳᵈᵉʳ⁾| is largest, if that is at a point; else 0."""
    points = operation.activation.extremes[order] if operation is not None else ()
    finite = [(abs(v), z) for z, v in points if math.isfinite(v)]
    return max(finite, default=(0.0, 0.0))[1]


def _unit(v: Array) -> Array:
    return v / _positive(jnp.linalg.norm(v))


def _pieces(vector: Array, sizes: Sequence[int]) -> list[Array]:
    ends = np.cumsum(sizes)
    return [vector[end - size : end] for end, size in zip(ends, sizes, strict=True)]


def _positive(x: Array) -> Array:
    return jnp.where(x > 0, x, 1.0)

"""What each layer takes and gives: for the parameters at the centre, and for those about it."""

from __future__ import annotations

from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ...intervals import up
from ...networks import Chain
from ...sets import InputRegion, ParameterRegion
from ..layers import Enclosure, Image, Moved, enclose

# Beyond what an enclosure made in another arithmetic may differ by.
_SPARE = 1e-9


def shares_radius(parameters: ParameterRegion) -> Array:
    """Whether the radius that the layers share says more than the layers' own."""
    return parameters.radius < jnp.sqrt(jnp.sum(parameters.layer_radii() ** 2))


def images(net: Chain, inputs: InputRegion, parameters: ParameterRegion, cells: int) -> list[Image]:
    """With the centre's parameters, over at most `cells` equal boxes that cover the inputs."""
    zero = jnp.zeros_like(parameters.radius)
    centre = parameters._replace(radius=zero, layers=jnp.zeros_like(parameters.layers))
    parts = parts_of_axis(net.inputs, cells)
    places = np.asarray(list(product(range(parts), repeat=net.inputs)))
    edges = inputs.lo + np.arange(1, parts)[:, None] * ((inputs.hi - inputs.lo) / parts)
    edges = jnp.concatenate([inputs.lo[None], edges, inputs.hi[None]])
    # Neighbours share their edges, which rounding leaves between the ends.
    edges = jnp.clip(edges, inputs.lo, inputs.hi)
    axes = np.arange(net.inputs)

    def over(low: Array, high: Array) -> list[Image]:
        layers = enclose(net, inputs._replace(lo=low, hi=high), centre).layers
        return [image for layer in layers if (image := layer.image) is not None]

    found = jax.vmap(over)(edges[places, axes], edges[places + 1, axes])
    return [
        Image(
            _wider(jnp.max(image.size)),
            -_wider(-jnp.min(image.low, 0)),
            _wider(jnp.max(image.high, 0)),
            _wider(jnp.max(image.norm)),
        )
        for image in found
    ]


def parts_of_axis(inputs: int, cells: int) -> int:
    """The largest p ≥ 1 with p^inputs ≤ cells."""
    parts = 1
    while (parts + 1) ** inputs <= cells:
        parts += 1
    return parts


def enclosures(
    net: Chain,
    inputs: InputRegion,
    parameters: ParameterRegion,
    levels: int,
    known: tuple[list[Image], Float[Array, "k v"], Float[Array, "k v n"]] | None = None,
) -> Enclosure:
    """One for each node i of a shared radius r: over the parameters with radius r√(i/levels).

    All alike where nothing is shared. Every leaf has the nodes as its first axis. `known`: images
    and how far the parameters take them, in norm and entry by entry (`proved_reach`).
    """
    roots = up(jnp.sqrt(jnp.arange(levels + 1) / levels)).at[0].set(0.0)
    shared = shares_radius(parameters)
    smaller = jnp.minimum(up(roots * parameters.radius), parameters.radius)
    radius = jnp.where(shared, smaller, parameters.radius)

    def at(radius: Array, far: Array, each: Array) -> Enclosure:
        moved = None
        if known is not None:
            before = jnp.concatenate([jnp.zeros(1), far])
            moved = [
                Moved(image, before[j], far[j], each[j, : image.low.size])
                for j, image in enumerate(known[0])
            ]
        return enclose(net, inputs, parameters._replace(radius=radius), moved)

    if known is None:
        none = jnp.zeros(levels + 1)
        return jax.vmap(at)(radius, none, none)
    # What the shared radius says of parameters that do not share it is nothing.
    far, each = (jnp.where(shared, own, jnp.inf) for own in known[1:])
    return jax.vmap(at)(radius, _wider(far.T), _wider(jnp.swapaxes(each, 0, 1)))


def _wider(x: Array) -> Array:
    return up(x + _SPARE * jnp.abs(x))

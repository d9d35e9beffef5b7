"""Coordinates in which an ascent over σ and θ is well conditioned.

Plain coordinates are θ itself. In a deep network whose layers amplify, though, a small shift of one
matrix or of σ moves all later pre-activations far, and an ascent over (σ, θ) creeps. With
pre-activations *held*, the last column of each matrix is not the bias b but Wx + b, x what enters
the layer: a layer's slopes do not depend on the layers before it. `held` is 0. or 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..networks import Affine, Chain, Operation, Residual
from ..sets import ParameterRegion

Weights = list[Array]


def flat(weights: Sequence[Array]) -> Float[Array, " p"]:
    """The matrices V_jᵀ as one vector, in the order of `net.ravel`."""
    return jnp.concatenate([w.ravel() for w in weights] or [jnp.zeros(0)])


def matrices(net: Chain, vector: Float[Array, " p"]) -> Weights:
    """The inverse of `flat`."""
    ends = np.cumsum([math.prod(layer.shape) for layer in net.affine])
    return [
        vector[end - math.prod(layer.shape) : end].reshape(layer.shape)
        for end, layer in zip(ends, net.affine, strict=True)
    ]


def with_preactivations(
    net: Chain,
    weights: Weights,
    sigma: Float[Array, " n"],
    wanted: Sequence[Float[Array, " n_out"] | None],
) -> tuple[Weights, list[Array]]:
    """Weights whose biases bring the pre-activations to those wanted, and what enters each layer.

    None, or NaN for one neuron, leaves them as they are; so does a layer without bias.
    """
    rest = iter([z for layer, z in zip(net.affine, wanted, strict=True) if layer.bias])

    def bias(own: Array, product: Array) -> Array:
        target = next(rest)
        if target is None:
            return own
        return jnp.where(jnp.isnan(target), own, target - product)

    return _walked(net, weights, sigma, bias)


def with_biases(
    net: Chain, coordinates: Weights, sigma: Float[Array, " n"], held: Float[Array, ""]
) -> tuple[Weights, list[Array]]:
    """Weights from coordinates, and what enters each layer."""
    return _walked(net, coordinates, sigma, lambda own, product: own - held * product)


def nearest(
    net: Chain,
    parameters: ParameterRegion,
    coordinates: Weights,
    sigma: Float[Array, " n"],
    held: Float[Array, ""],
) -> Weights:
    """Coordinates of weights of the region near those given.

    With pre-activations held the matrices go back towards their centre until the ball is reached,
    if it can be: at fixed pre-activations the biases are affine in the matrices, so this is a
    segment's intersection with a sphere. Else it is the region's projection.
    """
    weights, entering = with_biases(net, coordinates, sigma, held)
    tip, unshifted = [], []
    for layer, w, c, x in zip(net.affine, weights, parameters.center, entering, strict=True):
        matrix = layer.weight(w) - layer.weight(c)
        change = (matrix @ x)[:, None] if layer.bias else jnp.zeros((layer.n_out, 0))
        tip.append(jnp.concatenate([matrix, -change], 1))
        unshifted.append(jnp.pad((w - c)[:, layer.n_in :] + change, ((0, 0), (layer.n_in, 0))))
    along, start = flat(tip), flat(unshifted)
    square, product = jnp.vdot(along, along), jnp.vdot(along, start)
    # The larger root of ‖start + s·along‖² = radius².
    excess = jnp.vdot(start, start) - parameters.radius**2
    root = jnp.sqrt(jnp.maximum(product**2 - square * excess, 0.0))
    s = jnp.clip((root - product) / jnp.where(square > 0, square, 1.0), 0.0, 1.0)

    found = []
    projected = zip(coordinates, parameters.project(coordinates), strict=True)
    for layer, c, (own, plain) in zip(net.affine, parameters.center, projected, strict=True):
        center = jnp.concatenate([layer.weight(c), own[:, layer.n_in :]], 1)
        found.append(jnp.where(held > 0, center + s * (own - center), plain))
    return found


def _walked(
    net: Chain, weights: Weights, sigma: Array, bias: Callable[[Array, Array], Array]
) -> tuple[Weights, list[Array]]:
    """The weights with biases replaced on the way by `bias`(last column, Wx)."""
    rest, found, entering = iter(weights), [], []

    def through(operations: Sequence[Operation], x: Array) -> Array:
        for operation in operations:
            if isinstance(operation, Residual):
                x = x + through(operation.operations, x)
            elif isinstance(operation, Affine):
                own = next(rest)
                entering.append(x)
                matrix, last = own[:, : operation.n_in], own[:, operation.n_in :]
                x = matrix @ x
                if operation.bias:
                    new = bias(last[:, 0], x)
                    own = jnp.concatenate([matrix, new[:, None]], 1)
                    x = x + new
                found.append(own)
            else:
                x = operation.apply(None, x)
        return x

    through(net.written_out, sigma)
    return found, entering

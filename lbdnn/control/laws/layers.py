"""Gains by layer."""

from __future__ import annotations

import math
from collections.abc import Sequence

import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from ...networks import Chain


def gains_by_layer(net: Chain, gains: Sequence[ArrayLike]) -> Float[Array, " p"]:
    """The diagonal of Γ with one gain an affine layer of `net`, in its order (`net.affine`).

    With a gain of 0 a layer never moves: `gains_by_layer(net, [0] * (k - 1) + [g])` makes the last
    of k layers learn alone, then Φ is linear in what is learned (if nothing follows that layer).

    **Raises:** ValueError unless there is one gain a layer.
    """
    if len(gains) != len(net.affine):
        raise ValueError(
            f"the network has {len(net.affine)} layers with parameters; got {len(gains)} gains"
        )
    sizes = [math.prod(layer.shape) for layer in net.affine]
    return jnp.concatenate(
        [
            jnp.full(size, gain, jnp.result_type(float))
            for size, gain in zip(sizes, gains, strict=True)
        ]
    )


def output_gains(net: Chain, gain: ArrayLike = 1.0) -> Float[Array, " p"]:
    """The diagonal of Γ for learning in the last affine layer alone."""
    return gains_by_layer(net, [0.0] * (len(net.affine) - 1) + [gain])


def last_parameters(net: Chain, layers: int | None) -> int:
    """How many parameters the last so many affine layers have; None: all layers."""
    chosen = net.affine if layers is None else net.affine[-layers:]
    return sum(math.prod(layer.shape) for layer in chosen)

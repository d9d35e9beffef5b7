"""The layers of a chain, stacked for scans over them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from ...activations import Activation
from ...intervals import euclidean, spectral_norm
from ...networks import Chain
from ...sets import ParameterRegion
from .alternation import alternating

_TINY = float(np.finfo(np.float64).tiny)


class Shape(NamedTuple):
    """What compiled code depends on: d inputs, L layers, n the largest width, m outputs, the
    distinct activations, which of them each layer begins with, whether the weights may move, and
    whether there are shortcuts."""

    inputs: int
    layers: int
    width: int
    outputs: int
    activations: tuple[Activation, ...]
    kinds: tuple[int, ...]
    moving: bool
    shortcuts: bool


class Layers(NamedTuple):
    r"""Φ_{t+1} = (W_t + Ē_t) s_t + b_t + (column of E_t), s_t = ς_t(Φ_t), t = 0..L − 1, Φ_0 = σ.

    `weights` (L, n, n) and `biases` (L, n) are those of the set's centre, zero beyond a layer's
    width; `real` (L, n) is 1 for the entries of Φ_t that exist. ‖E_t‖_F ≤ `radius` (L), each row of
    E_t is at most `rows` (L, n) long, and Σ‖E_t‖_F² ≤ `shared`² (() in all). `owned` (L) is 1 where
    the layer has parameters, `ones` (L) where it has a bias that is one of them. `norm` and `size`
    (L) bound ‖W_t‖₂ and ‖W_t‖_F.

    `kept` (L, n) is 1 where ς_t is the identity in place of the layer's activation, on what
    shortcuts carry; there E_t does not act, and `acts` (L, n) is 1 for the entries of Φ_t that
    E_{t−1}, or σ if t = 0, does move.
    """

    weights: Float[np.ndarray, "L n n"]
    biases: Float[np.ndarray, "L n"]
    real: Float[np.ndarray, "L n"]
    radius: Float[np.ndarray, " L"]
    rows: Float[np.ndarray, "L n"]
    shared: Float[np.ndarray, ""]
    owned: Float[np.ndarray, " L"]
    ones: Float[np.ndarray, " L"]
    norm: Float[np.ndarray, " L"]
    size: Float[np.ndarray, " L"]
    kept: Float[np.ndarray, "L n"]
    acts: Float[np.ndarray, "L n"]


def layered(net: Chain, region: ParameterRegion) -> tuple[Shape, Layers]:
    """The chain over a set of parameters, in float64: call it under `jax.enable_x64(True)`.

    **Raises:** ValueError for an operation that `alternating` does not know.
    """
    found = alternating(net, region)
    m, n = net.outputs, max(max(layer.weight.shape) for layer in found)
    count = len(found)
    weights, biases = np.zeros((count, n, n)), np.zeros((count, n))
    real, rows, kept = (np.zeros((count, n)) for _ in range(3))
    acts = np.zeros((count + 1, n))
    acts[0, : net.inputs] = 1.0
    radius, owned, ones = np.zeros(count), np.zeros(count), np.zeros(count)
    own = np.asarray(region.layer_radii())
    for t, layer in enumerate(found):
        out, size = layer.weight.shape
        weights[t, :out, :size], biases[t, :out] = layer.weight, layer.bias
        real[t, :size], ones[t] = 1.0, layer.one
        kept[t, : layer.kept], acts[t + 1, layer.acts : out] = 1.0, 1.0
        if layer.place is not None:
            owned[t], radius[t] = 1.0, own[layer.place]
            lengths = np.asarray(euclidean(np.asarray(region.entries[layer.place]), axis=1))
            rows[t, layer.acts : out] = np.minimum(radius[t], lengths)
    # Compiled code takes subnormal numbers for 0: to be safe, they move.
    for x in (weights, biases):
        lost = (x != 0) & (np.abs(x) < _TINY)
        x[lost] = 0.0
        moved = np.any(lost.reshape(count, -1), 1)
        radius += moved * (2 * n * _TINY)
        rows += moved[:, None] * (2 * n * _TINY)
    shared = np.asarray(region.radius, float)
    if np.any(radius > own.max(initial=0.0)):
        shared = np.asarray(np.inf)
    activations = tuple(dict.fromkeys(layer.activation for layer in found))
    kinds = tuple(activations.index(layer.activation) for layer in found)
    moving = bool(np.any(radius > 0))
    norm = np.asarray(spectral_norm(weights))
    size = np.asarray([euclidean(w) for w in weights])
    layers = Layers(
        weights, biases, real, radius, rows, shared, owned, ones, norm, size, kept, acts[:-1]
    )
    shortcuts = bool(np.any(kept))
    return Shape(net.inputs, count, n, m, activations, kinds, moving, shortcuts), layers

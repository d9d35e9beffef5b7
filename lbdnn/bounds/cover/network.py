"""A chain as activations and affine maps in turn, stacked for scans over the layers."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from ...activations import Activation, get
from ...intervals import euclidean, spectral_norm
from ...networks import Affine, Chain, Pointwise, Scaling
from ...sets import ParameterRegion
from ..expansion.network import normal

_TINY = float(np.finfo(np.float64).tiny)


class Shape(NamedTuple):
    """What compiled code depends on: d inputs, L layers, n the largest width, m outputs, the
    distinct activations, which of them each layer begins with, and whether the weights may move."""

    inputs: int
    layers: int
    width: int
    outputs: int
    activations: tuple[Activation, ...]
    kinds: tuple[int, ...]
    moving: bool


class Layers(NamedTuple):
    r"""Φ_{t+1} = (W_t + Ē_t) s_t + b_t + (column of E_t), s_t = ς_t(Φ_t), t = 0..L − 1, Φ_0 = σ.

    `weights` (L, n, n) and `biases` (L, n) are those of the set's centre, zero beyond a layer's
    width; `real` (L, n) is 1 for the entries of Φ_t that exist. ‖E_t‖_F ≤ `radius` (L), each row of
    E_t is at most `rows` (L, n) long, and Σ‖E_t‖_F² ≤ `shared`² (() in all). `owned` (L) is 1 where
    the layer has parameters, `ones` (L) where it has a bias that is one of them. `norm` and `size`
    (L) bound ‖W_t‖₂ and ‖W_t‖_F.
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


class _Layer(NamedTuple):
    activation: Activation
    weight: np.ndarray
    bias: np.ndarray
    place: int | None  # among the layers with parameters
    one: bool


def layered(net: Chain, region: ParameterRegion) -> tuple[Shape, Layers]:
    """The chain over a set of parameters, in float64: call it under `jax.enable_x64(True)`.

    A fixed scaling is an affine map without parameters, and so is the identity between two
    activations or after the last; between two affine maps stands the identity as an activation.

    **Raises:** ValueError for an operation that is none of these.
    """
    found = _alternating(net, region)
    m, n = net.outputs, max(net.inputs, *(len(layer.weight) for layer in found))
    count = len(found)
    weights, biases = np.zeros((count, n, n)), np.zeros((count, n))
    real, rows = np.zeros((count, n)), np.zeros((count, n))
    radius, owned, ones = np.zeros(count), np.zeros(count), np.zeros(count)
    own = np.asarray(region.layer_radii())
    for t, layer in enumerate(found):
        out, size = layer.weight.shape
        weights[t, :out, :size], biases[t, :out] = layer.weight, layer.bias
        real[t, :size], ones[t] = 1.0, layer.one
        if layer.place is not None:
            owned[t], radius[t] = 1.0, own[layer.place]
            lengths = np.asarray(euclidean(np.asarray(region.entries[layer.place]), axis=1))
            rows[t, :out] = np.minimum(radius[t], lengths)
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
    layers = Layers(weights, biases, real, radius, rows, shared, owned, ones, norm, size)
    return Shape(net.inputs, count, n, m, activations, kinds, moving), layers


def _alternating(net: Chain, region: ParameterRegion) -> list[_Layer]:
    identity = get("identity")
    found: list[_Layer] = []
    pending: Activation | None = None
    width, place = net.inputs, 0
    for operation, own in net.steps(net.with_weights(region.center)):
        if isinstance(operation, Pointwise):
            if pending is not None:
                found.append(_Layer(pending, np.eye(width), np.zeros(width), None, False))
            pending = operation.activation
            continue
        first = identity if pending is None else pending
        if isinstance(operation, Affine):
            matrix = np.asarray(own, np.float64)
            weight = matrix[:, : operation.n_in]
            bias = matrix[:, -1] if operation.bias else np.zeros(operation.n_out)
            found.append(_Layer(first, weight, bias, place, operation.bias))
            place += 1
        elif isinstance(operation, Scaling):
            scale, offset = normal(operation.scale), normal(operation.offset)
            found.append(_Layer(first, np.diag(scale), offset, None, False))
        else:
            raise ValueError(
                "enclosures over cells need affine layers, activations, fixed scalings and their "
                f"repetitions; got {type(operation).__name__}"
            )
        pending, width = None, len(found[-1].weight)
    if pending is not None:
        found.append(_Layer(pending, np.eye(width), np.zeros(width), None, False))
    return found

"""A fully connected chain as arrays of equal shapes, for scans over its layers."""

from __future__ import annotations

import math
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ...activations import Activation
from ...networks import Affine, Chain, Operation, Pointwise, Scaling, Theta


class Shape(NamedTuple):
    """What compiled code depends on: d inputs, k hidden layers, n the largest width (hidden or
    output), m outputs, the distinct activations and which of them each hidden layer has."""

    inputs: int
    hidden: int
    width: int
    outputs: int
    activations: tuple[Activation, ...]
    kinds: tuple[int, ...]


class Layers(NamedTuple):
    r"""s_0 = scale ∘ σ + offset, s_j = ς_j(V_{j−1}ᵀ[s_{j−1}; 1]), Φ = out ∘ V_kᵀ[s_k; 1] + shift.

    `first` is W_0, (n, d), `weights` are W_1..W_k, (k, n, n), `biases` (k + 1, n); rows and columns
    beyond a layer's width are zero. `out` is multiplied into W_k and its bias (its rounding is
    counted with that of the products with W_k), so that Φ = Φ_k + shift. `own` (k + 1, n) is the
    diagonal of ∂Φ_j/∂(V_jᵀ[s_j; 1]): 1 for real neurons, 0 for padding, `out` at the end. `ones`
    (k + 1) is 1 where layer j has a bias, else 0.
    """

    first: Float[Array, "n d"]
    weights: Float[Array, "k n n"]
    biases: Float[Array, "k+1 n"]
    own: Float[Array, "k+1 n"]
    ones: Float[Array, " k+1"]
    scale: Float[Array, " d"]
    offset: Float[Array, " d"]
    shift: Float[Array, " m"]


def read(net: Chain, theta: Theta) -> tuple[Shape, Layers]:
    """The network and its parameters, in float64: call it under `jax.enable_x64(True)`.

    **Raises:** ValueError for a chain that is not fully connected with smooth activations.
    """
    steps = list(net.steps(theta))
    scale, offset = np.ones(net.inputs), np.zeros(net.inputs)
    out, shift = np.ones(net.outputs), np.zeros(net.outputs)
    if steps and isinstance(steps[0][0], Scaling):
        scale, offset = _fixed(steps.pop(0)[0])
    if steps and isinstance(steps[-1][0], Scaling):
        out, shift = _fixed(steps.pop()[0])
    affine = [(o, np.asarray(w, np.float64)) for o, w in steps[::2] if isinstance(o, Affine)]
    between = [o.activation for o, _ in steps[1::2] if isinstance(o, Pointwise)]
    if len(steps) % 2 == 0 or len(affine) + len(between) != len(steps) or not between:
        raise ValueError(
            "branch and bound over inputs needs affine layers with an activation between each two "
            "(fixed scalings at the ends are allowed); this chain is "
            + ", ".join(type(o).__name__ for o, _ in net.steps(theta))
        )
    for activation in between:
        _check(activation)
    k, m = len(between), net.outputs
    n = max(o.n_out for o, _ in affine)
    biases, own, ones = np.zeros((k + 1, n)), np.zeros((k + 1, n)), np.zeros(k + 1)
    weights = np.zeros((k, n, n))
    entry = np.zeros((n, net.inputs))
    for j, (o, w) in enumerate(affine):
        target = entry if j == 0 else weights[j - 1]
        target[: o.n_out, : o.n_in] = w[:, : o.n_in]
        own[j, : o.n_out] = 1.0
        if o.bias:
            biases[j, : o.n_out], ones[j] = w[:, -1], 1.0
    weights[k - 1, :m] *= out[:, None]
    biases[k, :m] *= out
    own[k, :m] = out
    activations = tuple(dict.fromkeys(between))
    kinds = tuple(activations.index(a) for a in between)
    arrays = (entry, weights, biases, own, ones, scale, offset, shift)
    layers = Layers(*map(jnp.asarray, arrays))
    return Shape(net.inputs, k, n, m, activations, kinds), layers


def _fixed(operation: Operation) -> tuple[np.ndarray, np.ndarray]:
    assert isinstance(operation, Scaling)
    return normal(operation.scale), normal(operation.offset)


def normal(values: tuple[float, ...]) -> np.ndarray:
    """The numbers; ValueError for subnormal ones, which compiled code takes for 0."""
    if any(0 < abs(x) < np.finfo(np.float64).tiny for x in values):
        raise ValueError("this method takes no scaling by subnormal numbers; use 'layerwise'")
    return np.array(values)


def _check(activation: Activation) -> None:
    third = [point for point, _ in activation.extremes[3]]
    jumps = [p for p, v in activation.extremes[3] if math.isinf(v) or third.count(p) > 1]
    if jumps or activation.kinks or activation.domain != (-math.inf, math.inf):
        raise ValueError(
            f"branch and bound over inputs needs activations that are smooth everywhere, and "
            f"{activation.name} is not; use method='layerwise'"
        )

"""∂²Φ/∂θ² on a small subspace outside which it vanishes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float

from ..networks import Affine, Chain, Operation, Repeat, Residual, Theta
from .dense import second_derivative
from .layers import floating, matmul, record_layers


class LayerRange(NamedTuple):
    """ŝ = s/‖s‖, shape (n_in + bias,), and Q, shape (n_out, r), of one affine layer."""

    unit: Array
    columns: Array


# Like θ, with a LayerRange in the place of each weight.
Basis = tuple[Any, ...]


def compressed_hessian(
    net: Chain, theta: Theta, sigma: Float[Array, " n"]
) -> Float[Array, "m d d"]:
    r"""A tensor with the operator, unfolded and Frobenius norms of ∂²Φ/∂θ² (m × p × p), d ≪ p.

    Let s_j be what the j-th affine layer multiplies, with the appended 1 where it has a bias, and
    B_j = ∂Φ/∂Φ_j. The gradient of u·Φ in V_jᵀ is g s_jᵀ, g = B_jᵀu. Along any direction its change

        δg s_jᵀ + g δs_jᵀ  lies in  {a s_jᵀ + Q_j b},  Q_j an orthonormal basis that spans B_jᵀ:

    these subspaces contain the range of every ∂²Φ_i/∂θ² which, being symmetric, vanishes on their
    complement. With ŝ_j = s_j/‖s_j‖ (0 if s_j = 0), the map K of all (a_j, b_j) to
    a_j ŝ_jᵀ + Q_j b_j(I − ŝ_j ŝ_jᵀ) is a partial isometry onto a space that contains them. The
    result is Kᵀ(∂²Φ_i/∂θ²)K, i = 1..m: for every combination of the outputs the same eigenvalues
    but for zeros. d = Σ_j n_out + r(n_in + bias), r = min(m, n_out), about (1 + m) times the number
    of neurons: 332 of p = 1062 for ten layers of ten neurons, 4 inputs and 2 outputs.

    Call it under `jax.jit` (with `net` static): step by step it is slow.
    """
    sigma = floating(sigma)
    basis = range_basis(net, theta, sigma)
    origin = jnp.zeros(range_size(net), jax.eval_shape(net, theta, sigma).dtype)
    return second_derivative(partial(restricted, net, theta, sigma, basis), origin)


def range_basis(net: Chain, theta: Theta, sigma: Float[Array, " n"]) -> Basis:
    """(ŝ_j, Q_j) of every affine layer.

    They are constants to `jax.grad`: to first order the norms change with the tensor only, as the
    space holds its range, and a QR factorisation of a rank-deficient matrix has no derivative.
    """

    def orthonormal(layer: Affine, s: Array, slope: Array) -> LayerRange:
        augmented = _augmented(layer, s)
        length: Array = jnp.linalg.norm(augmented)
        unit = augmented / jnp.where(length > 0, length, 1)
        return jax.lax.stop_gradient(LayerRange(unit, jnp.linalg.qr(slope.T)[0]))

    return record_layers(net, theta, sigma, orthonormal)


def range_size(net: Chain) -> int:
    """d, the number of coordinates (a_j, b_j) of all layers."""
    ranks = [min(net.outputs, layer.n_out) for layer in net.affine]
    return sum(a.n_out + r * a.shape[1] for a, r in zip(net.affine, ranks, strict=True))


def restricted(
    net: Chain,
    theta: Theta,
    sigma: Float[Array, " n"],
    basis: Basis,
    coordinates: Float[Array, " d"],
) -> Float[Array, " m"]:
    """Φ(σ, θ + K·coordinates), without forming the weights."""
    zeros = jax.tree.map(_zeros, basis, is_leaf=lambda own: isinstance(own, LayerRange))
    return _apply(net.operations, theta, basis, ravel_pytree(zeros)[1](coordinates), sigma)


def _zeros(layer: LayerRange) -> tuple[Array, Array]:
    """Zeros in the place of (a_j, b_j), stacked as the layers are."""
    *stack, rows, rank = layer.columns.shape
    columns, dtype = layer.unit.shape[-1], layer.unit.dtype
    return jnp.zeros((*stack, rows), dtype), jnp.zeros((*stack, rank, columns), dtype)


def _apply(
    operations: Sequence[Operation], theta: Theta, basis: Basis, coordinates: Basis, x: Array
) -> Array:
    for operation, *own in zip(operations, theta, basis, coordinates, strict=True):
        if isinstance(operation, Repeat):
            x, _ = jax.lax.scan(
                lambda x, one, block=operation.operations: (
                    _apply(block, one[0], one[1], one[2], x),
                    None,
                ),
                x,
                tuple(own),
                length=operation.times,
            )
        elif isinstance(operation, Residual):
            x = x + _apply(operation.operations, own[0], own[1], own[2], x)
        elif isinstance(operation, Affine):
            weight, (unit, columns), (a, b) = own
            augmented = _augmented(operation, x)
            along = jnp.sum(unit * augmented)
            across = matmul(b, augmented) - along * matmul(b, unit)
            x = operation.apply(weight, x) + along * a + matmul(columns, across)
        else:
            x = operation.apply(own[0], x)
    return x


def _augmented(layer: Affine, x: Array) -> Array:
    return jnp.append(x, jnp.ones((), x.dtype)) if layer.bias else x

"""Intervals for every entry of ∂Φ/∂θ and ∂²Φ/∂θ², by forward differentiation of the layers.

A peer of the project's bounds: each entry by itself, with the exact range of each activation's
derivatives and outward rounding, and without any regard to how the entries hang together.
"""

from __future__ import annotations

import jax.numpy as jnp
from jaxtyping import Array, Float

from lbdnn.activations import Activation
from lbdnn.intervals import Interval, interval


def derivative_entries(
    weights: list[Interval],
    activation: Activation,
    order: int,
    lo: Float[Array, " n"],
    hi: Float[Array, " n"],
) -> tuple[Array, Array]:
    """The ends (m, p) or (m, p, p) of the entries of the first or second derivative in θ.

    `weights` are the layers' matrices (n_out, n_in + 1), the bias last, whose rows one after the
    other are θ. The inputs are between `lo` and `hi`.
    """
    p = sum(w.lo.size for w in weights)
    x = interval(lo, hi)
    jacobian = _zeros((len(lo), p))
    hessian = _zeros((len(lo), p, p)) if order == 2 else None
    at = 0
    for layer, w in enumerate(weights):
        rows, columns = w.shape
        linear, bias = w[:, :-1], w[:, -1]
        if hessian is not None:
            hessian = _product(linear, hessian) + _mixed(jacobian, rows, columns, at)
        jacobian = _product(linear, jacobian) + _direct(x, rows, columns, at, p)
        z = (linear @ x[:, None])[:, 0] + bias
        at += rows * columns
        if layer == len(weights) - 1:
            break
        slope, bend = (_enclosed(activation, k, z) for k in (1, 2))
        if hessian is not None:
            squares = jacobian[:, :, None] * jacobian[:, None, :]
            hessian = bend[:, None, None] * squares + slope[:, None, None] * hessian
        jacobian = slope[:, None] * jacobian
        x = _enclosed(activation, 0, z)
    found = jacobian if hessian is None else hessian
    return found.lo, found.hi


def _enclosed(activation: Activation, order: int, z: Interval) -> Interval:
    return Interval(*activation.enclose(order, z.lo, z.hi))


def _product(matrix: Interval, tensor: Interval) -> Interval:
    """Σ_j W_ij T_j…, for all entries together."""
    flat = Interval(*(x.reshape(len(x), -1) for x in (tensor.lo, tensor.hi)))
    found, shape = matrix @ flat, (len(matrix.lo), *tensor.shape[1:])
    return Interval(found.lo.reshape(shape), found.hi.reshape(shape))


def _direct(x: Interval, rows: int, columns: int, at: int, p: int) -> Interval:
    """∂(V[x; 1])/∂V: row i of V is multiplied with [x; 1]."""

    def placed(end: Array, one: float) -> Array:
        blocks = jnp.kron(jnp.eye(rows), jnp.append(end, one)[None])
        return jnp.zeros((rows, p)).at[:, at : at + rows * columns].set(blocks)

    return Interval(placed(x.lo, 1.0), placed(x.hi, 1.0))


def _mixed(jacobian: Interval, rows: int, columns: int, at: int) -> Interval:
    """∂²(Vx)/∂V∂θ = ∂x/∂θ in row i of V, and its transpose: x is no function of V itself."""

    def placed(end: Array) -> Array:
        p = end.shape[1]
        inner = jnp.pad(end, ((0, 1), (0, 0)))  # the bias multiplies a constant
        block = jnp.zeros((rows, rows, columns, p))
        block = block.at[jnp.arange(rows), jnp.arange(rows)].set(inner)
        whole = (
            jnp.zeros((rows, p, p))
            .at[:, at : at + rows * columns]
            .set(block.reshape(rows, rows * columns, p))
        )
        return whole + jnp.swapaxes(whole, 1, 2)  # one of the two is 0 in each entry

    return Interval(placed(jacobian.lo), placed(jacobian.hi))


def _zeros(shape: tuple[int, ...]) -> Interval:
    return Interval(jnp.zeros(shape), jnp.zeros(shape))

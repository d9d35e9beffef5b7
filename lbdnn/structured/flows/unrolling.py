"""Steps as operations of `lbdnn.networks`."""

from __future__ import annotations

import math
from typing import TypeAlias

import jax.numpy as jnp
from jaxtyping import Array, Float

from ...networks import Affine, Operation, Parameters, Pointwise, Residual, Scaling
from .field import Branch
from .filter import Filter, LinearMap, dense

# Operations, and the parameters of each.
Unrolled: TypeAlias = tuple[tuple[Operation, ...], tuple[Parameters, ...]]


def affine(a: LinearMap, bias: Float[Array, " m"] | None) -> Unrolled:
    """x ↦ Ax + b. A convolution is written out as a matrix, its bias once a pixel."""
    matrix = dense(a)
    rows, columns = matrix.shape
    if bias is None:
        return (Affine(columns, rows, False),), (matrix,)
    if isinstance(a, Filter):
        bias = jnp.repeat(bias, math.prod(a.spaces[1][1:]))
    return (Affine(columns, rows),), (jnp.concatenate([matrix, bias[:, None]], 1),)


def block(activation: Pointwise, step: float, branch: Branch) -> tuple[Operation, Parameters]:
    """x ↦ x + step · branch(x)."""
    (inner,), (own,) = affine(branch.inner, branch.bias)
    if branch.outer is None:
        rows = len(own)
        last, other = Scaling((step,) * rows, (0.0,) * rows), None
    else:
        (last,), (other,) = affine(step * dense(branch.outer), None)
    return Residual((inner, activation, last)), (own, None, other)

"""Boxes in which every orbit ends, from how fast a network grows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ...compilation import QUICK
from ...intervals import Interval, interval
from ...intervals.constants import stands_for
from ...networks import Affine, Chain, Operation, Pointwise, Residual, Scaling, Theta
from ...networks.operations import Parameters
from .conditions import weighted

_ROOM = 1e-3


def absorbing_box(net: Chain, theta: Theta) -> Interval | None:
    r"""A box that Φ maps into itself and every orbit reaches; None if none is found.

    With |ς(z)| ≤ a₁|z| + a₀, entrywise |Φ(x)| ≤ M|x| + c, where M = |A_L|a₁⋯a₁|A_0|. If
    Mv ≤ qv with v > 0, q < 1 (`weighted`), then V(x) = max_i |x_i|/v_i has
    V(Φ(x)) ≤ qV(x) + γ, γ = max_i c_i/v_i: V(Φᵏ(x)) ≤ qᵏV(x) + γ/(1 − q), which is below
    (1 + ε)γ/(1 − q) + ε from some k on, for ever. a₁ is 1 for GELU, SiLU and mish, whose slopes go
    beyond.
    """
    line = _grown(net, theta)
    weights, factor = weighted(np.asarray(line.matrix))
    if not (factor < 1 and bool(jnp.all(jnp.isfinite(line.offset)))):
        return None
    v = interval(weights)
    level = jnp.max((interval(line.offset) / v).hi) / (1 - interval(factor))
    reach = (v * (interval(level.hi) * (1 + _ROOM) + _ROOM)).hi
    return Interval(-reach, reach)


class _Line(NamedTuple):
    """|y| ≤ matrix·|x| + offset."""

    matrix: Float[Array, "m n"]
    offset: Float[Array, " m"]


@partial(jax.jit, static_argnames="net", compiler_options=QUICK)
def _grown(net: Chain, theta: Theta) -> _Line:
    return _in_turn(net.steps(theta), _Line(jnp.eye(net.inputs), jnp.zeros(net.inputs)))


def _in_turn(steps: Sequence[tuple[Operation, Parameters]], line: _Line) -> _Line:
    for operation, own in steps:
        line = _after(operation, own, line)
    return line


def _after(operation: Operation, own: Parameters, line: _Line) -> _Line:
    matrix, offset = map(interval, line)
    match operation:
        case Affine():
            weight = abs(interval(operation.weight(own)))
            matrix, offset = weight @ matrix, weight @ offset
            if operation.bias:
                offset = offset + abs(interval(own[:, -1]))
        case Scaling(scale, shift):
            by, plus = (abs(stands_for(np.asarray(part), matrix.dtype)) for part in (scale, shift))
            matrix, offset = matrix * by[:, None], offset * by + plus
        case Pointwise(activation):
            slope, constant = (stands_for(number, matrix.dtype) for number in activation.growth)
            matrix, offset = matrix * slope, offset * slope + constant
        case Residual(operations):
            inner = _in_turn(list(zip(operations, own, strict=True)), line)
            matrix, offset = matrix + inner.matrix, offset + inner.offset
        case _:
            raise ValueError(f"no growth of {type(operation).__name__} is known")
    return _Line(matrix.hi, offset.hi)

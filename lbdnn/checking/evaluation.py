"""Φ and its directional derivatives at a point, as power series in ball arithmetic."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from flint import arb, arb_series

from ..networks import Affine, Chain, Pointwise, Residual, Scaling
from .definitions import definition
from .regions import Parameters, Refused
from .spans import NotShown

_DIRECTIONS = {"value": 0, "jacobian": 1, "hessian": 2, "input_jacobian": 1}


def attained(
    net: Chain, quantity: str, sigma: list[arb], theta: list[arb], own: Parameters, directions: Any
) -> arb:
    """‖T(σ, θ)[directions]‖ over the product of the directions' norms.

    T is Φ, Φ'[E], Φ''[E, F] or (∂Φ/∂σ)[v], a lower bound of the norm of T whatever the directions.
    """
    count = _DIRECTIONS[quantity]
    size = len(sigma) if quantity == "input_jacobian" else len(theta)
    if not isinstance(directions, list) or len(directions) != count:
        raise Refused(f"the witness of {quantity} needs {count} directions")
    vectors = [_vector(d, size) for d in directions]
    norms = [_length(v) for v in vectors]
    if not all(n > 0 for n in norms):
        raise Refused("a direction of the witness is no direction")

    def term(order: int, along: list[arb] | None) -> list[arb]:
        on_input = quantity == "input_jacobian"
        weights = _series(theta, None if on_input else along, order + 1)
        point = _series(sigma, along if on_input else None, order + 1)
        found = _network(net, iter(_rows(weights, own)), point)
        return [phi[order] for phi in found]

    if count == 0:
        return _length(term(0, None))
    if count == 1:
        return _length(term(1, vectors[0])) / norms[0]
    # Φ''[E, F] = ¼(Φ''[E + F, E + F] − Φ''[E − F, E − F]); a series holds ½Φ''.
    plus, minus = (
        term(2, [a + sign * b for a, b in zip(*vectors, strict=True)]) for sign in (1, -1)
    )
    mixed = [(a - b) / 2 for a, b in zip(plus, minus, strict=True)]
    return _length(mixed) / (norms[0] * norms[1])


def _vector(values: Any, size: int) -> list[arb]:
    if not isinstance(values, list) or len(values) != size:
        raise Refused(f"a direction of the witness is no list of {size} numbers")
    if not all(isinstance(x, float) and math.isfinite(x) for x in values):
        raise Refused("a direction of the witness holds something that is no finite number")
    return [arb(x) for x in values]


def _length(values: list[arb]) -> arb:
    return sum((v * v for v in values), arb(0)).sqrt()


def _series(at: list[arb], along: list[arb] | None, length: int) -> list[arb_series]:
    moved = along or [arb(0)] * len(at)
    return [arb_series([x, d], prec=length) for x, d in zip(at, moved, strict=True)]


def _rows(weights: list[arb_series], own: Parameters) -> Iterator[list[list[arb_series]]]:
    start = 0
    for rows, columns in own.shapes:
        yield [weights[start + i * columns :][:columns] for i in range(rows)]
        start += rows * columns


def _network(
    net: Chain, weights: Iterator[list[list[arb_series]]], x: list[arb_series]
) -> list[arb_series]:
    return _in_turn(net.written_out, weights, x)


def _in_turn(
    operations: Sequence[Any], weights: Iterator[list[list[arb_series]]], x: list[arb_series]
) -> list[arb_series]:
    for operation in operations:
        match operation:
            case Affine():
                ones = [arb_series([1], prec=x[0].prec)] if operation.bias else []
                x = [_dot(row, [*x, *ones]) for row in next(weights)]
            case Pointwise(activation):
                pieces = definition(activation)
                if pieces is None:
                    raise NotShown(f"the checker has no definition of {activation.spec}")
                x = [_applied(pieces, z, activation.spec) for z in x]
            case Scaling(scale, offset):
                x = [z * arb(s) + arb(o) for z, s, o in zip(x, scale, offset, strict=True)]
            case Residual(inside):
                after = _in_turn(inside, weights, x)
                x = [a + b for a, b in zip(x, after, strict=True)]
            case _:
                raise NotShown(f"the checker does not know {type(operation).__name__}")
    return x


def _dot(row: list[arb_series], x: list[arb_series]) -> arb_series:
    total = row[0] * x[0]
    for weight, value in zip(row[1:], x[1:], strict=True):
        total = total + weight * value
    return total


def _applied(pieces: tuple, z: arb_series, name: str) -> arb_series:
    for piece in pieces:
        right_of = piece.left is None or z[0] > piece.left
        left_of = piece.right is None or z[0] < piece.right
        if right_of and left_of:
            return piece.formula(z)
    raise NotShown(f"a neuron of the witness stands at a kink of {name}")

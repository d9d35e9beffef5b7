"""Φ and its directional derivatives at a point, as power series in ball arithmetic."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import reduce
from typing import Any

from flint import arb, arb_series

from ..networks import Affine, Chain, Pointwise, Residual, Scaling
from .definitions import definition
from .regions import Parameters, Refused
from .spans import NotShown

# In which spaces the directions of a witness lie: that of θ, that of σ.
_DIRECTIONS = {
    "value": "",
    "jacobian": "θ",
    "hessian": "θθ",
    "input_jacobian": "σ",
    "input_jacobian_max": "",
    "input_hessian": "σ",
    "mixed_hessian": "θσ",
}


def attained(
    net: Chain, quantity: str, sigma: list[arb], theta: list[arb], own: Parameters, directions: Any
) -> arb:
    """‖T(σ, θ)[directions]‖ over the product of the directions' norms.

    T is Φ, Φ'[E], Φ''[E, F], (∂Φ/∂σ)[v], (∂²Φ/∂σ²)[v, v] or (∂²Φ/∂θ∂σ)[E, v], a lower bound of the
    norm of T whatever the directions; or the largest sum of a row of |∂Φ/∂σ|.
    """
    spaces = _DIRECTIONS[quantity]
    if not isinstance(directions, list) or len(directions) != len(spaces):
        raise Refused(f"the witness of {quantity} needs {len(spaces)} directions")
    sizes = {"θ": len(theta), "σ": len(sigma)}
    vectors = [_vector(d, sizes[space]) for d, space in zip(directions, spaces, strict=True)]
    norms = [_length(v) for v in vectors]
    if not all(n > 0 for n in norms):
        raise Refused("a direction of the witness is no direction")

    def term(order: int, on_theta: list[arb] | None, on_sigma: list[arb] | None) -> list[arb]:
        weights, point = _series(theta, on_theta, order + 1), _series(sigma, on_sigma, order + 1)
        found = _network(net, iter(_rows(weights, own)), point)
        return [phi[order] for phi in found]

    def mixed(*pairs: tuple[list[arb] | None, list[arb] | None]) -> list[arb]:
        # T[a, b] = ¼(T[a + b, a + b] − T[a − b, a − b]); a series holds ½T.
        plus, minus = (term(2, *pair) for pair in pairs)
        return [(a - b) / 2 for a, b in zip(plus, minus, strict=True)]

    if quantity == "value":
        return _length(term(0, None, None))
    if quantity == "input_jacobian_max":
        columns = [
            term(1, None, [arb(int(i == j)) for i in range(len(sigma))]) for j in range(len(sigma))
        ]
        sums = [sum((abs(x) for x in row), arb(0)) for row in zip(*columns, strict=True)]
        return reduce(lambda a, b: a.max(b), sums)
    if quantity == "jacobian":
        return _length(term(1, vectors[0], None)) / norms[0]
    if quantity == "input_jacobian":
        return _length(term(1, None, vectors[0])) / norms[0]
    if quantity == "input_hessian":
        return 2 * _length(term(2, None, vectors[0])) / norms[0] ** 2
    first, second = vectors
    if quantity == "mixed_hessian":
        found = mixed((first, second), (first, [-x for x in second]))
    else:
        sums = ([a + sign * b for a, b in zip(first, second, strict=True)] for sign in (1, -1))
        found = mixed(*((both, None) for both in sums))
    return _length(found) / (norms[0] * norms[1])


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

"""ONNX operators that keep the values and their order: of the network's value, and of constants."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import numpy as np

from .model import ModelError, floating
from .onnx_node import Node

Shape = tuple[int, ...]

MOST_AXES = 32


def _keep(node: Node, shape: Shape) -> Shape:
    return shape


def _dropout(node: Node, shape: Shape) -> Shape:
    if node.given(2) and node.constants.array(node.proto.input[2]).any():
        raise node.error("it is in training mode; export the model for inference")
    return shape


def _cast(node: Node, shape: Shape) -> Shape:
    from onnx import TensorProto

    if node.attribute("to", 0) not in (TensorProto.FLOAT, TensorProto.DOUBLE):
        raise node.error("only casts to float and double are supported")
    return shape


def _reshape(node: Node, shape: Shape) -> Shape:
    wanted = node.integers(1) if node.given(1) else node.attribute("shape", [0])
    zeros = node.attribute("allowzero", 0)
    sizes = [
        shape[i] if size == 0 and not zeros and i < len(shape) else size
        for i, size in enumerate(wanted)
    ]
    if sizes.count(-1) == 1:
        rest = -prod(sizes)
        sizes[sizes.index(-1)] = prod(shape) // rest if rest > 0 else 0
    if prod(sizes) != prod(shape) or min(sizes, default=1) < 1 or len(sizes) > MOST_AXES:
        raise node.error(f"a value of shape {shape} cannot take the shape {tuple(wanted)}")
    return tuple(sizes)


def _flatten(node: Node, shape: Shape) -> Shape:
    axis = node.attribute("axis", 1)
    if not -len(shape) <= axis <= len(shape):
        raise node.error(f"axis {axis} is outside the shape {shape}")
    axis = axis + len(shape) if axis < 0 else axis
    return (prod(shape[:axis]), prod(shape[axis:]))


def _squeeze(node: Node, shape: Shape) -> Shape:
    axes = _axes(node, len(shape))
    if axes is None:
        axes = [i for i, size in enumerate(shape) if size == 1]
    if any(shape[i] != 1 for i in axes):
        raise node.error(f"axes {axes} of the shape {shape} are not all of size 1")
    return tuple(size for i, size in enumerate(shape) if i not in axes)


def _unsqueeze(node: Node, shape: Shape) -> Shape:
    count = len(node.integers(1)) if node.given(1) else len(node.optional("axes", "ints", []))
    axes = _axes(node, len(shape) + count)
    if axes is None or len(shape) + count > MOST_AXES:
        raise node.error(f"the axes are missing, or too many: at most {MOST_AXES} are supported")
    sizes = iter(shape)
    return tuple(1 if i in axes else next(sizes) for i in range(len(shape) + count))


def _axes(node: Node, rank: int) -> list[int] | None:
    axes = node.integers(1) if node.given(1) else node.optional("axes", "ints")
    if axes is None:
        return None
    whole = [axis + rank if axis < 0 else axis for axis in axes]
    if any(not 0 <= axis < rank for axis in whole) or len(set(whole)) < len(whole):
        raise node.error(f"axes {list(axes)} are not distinct axes of {rank}")
    return whole


def _transpose(node: Node, shape: Shape) -> Shape:
    order = node.attribute("perm", list(range(len(shape)))[::-1])
    if sorted(order) != list(range(len(shape))):
        raise node.error(f"perm {order} does not fit the shape {shape}")
    moved = [axis for axis in order if shape[axis] != 1]
    if moved != sorted(moved):
        raise node.error(f"perm {order} reorders a value of shape {shape}, which is not supported")
    return tuple(shape[axis] for axis in order)


SHAPING: dict[str, Callable[[Node, Shape], Shape]] = {
    "Identity": _keep,
    "Dropout": _dropout,
    "Cast": _cast,
    "Reshape": _reshape,
    "Flatten": _flatten,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Transpose": _transpose,
}


def fold(node: Node) -> None:
    """A node all of whose inputs are constants: its result becomes a constant too."""
    kind = node.proto.op_type
    if kind == "Constant":
        result = _constant(node)
    elif kind in SHAPING and node.proto.domain in ("", "ai.onnx") and node.given(0):
        array = node.constants.array(node.proto.input[0])
        if kind == "Transpose":
            order = node.attribute("perm", list(range(array.ndim))[::-1])
            if sorted(order) != list(range(array.ndim)):
                raise node.error(f"perm {order} does not fit the shape {array.shape}")
            result = array.transpose(order)
        elif kind == "Cast":
            result = _widened(node, array)
        else:
            result = array.reshape(SHAPING[kind](node, array.shape))
    else:
        raise node.error(
            "it computes with constants alone; of such nodes Constant and those that reshape are "
            "supported: simplify the model when it is exported"
        )
    for name in node.proto.output[:1]:
        node.constants.add(name, result)


def _constant(node: Node) -> object:
    if (tensor := node.optional("value", "t")) is not None:
        return tensor
    for name, kind, dtype in (
        ("value_float", "f", np.float32),
        ("value_floats", "floats", np.float32),
        ("value_int", "i", np.int64),
        ("value_ints", "ints", np.int64),
    ):
        if (value := node.optional(name, kind)) is not None:
            return np.asarray(value, dtype)
    raise node.error("its value is of a kind that is not supported")


def _widened(node: Node, array: np.ndarray) -> np.ndarray:
    from onnx import TensorProto

    to = {TensorProto.FLOAT: np.float32, TensorProto.DOUBLE: np.float64}.get(
        node.attribute("to", 0)
    )
    array = floating(array, node.where)
    if to is None or np.dtype(to).itemsize < array.dtype.itemsize:
        raise ModelError(f"{node.where}: only a cast of constants to a wider float is supported")
    return array.astype(to)

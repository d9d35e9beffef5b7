"""What each ONNX operator adds to a network."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import numpy as np

from ..operations import Affine
from .model import Assembly, floating
from .onnx_activations import ACTIVATIONS
from .onnx_node import Node
from .onnx_shaping import SHAPING, Shape

Operator = Callable[[Node, Assembly, Shape], Shape]


def _gemm(node: Node, net: Assembly, shape: Shape) -> Shape:
    """alpha·x·B + beta·C, x of shape (1, n); legacy files give x further axes of size 1."""
    if node.place != 0:
        raise node.error("the network's value must be input A")
    rows, columns = shape if len(shape) == 2 else (1, max(shape))
    if node.attribute("transA", 0):
        rows, columns = columns, rows
    if rows != 1 or columns != net.size:
        raise node.error(f"input A has the shape {shape}; a batch of one row is supported")
    weight = node.weights(1)
    if weight.ndim != 2:
        raise node.error(f"B has shape {weight.shape}; a matrix is expected")
    weight = weight if node.attribute("transB", 0) else weight.T
    net.affine(_scaled(node, weight, node.attribute("alpha", 1.0)), None, node.where)
    if node.given(2):
        bias = _scaled(node, node.weights(2), node.attribute("beta", 1.0))
        net.bias(_spread(node, bias, (1, net.size)), node.where)
    return (1, net.size)


def _matmul(node: Node, net: Assembly, shape: Shape) -> Shape:
    """x·B with x a row, or A·x with x a column or a vector."""
    weight = node.weights(1 - node.place if node.place in (0, 1) else 1)
    if weight.ndim > 2 and prod(weight.shape[:-2]) == 1:
        weight = weight.reshape(weight.shape[-2:])
    if weight.ndim != 2:
        raise node.error(f"the weights have shape {weight.shape}; a matrix is expected")
    if node.place == 0 and shape[-1] == net.size:
        net.affine(weight.T, None, node.where)
        return (*shape[:-1], net.size)
    column = len(shape) > 1 and shape[-2:] == (net.size, 1)
    if node.place == 1 and (column or shape == (net.size,)):
        net.affine(weight, None, node.where)
        return (*shape[:-2], net.size, 1) if column else (net.size,)
    raise node.error(f"the network's value has the shape {shape}; one row or column is supported")


def _conv(node: Node, net: Assembly, shape: Shape) -> Shape:
    """A convolution whose kernel covers its whole input, (1, channels, …), is an affine layer."""
    weight = node.weights(1)
    kernel = weight.shape[2:]
    ones = [1] * len(kernel)
    one_point = prod(kernel) == 1
    whole = (
        node.place == 0
        and shape == (1, *weight.shape[1:])
        and node.attribute("group", 1) == 1
        and not any(node.attribute("pads", [0]))
        and (node.attribute("dilations", ones) == ones or one_point)
        and (node.attribute("auto_pad", b"NOTSET") in (b"NOTSET", b"VALID") or one_point)
    )
    if not whole:
        raise node.error(
            f"a kernel of shape {weight.shape} on an input of shape {shape}; only kernels that "
            "cover the whole input, without padding, dilation or groups, are supported"
        )
    bias = node.weights(2) if node.given(2) else None
    net.affine(weight.reshape(len(weight), net.size), bias, node.where)
    return (1, net.size, *ones)


def _add(node: Node, net: Assembly, shape: Shape) -> Shape:
    last = net.operations[-1] if net.operations else None
    constant, result = _operand(node, shape)
    if isinstance(last, Affine) and not last.bias and constant.size == net.size:
        net.bias(constant.reshape(net.size), node.where)
    else:
        net.scaling(np.ones(1), _spread(node, constant, result), node.where)
    return result


def _subtract(node: Node, net: Assembly, shape: Shape) -> Shape:
    constant, result = _operand(node, shape)
    sign = 1.0 if node.place == 0 else -1.0
    net.scaling(np.full(1, sign), -sign * _spread(node, constant, result), node.where)
    return result


def _multiply(node: Node, net: Assembly, shape: Shape) -> Shape:
    constant, result = _operand(node, shape)
    net.scaling(_spread(node, constant, result), np.zeros(1), node.where)
    return result


def _divide(node: Node, net: Assembly, shape: Shape) -> Shape:
    constant, result = _operand(node, shape)
    if node.place != 0 or np.any(constant == 0):
        raise node.error("only division by a constant without zeros is supported")
    with np.errstate(over="ignore"):
        inverse = 1 / _spread(node, constant, result).astype(np.float64)
    net.scaling(inverse, np.zeros(1), node.where)
    return result


def _batch_normalization(node: Node, net: Assembly, shape: Shape) -> Shape:
    """gamma·(x − mean)/√(variance + epsilon) + beta, one of each a channel (axis 1)."""
    training = node.attribute("training_mode", 0)
    if node.opset < 7:
        training = not node.attribute("is_test", 0)
    if training or node.place != 0:
        raise node.error("it is in training mode; export the model for inference")
    channels = shape[1] if len(shape) > 1 else 1
    values = [node.weights(i).astype(np.float64) for i in (1, 2, 3, 4)]
    if any(value.shape != (channels,) for value in values):
        raise node.error(f"scale, B, mean and variance must each have shape ({channels},)")
    gamma, beta, mean, variance = values
    with np.errstate(all="ignore"):  # the assembly refuses what is not finite
        scale = gamma / np.sqrt(variance + node.attribute("epsilon", 1e-5))
        offset = beta - mean * scale
    each = net.size // channels
    net.scaling(np.repeat(scale, each), np.repeat(offset, each), node.where)
    return shape


def _operand(node: Node, shape: Shape) -> tuple[np.ndarray, Shape]:
    """The constant of an elementwise operation and the shape of the result."""
    constant = node.weights(1 - node.place if node.place in (0, 1) else 1)
    axis = node.attribute("axis", -1)
    if node.opset < 7 and node.attribute("broadcast", 0) and axis >= 0:
        behind = max(0, len(shape) - axis - constant.ndim)
        constant = constant.reshape(*constant.shape, *[1] * behind)
    try:
        result = np.broadcast_shapes(shape, constant.shape)
    except ValueError:
        result = ()
    if prod(result) != prod(shape) or len(result) < len(shape):
        raise node.error(
            f"a constant of shape {constant.shape} does not fit the value's shape {shape}"
        )
    return constant, result


def _spread(node: Node, constant: np.ndarray, shape: Shape) -> np.ndarray:
    try:
        return np.broadcast_to(constant, shape).reshape(-1)
    except ValueError:
        raise node.error(f"a constant of shape {constant.shape} does not fit {shape}") from None


def _scaled(node: Node, array: np.ndarray, factor: float) -> np.ndarray:
    # The product of two float32 numbers is exact in float64; it stays float32 where that is exact.
    if factor == 1:
        return array
    with np.errstate(over="ignore", invalid="ignore"):
        product = floating(array.astype(np.float64) * factor, f"{node.where} times {factor}")
        narrow = product.astype(array.dtype)
    return narrow if np.array_equal(narrow, product) else product


def _pointwise(node: Node, net: Assembly, shape: Shape) -> Shape:
    net.pointwise(ACTIVATIONS[node.proto.op_type](node), node.where)
    return shape


OPERATORS: dict[str, Operator] = {
    "Gemm": _gemm,
    "MatMul": _matmul,
    "Conv": _conv,
    "Add": _add,
    "Sub": _subtract,
    "Mul": _multiply,
    "Div": _divide,
    "BatchNormalization": _batch_normalization,
    **dict.fromkeys(ACTIVATIONS, _pointwise),
    **{name: lambda node, net, shape, own=own: own(node, shape) for name, own in SHAPING.items()},
}

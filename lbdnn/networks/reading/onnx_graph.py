"""Networks from ONNX files."""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import Any

from .model import Assembly, Model, ModelError, shown
from .onnx_node import Node
from .onnx_operators import OPERATORS
from .onnx_shaping import MOST_AXES, Shape, fold
from .onnx_tensors import Constants

_MISSING = "reading ONNX files needs the onnx extra: pip install 'lbdnn[onnx]'"
_MOST_NODES = 20_000


def read_onnx(path: Path) -> Model:
    """A graph whose nodes form one straight line from its input to its output.

    Gemm, MatMul and a Conv over its whole input become affine layers; an Add directly after one
    without bias is its bias. Adding, subtracting, multiplying or dividing by constants and batch
    normalisation become fixed scalings (in float64), which are not parameters. Reshaping keeps
    the order of the values; the batch, an axis of size 1 or of free size, is left out. A factor
    alpha or beta of Gemm is multiplied into the weights: exactly, in float64 if need be; only a
    float64 weight is rounded. Legacy files of opset < 7 are read with their own rules, also
    where Gemm's input has further axes of size 1.
    """
    try:
        import onnx
        from google.protobuf.message import DecodeError
    except ImportError:
        raise ImportError(_MISSING) from None
    try:
        model = onnx.load_model_from_string(path.read_bytes())
    except (DecodeError, ValueError, TypeError, RecursionError):
        raise ModelError("this is not a whole ONNX file") from None
    graph = model.graph
    if not graph.node:
        raise ModelError("this is no ONNX file, or its graph has no node")
    if len(graph.node) > _MOST_NODES:
        raise ModelError(f"the graph has {len(graph.node)} nodes; at most {_MOST_NODES} are read")
    opset = max((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), default=1)

    constants = Constants(path.parent)
    for tensor in graph.initializer:
        constants.add(tensor.name, tensor)
    current, shape = _input(graph, constants)
    assembly = Assembly(prod(shape))
    for proto in graph.node:
        place = _place(proto, current, constants)
        node = Node(proto, opset, constants, place)
        if place is None:
            fold(node)
        else:
            shape = _apply(node, assembly, shape)
            current = proto.output[0]
    outputs = [value.name for value in graph.output]
    if outputs != [current]:
        raise ModelError(
            f"the graph's outputs are {shown(outputs)}; its nodes end in {shown(current)}, and one "
            "output, the last node's, is supported"
        )
    return assembly.model(path.stem)


def _input(graph: Any, constants: Constants) -> tuple[Any, Shape]:
    from onnx import TensorProto

    # Before IR version 4 initialisers are listed among the inputs.
    inputs = [value for value in graph.input if value.name not in constants]
    if len(inputs) != 1:
        names = [value.name for value in inputs]
        raise ModelError(f"the graph has the inputs {shown(names)}; exactly one is supported")
    kind = inputs[0].type.tensor_type
    where = f"the graph's input {shown(inputs[0].name)}"
    floats = (TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.BFLOAT16)
    if kind.elem_type not in floats:
        raise ModelError(f"{where} is not floating-point")
    if not kind.HasField("shape"):
        raise ModelError(f"{where} has no stated shape")
    shape = [axis.dim_value if axis.HasField("dim_value") else 0 for axis in kind.shape.dim]
    if len(shape) > 1 and shape[0] < 1:
        shape[0] = 1  # a batch of free size
    if not shape or min(shape) < 1 or len(shape) > MOST_AXES:
        raise ModelError(
            f"{where} has the shape {shown(shape)} (0: free); from 1 to {MOST_AXES} axes, of which "
            "only the first, the batch, may be free, are supported"
        )
    return inputs[0].name, tuple(shape)


def _place(proto: Any, current: Any, constants: Constants) -> int | None:
    """Which input of the node is the network's value; None if all are constants."""
    places = [i for i, name in enumerate(proto.input) if name and name not in constants]
    if not places:
        return None
    if len(places) > 1 or proto.input[places[0]] != current:
        names = [proto.input[i] for i in places]
        raise ModelError(
            f"node {shown(proto.name or list(proto.output))} ({shown(proto.op_type)[1:-1]}) takes "
            f"{shown(names)}, not only the result of the node before it ({shown(current)}); only "
            "graphs that are one straight line are supported"
        )
    return places[0]


def _apply(node: Node, assembly: Assembly, shape: Shape) -> Shape:
    operator = None
    if node.proto.domain in ("", "ai.onnx"):
        operator = OPERATORS.get(node.proto.op_type)
    if operator is None:
        raise node.error(
            f"the operator is not supported; these are: {', '.join(sorted(OPERATORS))}"
        )
    if not any(node.proto.output[:1]):
        raise node.error("the node has no output")
    return operator(node, assembly, shape)

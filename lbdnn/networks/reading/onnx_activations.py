"""The names of ONNX's activation operators here."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .onnx_node import Node


def _clip(node: Node) -> str:
    if node.opset < 11:
        lower, upper = (node.optional(key, "f") for key in ("min", "max"))
    else:
        lower, upper = (_scalar(node, i) if node.given(i) else None for i in (1, 2))
    if (lower, upper) == (0, None):
        return "relu"
    if lower is None or upper is None:
        raise node.error(f"clipping to [{lower}, {upper}] is not supported; two ends are")
    return f"hardtanh({lower}, {upper})"


def _prelu(node: Node) -> str:
    return f"prelu({_scalar(node, 1)})"


def _scalar(node: Node, index: int) -> float:
    values = node.weights(index)
    if values.size == 0 or np.any(values != values.flat[0]):
        raise node.error(f"input {index} holds different values; one value is supported")
    return float(values.flat[0])


def _gelu(node: Node) -> str:
    return "gelu" if node.attribute("approximate", b"none") == b"none" else "gelu_tanh"


def _with(name: str, *attributes: tuple[str, float]) -> Callable[[Node], str]:
    # The default is that of the standard, the value that of the file, as float32 stores it.
    def spec(node: Node) -> str:
        values = [repr(float(node.attribute(key, default))) for key, default in attributes]
        return f"{name}({', '.join(values)})" if values else name

    return spec


def _selu(node: Node) -> str:
    # The standard's constants, as float32 rounds them.
    alpha, gamma = 1.67326319217681884765625, 1.05070102214813232421875
    own = node.attribute("alpha", alpha), node.attribute("gamma", gamma)
    if own != (alpha, gamma):
        raise node.error(f"alpha and gamma are {own}; only the standard's are supported")
    return "selu"


ACTIVATIONS: dict[str, Callable[[Node], str]] = {
    "Relu": _with("relu"),
    "LeakyRelu": _with("leaky_relu", ("alpha", 0.01)),
    "Elu": _with("elu", ("alpha", 1.0)),
    "Celu": _with("celu", ("alpha", 1.0)),
    "Selu": _selu,
    "HardSigmoid": _with("hardsigmoid", ("alpha", 0.2), ("beta", 0.5)),
    "Softplus": _with("softplus"),
    "Softsign": _with("softsign"),
    "Gelu": _gelu,
    "Mish": _with("mish"),
    "Tanh": _with("tanh"),
    "Sigmoid": _with("sigmoid"),
    "Sin": _with("sin"),
    "Atan": _with("arctan"),
    "Clip": _clip,
    "HardSwish": _with("hardswish"),
    "PRelu": _prelu,
}

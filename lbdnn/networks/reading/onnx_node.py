"""One node of an ONNX graph, as the operators see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .model import ModelError, shown
from .onnx_tensors import Constants


@dataclass(frozen=True)
class Node:
    """A node with the constants around it; `place` is the input that the network's value enters."""

    proto: Any
    opset: int
    constants: Constants
    place: int | None

    @property
    def where(self) -> str:
        """What to call it in a message."""
        name = self.proto.name or next(iter(self.proto.output), "")
        return f"node {shown(name)} ({shown(self.proto.op_type)[1:-1]})"

    def attribute(self, name: str, default: Any) -> Any:
        """An attribute of the kind of its default: int, float, bytes or a list of int."""
        kind = {int: "i", float: "f", bytes: "s", list: "ints"}[type(default)]
        return self.optional(name, kind, default)

    def optional(self, name: str, kind: str, default: Any = None) -> Any:
        """An attribute of that kind (the name of its field in ONNX), if it is there."""
        from onnx import AttributeProto

        kinds = {
            "i": AttributeProto.INT,
            "f": AttributeProto.FLOAT,
            "s": AttributeProto.STRING,
            "t": AttributeProto.TENSOR,
            "ints": AttributeProto.INTS,
            "floats": AttributeProto.FLOATS,
        }
        for attribute in self.proto.attribute:
            if attribute.name == name:
                if attribute.type != kinds[kind]:
                    raise self.error(f"attribute {name} has the wrong type")
                value = getattr(attribute, kind)
                return list(value) if kind in ("ints", "floats") else value
        return default

    def given(self, index: int) -> bool:
        """Whether the optional input is there."""
        return index < len(self.proto.input) and bool(self.proto.input[index])

    def weights(self, index: int) -> np.ndarray:
        """A constant input, as finite floating-point values."""
        return self.constants.weights(self._input(index))

    def integers(self, index: int) -> list[int]:
        """A constant input, as whole numbers."""
        return self.constants.integers(self._input(index))

    def error(self, text: str) -> ModelError:
        """An error that names the node."""
        return ModelError(f"{self.where}: {text}")

    def _input(self, index: int) -> Any:
        if not self.given(index) or self.proto.input[index] not in self.constants:
            raise self.error(f"input {index} is no constant; only constant weights are supported")
        return self.proto.input[index]

"""The constants of an ONNX graph: initialisers, Constant nodes, weights in a file beside it."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from .model import LARGEST_FILE, ModelError, floating, shown


class Constants:
    """Named constants, converted when they are first used."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._values: dict[Any, Callable[[], np.ndarray]] = {}

    def __contains__(self, name: Any) -> bool:
        return name in self._values

    def add(self, name: Any, value: Any) -> None:
        """A TensorProto or an array, under that name."""
        if isinstance(value, np.ndarray):
            self._values[name] = lambda: value
        else:
            self._values[name] = lambda: tensor_array(value, self._folder)

    def array(self, name: Any) -> np.ndarray:
        """The constant, as the file has it."""
        array = self._values[name]()
        self._values[name] = lambda: array
        return array

    def weights(self, name: Any) -> np.ndarray:
        """The constant as finite floating-point weights."""
        return floating(self.array(name), f"tensor {shown(name)}")

    def integers(self, name: Any) -> list[int]:
        """The constant as whole numbers: a shape, a list of axes."""
        array = self.array(name)
        if array.dtype.kind not in "iu" or array.ndim > 1:
            raise ModelError(f"tensor {shown(name)} is no list of whole numbers")
        return np.atleast_1d(array).tolist()


def tensor_array(tensor: Any, folder: Path) -> np.ndarray:
    """A TensorProto's values, their number checked against its shape first."""
    import onnx
    from onnx import numpy_helper

    where = f"tensor {shown(tensor.name)}"
    kinds = onnx.TensorProto
    bytes_each = {
        kinds.FLOAT: 4,
        kinds.DOUBLE: 8,
        kinds.FLOAT16: 2,
        kinds.BFLOAT16: 2,
        kinds.INT64: 8,
        kinds.INT32: 4,
        kinds.BOOL: 1,
    }
    if tensor.data_type not in bytes_each:
        raise ModelError(
            f"{where} has element type {_type_name(tensor.data_type)}; float, double, float16 and "
            "bfloat16 weights are supported"
        )
    if min(tensor.dims, default=1) < 0:
        raise ModelError(f"{where} has a negative dimension")
    count = math.prod(tensor.dims)
    size = count * bytes_each[tensor.data_type]
    if tensor.data_location == kinds.EXTERNAL:
        tensor = _with_raw(tensor, _external(tensor, size, folder, where))
    field = {
        kinds.FLOAT: tensor.float_data,
        kinds.DOUBLE: tensor.double_data,
        kinds.INT64: tensor.int64_data,
    }.get(tensor.data_type, tensor.int32_data)
    raw = tensor.HasField("raw_data")
    if (len(tensor.raw_data) != size) if raw else (len(field) != count):
        held = f"{len(tensor.raw_data)} bytes" if raw else f"{len(field)} values"
        raise ModelError(f"{where} of shape {tuple(tensor.dims)} holds {held}")
    try:
        return numpy_helper.to_array(tensor)
    except (ValueError, TypeError, OverflowError) as error:
        raise ModelError(f"{where} cannot be read ({shown(str(error))})") from None


def _type_name(kind: int) -> str:
    import onnx

    names = {value: name for name, value in onnx.TensorProto.DataType.items()}
    return names.get(kind, str(kind))


def _with_raw(tensor: Any, content: bytes) -> Any:
    import onnx

    own = onnx.TensorProto(name=tensor.name, dims=tensor.dims, data_type=tensor.data_type)
    own.raw_data = content
    return own


def _external(tensor: Any, size: int, folder: Path, where: str) -> bytes:
    # Only a plain file name beside the model: a path could lead anywhere on this machine.
    entries = {entry.key: entry.value for entry in tensor.external_data}
    name = entries.get("location", "")
    path = folder / str(name)
    try:
        offset = int(entries.get("offset", 0))
        plain = path.parent == folder and path.is_file() and not path.is_symlink()
    except (ValueError, OSError):
        offset, plain = 0, False
    if not plain or offset < 0:
        raise ModelError(
            f"{where} lies in {shown(name)}, which is no file in the model's own folder; keep the "
            "model's files together, or save it as one file"
        )
    if size > LARGEST_FILE or offset + size > path.stat().st_size:
        raise ModelError(f"{where} ends after its file {shown(name)} does")
    with path.open("rb") as file:
        file.seek(offset)
        return file.read(size)

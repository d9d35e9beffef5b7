"""Reading a network from a file of any supported format."""

from __future__ import annotations

import stat
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from ...activations import Activation
from .layers import Activations
from .model import LARGEST_FILE, Model, ModelError

_SUFFIXES = {".onnx": "onnx", ".nnet": "nnet", ".txt": "text", ".safetensors": "safetensors"}
_PICKLES = {".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".joblib"}
# The options that each format needs: what the file itself does not say.
_OPTIONS = {
    "onnx": set(),
    "nnet": set(),
    "text": {"activation", "output"},
    "safetensors": {"activation", "output", "layers", "activations"},
}


def read(
    path: str | PathLike[str],
    *,
    format: str | None = None,
    activation: Activations | None = None,
    output: str | Activation | None = None,
    layers: Sequence[str] | None = None,
    activations: Mapping[str, Activation] | None = None,
) -> Model:
    """The network in a file.

    | format | files | the file says |
    |---|---|---|
    | "onnx" | `.onnx` | everything; a straight line of operators |
    | "nnet" | `.nnet` | everything: ReLU, normalisation, a box of inputs |
    | "text" | `.txt`, a list of neurons | all but the activation (default: sigmoid throughout) |
    | "safetensors" | ours, by `write` | everything |
    | "safetensors" | a PyTorch state dict | weights and biases only |

    Files are at most 2 GiB (text 256 MiB), layers at most 2²⁰ values wide, chains at most 10 000
    operations long. Nothing is ever unpickled.

    **Arguments:**

    - `path`: the file.
    - `format`: one of the above; by default from the suffix, else from the content.
    - `activation`: for state dicts (required where there are hidden layers) and text: one for all
      hidden layers, or one a hidden layer.
    - `output`: for state dicts and text, the activation after the last layer; by default "linear"
      for state dicts, and for text `activation`.
    - `layers`: for state dicts, the layers' names in order, where they are not numbered.
    - `activations`: for our own format, those not in the library, by the names in the file.

    **Returns:** a `Model`. **Raises:** `ModelError`, one sentence; `ImportError` naming the extra
    to install.
    """
    path = Path(path)
    options = {
        "activation": activation,
        "output": output,
        "layers": layers,
        "activations": activations,
    }
    given = {key: value for key, value in options.items() if value is not None}
    try:
        _check_file(path)
        format = _format(path) if format is None else format
        if format not in _OPTIONS:
            raise ModelError(f"there is no format {format!r}; the formats are {_listed(_OPTIONS)}")
        if extra := given.keys() - _OPTIONS[format]:
            raise ModelError(f"the format {format!r} takes no {_listed(extra)}; leave it out")
        return _read(path, format, given)
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from None
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror})") from None
    except MemoryError:
        raise ModelError(f"{path}: too large for this machine's memory") from None


def _read(path: Path, format: str, options: dict[str, Any]) -> Model:
    # Imported here, so that a format's package is needed only by its files.
    match format:
        case "onnx":
            from .onnx_graph import read_onnx as reader
        case "nnet":
            from .nnet import read_nnet as reader
        case "text":
            from .neuron_list import read_neuron_list as reader
        case _:
            from .tensors import read_safetensors as reader
    return reader(path, **options)


def _check_file(path: Path) -> None:
    try:
        status = path.stat()
    except FileNotFoundError:
        raise ModelError("there is no such file") from None
    if not stat.S_ISREG(status.st_mode):
        raise ModelError("this is not a regular file")
    if status.st_size == 0:
        raise ModelError("the file is empty")
    if status.st_size > LARGEST_FILE:
        raise ModelError(
            f"the file has {status.st_size} bytes; at most {LARGEST_FILE} are supported"
        )


def _format(path: Path) -> str:
    suffix = path.suffix.lower()
    if suffix in _SUFFIXES:
        return _SUFFIXES[suffix]
    with path.open("rb") as file:
        head = file.read(64)
    if head[8:9] == b"{":
        return "safetensors"
    if suffix in _PICKLES or head.startswith((b"PK\x03\x04", b"\x80")):
        raise ModelError(
            "pickled files can run any code and are not read; in PyTorch save the state dict with "
            "safetensors.torch.save_file(model.state_dict(), 'model.safetensors')"
        )
    if head.startswith(b"//"):
        return "nnet"
    if head.startswith(b"\x08"):  # ir_version, the first field of an ONNX model
        return "onnx"
    if head.split()[:1] and head.split()[0].isdigit():
        return "text"
    raise ModelError(
        f"neither suffix nor content names a format; pass format= one of {_listed(_OPTIONS)}"
    )


def _listed(names: Any) -> str:
    return ", ".join(sorted(map(repr, names)))

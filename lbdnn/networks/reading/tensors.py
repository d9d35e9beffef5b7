"""safetensors files: our own format, or a PyTorch state dict."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ...activations import Activation
from .layers import Activations
from .model import Model, ModelError, floating, shown
from .native import KEY, from_description
from .state_dict import read_state_dict

_MISSING = "safetensors files need the safetensors extra: pip install 'lbdnn[safetensors]'"


def read_safetensors(
    path: Path,
    *,
    activation: Activations | None = None,
    output: str | Activation | None = None,
    layers: Any = None,
    activations: Any = None,
) -> Model:
    """Our own format if the file's metadata says so, else a state dict."""
    metadata, tensors = _load(path)
    if KEY in metadata:
        if activation is not None or output is not None or layers is not None:
            raise ModelError(
                "the file says its activations and layers itself; leave activation, output and "
                "layers out"
            )
        return from_description(metadata[KEY], tensors, activations or {}, path.stem)
    if activations is not None:
        raise ModelError(
            "activations= goes with files that lbdnn wrote; this is a state dict: pass activation="
        )
    return read_state_dict(
        tensors,
        name=path.stem,
        activation=activation,
        output="linear" if output is None else output,
        layers=layers,
    )


def _load(path: Path) -> tuple[dict[str, str], dict[str, np.ndarray]]:
    try:
        from safetensors import SafetensorError, safe_open
    except ImportError:
        raise ImportError(_MISSING) from None
    try:
        with safe_open(path, framework="numpy") as file:
            types = {key: file.get_slice(key).get_dtype() for key in file.keys()}  # noqa: SIM118
            for key, dtype in types.items():
                if dtype not in ("F64", "F32", "F16", "BF16"):
                    raise ModelError(
                        f"tensor {shown(key)} holds {dtype}; F64, F32, F16 or BF16 is supported"
                    )
            tensors = {key: file.get_tensor(key) for key in types}
            metadata = file.metadata() or {}
    except SafetensorError as error:
        raise ModelError(f"this is not a whole safetensors file ({error})") from None
    return metadata, {k: floating(v, f"tensor {shown(k)}") for k, v in tensors.items()}

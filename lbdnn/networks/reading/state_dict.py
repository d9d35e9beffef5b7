"""PyTorch state dicts of multilayer perceptrons, saved as safetensors."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...activations import Activation
from .layers import Activations, assemble
from .model import Model, ModelError, shown


def read_state_dict(
    tensors: Mapping[str, np.ndarray],
    *,
    name: str,
    activation: Activations | None = None,
    output: str | Activation = "linear",
    layers: Sequence[str] | None = None,
) -> Model:
    """Linear layers "PREFIX.weight" (n_out, n_in) with or without "PREFIX.bias" (n_out,).

    The prefixes are ordered by the numbers in them ("0", "2", "4" or "fc1", "fc2"); where they
    differ in more than numbers their order is not known and `layers` must list them.
    """
    prefixes = {key.rpartition(".")[0] for key in tensors}
    for key in tensors:
        prefix, _, kind = key.rpartition(".")
        if kind not in ("weight", "bias") or _key(prefix, "weight") not in tensors:
            raise ModelError(
                f"tensor {shown(key)} is no part of a linear layer; only layers with tensors "
                "'PREFIX.weight' and 'PREFIX.bias' are supported"
            )
    order = _ordered(prefixes) if layers is None else list(layers)
    if sorted(order) != sorted(prefixes):
        raise ModelError(
            f"layers lists {shown(order)}; the file has the layers {shown(sorted(prefixes))}"
        )

    def layer(prefix: str) -> tuple[str, Any, str, Any]:
        weight, bias = _key(prefix, "weight"), _key(prefix, "bias")
        return (
            f"tensor {shown(weight)}",
            tensors[weight],
            f"tensor {shown(bias)}",
            tensors.get(bias),
        )

    return assemble([layer(p) for p in order], activation=activation, output=output, name=name)


def _key(prefix: str, kind: str) -> str:
    return f"{prefix}.{kind}" if prefix else kind


def _ordered(prefixes: set[str]) -> list[str]:
    if len({re.sub(r"[0-9]+", "#", prefix) for prefix in prefixes}) > 1:
        raise ModelError(
            f"the layers {shown(sorted(prefixes))} differ in more than numbers, so their order is "
            "not known; pass layers=('first', 'second', …)"
        )
    return sorted(prefixes, key=_numbers)


def _numbers(prefix: str) -> tuple[list[tuple[int, str]], str]:
    # Digits compare by length, then as text: as the numbers do, however long.
    digits = [n.lstrip("0") for n in re.findall(r"[0-9]+", prefix)]
    return [(len(n), n) for n in digits], prefix

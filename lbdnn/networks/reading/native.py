"""Our own format: safetensors, with the network's structure as JSON in the metadata."""

from __future__ import annotations

import json
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from ...activations import Activation, get
from ...files import write_whole
from ..chain import Chain, Theta
from ..operations import Affine, Operation, Pointwise, Repeat, Residual, Scaling
from .model import LARGEST_LAYER, MOST_OPERATIONS, Model, ModelError, floating, named, shown

KEY = "lbdnn"
_VERSION = 1


def write(
    path: str | PathLike[str],
    net: Chain,
    theta: Theta,
    *,
    inputs: tuple[Any, Any] | None = None,
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Writes a network to a safetensors file that `read` gives back bit for bit.

    Tensors V0, V1, … are the matrices V_jᵀ, (n_out, n_in + bias), in float32 or float64 (float16
    and bfloat16 are widened to float32). The metadata entry "lbdnn" is JSON: the operations,
    with an activation as its name; one that is not in the library is read back by
    `read(path, activations={name: activation})`. The file appears whole or not at all.

    **Arguments:**

    - `path`: the file, with suffix `.safetensors`; an existing one is replaced.
    - `net`, `theta`: the network and its parameters.
    - `inputs`: optionally a box (lo, hi) of inputs, each (n,), to be kept with it.
    - `metadata`: optionally entries to be kept beside "lbdnn" in the file's metadata.

    **Raises:** `ModelError`, or `ImportError` naming the extra to install.
    """
    try:
        from safetensors.numpy import save
    except ImportError:
        raise ImportError(
            "writing networks needs the safetensors extra: pip install 'lbdnn[safetensors]'"
        ) from None
    path = Path(path)
    if path.suffix != ".safetensors":
        raise ModelError(f"{path}: a network is written to a file with suffix .safetensors")
    try:
        net.validate(theta)
        text = _description(net, inputs)
    except (ValueError, TypeError) as error:
        raise ModelError(f"{path}: the network cannot be written: {error}") from None
    tensors = {
        f"V{j}": np.ascontiguousarray(floating(w, f"layer {j}"))
        for j, w in enumerate(net.weights(theta))
    }
    # What is written must read back as this network, or it is not written.
    own = {activation.spec: activation for activation in net.activations}
    if from_description(text, tensors, own, path.stem).net != net:
        raise ModelError(f"{path}: two different activations of this network share a name")
    write_whole(path, save(tensors, {**(metadata or {}), KEY: text}))


def _description(net: Chain, inputs: tuple[Any, Any] | None) -> str:
    content: dict[str, Any] = {
        "version": _VERSION,
        "inputs": net.inputs,
        "operations": [_described(operation) for operation in net.operations],
    }
    if inputs is not None:
        ends = [np.broadcast_to(np.asarray(end, float), net.inputs) for end in inputs]
        content["box"] = [end.tolist() for end in ends]
    return json.dumps(content, allow_nan=False)


def _described(operation: Operation) -> dict[str, Any]:
    match operation:
        case Affine():
            return {"affine": [operation.n_in, operation.n_out], "bias": operation.bias}
        case Pointwise(activation):
            spec = activation.spec
            return {"activation": spec, "custom": not _in_library(spec, activation)}
        case Scaling(scale, offset):
            return {"scale": [*map(float, scale)], "offset": [*map(float, offset)]}
        case Repeat(operations, times):
            return {"repeat": [_described(one) for one in operations], "times": times}
        case Residual(operations):
            return {"residual": [_described(one) for one in operations]}
    raise ModelError(f"an operation {type(operation).__name__} cannot be written")


def _in_library(spec: str, activation: Activation) -> bool:
    try:
        return get(spec) == activation
    except ValueError:
        return False


def from_description(
    text: str,
    tensors: Mapping[str, np.ndarray],
    activations: Mapping[str, Activation],
    name: str,
) -> Model:
    """The model of the metadata's JSON and the tensors."""
    try:
        description = json.loads(text)
        if description["version"] != _VERSION:
            raise ModelError(
                f"the file's version is {shown(description['version'])}; {_VERSION} is supported"
            )
        inputs = _whole(description["inputs"], LARGEST_LAYER)
        net = Chain(_Structure(activations).operations(description["operations"]), inputs)
        box = _box(description.get("box"), inputs)
        if set(tensors) != {f"V{j}" for j in range(len(net.affine))}:
            raise ModelError(
                f"the network has {len(net.affine)} layers V0, V1, …; the file has the tensors "
                f"{shown(sorted(tensors))}"
            )
        theta = net.with_weights([tensors[f"V{j}"] for j in range(len(net.affine))])
    except ModelError:
        raise
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ModelError(
            f"the metadata and tensors are no network that lbdnn wrote ({shown(str(error))})"
        ) from None
    return Model(net, theta, name, box)


def _box(ends: Any, inputs: int) -> tuple[np.ndarray, np.ndarray] | None:
    if ends is None:
        return None
    lo, hi = (np.array(end, np.float64) for end in ends)
    finite = np.all(np.isfinite(lo)) and np.all(np.isfinite(hi))
    if not (lo.shape == hi.shape == (inputs,) and finite and np.all(lo <= hi)):
        raise ModelError("the box of inputs is not one of finite numbers lo <= hi, one an input")
    return lo, hi


def _whole(value: Any, largest: int) -> int:
    if type(value) is not int or not 1 <= value <= largest:
        raise ModelError(f"{shown(value)} is no whole number from 1 to {largest}")
    return value


class _Structure:
    """Reads operations, counting them so that no small file can ask for a huge network."""

    def __init__(self, activations: Mapping[str, Activation]) -> None:
        self.activations = activations
        self.count = 0

    def operations(self, entries: Any, times: int = 1) -> tuple[Operation, ...]:
        self.count += times * max(len(entries), 1)
        if not isinstance(entries, list) or self.count > MOST_OPERATIONS:
            raise ModelError(f"the network needs a list of at most {MOST_OPERATIONS} operations")
        return tuple(self._operation(entry, times) for entry in entries)

    def _operation(self, entry: dict[str, Any], times: int) -> Operation:
        match entry:
            case {"affine": [n_in, n_out], "bias": bool(bias)}:
                return Affine(_whole(n_in, LARGEST_LAYER), _whole(n_out, LARGEST_LAYER), bias)
            case {"activation": str(spec), "custom": bool(custom)}:
                return Pointwise(self._activation(spec, custom))
            case {"scale": [*scale], "offset": [*offset]}:
                return Scaling(tuple(map(_finite, scale)), tuple(map(_finite, offset)))
            case {"repeat": [*inside], "times": repeated}:
                repeated = _whole(repeated, MOST_OPERATIONS)
                return Repeat(self.operations(inside, times * repeated), repeated)
            case {"residual": [*inside]}:
                return Residual(self.operations(inside, times))
        raise ModelError(
            f"operation {shown(entry)} is unknown; affine, activation, scale with offset, "
            "repeat and residual are supported"
        )

    def _activation(self, spec: str, custom: bool) -> Activation:
        if spec in self.activations:
            return self.activations[spec]
        if not custom:
            return named(spec, "the network")
        raise ModelError(
            f"the activation {shown(spec)} is its writer's own; pass activations={{{spec!r}: …}}"
        )


def _finite(value: Any) -> float:
    if not isinstance(value, float) or value - value != 0:
        raise ModelError(f"{shown(value)} in a scaling is no finite number")
    return value

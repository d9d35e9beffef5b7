"""Networks given as lists of weights and biases."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...activations import Activation
from .model import Assembly, Model, ModelError, floating

Activations = str | Activation | Sequence[str | Activation]


def from_layers(
    layers: Sequence[tuple[Any, Any]],
    *,
    activation: Activations | None = None,
    output: str | Activation = "linear",
    name: str = "layers",
) -> Model:
    """The network of layers x ↦ Wx + b with activations between them.

    **Arguments:**

    - `layers`: pairs (W, b), W of shape (n_out, n_in), b of shape (n_out,) or None: such a layer
      has no bias parameter. NumPy or JAX arrays or nested lists, floating-point.
    - `activation`: one for all hidden layers, or one a hidden layer; not needed for one layer.
    - `output`: "linear" or an activation after the last layer.
    - `name`: the model's name.

    **Returns:** a `Model`. **Raises:** `ModelError`.
    """
    try:
        pairs = [(weight, bias) for weight, bias in layers]
    except (TypeError, ValueError):
        raise ModelError("layers must be a sequence of pairs (W, b), b None without bias") from None
    return assemble(
        [(f"W of layer {j}", w, f"b of layer {j}", b) for j, (w, b) in enumerate(pairs)],
        activation=activation,
        output=output,
        name=name,
    )


def assemble(
    layers: Sequence[tuple[str, Any, str, Any]],
    *,
    activation: Activations | None,
    output: str | Activation,
    name: str,
) -> Model:
    """As `from_layers`, each layer (name of W, W, name of b, b)."""
    if not layers:
        raise ModelError("there is no layer; at least one is needed")
    between = hidden_activations(activation, len(layers) - 1)
    net: Assembly | None = None
    for j, (weight_name, weight, bias_name, bias) in enumerate(layers):
        weight = floating(weight, weight_name)
        if weight.ndim != 2:
            raise ModelError(
                f"{weight_name} has shape {weight.shape}; (outputs, inputs) is expected"
            )
        if net is None:
            net = Assembly(weight.shape[1])
        else:
            net.pointwise(between[j - 1], f"layer {j - 1}")
        net.affine(weight, None, weight_name)
        if bias is not None:
            net.bias(floating(bias, bias_name), bias_name)
    assert net is not None
    net.pointwise(output, "the output")
    return net.model(name)


def hidden_activations(activation: Activations | None, count: int) -> Sequence[str | Activation]:
    """One activation a hidden layer."""
    if count == 0 and activation is None:
        return ()
    if activation is None:
        raise ModelError(
            f"weights do not say which activation stands between the {count + 1} layers; pass "
            "activation='tanh', or another name, or a list of one a hidden layer"
        )
    if isinstance(activation, str | Activation):
        return [activation] * count
    if len(activation) != count:
        raise ModelError(f"{count} hidden layers need {count} activations; got {len(activation)}")
    return activation

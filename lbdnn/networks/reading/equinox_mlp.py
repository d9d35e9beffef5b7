"""Networks from equinox's multilayer perceptron."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from ...activations import Activation
from .layers import from_layers
from .model import Model, ModelError, shown

# The defaults are those of the functions' signatures.
_NAMES: dict[Callable[..., Any], tuple[str, dict[str, float | bool]]] = {
    jax.nn.relu: ("relu", {}),
    jax.nn.leaky_relu: ("leaky_relu", {"negative_slope": 0.01}),
    jax.nn.elu: ("elu", {"alpha": 1.0}),
    jax.nn.celu: ("celu", {"alpha": 1.0}),
    jax.nn.selu: ("selu", {}),
    jax.nn.sigmoid: ("sigmoid", {}),
    jax.lax.logistic: ("sigmoid", {}),
    jax.nn.log_sigmoid: ("logsigmoid", {}),
    jax.nn.silu: ("silu", {}),
    jax.nn.mish: ("mish", {}),
    jax.nn.softplus: ("softplus", {}),
    jax.nn.soft_sign: ("softsign", {}),
    jax.nn.hard_tanh: ("hardtanh", {}),
    jax.nn.relu6: ("relu6", {}),
    jax.nn.hard_sigmoid: ("hardsigmoid", {}),
    jax.nn.hard_silu: ("hardswish", {}),
    jnp.tanh: ("tanh", {}),
    jax.lax.tanh: ("tanh", {}),
    jnp.sin: ("sin", {}),
    jax.lax.sin: ("sin", {}),
    jnp.arctan: ("arctan", {}),
    jnp.atan: ("arctan", {}),
    jax.lax.atan: ("arctan", {}),
}
_LINEAR = (
    jax.nn.identity,
    inspect.signature(eqx.nn.MLP.__init__).parameters["final_activation"].default,
)


def from_equinox(
    mlp: eqx.nn.MLP,
    *,
    activation: str | Activation | None = None,
    output: str | Activation | None = None,
    name: str = "mlp",
) -> Model:
    """The network of an `eqx.nn.MLP`.

    Its activations are recognised where they are functions of `jax.nn`, `jax.numpy` or `jax.lax`
    (or a `functools.partial` of one with its keyword). An input or output of size "scalar" becomes
    one of size 1.

    **Arguments:**

    - `mlp`: the perceptron.
    - `activation`, `output`: what its hidden layers and its output apply, where they cannot be
      recognised (a function of your own); "linear" for none.
    - `name`: the model's name.

    **Returns:** a `Model`. **Raises:** `ModelError`.
    """
    if not isinstance(mlp, eqx.nn.MLP):
        raise ModelError(f"from_equinox takes an eqx.nn.MLP; got {type(mlp).__name__}")
    layers = [(layer.weight, layer.bias) for layer in _unstacked(mlp)]
    if activation is None and mlp.depth > 0:
        activation = _recognised(mlp.activation, "activation")
    if mlp.depth == 0:
        output = "linear"  # equinox applies no activation where there is no hidden layer
    elif output is None:
        output = _recognised(mlp.final_activation, "final_activation", "output")
    return from_layers(layers, activation=activation, output=output, name=name)


def _unstacked(mlp: eqx.nn.MLP) -> list[Any]:
    # With scan=True the hidden layers are one Linear whose arrays have a leading axis.
    if not (mlp.scan and mlp.depth > 0):
        return list(mlp.layers)
    first, hidden, last = mlp.layers
    one = [jax.tree.map(lambda leaf, i=i: leaf[i], hidden) for i in range(mlp.depth - 1)]
    return [first, *one, last]


def _recognised(function: Callable[..., Any], field: str, argument: str = "activation") -> str:
    if any(function is linear for linear in _LINEAR) or isinstance(function, eqx.nn.Identity):
        return "linear"
    keywords: dict[str, Any] = {}
    base = function
    if isinstance(function, partial) and not function.args:
        base, keywords = function.func, function.keywords
    if base is jax.nn.gelu and set(keywords) <= {"approximate"}:
        return "gelu_tanh" if keywords.get("approximate", True) else "gelu"
    try:
        known = _NAMES.get(base)
    except TypeError:  # unhashable
        known = None
    if known is not None and set(keywords) <= set(known[1]):
        name, defaults = known
        values = [float(v) for v in {**defaults, **keywords}.values()]
        return f"{name}({', '.join(map(repr, values))})" if values else name
    raise ModelError(
        f"the perceptron's {field} is {shown(function)}, which is not recognised; name it by "
        f"{argument}='tanh', or as it is called in lbdnn.activations.names()"
    )

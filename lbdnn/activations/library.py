"""The activations that the library knows by name."""

from __future__ import annotations

import difflib
import inspect
import re
from collections.abc import Callable

from .activation import Activation
from .algebraic import blu, softsign
from .exponential import celu, elu, pelu, selu
from .gated import gelu, gelu_tanh, silu
from .hard_gates import hardshrink, hardswish
from .mish import mish
from .piecewise_linear import (
    aplu,
    hardsigmoid,
    hardtanh,
    identity,
    leaky_relu,
    prelu,
    relu,
    relu6,
    rrelu,
    softshrink,
)
from .sigmoidal import arctan, logistic, logsigmoid, softplus, tanh, tanhshrink
from .sinusoidal import sin
from .soft_exponential import soft_exponential

_FIXED = (
    arctan, gelu, gelu_tanh, hardswish, identity, logistic, logsigmoid, mish, relu, relu6, selu,
    silu, sin, softplus, softsign, tanh, tanhshrink,
)  # fmt: skip
_FAMILIES = (
    aplu, blu, celu, elu, hardshrink, hardsigmoid, hardtanh, leaky_relu, pelu, prelu, rrelu,
    soft_exponential, softshrink,
)  # fmt: skip
_ALIASES = {
    "sigmoid": "logistic",
    "swish": "silu",
    "linear": "identity",
    "atan": "arctan",
    "sine": "sin",
}


def names() -> tuple[str, ...]:
    """The names that `get` takes, in alphabetical order."""
    return tuple(sorted([a.name for a in _FIXED] + [family.__name__ for family in _FAMILIES]))


def get(name: str, *parameters: float) -> Activation:
    """The activation of that name, with those parameters or its usual ones.

    Upper case, spaces, hyphens and underscores do not matter. The parameters may stand in the name,
    as in an activation's `spec`: `get("leaky_relu", 0.2)` is `get("leaky_relu(0.2)")`.

    **Raises:** ValueError for a name that is not in `names()` (nor sigmoid, swish, linear, atan,
    sine), and for parameters that the activation does not take.
    """
    if not isinstance(name, str):
        raise ValueError(f"an activation's name must be a string; got {name!r}")
    match = re.fullmatch(r"\s*([^()]*?)\s*(?:\(([^()]*)\))?\s*", name)
    if not match or (match[2] is not None and parameters):
        raise ValueError(f"write an activation as name or name(number, …); got {name!r}")
    if match[2] and match[2].strip():
        try:
            parameters = tuple(float(number) for number in match[2].split(","))
        except ValueError:
            raise ValueError(f"the parameters in {name!r} must be numbers") from None
    known = _known()
    entry = known.get(_key(match[1]))
    if entry is None:
        near = difflib.get_close_matches(_key(match[1]), known, n=1, cutoff=0.5)
        hint = f" (did you mean {_name(known[near[0]])!r}?)" if near else ""
        raise ValueError(f"unknown activation {match[1]!r}{hint}; known are {', '.join(names())}")
    if isinstance(entry, Activation):
        if parameters:
            raise ValueError(f"{entry.name} takes no parameters; got {len(parameters)}")
        return entry
    try:
        inspect.signature(entry).bind(*parameters)
    except TypeError:
        taken = ", ".join(inspect.signature(entry).parameters)
        raise ValueError(
            f"{_name(entry)} takes the parameters ({taken}); got {len(parameters)}"
        ) from None
    return entry(*parameters)


def _known() -> dict[str, Activation | Callable[..., Activation]]:
    known: dict[str, Activation | Callable[..., Activation]] = {}
    for entry in (*_FIXED, *_FAMILIES):
        known[_key(_name(entry))] = entry
    return known | {alias: known[target] for alias, target in _ALIASES.items()}


def _name(entry: Activation | Callable[..., Activation]) -> str:
    return entry.name if isinstance(entry, Activation) else entry.__name__


def _key(name: str) -> str:
    return re.sub(r"[\s_-]", "", name.lower())

"""The activations that the library knows by name."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp

from .activation import Activation

_INF = math.inf
_Z2 = math.atanh(1 / math.sqrt(3))
_C2 = 4 / (3 * math.sqrt(3))

tanh = Activation(
    "tanh",
    jnp.tanh,
    extremes=((), ((0.0, 1.0),), ((-_Z2, _C2), (_Z2, -_C2)), ((0.0, -2.0),)),
    limits=((-1.0, 1.0), (0.0, 0.0), (0.0, 0.0), (0.0, 0.0)),
    growth=(0.0, 1.0),
)
relu = Activation(
    "relu",
    jax.nn.relu,
    extremes=((), ((0.0, 0.0), (0.0, 1.0)), ((0.0, -_INF), (0.0, _INF)), ((0.0, -_INF), (0.0, _INF))),
    limits=((0.0, _INF), (0.0, 1.0), (0.0, 0.0), (0.0, 0.0)),
    growth=(1.0, 0.0),
)
identity = Activation(
    "identity",
    lambda x: x,
    extremes=((), (), (), ()),
    limits=((-_INF, _INF), (1.0, 1.0), (0.0, 0.0), (0.0, 0.0)),
    growth=(1.0, 0.0),
)
_LIBRARY = {a.name: a for a in (tanh, relu, identity)}


def names() -> tuple[str, ...]:
    """The names that `get` takes."""
    return tuple(sorted(_LIBRARY))


def get(name: str) -> Activation:
    """The activation of that name."""
    return _LIBRARY[name]

"""The sine, the library's periodic activation."""

from __future__ import annotations

import math

import jax.numpy as jnp
from jaxtyping import Array

from .activation import Activation


def _sin(x: Array) -> Array:
    return jnp.sin(x)


def _sin1(x: Array) -> Array:
    return jnp.cos(x)


def _sin2(x: Array) -> Array:
    return -jnp.sin(x)


def _sin3(x: Array) -> Array:
    return -jnp.cos(x)


_QUARTER = math.pi / 2

sin = Activation(
    "sin",
    _sin,
    extremes=(
        ((-_QUARTER, -1.0), (_QUARTER, 1.0)),
        ((0.0, 1.0), (math.pi, -1.0)),
        ((-_QUARTER, 1.0), (_QUARTER, -1.0)),
        ((0.0, -1.0), (math.pi, 1.0)),
    ),
    limits=((0.0, 0.0),) * 4,
    growth=(0.0, 1.0),
    derivatives=(_sin1, _sin2, _sin3),
    period=math.tau,
    formula=r"\sin z",
)

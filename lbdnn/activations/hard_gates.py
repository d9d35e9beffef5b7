"""Hardshrink, which jumps, and hardswish, which is made of lines and a parabola."""

from __future__ import annotations

import math
from functools import cache

import jax.numpy as jnp
from jaxtyping import Array

from .activation import Activation
from .constants import parameter
from .piecewise_linear import Steps

_INF = math.inf
_ZEROS = ((0.0, 0.0), (0.0, 0.0))


def _zero(x: Array, *parameters: float) -> Array:
    return jnp.zeros_like(x)


def _hardshrink(x: Array, threshold: float) -> Array:
    return jnp.where(jnp.abs(x) <= threshold, 0, x)


def _outside(x: Array, threshold: float) -> Array:
    return jnp.where(jnp.abs(x) <= threshold, 0, jnp.ones_like(x))


@cache
def hardshrink(threshold: float = 0.5) -> Activation:
    """0 on [−threshold, threshold], z outside; threshold ≥ 0. It jumps at the ends."""
    t = parameter("hardshrink", "threshold", threshold, lowest=0)
    jumps = (-t, t) if t else ()
    undefined = tuple((z, v) for z in jumps for v in (-_INF, _INF))
    return Activation(
        "hardshrink",
        _hardshrink,
        extremes=(tuple((z, v) for z in jumps for v in (0.0, z)), undefined, undefined, undefined),
        limits=((-_INF, _INF), (1.0, 1.0), *_ZEROS),
        growth=(1.0, 0.0),
        parameters=(t,),
        derivatives=(_outside if t else Steps((), (1.0,)), _zero, _zero),
        formula=r"z \; [|z| > \lambda]",
    )


def _hardswish(x: Array) -> Array:
    return x * (jnp.clip(x + 3, 0, 6) / 6)


def _hardswish1(x: Array) -> Array:
    return jnp.where(x > 3, 1, jnp.where(x > -3, (2 * x + 3) / 6, 0))


_KINKS = ((-3.0, -_INF), (-3.0, _INF), (3.0, -_INF), (3.0, _INF))

hardswish = Activation(
    "hardswish",
    _hardswish,
    extremes=(
        ((-1.5, -0.375),),
        ((-3.0, 0.0), (-3.0, -0.5), (3.0, 1.5), (3.0, 1.0)),
        _KINKS,
        _KINKS,
    ),
    limits=((0.0, _INF), (0.0, 1.0), *_ZEROS),
    growth=(1.0, 0.0),
    derivatives=(_hardswish1, Steps((-3.0, 3.0), (0.0, 1 / 3, 0.0)), _zero),
    formula=r"z \min(\max(z/6 + 1/2, 0), 1)",
)

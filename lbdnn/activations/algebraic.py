"""Activations made from +, ×, / and roots: softsign and bendable linear units."""

from __future__ import annotations

import math
from functools import cache

import jax.numpy as jnp
from jaxtyping import Array

from .activation import Activation
from .constants import parameter

_INF = math.inf
_ZEROS = ((0.0, 0.0), (0.0, 0.0))
_UNDEFINED = ((0.0, -_INF), (0.0, _INF))


def _softsign(x: Array) -> Array:
    return x / (1 + jnp.abs(x))


def _softsign1(x: Array) -> Array:
    return (1 / (1 + jnp.abs(x))) ** 2


def _softsign2(x: Array) -> Array:
    return jnp.where(x < 0, 2, -2) * (1 / (1 + jnp.abs(x))) ** 3


def _softsign3(x: Array) -> Array:
    return 6 * (1 / (1 + jnp.abs(x))) ** 4


softsign = Activation(
    "softsign",
    _softsign,
    extremes=((), ((0.0, 1.0),), ((0.0, 2.0), (0.0, -2.0)), _UNDEFINED),
    limits=((-1.0, 1.0), (0.0, 0.0), *_ZEROS),
    growth=(0.0, 1.0),
    derivatives=(_softsign1, _softsign2, _softsign3),
    formula=r"\frac{z}{1 + |z|}",
)


def _blu(x: Array, beta: float) -> Array:
    # ς(z) = z(1 + |β|q), q = y/(1 + √(y²+1)), y = ±z. Towards y = −∞ q is near −1, so there
    # z(1 + q) is computed as z/(1 + √(y²+1))·(1 + 1/(√(y²+1) + |y|)).
    size = abs(beta)
    y = math.copysign(1.0, beta) * x
    root = jnp.hypot(y, 1)
    flattened = (1 - size) * x + size * (x / (1 + root) * (1 + 1 / (root + jnp.abs(y))))
    return jnp.where(y < 0, flattened, x * (1 + size * (y / (1 + root))))


def _blu1(x: Array, beta: float) -> Array:
    y = math.copysign(1.0, beta) * x
    root = jnp.hypot(y, 1)
    bent = jnp.where(y < 0, 1 / root / (root + jnp.abs(y)), 1 + y / root)
    return (1 - abs(beta)) + abs(beta) * bent


def _blu2(x: Array, beta: float) -> Array:
    return beta * (1 / jnp.hypot(x, 1)) ** 3


def _blu3(x: Array, beta: float) -> Array:
    inverse = 1 / jnp.hypot(x, 1)
    return -3 * beta * (x * inverse) * inverse**4


@cache
def blu(beta: float = 0.0) -> Activation:
    """Bendable linear unit β(√(z²+1) − 1) + z, −1 ≤ β ≤ 1 (Godfrey 2019); β is learned, from 0."""
    beta = parameter("blu", "beta", beta, -1, 1)
    steepest = -1.5 * beta * 0.8**2.5
    return Activation(
        "blu",
        _blu,
        extremes=((), (), ((0.0, beta),), ((-0.5, -steepest), (0.5, steepest))),
        limits=(
            (-1.0 if beta == 1 else -_INF, 1.0 if beta == -1 else _INF),
            (1 - beta, 1 + beta),
            *_ZEROS,
        ),
        growth=(1 + abs(beta), 0.0),
        parameters=(beta,),
        derivatives=(_blu1, _blu2, _blu3),
        formula=r"\beta(\sqrt{z^2 + 1} - 1) + z",
    )

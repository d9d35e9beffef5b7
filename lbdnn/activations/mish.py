"""Mish: z times the tanh of the softplus.

Its critical points have no closed form: zeros of the next derivative, to 20 digits. The tests prove
in ball arithmetic that they are right and that there are no others.
"""

from __future__ import annotations

import math

import jax.numpy as jnp
from jaxtyping import Array

from .activation import Activation
from .sigmoidal import logistic


def _mish_gate(x: Array) -> tuple[Array, Array]:
    """w = tanh(softplus(z)) and 1 − w², without cancellation or overflow.

    With E = eᶻ: w = (E² + 2E)/(E² + 2E + 2), 1 − w² = 4(1 + E)²/(E² + 2E + 2)²; for z > 0 both
    fractions are divided by E² and E⁴.
    """
    decay = jnp.exp(-jnp.abs(x))
    negative = x < 0
    over = jnp.where(negative, decay * (decay + 2), 1 + 2 * decay)
    under = over + jnp.where(negative, 2, 2 * decay * decay)
    root = 2 * (1 + decay) * jnp.where(negative, 1, decay) / under
    return over / under, root * root


def _mish(x: Array) -> Array:
    return x * _mish_gate(x)[0]


def _mish1(x: Array) -> Array:
    w, rest = _mish_gate(x)
    return w + x * rest * logistic(x)


def _mish2(x: Array) -> Array:
    _, w1, w2, _ = _mish_parts(x)
    return 2 * w1 + x * w2


def _mish3(x: Array) -> Array:
    _, _, w2, w3 = _mish_parts(x)
    return 3 * w2 + x * w3


def _mish_parts(x: Array) -> tuple[Array, Array, Array, Array]:
    """w and its derivatives: w' = (1 − w²)σ, w'' = w'b, w''' = w''b + w'b' with b = 1 − σ − 2wσ."""
    w, rest = _mish_gate(x)
    gate, gate1 = logistic(x), logistic.derivative(1, x)
    w1 = rest * gate
    b = logistic(-x) - 2 * w * gate
    w2 = w1 * b
    return w, w1, w2, w2 * b - w1 * (gate1 * (1 + 2 * w) + 2 * w1 * gate)


mish = Activation(
    "mish",
    _mish,
    extremes=(
        ((-1.1924312145154952121, -0.30884341301725040663),),
        (
            (-2.2563763963607931200, -0.11252612238946255641),
            (1.4905711794854284593, 1.0884981612517278612),
        ),
        (
            (-3.2673378465204045761, -0.041732070706611025417),
            (-0.087934431314914211327, 0.64420463723697242952),
            (2.1148425630208771086, -0.059033356953936292979),
        ),
        (
            (-4.2554113336685641819, -0.015594630053995351317),
            (-0.88194607683192259745, 0.45386118121357947791),
            (0.71550588670002980224, -0.58841204486901967881),
            (2.6942158677688237102, 0.040893383547593581762),
        ),
    ),
    limits=((0.0, math.inf), (0.0, 1.0), (0.0, 0.0), (0.0, 0.0)),
    growth=(1.0, 0.0),
    derivatives=(_mish1, _mish2, _mish3),
    formula=r"z \tanh(\log(1 + e^z))",
)

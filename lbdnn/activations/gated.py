"""z times a gate between 0 and 1: SiLU, GELU and its approximation by tanh.

The critical points that have no closed form are zeros of the next derivative, to 20 digits; the
tests prove in ball arithmetic that they are right and that there are no others.
"""

from __future__ import annotations

import math

import jax.numpy as jnp
from jax.scipy.special import erfc
from jaxtyping import Array

from .activation import Activation
from .sigmoidal import logistic

_LIMITS = ((0.0, math.inf), (0.0, 1.0), (0.0, 0.0), (0.0, 0.0))
_GROWTH = (1.0, 0.0)


def _silu(x: Array) -> Array:
    return x * logistic(x)


def _silu1(x: Array) -> Array:
    return logistic(x) + x * logistic.derivative(1, x)


def _silu2(x: Array) -> Array:
    return logistic.derivative(1, x) * (2 - x * jnp.tanh(x / 2))


def _silu3(x: Array) -> Array:
    slope = logistic.derivative(1, x)
    return slope * (x * (1 - 6 * slope) - 3 * jnp.tanh(x / 2))


silu = Activation(
    "silu",
    _silu,
    extremes=(
        ((-1.2784645427610737951, -0.27846454276107379511),),
        (
            (-2.3993572805154676678, -0.099839320128866916958),
            (2.3993572805154676678, 1.0998393201288669170),
        ),
        (
            (-3.4358409935351106890, -0.036914373199893185638),
            (0.0, 0.5),
            (3.4358409935351106890, -0.036914373199893185638),
        ),
        (
            (-4.4292351005572279796, -0.013862297655470339130),
            (-1.0319582417807491234, 0.30818151579647912042),
            (1.0319582417807491234, -0.30818151579647912042),
            (4.4292351005572279796, 0.013862297655470339130),
        ),
    ),
    limits=_LIMITS,
    growth=_GROWTH,
    derivatives=(_silu1, _silu2, _silu3),
    formula=r"\frac{z}{1 + e^{-z}}",
)

_ROOT_HALF = math.sqrt(0.5)
_DENSITY = 1 / math.sqrt(2 * math.pi)


def _normal_cdf(x: Array) -> Array:
    return erfc(-_ROOT_HALF * x) / 2


def _normal_pdf(x: Array) -> Array:
    return _DENSITY * jnp.exp(-x * x / 2)


def _gelu(x: Array) -> Array:
    return x * _normal_cdf(x)


def _gelu1(x: Array) -> Array:
    return _normal_cdf(x) + x * _normal_pdf(x)


def _gelu2(x: Array) -> Array:
    x = jnp.clip(x, -40, 40)  # beyond, exp(−x²/2) is 0; without the clip x² overflows
    return _normal_pdf(x) * (2 - x * x)


def _gelu3(x: Array) -> Array:
    x = jnp.clip(x, -40, 40)
    return _normal_pdf(x) * x * (x * x - 4)


# With φ the normal density: ς'' = (2 − z²)φ, ς''' = (z³ − 4z)φ, ς'''' = −(z⁴ − 7z² + 4)φ.
gelu = Activation(
    "gelu",
    _gelu,
    extremes=(
        ((-0.75179152469356445746, -0.16997120747990366169),),
        (
            (-1.4142135623730950488, -0.12890414518515478634),
            (1.4142135623730950488, 1.1289041451851547863),
        ),
        (
            (-2.0, -0.10798193302637610390),
            (0.0, 0.79788456080286535588),
            (2.0, -0.10798193302637610390),
        ),
        (
            (-2.5243377989621385713, -0.098741658611469635954),
            (-0.79228699139326127779, 0.77876963505573228670),
            (0.79228699139326127779, -0.77876963505573228670),
            (2.5243377989621385713, 0.098741658611469635954),
        ),
    ),
    limits=_LIMITS,
    growth=_GROWTH,
    derivatives=(_gelu1, _gelu2, _gelu3),
    formula=r"\frac{z}{2}\left(1 + \operatorname{erf}\frac{z}{\sqrt 2}\right)",
)

# tanh(v/2) = 2 logistic(v) − 1, so the gate is logistic(v), v = 2√(2/π)(z + 0.044715 z³).
_V1 = 2 * math.sqrt(2 / math.pi)
_V3 = 0.044715


def _gelu_tanh(x: Array) -> Array:
    return x * logistic(_V1 * x * (1 + _V3 * x * x))


def _gelu_tanh1(x: Array) -> Array:
    s, s1, _, _, v1, _, x = _gelu_tanh_parts(x)
    return s + x * s1 * v1


def _gelu_tanh2(x: Array) -> Array:
    _, s1, s2, _, v1, v2, x = _gelu_tanh_parts(x)
    return 2 * s1 * v1 + x * (s2 * v1**2 + s1 * v2)


def _gelu_tanh3(x: Array) -> Array:
    _, s1, s2, s3, v1, v2, x = _gelu_tanh_parts(x)
    v3 = 6 * _V1 * _V3
    return 3 * (s2 * v1**2 + s1 * v2) + x * (s3 * v1**3 + 3 * s2 * v1 * v2 + s1 * v3)


def _gelu_tanh_parts(x: Array) -> tuple[Array, ...]:
    """The gate's derivatives in v, those of v in z, and z clipped to where they are not 0."""
    x = jnp.clip(x, -30, 30)
    v = _V1 * x * (1 + _V3 * x * x)
    gate = tuple(logistic.derivative(d, v) for d in range(4))
    return *gate, _V1 * (1 + 3 * _V3 * x * x), 6 * _V1 * _V3 * x, x


gelu_tanh = Activation(
    "gelu_tanh",
    _gelu_tanh,
    extremes=(
        ((-0.75246142207101625849, -0.17004075057125405064),),
        (
            (-1.4185040087908283555, -0.12899306865877176546),
            (1.4185040087908283555, 1.1289930686587717655),
        ),
        (
            (-2.0134807246242579281, -0.10791351589036791929),
            (0.0, 0.79788456080286535588),
            (2.0134807246242579281, -0.10791351589036791929),
        ),
        (
            (-2.5534179143294429017, -0.098787462313942141368),
            (-0.78757618641889401013, 0.77669145039854045199),
            (0.78757618641889401013, -0.77669145039854045199),
            (2.5534179143294429017, 0.098787462313942141368),
        ),
    ),
    limits=_LIMITS,
    growth=_GROWTH,
    derivatives=(_gelu_tanh1, _gelu_tanh2, _gelu_tanh3),
    formula=r"\frac{z}{2}\left(1 + \tanh\sqrt{2/\pi}\,(z + 0.044715 z^3)\right)",
)

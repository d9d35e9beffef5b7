"""tanh, the logistic function and their relatives: all constants in closed form."""

from __future__ import annotations

import math

import jax.numpy as jnp
from jaxtyping import Array

from .activation import Activation

_INF = math.inf
_ZEROS = ((0.0, 0.0), (0.0, 0.0), (0.0, 0.0))

# With t = tanh z: tanh' = 1 − t², tanh'' = −2t(1 − t²), tanh''' = 2(1 − t²)(3t² − 1), whose
# extremes lie at t = 0, at t = ±1/√3 and at t = 0, ±√(2/3).
_Z2 = 0.65847894846240835  # artanh(1/√3)
_Z3 = 1.1462158347805888  # artanh √(2/3)
_C2 = 0.76980035891950102  # 4/(3√3)


def _tanh(x: Array) -> Array:
    return jnp.tanh(x)


def _sech2(x: Array) -> Array:
    decay = jnp.exp(-2 * jnp.abs(x))  # 1 − tanh² would lose every digit in the tails
    return 4 * decay / (1 + decay) ** 2


def _tanh2(x: Array) -> Array:
    return -2 * jnp.tanh(x) * _sech2(x)


def _tanh3(x: Array) -> Array:
    return 2 * _sech2(x) * (3 * jnp.tanh(x) ** 2 - 1)


tanh = Activation(
    "tanh",
    _tanh,
    extremes=(
        (),
        ((0.0, 1.0),),
        ((-_Z2, _C2), (_Z2, -_C2)),
        ((-_Z3, 2 / 3), (0.0, -2.0), (_Z3, 2 / 3)),
    ),
    limits=((-1.0, 1.0), *_ZEROS),
    growth=(0.0, 1.0),
    derivatives=(_sech2, _tanh2, _tanh3),
    formula=r"\tanh z",
)


def _logistic(x: Array) -> Array:
    decay = jnp.exp(-jnp.abs(x))
    return jnp.where(x < 0, decay, 1) / (1 + decay)


def _logistic1(x: Array) -> Array:
    decay = jnp.exp(-jnp.abs(x))
    return decay / (1 + decay) ** 2


def _logistic2(x: Array) -> Array:
    return -_logistic1(x) * jnp.tanh(x / 2)


def _logistic3(x: Array) -> Array:
    slope = _logistic1(x)
    return slope * (1 - 6 * slope)


# logistic(z) = (1 + tanh(z/2))/2
_L2 = 0.096225044864937627  # √3/18
_LOGISTIC2 = ((-2 * _Z2, _L2), (2 * _Z2, -_L2))

logistic = Activation(
    "logistic",
    _logistic,
    extremes=(
        (),
        ((0.0, 0.25),),
        _LOGISTIC2,
        ((-2 * _Z3, 1 / 24), (0.0, -0.125), (2 * _Z3, 1 / 24)),
    ),
    limits=((0.0, 1.0), *_ZEROS),
    growth=(0.0, 1.0),
    derivatives=(_logistic1, _logistic2, _logistic3),
    formula=r"\frac{1}{1 + e^{-z}}",
)


def _softplus(x: Array) -> Array:
    return jnp.maximum(x, 0) + jnp.log1p(jnp.exp(-jnp.abs(x)))


softplus = Activation(
    "softplus",
    _softplus,
    extremes=((), (), ((0.0, 0.25),), _LOGISTIC2),
    limits=((0.0, _INF), (0.0, 1.0), *_ZEROS[:2]),
    growth=(1.0, math.log(2)),
    derivatives=(_logistic, _logistic1, _logistic2),
    formula=r"\log(1 + e^z)",
)


def _logsigmoid(x: Array) -> Array:
    return -_softplus(-x)


def _logsigmoid1(x: Array) -> Array:
    return _logistic(-x)


def _logsigmoid2(x: Array) -> Array:
    return -_logistic1(x)


def _logsigmoid3(x: Array) -> Array:
    return -_logistic2(x)


logsigmoid = Activation(
    "logsigmoid",
    _logsigmoid,
    extremes=((), (), ((0.0, -0.25),), tuple((z, -value) for z, value in _LOGISTIC2)),
    limits=((-_INF, 0.0), (1.0, 0.0), *_ZEROS[:2]),
    growth=(1.0, math.log(2)),
    derivatives=(_logsigmoid1, _logsigmoid2, _logsigmoid3),
    formula=r"-\log(1 + e^{-z})",
)


def _tanhshrink(x: Array) -> Array:
    # Near 0, x − tanh x has no digits left; (x cosh x − sinh x)/cosh x = Σ 2k x²ᵏ⁺¹/(2k+1)!/cosh x.
    small = jnp.where(jnp.abs(x) < 1, x, 0)
    square, series = small * small, 0.0
    for k in range(10, 0, -1):
        series = (series + 2 * k / math.factorial(2 * k + 1)) * square
    return jnp.where(jnp.abs(x) < 1, small * series / jnp.cosh(small), x - jnp.tanh(x))


def _tanhshrink1(x: Array) -> Array:
    return jnp.tanh(x) ** 2


def _tanhshrink2(x: Array) -> Array:
    return -_tanh2(x)


def _tanhshrink3(x: Array) -> Array:
    return -_tanh3(x)


tanhshrink = Activation(
    "tanhshrink",
    _tanhshrink,
    extremes=(
        (),
        ((0.0, 0.0),),
        ((-_Z2, -_C2), (_Z2, _C2)),
        ((-_Z3, -2 / 3), (0.0, 2.0), (_Z3, -2 / 3)),
    ),
    limits=((-_INF, _INF), (1.0, 1.0), *_ZEROS[:2]),
    growth=(1.0, 0.0),
    derivatives=(_tanhshrink1, _tanhshrink2, _tanhshrink3),
    formula=r"z - \tanh z",
)


def _arctan(x: Array) -> Array:
    return jnp.arctan(x)


def _arctan1(x: Array) -> Array:
    return 1 / (1 + x * x)


def _arctan2(x: Array) -> Array:
    slope = _arctan1(x)
    return -2 * (x * slope) * slope


def _arctan3(x: Array) -> Array:
    slope = _arctan1(x)
    return slope**2 * (6 - 8 * slope)


_A2 = 0.64951905283832900  # 3√3/8
_Z_A2 = 0.57735026918962576  # 1/√3

arctan = Activation(
    "arctan",
    _arctan,
    extremes=(
        (),
        ((0.0, 1.0),),
        ((-_Z_A2, _A2), (_Z_A2, -_A2)),
        ((-1.0, 0.5), (0.0, -2.0), (1.0, 0.5)),
    ),
    limits=((-math.pi / 2, math.pi / 2), *_ZEROS),
    growth=(0.0, math.pi / 2),
    derivatives=(_arctan1, _arctan2, _arctan3),
    formula=r"\arctan z",
)

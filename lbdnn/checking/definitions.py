"""The activations from their definitions, as power series in ball arithmetic.

Written independently of `lbdnn.activations`, from which only name and parameters are taken. A
formula maps a power series z (`flint.arb_series`; its coefficients may be wide balls) to ς(z).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from flint import arb, arb_series, fmpq

from ..activations import Activation, get

Formula = Callable[[arb_series], arb_series]


@dataclass(frozen=True)
class Piece:
    """ς(z) = formula(z) for left ≤ z ≤ right; None stands for an infinite end.

    On every interval longer than `period` the formula takes all its values.
    """

    left: arb | None
    right: arb | None
    formula: Formula
    period: arb | None = None


def definition(activation: Activation) -> tuple[Piece, ...] | None:
    """The pieces of ς from left to right, continuous where they meet; None for one unknown here.

    An activation that only has the name of a known one is unknown.
    """
    known = _WHOLE.get(activation.name)
    pieces = _PIECES.get(activation.name)
    if (known is None and pieces is None) or not _is_the_known_one(activation):
        return None
    if known is not None:
        return (Piece(None, None, known, arb(7) if activation.name == "sin" else None),)
    assert pieces is not None
    return tuple(pieces(*map(Fraction, activation.parameters)))


def square(activation: Activation) -> tuple[int, int] | None:
    """(a, b) with ς² ≤ a − bς', b > 0; None where none is known.

    tanh' = 1 − tanh²; for the logistic function ς' = ς − ς², and 1 − 2ς' − ς² = (1 − ς)².
    """
    known = _SQUARES.get(activation.name)
    return known if known is not None and _is_the_known_one(activation) else None


def _is_the_known_one(activation: Activation) -> bool:
    try:
        return get(activation.name, *activation.parameters) == activation
    except ValueError:
        return False


def exactly(number: Fraction) -> arb:
    """The ball about a rational number."""
    return arb(fmpq(number.numerator, number.denominator))


def _gate(z: arb_series) -> arb_series:
    """1/(1 + exp(−z))."""
    if z[0].mid() > 0:
        return 1 / ((-z).exp() + 1)
    growth = z.exp()
    return growth / (growth + 1)


def _softplus(z: arb_series) -> arb_series:
    return ((-z).exp() + 1).log() + z if z[0].mid() > 0 else (z.exp() + 1).log()


def _cubic(z: arb_series) -> arb_series:
    return (z + z * z * z * exactly(Fraction(44715, 10**6))) * (2 * (2 / arb.pi()).sqrt())


def _mish(z: arb_series) -> arb_series:
    # tanh log(1 + e) = (e² + 2e)/(e² + 2e + 2), e = exp z.
    if z[0].mid() > 0:
        decay = (-z).exp()
        square = decay * decay
        return z - 2 * z * square / (1 + 2 * decay + 2 * square)
    growth = z.exp()
    over = growth * growth + 2 * growth
    return z * over / (over + 2)


_WHOLE: dict[str, Formula] = {
    "identity": lambda z: z,
    "tanh": lambda z: 2 * _gate(2 * z) - 1,
    "logistic": _gate,
    "softplus": _softplus,
    "logsigmoid": lambda z: -_softplus(-z),
    "tanhshrink": lambda z: z + 1 - 2 * _gate(2 * z),
    "arctan": lambda z: z.atan(),
    "sin": lambda z: z.sin(),
    "silu": lambda z: z * _gate(z),
    "gelu": lambda z: z * (z * -(arb(1) / 2).sqrt()).erfc() / 2,
    "gelu_tanh": lambda z: z * _gate(_cubic(z)),
    "mish": _mish,
}

_SQUARES = {"tanh": (1, 1), "logistic": (1, 2)}


def _line(slope: Fraction, at_zero: Fraction) -> Formula:
    return lambda z: z * exactly(slope) + exactly(at_zero)


def _lines(ends: list[Fraction], lines: list[tuple[Fraction, Fraction]]) -> list[Piece]:
    """Lines (slope, value at 0), one more than the points where they meet."""
    knots = [None, *map(exactly, ends), None]
    return [
        Piece(left, right, _line(*line))
        for (left, right), line in zip(pairwise(knots), lines, strict=True)
    ]


_ZERO, _ONE = Fraction(0), Fraction(1)


def _leaky(slope: Fraction) -> list[Piece]:
    return _lines([_ZERO], [(slope, _ZERO), (_ONE, _ZERO)])


def _randomised(lower: Fraction, upper: Fraction) -> list[Piece]:
    # The mean slope is rounded to a float, as every user of it does.
    return _leaky(Fraction((float(lower) + float(upper)) / 2))


def _clipped(lower: Fraction, upper: Fraction) -> list[Piece]:
    return _lines([lower, upper], [(_ZERO, lower), (_ONE, _ZERO), (_ZERO, upper)])


def _hardsigmoid(slope: Fraction, offset: Fraction) -> list[Piece]:
    ends = [-offset / slope, (1 - offset) / slope]
    return _lines(ends, [(_ZERO, _ZERO), (slope, offset), (_ZERO, _ONE)])


def _softshrink(t: Fraction) -> list[Piece]:
    return _lines([-t, t], [(_ONE, t), (_ZERO, _ZERO), (_ONE, -t)])


def _softsign() -> list[Piece]:
    return [
        Piece(None, arb(0), lambda z: 1 / (1 - z) - 1),
        Piece(arb(0), None, lambda z: 1 - 1 / (1 + z)),
    ]


def _hardswish() -> list[Piece]:
    return [
        Piece(None, arb(-3), lambda z: z * 0),
        Piece(arb(-3), arb(3), lambda z: z * (z + 3) / 6),
        Piece(arb(3), None, lambda z: z),
    ]


def _exponential(slope: Fraction, height: Fraction, length: Fraction) -> list[Piece]:
    """height·(exp(z/length) − 1) for z ≤ 0, slope·z for z ≥ 0."""
    rate = exactly(1 / length)
    left = Piece(None, arb(0), lambda z: ((z * rate).exp() - 1) * exactly(height))
    return [left, Piece(arb(0), None, _line(slope, _ZERO))]


def _selu() -> list[Piece]:
    # Klambauer et al. (2017), λ and α as they print them; the library keeps λ and λα as floats.
    scale, product = map(Fraction, (1.0507009873554804934, 1.7580993408473768600))
    return _exponential(scale, product, _ONE)


def _pelu(a: Fraction, b: Fraction) -> list[Piece]:
    # As users of it do, the slope is rounded to a float.
    return _exponential(Fraction(float(a) / float(b)), a, b)


_PIECES: dict[str, Callable[..., list[Piece]]] = {
    "relu": lambda: _leaky(_ZERO),
    "leaky_relu": _leaky,
    "prelu": _leaky,
    "rrelu": _randomised,
    "hardtanh": _clipped,
    "relu6": lambda: _clipped(_ZERO, Fraction(6)),
    "hardsigmoid": _hardsigmoid,
    "softshrink": _softshrink,
    "softsign": _softsign,
    "hardswish": _hardswish,
    "elu": lambda alpha: _exponential(_ONE, alpha, _ONE),
    "celu": lambda alpha: _exponential(_ONE, alpha, alpha),
    "selu": _selu,
    "pelu": _pelu,
}

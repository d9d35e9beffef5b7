"""Every activation once more, in ball arithmetic and from its definition: what the tests compare with.

Nothing here is taken from the library but parameters, which are exact binary numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache

from flint import arb, arb_series, ctx, fmpq

from lbdnn.activations import Activation

from .tails import E, Tail, c, x

INF = math.inf

# The library at its usual parameters, and others.
PARAMETERS = {
    "aplu": [(), (0.3, -1.25), (0.2, 0.0), (0.5, 1.0, -0.75, -2.0), (-1.5, 0.7, 2.0, 0.7)],
    "blu": [(), (0.7,), (-0.3,), (1.0,), (-1.0,)],
    "celu": [(), (0.4,), (3.0,)],
    "elu": [(), (0.6,), (2.5,), (-0.5,), (0.0,)],
    "hardshrink": [(), (2.0,), (0.0,)],
    "hardsigmoid": [(), (0.2,), (0.7, -0.4)],
    "hardtanh": [(), (-0.3, 2.0), (1.0, 1.5), (0.5, 0.5)],
    "leaky_relu": [(), (0.2,), (-0.5,), (1.0,), (3.0,)],
    "pelu": [(), (2.0, 0.7), (0.3, 5.0)],
    "prelu": [()],
    "rrelu": [(), (0.2, 0.6)],
    "soft_exponential": [(), (0.5,), (2.0,), (-0.5,), (-2.0,)],
    "softshrink": [(), (1.5,), (0.0,)],
}


@contextmanager
def precision(bits: int, terms: int = 7) -> Iterator[None]:
    """Bits of ball arithmetic, and terms of series, inside."""
    before = ctx.prec, ctx.cap
    ctx.prec, ctx.cap = bits, terms
    try:
        yield
    finally:
        ctx.prec, ctx.cap = before


@dataclass(frozen=True)
class Piece:
    """ς on [left, right]: a formula for series; what is known at an infinite end.

    `limits` and `tails`: for −1 and 1, the limits of the orders below the tail's, and the tail.
    `offset`: the limit of |ς| − |z| at ∞, where the tail does not give it.
    `touches`: zeros of ς' that are no change of sign. `periodic`: all else repeats this piece.
    `far`: beyond ±far, proofs use the tails' algebra, before it bisection.
    """

    left: float | Fraction
    right: float | Fraction
    formula: Callable[[arb_series], arb_series]
    tails: dict[int, Tail] = field(default_factory=dict)
    limits: dict[int, tuple[float | Callable[[], arb], ...]] = field(default_factory=dict)
    offset: float | None = None
    touches: tuple[float, ...] = ()
    periodic: bool = False
    far: float = 12.0

    def derivatives(self, z: arb, number: int = 6) -> list[arb]:
        """Balls that contain ς⁽⁰⁾, …, ς⁽ⁿ⁻¹⁾ on the ball z."""
        with precision(ctx.prec, number):
            try:
                series = self.formula(arb_series([z, 1], number))
            except ValueError:  # on too wide a ball a denominator contains 0
                return [arb.nan()] * number
            return [series[k] * math.factorial(k) for k in range(number)]


def ball(value: float | Fraction) -> arb:
    """An exact number as a ball."""
    if isinstance(value, Fraction):
        return arb(fmpq(value.numerator, value.denominator))
    return arb(value)


def exact(activation: Activation, z: float, number: int = 4) -> list[arb]:
    """ς and its derivatives at z to at least 80 bits (or to 1e-400, where they underflow)."""
    piece = next(p for p in pieces(activation) if p.periodic or p.left <= z <= p.right)
    for bits in (128, 512, 2600, 12000):
        with precision(bits):
            values = piece.derivatives(arb(z), number)
            if all(v.rel_accuracy_bits() > 80 or v.rad() < arb("1e-400") for v in values):
                return values
    raise AssertionError(f"{activation} at {z}: 12000 bits do not suffice")


def cases() -> list[tuple[str, tuple[float, ...]]]:
    """(name, parameters) of every test."""
    from lbdnn.activations import names

    return [(name, p) for name in names() for p in PARAMETERS.get(name, [()])]


@cache
def pieces(activation: Activation) -> list[Piece]:
    """The pieces of that name and those parameters, from left to right."""
    parameters = tuple(Fraction(p) for p in activation.parameters)
    return globals()[f"_{activation.name}"](*parameters)


# E stands for a quantity that vanishes at infinity; its derivative is the third argument of Tail.
_DECAY = (-E, lambda r: (-r).exp())
_DECAY2 = (-2 * E, lambda r: (-2 * r).exp())
_NORMAL = (-x * E, lambda r: (-r * r / 2).exp())


def _whole(formula, tails, **others) -> list[Piece]:
    return [Piece(-INF, INF, formula, dict(zip((-1, 1), tails, strict=True)), **others)]


def _gate(z: arb_series) -> arb_series:
    """1/(1 + exp(−z))."""
    decay = (-z if z[0].mid() > 0 else z).exp()
    return 1 / (decay + 1) if z[0].mid() > 0 else decay / (decay + 1)


def _tanh():
    right = Tail(0, 1 - E, 1 + E, *_DECAY2)
    return _whole(lambda z: 2 * _gate(2 * z) - 1, [-right, right])


def _logistic():
    left, right = Tail(0, E, 1 + E, *_DECAY), Tail(0, 1, 1 + E, *_DECAY)
    return _whole(_gate, [left, right])


def _softplus():
    # ς'(−y) = E/(1 + E): as a function of y, the derivative is its negative.
    left, right = Tail(1, -E, 1 + E, *_DECAY), Tail(1, 1, 1 + E, *_DECAY)
    limits = {-1: (0.0,), 1: (INF,)}
    return _whole(_log_one_plus_exp, [left, right], limits=limits)


def _log_one_plus_exp(z: arb_series) -> arb_series:
    positive = z[0].mid() > 0
    return (z if positive else 0) + ((-z if positive else z).exp() + 1).log()


def _logsigmoid():
    left, right = Tail(1, -1, 1 + E, *_DECAY), Tail(1, E, 1 + E, *_DECAY)
    limits = {-1: (-INF,), 1: (0.0,)}
    return _whole(lambda z: -_log_one_plus_exp(-z), [left, right], limits=limits)


def _tanhshrink():
    right = Tail(0, x * (1 + E) - (1 - E), 1 + E, *_DECAY2)
    return _whole(lambda z: z + 1 - 2 * _gate(2 * z), [-right, right], touches=(0.0,))


def _arctan():
    left = Tail(1, -1, 1 + x**2, *_DECAY)
    limits = {-1: (lambda: -arb.pi() / 2,), 1: (lambda: arb.pi() / 2,)}
    return _whole(lambda z: z.atan(), [left, -left], limits=limits)


def _sin():
    return [Piece(Fraction(-2), Fraction(4283185307179586477, 10**18), lambda z: z.sin(), periodic=True)]


def _softsign():
    right = Tail(0, x, 1 + x, *_DECAY)
    return [
        Piece(-INF, 0.0, lambda z: z / (1 - z), {-1: -right}),
        Piece(0.0, INF, lambda z: z / (1 + z), {1: right}),
    ]


def _blu(beta):
    b = fmpq(beta.numerator, beta.denominator)
    tail = Tail(2, b, 1 + x**2, *_DECAY, power=Fraction(3, 2))
    limits = {
        -1: (-1.0 if beta == 1 else -INF, lambda: ball(1 - beta)),
        1: (1.0 if beta == -1 else INF, lambda: ball(1 + beta)),
    }
    return _whole(
        lambda z: ball(beta) * ((z * z + 1).sqrt() - 1) + z, [tail, tail], limits=limits, far=2.0
    )


def _silu():
    left, right = Tail(0, -x * E, 1 + E, *_DECAY), Tail(0, x, 1 + E, *_DECAY)
    return _whole(lambda z: z * _gate(z), [left, right])


def _gelu():
    tail = Tail(2, E * (2 - x**2), 1, *_NORMAL)
    return _whole(
        lambda z: z * (-z * (arb(1) / 2).sqrt()).erfc() / 2,
        [tail, tail],
        limits={-1: (0.0, 0.0), 1: (INF, 1.0)},
        offset=0.0,
    )


def _gelu_tanh():
    # logistic(2√(2/π)(z + 0.044715 z³)); c stands for √(2/π).
    cube = fmpq(44715, 10**6)
    decay = (-2 * c * (1 + 3 * cube * x**2) * E, lambda r: (-_cubic(r)).exp())
    left, right = Tail(0, -x * E, 1 + E, *decay), Tail(0, x, 1 + E, *decay)
    return _whole(lambda z: z * _gate(_cubic(z)), [left, right])


def _cubic(z):
    return 2 * (2 / arb.pi()).sqrt() * (z + z * z * z * arb(fmpq(44715, 10**6)))


def _mish():
    # tanh log(1 + e) = (e² + 2e)/(e² + 2e + 2) with e = exp z; divided by e² on the right.
    left = Tail(0, -x * (E**2 + 2 * E), E**2 + 2 * E + 2, *_DECAY)
    right = Tail(0, x * (1 + 2 * E), 1 + 2 * E + 2 * E**2, *_DECAY)


    def formula(z: arb_series) -> arb_series:
        if z[0].mid() > 0:
            decay = (-z).exp()
            return z - 2 * z * decay * decay / (1 + 2 * decay + 2 * decay * decay)
        decay = z.exp()
        return z * (1 - 2 / (decay * decay + 2 * decay + 2))

    return _whole(formula, [left, right])


def _line(left, right, slope, at_zero) -> Piece:
    """slope·z + at_zero on [left, right]."""
    s, b = (fmpq(Fraction(v).numerator, Fraction(v).denominator) for v in (slope, at_zero))
    tails = {-1: Tail(0, -s * x + b, 1, *_DECAY), 1: Tail(0, s * x + b, 1, *_DECAY)}
    return Piece(left, right, lambda z: z * arb(s) + arb(b), tails)


def _identity():
    return [_line(-INF, INF, 1, 0)]


def _leaky_relu(slope):
    return [_line(-INF, 0.0, slope, 0), _line(0.0, INF, 1, 0)]


_prelu = _leaky_relu


def _relu():
    return _leaky_relu(0)


def _rrelu(lower, upper):
    # The mean slope is rounded to a float, as every user of it does.
    return _leaky_relu(Fraction((float(lower) + float(upper)) / 2))


def _hardtanh(lower, upper):
    below, above = _line(-INF, lower, 0, lower), _line(upper, INF, 0, upper)
    return [below, _line(lower, upper, 1, 0), above] if lower < upper else [below, above]


def _relu6():
    return _hardtanh(0, 6)


def _hardsigmoid(slope, offset):
    left, right = -offset / slope, (1 - offset) / slope
    return [_line(-INF, left, 0, 0), _line(left, right, slope, offset), _line(right, INF, 0, 1)]


def _softshrink(t):
    outer = [_line(-INF, -t, 1, t), _line(t, INF, 1, -t)]
    return [outer[0], _line(-t, t, 0, 0), outer[1]] if t else [_line(-INF, INF, 1, 0)]


def _hardshrink(t):
    outer = [_line(-INF, -t, 1, 0), _line(t, INF, 1, 0)]
    return [outer[0], _line(-t, t, 0, 0), outer[1]] if t else [_line(-INF, INF, 1, 0)]


def _aplu(*numbers):
    hinges = list(zip(numbers[::2], numbers[1::2], strict=True))
    ends = [-INF, *sorted({Fraction(0), *(b for _, b in hinges)}), INF]
    lines = []
    for left, right in zip(ends, ends[1:], strict=False):
        active = [(a, b) for a, b in hinges if b >= right]
        slope = (left >= 0) - sum(a for a, _ in active)
        lines.append(_line(left, right, slope, sum((a * b for a, b in active), Fraction(0))))
    return lines


def _hardswish():
    return [
        _line(-INF, -3.0, 0, 0),
        Piece(-3.0, 3.0, lambda z: z * (z + 3) / 6),
        _line(3.0, INF, 1, 0),
    ]


def _exponential_unit(slope, height, length) -> list[Piece]:
    h, rate = fmpq(height.numerator, height.denominator), 1 / length
    r = fmpq(rate.numerator, rate.denominator)
    tail = Tail(0, h * (E - 1), 1, -r * E, lambda y: (-arb(r) * y).exp())
    formula = lambda z: (((z * arb(r)).exp()) - 1) * arb(h)
    return [Piece(-INF, 0.0, formula, {-1: tail}), _line(0.0, INF, slope, 0)]


def _elu(alpha):
    return _exponential_unit(1, alpha, Fraction(1))


def _celu(alpha):
    return _exponential_unit(1, alpha, alpha)


def _pelu(a, b):
    return _exponential_unit(a / b, a, b)


def _selu():
    # The two published constants, as Klambauer et al. (2017) print them in their code.
    scale, alpha = Fraction("1.0507009873554804934193349852946"), Fraction(
        "1.6732632423543772848170429916717"
    )
    return _exponential_unit(scale, scale * alpha, Fraction(1))


def _soft_exponential(alpha):
    if alpha == 0:
        return [_line(-INF, INF, 1, 0)]
    a = fmpq(alpha.numerator, alpha.denominator)
    if alpha > 0:
        left = Tail(0, (E - 1) / a + a, 1, -a * E, lambda y: (-arb(a) * y).exp())
        # At +∞, all derivatives are positive multiples of exp(αz), here called E.
        right = Tail(0, (E - 1) / a + a, 1, a * E, None)
        formula = lambda z: ((z * arb(a)).exp() - 1) / arb(a) + arb(a)
        return _whole(formula, [left, right], limits={1: (INF,) * 4})
    pole = 1 / alpha - alpha
    # ς' = 1/(1 − α(z + α)) is called E.
    right = Tail(1, E, 1, a * E**2, None)
    formula = lambda z: -(1 - arb(a) * (z + arb(a))).log() / arb(a)
    limits = {-1: (-INF, INF, -INF, INF), 1: (INF, 0.0, 0.0, 0.0)}
    return [Piece(pole, INF, formula, {1: right}, limits)]

"""Every activation once more, from its definition: functions of the parameters to its pieces.

Written for ball arithmetic and independently of the library; the parameters are exact rationals.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

from flint import arb, arb_series, fmpq

from .pieces import INF, Piece, ball
from .tails import E, Tail, c, x

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


def tanh():
    right = Tail(0, 1 - E, 1 + E, *_DECAY2)
    return _whole(lambda z: 2 * _gate(2 * z) - 1, [-right, right])


def logistic():
    left, right = Tail(0, E, 1 + E, *_DECAY), Tail(0, 1, 1 + E, *_DECAY)
    return _whole(_gate, [left, right])


def softplus():
    # ς'(−y) = E/(1 + E): as a function of y, the derivative is its negative.
    left, right = Tail(1, -E, 1 + E, *_DECAY), Tail(1, 1, 1 + E, *_DECAY)
    limits = {-1: (0.0,), 1: (INF,)}
    return _whole(_log_one_plus_exp, [left, right], limits=limits)


def _log_one_plus_exp(z: arb_series) -> arb_series:
    positive = z[0].mid() > 0
    return (z if positive else 0) + ((-z if positive else z).exp() + 1).log()


def logsigmoid():
    left, right = Tail(1, -1, 1 + E, *_DECAY), Tail(1, E, 1 + E, *_DECAY)
    limits = {-1: (-INF,), 1: (0.0,)}
    return _whole(lambda z: -_log_one_plus_exp(-z), [left, right], limits=limits)


def tanhshrink():
    right = Tail(0, x * (1 + E) - (1 - E), 1 + E, *_DECAY2)
    return _whole(lambda z: z + 1 - 2 * _gate(2 * z), [-right, right], touches=(0.0,))


def arctan():
    left = Tail(1, -1, 1 + x**2, *_DECAY)
    limits = {-1: (lambda: -arb.pi() / 2,), 1: (lambda: arb.pi() / 2,)}
    return _whole(lambda z: z.atan(), [left, -left], limits=limits)


def sin():
    return [
        Piece(Fraction(-2), Fraction(4283185307179586477, 10**18), lambda z: z.sin(), periodic=True)
    ]


def softsign():
    right = Tail(0, x, 1 + x, *_DECAY)
    return [
        Piece(-INF, 0.0, lambda z: z / (1 - z), {-1: -right}),
        Piece(0.0, INF, lambda z: z / (1 + z), {1: right}),
    ]


def blu(beta):
    b = fmpq(beta.numerator, beta.denominator)
    tail = Tail(2, b, 1 + x**2, *_DECAY, power=Fraction(3, 2))
    limits = {
        -1: (-1.0 if beta == 1 else -INF, lambda: ball(1 - beta)),
        1: (1.0 if beta == -1 else INF, lambda: ball(1 + beta)),
    }
    return _whole(
        lambda z: ball(beta) * ((z * z + 1).sqrt() - 1) + z, [tail, tail], limits=limits, far=2.0
    )


def silu():
    left, right = Tail(0, -x * E, 1 + E, *_DECAY), Tail(0, x, 1 + E, *_DECAY)
    return _whole(lambda z: z * _gate(z), [left, right])


def gelu():
    tail = Tail(2, E * (2 - x**2), 1, *_NORMAL)
    return _whole(
        lambda z: z * (-z * (arb(1) / 2).sqrt()).erfc() / 2,
        [tail, tail],
        limits={-1: (0.0, 0.0), 1: (INF, 1.0)},
        offset=0.0,
    )


def gelu_tanh():
    # logistic(2√(2/π)(z + 0.044715 z³)); c stands for √(2/π).
    cube = fmpq(44715, 10**6)
    decay = (-2 * c * (1 + 3 * cube * x**2) * E, lambda r: (-_cubic(r)).exp())
    left, right = Tail(0, -x * E, 1 + E, *decay), Tail(0, x, 1 + E, *decay)
    return _whole(lambda z: z * _gate(_cubic(z)), [left, right])


def _cubic(z):
    return 2 * (2 / arb.pi()).sqrt() * (z + z * z * z * arb(fmpq(44715, 10**6)))


def mish():
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


def identity():
    return [_line(-INF, INF, 1, 0)]


def leaky_relu(slope):
    return [_line(-INF, 0.0, slope, 0), _line(0.0, INF, 1, 0)]


prelu = leaky_relu


def relu():
    return leaky_relu(0)


def rrelu(lower, upper):
    # The mean slope is rounded to a float, as every user of it does.
    return leaky_relu(Fraction((float(lower) + float(upper)) / 2))


def hardtanh(lower, upper):
    below, above = _line(-INF, lower, 0, lower), _line(upper, INF, 0, upper)
    return [below, _line(lower, upper, 1, 0), above] if lower < upper else [below, above]


def relu6():
    return hardtanh(0, 6)


def hardsigmoid(slope, offset):
    left, right = -offset / slope, (1 - offset) / slope
    return [_line(-INF, left, 0, 0), _line(left, right, slope, offset), _line(right, INF, 0, 1)]


def softshrink(t):
    outer = [_line(-INF, -t, 1, t), _line(t, INF, 1, -t)]
    return [outer[0], _line(-t, t, 0, 0), outer[1]] if t else [_line(-INF, INF, 1, 0)]


def hardshrink(t):
    outer = [_line(-INF, -t, 1, 0), _line(t, INF, 1, 0)]
    return [outer[0], _line(-t, t, 0, 0), outer[1]] if t else [_line(-INF, INF, 1, 0)]


def aplu(*numbers):
    hinges = list(zip(numbers[::2], numbers[1::2], strict=True))
    ends = [-INF, *sorted({Fraction(0), *(b for _, b in hinges)}), INF]
    lines = []
    for left, right in pairwise(ends):
        active = [(a, b) for a, b in hinges if b >= right]
        slope = (left >= 0) - sum(a for a, _ in active)
        lines.append(_line(left, right, slope, sum((a * b for a, b in active), Fraction(0))))
    return lines


def hardswish():
    return [
        _line(-INF, -3.0, 0, 0),
        Piece(-3.0, 3.0, lambda z: z * (z + 3) / 6),
        _line(3.0, INF, 1, 0),
    ]


def _exponential_unit(slope, height, length) -> list[Piece]:
    h, rate = fmpq(height.numerator, height.denominator), 1 / length
    r = fmpq(rate.numerator, rate.denominator)
    tail = Tail(0, h * (E - 1), 1, -r * E, lambda y: (-arb(r) * y).exp())
    left = Piece(-INF, 0.0, lambda z: ((z * arb(r)).exp() - 1) * arb(h), {-1: tail})
    return [left, _line(0.0, INF, slope, 0)]


def elu(alpha):
    return _exponential_unit(1, alpha, Fraction(1))


def celu(alpha):
    return _exponential_unit(1, alpha, alpha)


def pelu(a, b):
    return _exponential_unit(a / b, a, b)


def selu():
    # The two published constants, as Klambauer et al. (2017) print them in their code.
    scale, alpha = (
        Fraction("1.0507009873554804934193349852946"),
        Fraction("1.6732632423543772848170429916717"),
    )
    return _exponential_unit(scale, scale * alpha, Fraction(1))


def soft_exponential(alpha):
    if alpha == 0:
        return [_line(-INF, INF, 1, 0)]
    a = fmpq(alpha.numerator, alpha.denominator)
    if alpha > 0:
        left = Tail(0, (E - 1) / a + a, 1, -a * E, lambda y: (-arb(a) * y).exp())
        # At +∞, all derivatives are positive multiples of exp(αz), here called E.
        right = Tail(0, (E - 1) / a + a, 1, a * E, None)
        return _whole(
            lambda z: ((z * arb(a)).exp() - 1) / arb(a) + arb(a),
            [left, right],
            limits={1: (INF,) * 4},
        )
    pole = 1 / alpha - alpha
    # ς' = 1/(1 − α(z + α)) is called E.
    right = Tail(1, E, 1, a * E**2, None)
    limits = {-1: (-INF, INF, -INF, INF), 1: (INF, 0.0, 0.0, 0.0)}
    return [
        Piece(pole, INF, lambda z: -(1 - arb(a) * (z + arb(a))).log() / arb(a), {1: right}, limits)
    ]

"""Sine, cosine and arc tangent with proved errors, as in `exponentials`."""

from __future__ import annotations

import math

import jax.numpy as jnp
from jaxtyping import Array, DTypeLike

from .exponentials import horner, supported
from .interval import Interval
from .rounding import constant, down, up

# π/2 in three parts, k times the first two of which is exact for |k| < 2²⁰ and 2¹²; the largest |x|
# that is reduced; and an upper bound of |k|·|what the parts lack of π/2| and its roundings.
_QUARTER = {
    64: (1.5707963267341256, 6.077100506303966e-11, 2.0222662487111665e-21, 1.6e6, 1e-25),
    32: (1.5703125, 0.0004837512969970703, 7.549789954891882e-08, 6000.0, 1e-10),
}


def sin(x: Interval) -> Interval:
    """{sin x}, exact up to rounding for |x| ≤ 1.6e6 (float32: 6000); [−1, 1] beyond."""
    return _wave(x, 0)


def cos(x: Interval) -> Interval:
    """{cos x} = {sin(x + π/2)}."""
    return _wave(x, 1)


def arctan(x: Interval) -> Interval:
    r"""{arctan x}: b + arctan t with |t| ≤ tan(π/8) + 2u and (b, t) = (0, x),
    (π/4, (x − 1)/(x + 1)) or (π/2, −1/x); the Taylor polynomial's remainder is below 0.1u|t|.

    t has error 4u|t| (none for b = 0), arctan t then at most 6u; where b > 0 the value is at
    least 0.39 and |arctan t| at most 0.393: error ≤ (0.393·6/0.39 + 0.5·2 + 1)u.
    """
    ends = jnp.stack(jnp.broadcast_arrays(x.lo, x.hi))
    y = jnp.abs(ends)
    large, middle = y > 1 + math.sqrt(2), y > math.sqrt(2) - 1
    numerator = jnp.where(large, -1.0, jnp.where(middle, y - 1, y))
    denominator = jnp.where(large, y, jnp.where(middle, jnp.where(large, 0.0, y) + 1, 1.0))
    base = jnp.where(large, math.pi / 2, jnp.where(middle, math.pi / 4, 0.0))
    t = numerator / denominator
    square = t * t
    n = 21 if supported(x.dtype) == 64 else 11
    value = base + (
        t + t * (square * horner([(-1) ** i / (2 * i + 1) for i in range(1, n)], square))
    )
    value = jnp.where(ends < 0, -value, value)
    return Interval(down(value[0], 10), up(value[1], 10))


def _wave(x: Interval, quarter: int) -> Interval:
    """sin(x + quarter·π/2) at both ends, and ±1 where a crest or a trough may lie between."""
    limit = _QUARTER[supported(x.dtype)][3]
    ends = jnp.stack(jnp.broadcast_arrays(x.lo, x.hi))
    value, floor = _sine(jnp.where(jnp.abs(ends) <= limit, ends, 0.0), quarter)
    lo = jnp.min(down(value, 10) - floor, 0)
    hi = jnp.max(up(value, 10) + floor, 0)
    far = jnp.any(jnp.abs(ends) > limit, 0)
    turns = x * Interval(*(jnp.asarray(c, x.dtype) for c in _turn(x.dtype))) + quarter / 4
    lo = jnp.where(far | _whole_number_in(turns + 0.25), -1.0, jnp.maximum(lo, -1.0))
    return Interval(lo, jnp.where(far | _whole_number_in(turns - 0.25), 1.0, jnp.minimum(hi, 1.0)))


def _turn(dtype: DTypeLike) -> tuple[float, float]:
    """Numbers below and above 1/(2π)."""
    near = 1 / math.tau
    return constant(math.nextafter(near, 0), dtype)[0], constant(math.nextafter(near, 1), dtype)[1]


def _whole_number_in(x: Interval) -> Array:
    return jnp.floor(x.hi) >= jnp.ceil(x.lo)


def _sine(x: Array, quarter: int) -> tuple[Array, Array]:
    r"""sin(x + quarter·π/2) with error ≤ 8u|value| + floor.

    k = round(2x/π), r = ((x − k·a) − k·b) − k·c with a + b + c = π/2. x − k·a is exact, as both are
    multiples of u and the difference is below 1 (for k = 0 all is exact); the others leave an error
    ≤ 2u|r| + floor. |r| < 0.7855 and ±sin r or ±cos r by Taylor's polynomials, with remainders
    below 0.1u; r's error counts |r cot r| ≤ 1 or |r tan r| ≤ 0.79 times, and evaluation adds ≤ 4u.
    """
    bits = supported(x.dtype)
    a, b, c, _, floor = _QUARTER[bits]
    k = jnp.round(x * (2 / math.pi))
    r = ((x - k * a) - k * b) - k * c
    square = r * r
    n = 10 if bits == 64 else 6
    sine, cosine = (
        horner([(-1) ** i / math.factorial(2 * i + odd) for i in range(1, n)], square)
        for odd in (1, 0)
    )
    k = k.astype(jnp.int32) + quarter
    value = jnp.where(k % 2 == 0, r + r * (square * sine), 1 + square * cosine)
    value = jnp.where((k // 2) % 2 == 0, value, -value)
    return value, jnp.where(jnp.abs(x) < 0.5, 0.0, floor)

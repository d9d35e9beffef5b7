r"""Exponentials and logarithms with proved errors, from +, −, ×, ÷ and powers of two alone.

Each is computed in floating point, at both ends of an interval at once, and widened by a proved
bound of its error, counted in u; the roundings are those of `rounding`, and constants are rounded
too. Bounds are stated with what they need; tests measure what is used of them, which is less.

**Reduction.** k = round(x/ln 2), r = (x − k·h) − k·l with h + l = ln 2 and so few digits in h
that k·h is exact. Then |r| < 0.3467, and r has error ≤ 0.8u, none for k = 0. p = eʳ − 1 is
r + r²·q(r), q a Taylor polynomial with remainder below 0.35ᴺ/N! < 0.1u, N = 14 in float64, 8 in
float32. The last addition gives u|p|, r²q three roundings of at most 0.07, the error of r counts eʳ
times. So p has error ≤ 1.8u|p| for k = 0, else ≤ 1.1u where r < 0 and ≤ 1.8u where r > 0, and
p ∈ [−0.294, 0.415].
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, DTypeLike

from .interval import Interval
from .rounding import down, up

# ln 2 in two parts: 33 and 9 significant bits, and the rest.
_LN2 = {64: (0.6931471803691238, 1.9082149292705877e-10), 32: (0.693359375, -2.12194440054691e-4)}


def exp(x: Interval) -> Interval:
    """{eˣ}: 2ᵏ(1 + p), error ≤ (1.1/0.7 + 1)u < 3u."""
    k, p = _reduced(_ends(x))
    return _increasing(_scaled(1 + p, k), 5, at_least=0.0)


def expm1(x: Interval) -> Interval:
    """{eˣ − 1}: error ≤ 8u, as in `_expm1`."""
    return _increasing(_expm1(_ends(x)), 9, at_least=-1.0)


def tanh(x: Interval) -> Interval:
    """{tanh x} = −m/(2 + m)·sign x with m = exp(−2|x|) − 1 ∈ (−1, 0].

    The relative error of m counts 2/(2 + m) times. For k = 0, m ≥ −0.3, it is 1.8u·1.18. For
    k = −1, |m| ≥ 0.29, it is (0.9/0.29 + 1)u, times 1.2 at that m and 1.35 at m = −0.65, where it
    is 2.4u; for k < −1 it is ≤ 1.7u, times 2 at most. The sum 2 + m and the quotient add 4u.
    """
    y = _ends(x)
    m = _expm1(-2 * jnp.abs(y))
    size = -m / (2 + m)
    return _increasing(jnp.where(y < 0, -size, size), 12, at_least=-1.0, at_most=1.0)


def logistic(x: Interval) -> Interval:
    """{1/(1 + e⁻ˣ)}: e/(1 + e) or 1/(1 + e) with e = exp(−|x|), error ≤ (3 + 1.5 + 1 + 3)u."""
    y = _ends(x)
    k, p = _reduced(-jnp.abs(y))
    decay = _scaled(1 + p, k)
    return _increasing(jnp.where(y < 0, decay, 1) / (1 + decay), 12, at_least=0.0, at_most=1.0)


def log(x: Interval) -> Interval:
    """{log x : x > 0}; (−inf, inf) where every x ≤ 0. Error as in `_logarithm`."""
    y = _ends(x)
    k = _exponent(y)
    m = _scaled(y, -k)
    value = _logarithm(m - 1, m + 1, k)
    return _defined(value, y, 0.0)


def log1p(x: Interval) -> Interval:
    """{log(1 + x) : x > −1}; (−inf, inf) where every x ≤ −1. Error as in `_logarithm`."""
    y = _ends(x)
    near = (y > -0.29) & (y < 0.41)
    k = jnp.where(near, 0.0, _exponent(1 + y))
    m = _scaled(1 + y, -k)
    value = _logarithm(jnp.where(near, y, m - 1), jnp.where(near, 2 + y, m + 1), k)
    return _defined(value, y, -1.0)


def cosh(x: Interval) -> Interval:
    """{cosh x} = (e + 1/e)/2 with e = exp|x|, ≥ 1."""
    e = exp(abs(x))
    half = (e + 1 / e) * 0.5
    return Interval(jnp.maximum(half.lo, 1.0), half.hi)


def horner(coefficients: Sequence[float], x: Array) -> Array:
    """Σ cᵢxⁱ."""
    value = jnp.full_like(x, coefficients[-1])
    for c in reversed(coefficients[:-1]):
        value = value * x + c
    return value


def supported(dtype: DTypeLike) -> int:
    """The number of bits, 32 or 64. **Raises:** TypeError for other types."""
    if dtype not in (jnp.float32, jnp.float64):
        raise TypeError(f"intervals are in float32 or float64; got {jnp.dtype(dtype).name}")
    return jnp.finfo(dtype).bits


def exp_of(x: Array) -> Array:
    """eˣ with error < 3u|eˣ|."""
    k, p = _reduced(x)
    return _scaled(1 + p, k)


def _ends(x: Interval) -> Array:
    return jnp.stack(jnp.broadcast_arrays(x.lo, x.hi))


def _increasing(
    ends: Array,
    units: float | Array,
    at_least: float = -math.inf,
    at_most: float = math.inf,
) -> Interval:
    """The values of an increasing function at the ends, widened, within its range."""
    lo, hi = down(ends[0], units), up(ends[1], units)
    return Interval(jnp.maximum(lo, at_least), jnp.minimum(hi, at_most))


def _defined(value: Array, y: Array, left: float) -> Interval:
    """The logarithm's ends, on the domain (left, inf)."""
    lo = jnp.where(y[0] > left, down(value[0], 12), -jnp.inf)
    return Interval(lo, jnp.where((y[1] > left) & (y[1] < jnp.inf), up(value[1], 12), jnp.inf))


def _reduced(x: Array) -> tuple[Array, Array]:
    """(k, p): eˣ = 2ᵏ(1 + p); x beyond overflow and underflow is moved to where they happen."""
    bits = supported(x.dtype)
    high, low = _LN2[bits]
    limit = 800.0 if bits == 64 else 110.0
    x = jnp.clip(x, -limit, limit)
    k = jnp.round(x * (1 / math.log(2)))
    r = (x - k * high) - k * low
    n = 14 if bits == 64 else 8
    return k, r + r * r * horner([1 / math.factorial(i) for i in range(2, n)], r)


def _expm1(x: Array) -> Array:
    """2ᵏp + (2ᵏ − 1), error < 8u: 1.8u for k = 0; (2.2/0.41 + 1)u for k = 1, where the value is at
    least 0.41; less for other k. Beyond 2⁶⁴ the 1 does not count."""
    k, p = _reduced(x)
    power = _power(jnp.clip(k, -100, 100), x.dtype)
    return jnp.where(k > 64, _scaled(1 + p, k), power * p + (power - 1))


def _power(k: Array, dtype: DTypeLike) -> Array:
    """2ᵏ for whole numbers k of the normal range."""
    info = jnp.finfo(dtype)
    unsigned = jnp.dtype(f"int{info.bits}")
    bits = (k.astype(unsigned) + (1 - info.minexp)) << info.nmant
    return jax.lax.bitcast_convert_type(bits, dtype)


def _scaled(x: Array, k: Array) -> Array:
    """x·2ᵏ in two steps, so that only the result overflows or underflows."""
    half = jnp.floor(k / 2)
    return x * _power(half, x.dtype) * _power(k - half, x.dtype)


def _exponent(x: Array) -> Array:
    """k with x/2ᵏ in [√½, √2), for normal x > 0."""
    info = jnp.finfo(x.dtype)
    signed = jnp.dtype(f"int{info.bits}")
    # Subtracting the bits of √½ counts the powers of two above it.
    root = jax.lax.bitcast_convert_type(jnp.asarray(math.sqrt(0.5), x.dtype), signed)
    k = (jax.lax.bitcast_convert_type(x, signed) - root) >> info.nmant
    return jnp.clip(k, info.minexp, 2 - info.minexp).astype(x.dtype)


def _logarithm(numerator: Array, denominator: Array, k: Array) -> Array:
    r"""k·ln 2 + 2 artanh s, s = numerator/denominator, |s| ≤ 0.172: 2s(1 + s²/3 + s⁴/5 + …) up to
    s²⁰ in float64 and s⁸ in float32, remainders below 0.1u.

    numerator = m − 1 is exact and the denominator has error u, so s has 3u + u²; s³(…) adds less
    than 0.1 of 8u and the last addition u: error ≤ 6u for k = 0. Else the value is at least 0.34,
    |2 artanh s| ≤ 0.36, and the error is 0.36·6u + 3u|value| ≤ 9.5u|value|.
    """
    bits = supported(k.dtype)
    high, low = _LN2[bits]
    s = numerator / denominator
    square = s * s
    n = 11 if bits == 64 else 5
    tail = square * horner([2 / (2 * i + 3) for i in range(n)], square)
    return k * high + (2 * s + (s * tail + k * low))

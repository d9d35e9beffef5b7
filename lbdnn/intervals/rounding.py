"""Directed rounding by widening, and what is relied on for it.

Results are widened outward instead of switching a rounding mode, which compiled code cannot. Of the
machine only this is used, u = eps/2 being half the distance from 1 to the next number:

- +, −, × round to nearest: the result is exact·(1 + δ), |δ| ≤ u. A division may be a multiplication
  by a rounded reciprocal, and a square root may be off by an ulp: then |δ| ≤ 2u + u². A reciprocal
  that underflows is taken for 0, so no divisor here exceeds 1/(2·smallest normal).
- Sums may be taken in any order, and a product and a sum may be contracted to one rounding (FMA).
- Subnormal operands and results may be taken for 0; a subnormal *input* of a calculation is
  therefore moved outward, to 0 or to the smallest normal number, before it is used (`normal_below`,
  `normal_above`).
- Comparisons, minimum, maximum, absolute value, negation, and multiplication or division by a power
  of two that neither overflows nor underflows are exact.
- XLA re-associates (x + c) + d and (x·c)·d where c and d are constants: jit((x + 1e17) + 1) at
  x = −1e17 is 0. A widening between the two prevents it, as does a `barrier`.
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, ArrayLike, DTypeLike, Float


def up(x: Float[Array, "*s"], units: float | Array = 4) -> Float[Array, "*s"]:
    """x + units·u|x| + 2·(smallest normal): above every number that an operation with error at most
    (units − 1)·u|x| + (smallest normal) may turn into x.

    The rest covers the roundings made here. NaN, about which nothing is known, becomes inf; −inf,
    where the calculation overflowed, becomes a number near the largest negative one.
    """
    info = jnp.finfo(x.dtype)
    x = jnp.maximum(x, -info.max)
    x = x + (units / 2 * info.eps * jnp.abs(x) + 2 * info.tiny)
    return jnp.where(jnp.isnan(x), jnp.inf, x)


def down(x: Float[Array, "*s"], units: float | Array = 4) -> Float[Array, "*s"]:
    """x − units·u|x| − 2·(smallest normal): −up(−x, units)."""
    return -up(-x, units)


def gamma(n: int, dtype: DTypeLike) -> float:
    r"""An upper bound of γ_n = nu/(1 − nu): |fl(Σ a_i b_i) − Σ a_i b_i| ≤ γ_n Σ |a_i b_i| over n
    terms, in any order and with FMA, beside n times the smallest normal for underflows.

    inf where nu ≥ 1. Higham, Accuracy and Stability of Numerical Algorithms (2002), §3.1.
    """
    eps = float(jnp.finfo(dtype).eps)
    roundings = n * eps / 2
    return roundings / (1 - roundings) * (1 + 4 * eps) if roundings < 1 else float("inf")


def barrier(x: Array) -> Array:
    """x, hidden from re-association and constant folding."""
    return jax.lax.optimization_barrier(x)


def constant(value: float, dtype: DTypeLike) -> tuple[float, float]:
    """The neighbouring numbers lo ≤ value ≤ hi of that type, each normal, 0 or infinite."""
    info = np.finfo(np.dtype(dtype))
    tiny, largest = float(info.tiny), float(info.max)
    if not math.isfinite(value) or value == 0:
        return value, value
    if abs(value) < tiny:
        return (0.0, tiny) if value > 0 else (-tiny, 0.0)
    if abs(value) > largest:
        return (largest, math.inf) if value > 0 else (-math.inf, -largest)
    near = info.dtype.type(value)  # exact comparisons below: float(near) is in float64
    lo = near if float(near) <= value else np.nextafter(near, info.dtype.type(-np.inf))
    hi = near if float(near) >= value else np.nextafter(near, info.dtype.type(np.inf))
    return float(lo), float(hi)


def normal_below(x: Float[Array, "*s"]) -> Float[Array, "*s"]:
    """The largest number ≤ x that is not subnormal."""
    return -normal_above(-x)


def normal_above(x: Float[Array, "*s"]) -> Float[Array, "*s"]:
    """The smallest number ≥ x that is not subnormal, found without using x as a number."""
    info = jnp.finfo(x.dtype)
    bits = jax.lax.bitcast_convert_type(x, jnp.dtype(f"uint{info.bits}"))
    size = bits << 1  # without the sign
    subnormal = (size != 0) & (size >> (info.nmant + 1) == 0)
    positive = bits >> (info.bits - 1) == 0
    return jnp.where(subnormal, jnp.where(positive, info.tiny, 0.0), x)


def power_of_two(x: Float[Array, "*s"]) -> Float[Array, "*s"]:
    """A scale for x ≥ 0: 2ᵉ with 1 ≤ x/2ᵉ < 2, for extreme x the nearest 2ᵉ whose reciprocal is
    normal too (x/2ᵉ < 8 then), as a division may become a multiplication; 1 for inf and NaN."""
    info = jnp.finfo(x.dtype)
    bits = jax.lax.bitcast_convert_type(x, jnp.dtype(f"uint{info.bits}"))
    power = jax.lax.bitcast_convert_type((bits >> info.nmant) << info.nmant, x.dtype)
    return jnp.where(jnp.isfinite(x), jnp.clip(power, info.tiny, 0.5 / info.tiny), 1.0)


def concrete(*arrays: ArrayLike) -> bool:
    """Whether the values are known, so that they can be refused at the Python boundary."""
    return not any(isinstance(array, Tracer) for array in arrays)

r"""The error function and its complement with proved errors, as in `exponentials`.

For y ≥ 0, erfc y = exp(−y²)·g(t)/(1 + 2y), t = (y − 3.75)/(y + 3.75) ∈ [−1, 1]: g is smooth
up to y = ∞, 1 ≤ g ≤ 1.24, and a polynomial of degree 25 suffices (Shepherd and Laframboise 1981).
The one here interpolates g in Chebyshev's points; that it differs from g by less than 2u|g| of
float64 everywhere is proved in ball arithmetic by the tests.
"""

from __future__ import annotations

import math

import jax.numpy as jnp
from jaxtyping import Array

from .exponentials import exp_of, horner, supported
from .interval import Interval
from .rounding import down, up

CENTRE = 3.75
COEFFICIENTS = (
    1.2375126308378275, -0.14024059858554702, 0.0035854154854644583, 0.08227673849015109,
    -0.10880393014175023, 0.09230432116019638, -0.05869339858961116, 0.02836227742154398,
    -0.009746579558275152, 0.0017556258321915355, 0.0002937136669846131, -0.0002901539781378384,
    5.1649093885821704e-05, 2.238390827660038e-05, -1.1444134389658475e-05, -9.728413451815077e-07,
    1.7516189406943677e-06, -5.827501862768691e-08, -2.586489910718322e-07, 2.4301839484503084e-08,
    3.866242066283792e-08, -4.396921916762906e-09, -5.169080644815932e-09, 5.485084520083625e-10,
    4.2433038251096756e-10, -3.7980647235900285e-11,
)  # fmt: skip


def erfc(x: Interval) -> Interval:
    """{erfc x}: decreasing from 2 to 0."""
    ends = jnp.stack(jnp.broadcast_arrays(x.hi, x.lo))
    tail, units = _tail(jnp.abs(ends))
    value = jnp.where(ends < 0, 2 - tail, tail)
    units = jnp.where(ends < 0, 24.0, units)  # what comes from the tail is at most 20u there
    lo, hi = down(value[0], units[0]), up(value[1], units[1])
    return Interval(jnp.maximum(lo, 0.0), jnp.minimum(hi, 2.0))


def erf(x: Interval) -> Interval:
    r"""{erf x}: for |x| < 1 (2/√π)·x·Σ (−x²)ⁿ/(n!(2n + 1)), remainder below 0.1u.

    The sum is at least 0.74 and its terms' magnitudes add up to less than 1.47, so that its
    rounding errors, at most twice the partial sums', are below 6u. For |x| ≥ 1 it is
    ±(1 − erfc|x|), with error ≤ 22u·0.16/0.84 + u.
    """
    ends = jnp.stack(jnp.broadcast_arrays(x.lo, x.hi))
    y = jnp.abs(ends)
    near = jnp.minimum(y, 1.0)
    n = 19 if supported(x.dtype) == 64 else 11
    series = [
        2 / math.sqrt(math.pi) * (-1) ** i / (math.factorial(i) * (2 * i + 1)) for i in range(n)
    ]
    size = jnp.where(y < 1, near * horner(series, near * near), 1 - _tail(y)[0])
    value = jnp.where(ends < 0, -size, size)
    return Interval(jnp.maximum(down(value[0], 14), -1.0), jnp.minimum(up(value[1], 14), 1.0))


def _tail(y: Array) -> tuple[Array, Array]:
    """(erfc y, the error's bound in u) for y ≥ 0: t has error 4u, which counts |g'/g| < 0.7 times;
    g 4u, 1 + 2y 2u, the quotient 3u, exp 3u, the product u; and y²u from the rounding of y²."""
    y = jnp.minimum(y, 30.0)  # beyond, 0 up to the smallest normal number
    square = y * y
    t = (y - CENTRE) / (y + CENTRE)
    value = exp_of(-square) * (horner(COEFFICIENTS, t) / (1 + 2 * y))
    return value, 20 + 2 * square

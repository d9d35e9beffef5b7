"""Elementary functions against ball arithmetic: containment, and what their error bounds leave."""

from __future__ import annotations

import math
from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flint import arb, arb_series, ctx
from hypothesis import given, settings, strategies as st

from lbdnn.intervals import Interval, elementary, interval
from lbdnn.intervals.error_function import CENTRE, COEFFICIENTS
from lbdnn.intervals.exponentials import _LN2
from lbdnn.intervals.trigonometric import _QUARTER

from .numbers import DTYPES, OPTIONS, intervals

TRUTH = {
    "exp": arb.exp,
    "expm1": arb.expm1,
    "tanh": arb.tanh,
    "logistic": lambda z: 1 / (1 + (-z).exp()),
    "log": arb.log,
    "log1p": arb.log1p,
    "cosh": arb.cosh,
    "sin": arb.sin,
    "cos": arb.cos,
    "arctan": arb.atan,
    "erf": arb.erf,
    "erfc": arb.erfc,
}
LEFT = {"log": 0.0, "log1p": -1.0}
COMPILED = {name: jax.jit(getattr(elementary, name), compiler_options=OPTIONS) for name in TRUTH}
# Half the widths that are allowed, in u, for ordinary arguments.
UNITS = dict.fromkeys(TRUTH, 17) | {"erfc": 90}


@pytest.fixture(autouse=True)
def digits():
    before, ctx.prec = ctx.prec, 2200  # arguments up to 2¹⁰²⁴, and their sines
    yield
    ctx.prec = before


def below(bound: float, value: arb) -> bool:
    """bound ≤ value; the ball's radius, far below any rounding, is on the bound's side."""
    return bound == -math.inf or (math.isfinite(bound) and not bool(value < arb(bound)))


def contains(lo: float, hi: float, value: arb) -> bool:
    return below(lo, value) and below(-hi, -value)


def enclosed(name: str, lo: np.ndarray, hi: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    with jax.enable_x64(True):
        x = interval(lo, hi)
        result = COMPILED[name](Interval(x.lo, x.hi))
    assert result.lo.dtype == lo.dtype
    return np.asarray(result.lo, float), np.asarray(result.hi, float)


@pytest.mark.parametrize("name", TRUTH)
def test_values_are_contained(name):
    @settings(max_examples=12, deadline=None)
    @given(st.data(), st.sampled_from([0.0, 1.0, 0.4]))
    def attack(data, place):
        dtype = data.draw(st.sampled_from(DTYPES))
        a, b = data.draw(intervals(dtype))
        lo, hi = enclosed(name, a, b)
        for x, y, low, high in zip(a.tolist(), b.tolist(), lo, hi, strict=True):
            assert low <= high
            z = min(max(x, -1e300), 1e300)
            z = z + place * (min(max(y, -1e300), 1e300) - z)
            if x <= z <= y and z > LEFT.get(name, -math.inf):
                assert contains(low, high, TRUTH[name](arb(z))), (x, y, z, low, high)

    attack()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", TRUTH)
def test_single_points_are_enclosed_narrowly(name, dtype):
    rng = np.random.default_rng(5)
    x = np.concatenate([rng.uniform(-1, 1, 60), rng.uniform(-6, 6, 60), 2.0 ** -np.arange(1, 30)])
    x = np.concatenate(
        [x, [math.log(2) / 2, -math.log(2) / 2, math.sqrt(0.5), math.sqrt(2), 2.4142]]
    )
    x = x[x > LEFT.get(name, -math.inf)].astype(dtype)
    lo, hi = enclosed(name, x, x)
    u = float(np.finfo(dtype).eps) / 2
    for z, low, high in zip(x.tolist(), lo, hi, strict=True):
        value = TRUTH[name](arb(z))
        assert contains(low, high, value), z
        slack = 1e-25 if dtype is np.float64 else 1e-10  # what is left of π/2
        assert high - low <= 2 * (UNITS[name] * u * abs(float(value)) + slack), z


def test_extreme_arguments():
    with jax.enable_x64(True):
        big = np.array([1e308, 750.0, -750.0, -1e308])
        lo, hi = enclosed("exp", big, big)
        assert hi[0] == hi[1] == math.inf and 1e308 < lo[1] < math.inf
        assert lo[2] == lo[3] == 0 and hi[2] < 1e-307
        assert enclosed("cosh", big, big)[1][0] == math.inf
        lo, hi = enclosed("sin", big, big)
        assert (lo == -1).all() or lo[1] > -1
        lo, hi = enclosed("log", np.array([-2.0, -1.0, 0.0]), np.array([-1.0, 2.0, math.inf]))
        assert (lo == -math.inf).all() and hi[0] == hi[2] == math.inf
        assert hi[1] == pytest.approx(math.log(2))
        lo, hi = enclosed("tanh", np.array([-math.inf]), np.array([math.inf]))
        assert (lo[0], hi[0]) == (-1, 1)


def test_crests_and_troughs_are_found():
    lo, hi = enclosed("sin", np.array([1.0, 4.0, -1.0, 0.0]), np.array([2.0, 5.0, 1.0, 7.0]))
    assert hi[0] == 1 and lo[0] == pytest.approx(math.sin(1))
    assert lo[1] == -1 and hi[1] == pytest.approx(math.sin(4))
    assert hi[2] == pytest.approx(math.sin(1)) and lo[2] == pytest.approx(-math.sin(1))
    assert (lo[3], hi[3]) == (-1, 1)


def test_other_types_are_refused():
    with pytest.raises(TypeError, match="float32 or float64"):
        elementary.exp(Interval(jnp.zeros(2, jnp.float16), jnp.zeros(2, jnp.float16)))


def test_the_parts_of_constants_add_up():
    """What the proofs of the reductions need of ln 2 and π/2, exactly."""
    for bits, (high, low) in _LN2.items():
        u = 2.0**-53 if bits == 64 else 2.0**-24
        lacking = abs(arb(2).log() - arb(high) - arb(float(np.dtype(f"f{bits // 8}").type(low))))
        limit = 1160 if bits == 64 else 160
        assert bool(lacking * limit < 0.1 * u)
        significant = Fraction(high) * 2**60
        assert significant % 2 ** (60 - (33 if bits == 64 else 9)) == 0 or bits == 64
        assert float(np.dtype(f"f{bits // 8}").type(high * limit)) == high * limit or bits == 64
    for bits, (a, b, c, limit, floor) in _QUARTER.items():
        kind, u = np.dtype(f"f{bits // 8}").type, 2.0**-53 if bits == 64 else 2.0**-24
        count = int(limit / 1.57) + 1
        for part in (a, b):  # products with whole numbers up to `count` are exact
            digits = Fraction(part).numerator.bit_length()
            assert digits + count.bit_length() <= (53 if bits == 64 else 24)
        third = float(kind(c))
        lacking = abs(arb.pi() / 2 - arb(a) - arb(b) - arb(third))
        assert bool(count * (lacking + 4 * u * abs(third)) < arb(floor))


def test_the_polynomial_of_the_error_function_is_close():
    """|p − g| < 2u ≤ 2u·g on [−1, 1], by Taylor expansions with their remainders in balls.

    Beyond y = 6.5, erfc y·exp(y²)·√π·y = Σ (−1)ⁿ(2n − 1)!!/(2y²)ⁿ with an error below the first
    term that is left out (DLMF 7.12.1): that is smooth in 1/y up to y = ∞, t = 1.
    """
    terms, change = 40, 6.5
    factors = [arb(1)]
    for n in range(1, terms + 1):
        factors.append(factors[-1] * (1 - 2 * n) / 2)
    lost = abs(factors[terms]) / arb(change) ** (2 * terms) * 1.2

    def near(t):
        y = CENTRE * (1 + t) / (1 - t)
        return (1 + 2 * y) * (y * y).exp() * y.erfc()

    def far(t):
        inverse = (1 - t) / (CENTRE * (1 + t))
        total = arb_series([0])
        for factor in reversed(factors[:terms]):
            total = total * (inverse * inverse) + factor
        return total * (2 + inverse) / arb.pi().sqrt()

    def polynomial(t):
        total = arb_series([0])
        for c in reversed(COEFFICIENTS):
            total = total * t + arb(c)
        return total

    middle = Fraction(CENTRE - change) / Fraction(-CENTRE - change)
    ctx.prec, order, before = 250, 10, ctx.cap
    ctx.cap = order
    try:
        for g, first, last, cells, slack in (
            (near, Fraction(-1), middle, 3000, arb(0)),
            (far, middle, Fraction(1), 60, lost),
        ):
            step = (last - first) / cells
            half = arb(step.numerator) / (2 * step.denominator)
            for i in range(cells):
                point = first + (i + Fraction(1, 2)) * step
                t = arb(point.numerator) / point.denominator
                ball = t + arb(0, half.upper())
                low = (polynomial(arb_series([t, 1])) - g(arb_series([t, 1]))).coeffs()
                high = (polynomial(arb_series([ball, 1])) - g(arb_series([ball, 1]))).coeffs()
                total = slack + abs(high[order - 1]) * half ** (order - 1)
                for k, coefficient in enumerate(low[: order - 1]):
                    total += abs(coefficient) * half**k
                assert bool(total < arb(2) ** -52), (i, total)
    finally:
        ctx.cap = before

"""Interval arithmetic, jitted and fused, against exact rational arithmetic."""

from __future__ import annotations

import math
from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from lbdnn.intervals import Interval, interval

from .numbers import BATCH, DTYPES, OPTIONS, intervals

EXPRESSIONS = {
    "sum": lambda x, y: x + y,
    "difference": lambda x, y: x - y,
    "product": lambda x, y: x * y,
    "quotient": lambda x, y: x / y,
    "square": lambda x, y: x * x,
    "powers": lambda x, y: x**3 - y**2,
    "cancelling constants": lambda x, y: (x + 1e17) + 1 - 1e17,
    "scaled twice": lambda x, y: (x * 3) * 0.1 * (1 / 3),
    "divided by constants": lambda x, y: x / 1.5e308 + (y / 3) / 7,
    "long": lambda x, y: ((x * y + 0.1) * (x - y) - 3) / (y * y + 1) - 0.7 * x,
    "reciprocals": lambda x, y: 1 / (1 + x * x) - 2 / (3 - y),
    "magnitudes": lambda x, y: abs(x) * abs(y) - abs(x - y),
}


def squared(x):
    return x.square() if isinstance(x, Interval) else x * x


EXPRESSIONS["squares"] = lambda x, y: squared(x) + squared(y) * 0.25
COMPILED = {
    name: jax.jit(
        lambda a, b, c, d, f=f: f(Interval(a, b), Interval(c, d)), compiler_options=OPTIONS
    )
    for name, f in EXPRESSIONS.items()
}


def ends(result) -> tuple[np.ndarray, np.ndarray]:
    return np.asarray(result.lo), np.asarray(result.hi)


def normalised(lo, hi):
    x = interval(lo, hi)
    return x.lo, x.hi


def inside(lo: float, hi: float, place: float) -> Fraction:
    """A number of [lo, hi]; large ones stand for infinite ends."""
    large = 1.5e308
    low = Fraction(float(lo) if lo > -math.inf else min(-large, float(hi)))
    high = Fraction(float(hi) if hi < math.inf else max(large, float(lo)))
    return low + (high - low) * Fraction(place) if low < high else low


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_results_contain_the_truth(name):
    @settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.data(), st.sampled_from([0.0, 1.0, 0.5, 0.123]), st.sampled_from([0.0, 1.0, 0.7]))
    def attack(data, first, second):
        dtype = data.draw(st.sampled_from(DTYPES))
        (a, b), (c, d) = data.draw(intervals(dtype)), data.draw(intervals(dtype))
        with jax.enable_x64(True):
            lo, hi = ends(COMPILED[name](*normalised(a, b), *normalised(c, d)))
        assert lo.dtype == dtype
        for i in range(BATCH):
            x, y = inside(a[i], b[i], first), inside(c[i], d[i], second)
            try:
                truth = EXPRESSIONS[name](Exact(x), Exact(y)).value
            except ZeroDivisionError:
                continue
            assert not math.isnan(lo[i]) and not math.isnan(hi[i])
            assert lo[i] == -math.inf or Fraction(float(lo[i])) <= truth, (a[i], b[i], c[i], d[i])
            assert hi[i] == math.inf or truth <= Fraction(float(hi[i])), (a[i], b[i], c[i], d[i])

    attack()


class Exact:
    """A rational number that takes the constants of an expression as they are."""

    def __init__(self, value: Fraction | float) -> None:
        self.value = Fraction(value)

    def __add__(self, other):
        return Exact(self.value + of(other))

    def __sub__(self, other):
        return Exact(self.value - of(other))

    def __mul__(self, other):
        return Exact(self.value * of(other))

    def __truediv__(self, other):
        return Exact(self.value / of(other))

    def __rsub__(self, other):
        return Exact(of(other) - self.value)

    def __rtruediv__(self, other):
        return Exact(of(other) / self.value)

    def __pow__(self, n):
        return Exact(self.value**n)

    def __abs__(self):
        return Exact(abs(self.value))

    __radd__, __rmul__ = __add__, __mul__


def of(x) -> Fraction:
    return x.value if isinstance(x, Exact) else Fraction(x)


def test_results_are_narrow():
    x = interval(np.array([0.1, -3.0]), np.array([0.2, 5.0]))
    with jax.enable_x64(True):
        x = interval(np.array([0.1, -3.0]), np.array([0.2, 5.0]))
        for result, expected in [
            (x + 1, ([1.1, -2], [1.2, 6])),
            (x * x, ([0.01, -15], [0.04, 25])),
            (x.square(), ([0.01, 0], [0.04, 25])),
            (x**3, ([0.001, -27], [0.008, 125])),
            (abs(x), ([0.1, 0], [0.2, 5])),
            (1 / (x + 4), ([1 / 4.2, 1 / 9], [1 / 4.1, 1])),
            (x.maximum(0.15), ([0.15, 0.15], [0.2, 5])),
            (x.minimum(0.15), ([0.1, -3], [0.15, 0.15])),
            (x.hull(1), ([0.1, -3], [1, 5])),
            (x.intersection(interval(0.15, 9.0)), ([0.15, 0.15], [0.2, 5])),
            (x.sqrt(), ([math.sqrt(0.1), 0], [math.sqrt(0.2), math.sqrt(5)])),
        ]:
            for end, value in zip(ends(result), expected, strict=True):
                assert end == pytest.approx(np.array(value), rel=1e-14, abs=1e-300)
        assert x.sum().lo == pytest.approx(-2.9) and x.sum().hi == pytest.approx(5.2)
        assert ends(1 / x)[0][1] == -math.inf and ends(1 / x)[1][1] == math.inf
        assert ends((x - 9).sqrt())[0][0] == -math.inf


def test_exact_operations_stay_exact():
    with jax.enable_x64(True):
        x = interval(np.array([0.3, -2.0]))
        for result in (x * 2, abs(x), x.maximum(0.0), -x, x * 0):
            assert np.array_equal(*ends(result))


def test_empty_and_undefined_intervals_are_refused():
    with pytest.raises(ValueError, match="NaN"):
        interval(math.nan, 1.0)
    with pytest.raises(ValueError, match="empty"):
        interval(np.array([0.0, 2.0]), np.array([1.0, 1.0]))
    with pytest.raises(TypeError, match="integer powers"):
        interval(0.0, 1.0) ** 0.5
    traced = jax.jit(lambda lo, hi: interval(lo, hi))
    unknown = traced(jnp.array([math.nan, 1.0, 0.0]), jnp.array([0.0, 0.0, 1.0]))
    assert np.array_equal(unknown.lo, [-math.inf, -math.inf, 0.0])
    assert np.array_equal(unknown.hi, [math.inf, math.inf, 1.0])


def test_numbers_that_the_precision_cannot_hold_are_rounded_outward():
    for value in (0.1, 1 / 3, 1e300, -1e300, 1e-300, -1e-300, 2**30 + 1):
        x = interval(np.array(value))  # float32 is JAX's precision here
        assert x.lo.dtype == jnp.float32
        assert float(x.lo) <= value <= float(x.hi)
        assert float(x.lo) < float(x.hi)
    with jax.enable_x64(True):
        subnormal = interval(5e-324)
        assert float(subnormal.lo) == 0 and float(subnormal.hi) == np.finfo(float).tiny
        product = jax.jit(lambda x: x * 1e308)(subnormal)
        assert float(product.hi) >= 4e-16


def test_disjoint_enclosures_show_an_error():
    nothing = interval(0.0, 1.0).intersection(interval(2.0, 3.0))
    assert ends(nothing) == (-math.inf, math.inf)


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_sums_contain_the_truth(data):
    dtype = data.draw(st.sampled_from(DTYPES))
    lo, hi = data.draw(intervals(dtype))
    with jax.enable_x64(True):
        low, high = ends(jax.jit(lambda a, b: Interval(a, b).sum())(*normalised(lo, hi)))
    for sign, bound, x in ((-1, low, lo), (1, high, hi)):
        if np.isfinite(x).all() and math.isfinite(bound):
            assert sign * Fraction(float(bound)) >= sign * sum(map(Fraction, x.tolist()))
        assert not math.isnan(bound)


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_middle_and_radius_cover_the_interval(data):
    dtype = data.draw(st.sampled_from(DTYPES))
    lo, hi = data.draw(intervals(dtype))
    with jax.enable_x64(True):
        x = interval(lo, hi)
        middle, radius = np.asarray(x.midpoint()), np.asarray(x.radius())
        size = np.asarray(x.magnitude())
    assert np.isfinite(middle).all()
    low, high = ends(x)
    assert (size == np.maximum(abs(low), abs(high))).all()
    for i in range(BATCH):
        assert low[i] <= middle[i] <= high[i]
        for end in (low[i], high[i]):
            if math.isfinite(radius[i]):
                assert abs(Fraction(float(end)) - Fraction(float(middle[i]))) <= Fraction(
                    float(radius[i])
                )


def test_intervals_are_pytrees_and_leave_the_operators_of_arrays_alone():
    x = interval(np.zeros((3, 2)), np.ones((3, 2)))
    assert x.shape == (3, 2) and x[0].shape == (2,) and len(jax.tree.leaves(x)) == 2
    rows = jax.vmap(lambda row: row.sum())(x)
    assert rows.shape == (3,) and float(rows.hi[0]) >= 2
    for left in (np.full((3, 2), 2.0), jnp.full((3, 2), 2.0), 2.0, np.float32(2)):
        assert isinstance(left * x, Interval) and isinstance(left - x, Interval)
        assert float((left + x).lo[0, 0]) <= 2 <= float((left + x).lo[0, 0]) + 1e-5
    product = np.ones((2, 3)) @ x
    assert isinstance(product, Interval) and float(product.hi[0, 0]) >= 3

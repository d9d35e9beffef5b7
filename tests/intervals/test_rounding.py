"""Widening, constants and scales."""

from __future__ import annotations

import math
from fractions import Fraction
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from lbdnn.intervals import down, gamma, up
from lbdnn.intervals.rounding import constant, normal_above, normal_below, power_of_two

from .numbers import DTYPES, OPTIONS, arrays

jit = partial(jax.jit, compiler_options=OPTIONS)
widened = jit(lambda x: (down(x), up(x)))
steps = jit(lambda x: up(up(x + 1e17) + 1.0))
scales = jit(power_of_two)
normal = jit(lambda x: (normal_below(x), normal_above(x)))


def call(function, x):
    with jax.enable_x64(True):
        return jax.tree.map(np.asarray, function(jnp.asarray(x)))


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_widening_covers_two_roundings_and_an_underflow(data):
    dtype = data.draw(st.sampled_from(DTYPES))
    x = data.draw(arrays(dtype, subnormal=False))
    info = np.finfo(dtype)
    low, high = call(widened, x)
    assert low.dtype == high.dtype == dtype
    for value, below, above in zip(x.tolist(), low.tolist(), high.tolist(), strict=True):
        slack = Fraction(1.5 * float(info.eps)) * abs(Fraction(value)) + Fraction(float(info.tiny))
        assert above == math.inf or Fraction(above) >= Fraction(value) + slack
        assert below == -math.inf or Fraction(below) <= Fraction(value) - slack
        near = 3 * float(info.eps) * abs(value) + 4 * float(info.tiny)
        assert above <= value + near or above == math.inf


def test_what_is_not_a_number_is_anything():
    low, high = call(widened, np.array([math.nan, math.inf, -math.inf]))
    assert low[0] == -math.inf and high[0] == math.inf
    assert high[1] == math.inf and np.finfo(float).max / 2 < low[1] < math.inf
    assert low[2] == -math.inf and -math.inf < high[2] < -np.finfo(float).max / 2


def test_constants_are_not_joined_across_a_widening():
    assert call(steps, np.array([-1e17]))[0] >= 1


def test_gamma():
    assert gamma(10, np.float64) >= 10 * 2**-53 / (1 - 10 * 2**-53)
    assert gamma(10, np.float32) == pytest.approx(10 * 2**-24, rel=1e-5)
    assert gamma(2**25, np.float32) == math.inf


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("value", [0.0, 0.1, -0.1, 1e300, -1e300, 1e-320, -1e-50, 3.0, math.pi])
def test_constants_have_neighbours_of_the_type(value, dtype):
    low, high = constant(value, dtype)
    with np.errstate(over="ignore"):
        exact = float(dtype(value)) == value and abs(value) != 1e-320
    assert low <= value <= high
    assert (low == high) == exact
    for end in (low, high):
        assert math.isinf(end) or float(dtype(end)) == end
        assert end == 0 or abs(end) >= np.finfo(dtype).tiny


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(DTYPES), st.data())
def test_scales_are_powers_of_two_near_the_number(dtype, data):
    x = np.abs(data.draw(arrays(dtype)))
    for value, scale in zip(x.tolist(), call(scales, x).tolist(), strict=True):
        assert math.frexp(scale)[0] == 0.5
        assert value / scale < 8
        assert value / scale >= 1 or value < 2 * np.finfo(dtype).tiny


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(DTYPES), st.data())
def test_subnormal_numbers_are_moved_outward(dtype, data):
    tiny = float(np.finfo(dtype).tiny)
    x = data.draw(arrays(dtype))
    x[:3] = [tiny / 2, -tiny / 2, np.nextafter(dtype(0), dtype(1))]
    below, above = call(normal, x)
    for value, low, high in zip(x.tolist(), below.tolist(), above.tolist(), strict=True):
        assert low <= value <= high
        for end in (low, high):
            assert end == 0 or abs(end) >= tiny
        assert abs(value) < tiny or low == value == high

"""Compiled enclosures, in float64 and float32, contain the truth and are attained."""

from __future__ import annotations

import math

import numpy as np
import pytest
from flint import arb
from hypothesis import HealthCheck, given, settings, strategies as st

from lbdnn.activations import Activation

from .accuracy import BATCH, compiled, tolerance
from .pieces import INF, precision
from .reference import exact, typed_cases


def intervals(activation: Activation, dtype: type):
    """Ordinary, tiny, huge, degenerate and infinite ones, with ends near critical points too.

    No subnormal ends: compiled code takes them for 0, which may be a kink.
    """
    width = np.finfo(dtype).bits
    points = {float(dtype(p)) for group in activation.extremes for p, _ in group}
    special = sorted({0.0, 1.0, *points, *(-p for p in points)})
    ulps = st.integers(-2, 2).map(lambda k: 1 + k * float(np.finfo(dtype).eps))
    finite = st.one_of(
        st.floats(-8, 8, width=width, allow_subnormal=False),
        st.floats(-100, 100, width=width, allow_subnormal=False),
        st.floats(width=width, allow_nan=False, allow_infinity=False, allow_subnormal=False),
        st.builds(lambda z, u: float(dtype(z * u)), st.sampled_from(special), ulps),
    )
    end = st.one_of(finite, finite, finite, finite, st.sampled_from([-INF, INF]))
    tiny = st.builds(
        lambda z, k: (z, z + float(dtype(abs(z) * k * np.finfo(dtype).eps))),
        finite.filter(lambda z: z == 0 or 1e-30 < abs(z) < 1e30),
        st.integers(0, 40),
    )
    ordered = st.tuples(end, end).map(sorted).filter(lambda pair: pair != [-INF, -INF])
    return st.one_of(ordered.filter(lambda pair: pair != [INF, INF]), tiny)


def true_range(activation: Activation, order: int, lo: float, hi: float, dtype: type):
    """Ends between which the lower and the upper end of the enclosure must lie."""
    eps, candidates = float(np.finfo(dtype).eps), []  # (value, tolerance)
    for z, side in ((lo, 0), (hi, 1)):
        if math.isinf(z):
            limit = activation.limits[order][side]
            candidates.append((limit, 4 * eps * abs(limit) if abs(limit) < INF else 0.0))
        else:
            values = exact(activation, z, order + 2)
            error = tolerance(activation, order, z, values, dtype)
            value = float(values[order])
            candidates.append((value, error if abs(value) < INF else 0.0))
    for point, value in activation.extremes[order]:
        if meets(activation, point, lo, hi, dtype):
            candidates.append((value, 4 * eps * abs(value) if abs(value) < INF else 0.0))
    # What overflows is rounded outward: ±inf on one side, the largest float on the other.
    largest = float(np.finfo(dtype).max)
    below = [-INF if v < -largest else min(v - e, largest) for v, e in candidates]
    above = [INF if v > largest else max(v + e, -largest) for v, e in candidates]
    return (min(below), min(min(above), largest)), (max(max(below), -largest), max(above))


def meets(activation: Activation, point: float, lo: float, hi: float, dtype: type) -> bool:
    """Whether the (repeated) point lies in [lo, hi]; a kink is where its float of that type is."""
    if activation.period is None:
        return lo <= float(dtype(point)) <= hi
    if hi - lo >= activation.period:
        return True
    with precision(2600):
        turn = 2 * arb.pi()
        true_point = turn * round(4 * point / math.tau) / 4
        last = ((arb(hi) - true_point) / turn).floor()
        return bool(true_point + last * turn >= arb(lo))


@pytest.mark.parametrize(("activation", "dtype"), typed_cases())
def test_enclosures_are_exact(activation, dtype):
    """Each end of an enclosure is the true one, up to the rounding of one evaluation."""
    attack(activation, dtype, examples=5)


@pytest.mark.slow
@pytest.mark.parametrize(("activation", "dtype"), typed_cases())
def test_enclosures_are_exact_on_many_intervals(activation, dtype):
    attack(activation, dtype, examples=80)


def attack(activation: Activation, dtype: type, examples: int) -> None:
    enclose = compiled(activation, dtype)
    left = activation.domain[0]

    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        st.lists(intervals(activation, dtype), min_size=BATCH, max_size=BATCH),
        st.floats(0, 1),
    )
    def prove(batch, place):
        lower, upper = enclose(batch)
        for i, (lo, hi) in enumerate(batch):
            inner = float(dtype(lo + place * (hi - lo))) if hi - lo < INF else 0.0
            inside = lo <= inner <= hi and inner > left
            truth = exact(activation, inner) if inside else []
            for order in range(4):
                found = float(lower[order, i]), float(upper[order, i])
                if left > -INF and lo <= left:
                    assert found == (-INF, INF)
                    continue
                expected = true_range(activation, order, lo, hi, dtype)
                for end, (least, most) in zip(found, expected, strict=True):
                    assert least <= end <= most, (order, lo, hi, end, least, most)
                if inside:  # a value that no constant of the library has a part in
                    assert expected[0][0] <= float(truth[order]) <= expected[1][1]

    prove()

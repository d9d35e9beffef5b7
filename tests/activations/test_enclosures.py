"""Compiled enclosures, in float64 and float32, contain the truth to the last bit, and are tight."""

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
        lambda z, k: (z, float(dtype(z + abs(z) * k * float(np.finfo(dtype).eps)))),
        finite.filter(lambda z: z == 0 or 1e-30 < abs(z) < 1e30),
        st.integers(0, 40),
    )
    ordered = st.tuples(end, end).map(sorted).filter(lambda pair: pair != [-INF, -INF])
    return st.one_of(ordered.filter(lambda pair: pair != [INF, INF]), tiny)


# How many times wider than one evaluation's error an enclosure may be at a point, by order.
WIDTHS = (8, 16, 64, 64)
ORDINARY = 1e6  # beyond, the smallest normal number times z may be all that is known


def below(bound: float, value: arb) -> bool:
    """bound ≤ value. The ball's radius is far below a rounding, or below 1e-400."""
    if math.isinf(bound):
        return bound < 0
    return not bool(value < arb(bound))


def widest(activation: Activation, order: int, lo: float, hi: float, dtype: type, known: dict):
    """Ends that the enclosure may not exceed."""
    eps, candidates = float(np.finfo(dtype).eps), []  # (value, tolerance)
    for z, side in ((lo, 0), (hi, 1)):
        if math.isinf(z):
            candidates.append((activation.limits[order][side], 0.0))
        else:
            error = WIDTHS[order] * tolerance(activation, order, z, known[z], dtype)
            candidates.append((float(known[z][order]), error))
    for point, value in activation.extremes[order]:
        if meets(activation, point, lo, hi, eps):
            steepest = activation.bound(order + 1) if order == 0 else 0.0
            candidates.append((value, 64 * eps * abs(point) * steepest))
    finite = [(v, e + 8 * eps * abs(v) if abs(v) < INF else 0.0) for v, e in candidates]
    return min(v - e for v, e in finite), max(v + e for v, e in finite)


def meets(activation: Activation, point: float, lo: float, hi: float, eps: float) -> bool:
    """Whether the (repeated) point lies in [lo, hi] or so near that rounding hides it."""
    if activation.period is None:
        slack = 8 * eps * abs(point)
        return lo <= point + slack and point - slack <= hi
    if hi - lo >= activation.period:
        return True
    with precision(2600):
        turn = 2 * arb.pi()
        true_point = turn * round(4 * point / math.tau) / 4
        slack = 16 * eps * (abs(lo) + 8)
        last = ((arb(hi) + slack - true_point) / turn).floor()
        return bool(true_point + last * turn >= arb(lo) - slack)


@pytest.mark.parametrize(("activation", "dtype"), typed_cases(some_slow=True))
def test_enclosures_are_right_and_tight(activation, dtype):
    """They contain the true values, and not much more than those and the roundings."""
    attack(activation, dtype, examples=5, optimized=False)


@pytest.mark.slow
@pytest.mark.parametrize(("activation", "dtype"), typed_cases())
def test_enclosures_are_right_and_tight_on_many_intervals(activation, dtype):
    attack(activation, dtype, examples=80, optimized=True)


def attack(activation: Activation, dtype: type, examples: int, optimized: bool) -> None:
    enclose = compiled(activation, dtype, optimized)
    left = activation.domain[0]
    criticals = sorted({point for group in activation.extremes for point, _ in group})

    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        st.lists(intervals(activation, dtype), min_size=BATCH, max_size=BATCH),
        st.floats(0, 1),
    )
    def prove(batch, place):
        lower, upper = enclose(batch)
        for i, (lo, hi) in enumerate(batch):
            if left > -INF and lo <= left:
                assert (lower[:, i] == -INF).all() and (upper[:, i] == INF).all()
                continue
            inner = lo + place * (hi - lo) if hi - lo < INF else 0.0
            points = {lo, hi, inner, *criticals} - {INF, -INF}
            known = {z: exact(activation, z, 5) for z in points if lo <= z <= hi}
            for order in range(4):
                found = float(lower[order, i]), float(upper[order, i])
                for z, values in known.items():  # constants of the library have no part in these
                    assert below(found[0], values[order]), (order, lo, hi, z)
                    assert below(-found[1], -values[order]), (order, lo, hi, z)
                # Near overflow a step of the formula may overflow where its result does not.
                ample = float(np.finfo(dtype).max) / 16
                room = all(float(abs(v[order])) < ample for v in known.values())
                if room and all(abs(z) < ORDINARY or abs(z) == INF for z in (lo, hi)):
                    least, most = widest(activation, order, lo, hi, dtype, known)
                    assert least <= found[0] and found[1] <= most, (order, lo, hi, found)

    prove()

"""Every stored constant of every activation, proved in ball arithmetic."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from flint import arb

from lbdnn.activations import Activation, get

from .pieces import INF, Piece, ball, precision
from .proofs import cells, excess, limit
from .reference import cases, exact, pieces

CASES = pytest.mark.parametrize(
    "activation", [get(name, *parameters) for name, parameters in cases()], ids=str
)
ORDERS = (0, 1, 2, 3)


@pytest.fixture(autouse=True)
def many_bits():
    with precision(256, 10):
        yield


def close(stored: float, true: arb, ulps: float = 4.0) -> bool:
    """Within a few roundings, and exactly at 0 and ±∞."""
    if math.isinf(stored) or stored == 0 or not true.is_finite():
        return bool(true == stored)
    return bool(abs(stored - true) <= ulps * 2.0**-53 * abs(true))


def knots(parts: list[Piece]) -> list[tuple[float, list[arb], list[arb]]]:
    """(z, derivatives from the left, from the right) where two pieces meet."""
    return [
        (float(a.right), a.derivatives(ball(a.right)), b.derivatives(ball(b.left)))
        for a, b in pairwise(parts)
    ]


def at_knot(activation: Activation, order: int, z: float) -> list[float]:
    """The values stored for a knot, whose own rounding may differ."""
    return [
        v for p, v in activation.extremes[order] if math.isclose(p, z, rel_tol=2**-51, abs_tol=0)
    ]


def smooth_points(activation: Activation, order: int, piece: Piece) -> list[float]:
    """The stored points strictly inside a piece."""
    points = {p for p, _ in activation.extremes[order]}
    ends = (float(piece.left), float(piece.right))
    return sorted(
        p
        for p in points
        if ends[0] < p < ends[1] and not any(math.isclose(p, e, rel_tol=2**-51) for e in ends)
    )


@CASES
@pytest.mark.parametrize("order", ORDERS)
def test_derivatives_turn_only_at_the_stored_points(activation, order):
    """Between neighbouring stored points and ends, ς⁽ᵈ⁾ is monotone, on the whole line."""
    parts = pieces(activation)
    found = [cells(piece, order + 1, smooth_points(activation, order, piece)) for piece in parts]
    for (z, left, right), before, after in zip(knots(parts), found, found[1:], strict=False):
        stored = at_knot(activation, order, z)
        broken = [d for d in range(order + 1) if not left[d].overlaps(right[d])]
        if broken and broken[0] < order:
            assert sorted(stored) == [-INF, INF]
        elif broken:
            assert any(close(v, left[order]) for v in stored)
            assert any(close(v, right[order]) for v in stored)
        elif before[-1].sign * after[0].sign < 0:
            assert any(close(v, left[order]) for v in stored)
    directions = [cell for group in found for cell in group]
    pieces_stored = activation.pieces(order)
    if activation.period is None:
        for left, right, direction in pieces_stored:
            inside = [c for c in directions if left <= c.left and c.right <= right]
            assert {c.sign for c in inside} - {0} == {direction} - {0}
            assert (inside[0].left, inside[-1].right) == pytest.approx((left, right), rel=1e-15)
    else:
        assert {direction for _, _, direction in pieces_stored} == {1, -1}


@CASES
@pytest.mark.parametrize("order", ORDERS)
def test_stored_values_are_attained(activation, order):
    """Each is a value or one-sided limit of ς⁽ᵈ⁾, infinite only where a lower one jumps."""
    parts = pieces(activation)
    meeting = knots(parts)
    for point, value in activation.extremes[order]:
        sides = [k for k in meeting if math.isclose(k[0], point, rel_tol=2**-51, abs_tol=0)]
        if math.isinf(value):
            ((_, left, right),) = sides
            assert any(not left[d].overlaps(right[d]) for d in range(order))
        elif sides:
            ((_, left, right),) = sides
            assert close(value, left[order]) or close(value, right[order])
        else:
            assert close(value, exact(activation, point)[order])


@CASES
@pytest.mark.parametrize("order", ORDERS)
def test_limits_and_range(activation, order):
    parts = pieces(activation)
    if activation.period is not None:
        low, high = activation.range(order)
        assert all(low <= v <= high for v in activation.limits[order])
    else:
        left, right = activation.limits[order]
        assert close(left, limit(parts[0], -1, order))
        assert close(right, limit(parts[-1], 1, order))
    values = [v for _, v in activation.extremes[order]] + list(activation.limits[order])
    assert activation.range(order) == (min(values), max(values))
    assert activation.bound(order) == max(map(abs, values))


@CASES
def test_growth_is_the_smallest(activation):
    """a1 is the steepest slope at infinity; for it, a0 is sup(|ς(z)| − a1|z|)."""
    a1, a0 = activation.growth
    parts = pieces(activation)
    if activation.period is not None:
        assert (a1, a0) == (0.0, activation.bound(0))
        return
    ends = [limit(parts[0], -1, 1), limit(parts[-1], 1, 1)]
    if any(math.isinf(v) for v in ends):
        assert (a1, a0) == (INF, INF)
        return
    assert close(a1, ends[0] if abs(ends[0]) > abs(ends[1]) else ends[1]) or close(a1, abs(ends[0]))
    if a1 == 0:
        assert a0 == activation.bound(0)
        return
    found = [excess(piece, a1, 1e-13) for piece in parts]
    attained, bound = max(lower for lower, _ in found), max(upper for _, upper in found)
    assert a0 == pytest.approx(attained, rel=1e-12, abs=1e-12)
    assert bound <= a0 + 1e-12


@CASES
def test_jumps_and_kinks(activation):
    parts = knots(pieces(activation))
    jumps = [z for z, left, right in parts if not left[0].overlaps(right[0])]
    kinks = [
        z
        for z, left, right in parts
        if not all(a.overlaps(b) for a, b in zip(left[:2], right[:2], strict=True))
    ]
    assert activation.jumps == pytest.approx(jumps, rel=1e-15)
    assert activation.kinks == pytest.approx(kinks, rel=1e-15)
    assert activation.smooth == (not kinks)


@CASES
def test_values_at_zero(activation):
    if not activation.domain[0] < 0 < activation.domain[1]:
        assert math.isnan(activation.value_at_zero)
        return
    values = [
        p.derivatives(arb(0), 2) for p in pieces(activation) if p.periodic or p.left <= 0 <= p.right
    ]
    assert any(close(activation.value_at_zero, v[0]) for v in values)
    assert any(close(activation.slope_at_zero, v[1]) for v in values)


# Ranges of ς' and ς'' to six digits, found independently on a fine grid.
TABLE = {
    "tanh": ((0, 1), (-0.769800, 0.769800)),
    "logistic": ((0, 0.25), (-0.096225, 0.096225)),
    "arctan": ((0, 1), (-0.649519, 0.649519)),
    "sin": ((-1, 1), (-1, 1)),
    "softsign": ((0, 1), (-2, 2)),
    "softplus": ((0, 1), (0, 0.25)),
    "silu": ((-0.099839, 1.099839), (-0.036914, 0.5)),
    "gelu": ((-0.128904, 1.128904), (-0.107982, 0.797885)),
    "mish": ((-0.112526, 1.088498), (-0.059033, 0.644205)),
    "tanhshrink": ((0, 1), (-0.769800, 0.769800)),
    "selu": ((0, 1.758099), (-INF, INF)),
}


@pytest.mark.parametrize("name", TABLE)
def test_known_ranges(name):
    slopes, curvatures = TABLE[name]
    assert get(name).range(1) == pytest.approx(slopes, abs=5e-7)
    assert get(name).range(2) == pytest.approx(curvatures, abs=5e-7)

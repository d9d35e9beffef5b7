"""The maximum of a seminorm over the sphere, on seminorms whose maximum is known."""

import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from lbdnn.derivatives.sphere import _cone_bound, sphere_maximum


def polyhedral(rows):
    """f(u) = max_k |a_kᵀu|: its maximum over the sphere is max_k ‖a_k‖, at a_k."""

    def oracle(u):
        products = rows @ u
        k = np.argmax(np.abs(products))
        return abs(products[k]), np.sign(products[k]) * rows[k]

    return oracle


rows = st.integers(1, 4).flatmap(
    lambda m: st.lists(
        st.lists(st.floats(-1, 1, width=32), min_size=m, max_size=m), min_size=1, max_size=6
    )
)


@given(rows, st.sampled_from((1e-30, 1.0, 1e30)))
@settings(max_examples=60, deadline=None)
def test_bounds_hold_and_their_gap_is_as_asked(rows, scale):
    rows = scale * np.array(rows)
    truth = np.linalg.norm(rows, axis=1).max()
    lower, upper = sphere_maximum(polyhedral(rows), rows.shape[1], gap=0.05, max_evaluations=20_000)
    assert lower * (1 - 1e-12) <= truth <= upper * (1 + 1e-12)
    assert upper <= 1.05 * lower * (1 + 1e-12)


@given(rows)
@settings(max_examples=30, deadline=None)
def test_bounds_hold_when_the_search_ends_early(rows):
    rows = np.array(rows)
    truth = np.linalg.norm(rows, axis=1).max()
    for budget in (1, 2, 9):
        lower, upper = sphere_maximum(
            polyhedral(rows), rows.shape[1], gap=1e-6, max_evaluations=budget
        )
        assert lower * (1 - 1e-12) <= truth <= upper * (1 + 1e-12)


def test_a_peak_that_the_ascents_from_the_axes_miss_is_found():
    wide, narrow = np.eye(2), 1.02 * np.array([[math.cos(0.8), math.sin(0.8)]])
    lower, _ = sphere_maximum(
        polyhedral(np.concatenate([wide, narrow])), 2, gap=1e-3, max_evaluations=100
    )
    assert lower == pytest.approx(1.02, rel=1e-12)


angles = st.floats(0.01, 3.0)
heights = st.floats(0.01, 10.0)


@given(angles, heights, heights)
@settings(deadline=None)
def test_bound_on_an_arc_is_the_closed_form(Δ, first, second):
    corners = np.array([[1.0, math.cos(Δ)], [0.0, math.sin(Δ)]])
    if min(first, second) > max(first, second) * math.cos(Δ):
        product = first * second * math.cos(Δ)
        expected = math.sqrt(first**2 + second**2 - 2 * product) / math.sin(Δ)
    else:
        expected = max(first, second)
    found = _cone_bound(corners, np.array([first, second]))
    assert found == pytest.approx(expected, rel=1e-9)


@given(angles, heights, heights)
@settings(deadline=None)
def test_bound_on_an_arc_is_attained_by_a_seminorm(Δ, first, second):
    """f(u) = |aᵀu| with aᵀu_1 = f_1, aᵀu_2 = f_2 has the bound as its maximum on the arc."""
    corners = np.array([[1.0, math.cos(Δ)], [0.0, math.sin(Δ)]])
    a = np.linalg.solve(corners.T, [first, second])
    t = np.linspace(0, Δ, 2001)
    seen = np.max(np.abs(a @ np.array([np.cos(t), np.sin(t)])))
    found = _cone_bound(corners, np.array([first, second]))
    assert seen <= found * (1 + 1e-9)
    assert found <= seen * (1 + 1e-5)

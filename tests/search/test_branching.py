"""Branch and bound over boxes: what it returns is a cover with valid bounds, at any time."""

import numpy as np
import pytest

from lbdnn.search.branching import Remembered, branch_and_bound


def _waves(x):
    return 3 + np.sin(3 * x[..., 0]) + np.cos(2 * x[..., 1]) + 0.3 * x[..., 0]


def _bounds(lo, hi, lower=0.0):
    """Of `_waves`: the value at the centre plus the slopes 3.3 and 2 times the half-widths."""
    half = (hi - lo) / 2
    upper = _waves(lo + half) + 3.3 * half[:, 0] + 2 * half[:, 1]
    return upper, _waves(lo + half), np.argmax(half * [3.3, 2.0], 1)


LO, HI = np.array([-2.0, -1.0]), np.array([3.0, 2.5])
GRID = np.stack(np.meshgrid(np.linspace(-2, 3, 601), np.linspace(-1, 2.5, 421)), -1)
TOP = float(np.max(_waves(GRID)))


def _assert_covers(cover):
    widths = cover.hi - cover.lo
    assert np.sum(np.prod(widths, 1)) == pytest.approx(np.prod(HI - LO), rel=1e-12)
    points = np.random.default_rng(0).uniform(LO, HI, (200, 2))
    inside = (cover.lo <= points[:, None]) & (points[:, None] <= cover.hi)
    inside = np.all(inside, -1)
    assert np.all(np.any(inside, 1))
    # Every box that a point is in bounds the function there.
    assert np.all(np.where(inside, cover.bound, np.inf) >= _waves(points)[:, None])
    assert cover.upper == np.max(cover.bound) >= TOP


def test_reaches_the_gap_and_covers_the_box():
    cover = branch_and_bound(_bounds, LO, HI, gap=0.01, batch=16)
    assert cover.finished
    assert cover.lower <= TOP + 1e-12
    assert TOP <= cover.upper <= 1.01 * cover.lower
    _assert_covers(cover)


def test_a_smaller_gap_takes_more_boxes_and_gives_a_smaller_bound():
    coarse, fine = (branch_and_bound(_bounds, LO, HI, gap=g, batch=4) for g in (0.1, 0.001))
    assert fine.cells > coarse.cells
    assert fine.upper < coarse.upper


@pytest.mark.parametrize("budget", [1, 2, 3, 40])
def test_stops_at_the_budget_with_what_is_proved(budget):
    cover = branch_and_bound(_bounds, LO, HI, gap=0.0, max_cells=budget, batch=8)
    assert cover.cells <= budget
    assert not cover.finished
    _assert_covers(cover)


def test_an_interrupt_keeps_what_is_proved():
    calls = []

    def interrupted(lo, hi, lower):
        calls.append(len(lo))
        if len(calls) == 5:
            raise KeyboardInterrupt
        return _bounds(lo, hi)

    cover = branch_and_bound(interrupted, LO, HI, gap=0.0, batch=8)
    assert cover.cells == sum(calls[:4])
    _assert_covers(cover)


def test_boxes_without_a_bound_are_split_until_they_have_one():
    def unknown(lo, hi, lower):
        upper, reached, axis = _bounds(lo, hi)
        wide = np.max(hi - lo, 1) > 1
        upper[wide] = np.where(lo[wide, 0] < 0, np.nan, np.inf)
        return upper, reached, axis

    cover = branch_and_bound(unknown, LO, HI, gap=0.05, batch=8)
    assert cover.finished
    _assert_covers(cover)
    assert branch_and_bound(unknown, LO, HI, max_cells=2).upper == np.inf


def test_without_a_bound_no_gap_is_reached():
    def hopeless(lo, hi, lower):
        return np.full(len(lo), np.inf), np.full(len(lo), np.inf), np.zeros(len(lo), int)

    cover = branch_and_bound(hopeless, LO, HI, max_cells=50, batch=8)
    assert cover.upper == np.inf and not cover.finished


def test_a_box_has_no_larger_bound_than_the_box_it_comes_from():
    def careless(lo, hi, lower):
        upper, reached, axis = _bounds(lo, hi)
        return np.where(np.max(hi - lo, 1) < 2, upper + 100, upper), reached, axis

    whole = _bounds(LO[None], HI[None])[0][0]
    assert branch_and_bound(careless, LO, HI, max_cells=500).upper <= whole


def test_a_known_value_saves_boxes():
    without = branch_and_bound(_bounds, LO, HI, gap=0.05, batch=2)
    with_value = branch_and_bound(_bounds, LO, HI, gap=0.05, batch=2, lower=TOP)
    assert with_value.cells <= without.cells
    assert with_value.lower == TOP


def test_nothing_is_left_to_do_once_a_known_bound_cannot_be_improved():
    whole = branch_and_bound(_bounds, LO, HI, gap=0.0, max_cells=500, batch=2)
    stopped = branch_and_bound(_bounds, LO, HI, gap=0.0, max_cells=500, batch=2, known=TOP / 2)
    assert stopped.cells < whole.cells
    assert whole.upper <= stopped.upper


def test_a_single_point_is_a_box():
    cover = branch_and_bound(_bounds, LO, LO, gap=0.0)
    assert cover.finished
    assert cover.upper == cover.lower == _waves(LO)
    # No number lies between the ends, so nothing can be split.
    ends = np.array([1.0, 0.0]), np.array([np.nextafter(1.0, 2.0), 0.0])
    narrow = branch_and_bound(_bounds, *ends, gap=0.0)
    assert narrow.cells == 1


@pytest.mark.parametrize(
    "change", [{"max_cells": 0}, {"batch": 1}, {"gap": -0.1}, {"gap": float("nan")}]
)
def test_refuses_budgets_that_make_no_sense(change):
    with pytest.raises(ValueError, match="branch and bound needs"):
        branch_and_bound(_bounds, LO, HI, **change)


def test_refuses_a_box_that_is_none():
    with pytest.raises(ValueError, match="lo <= hi"):
        branch_and_bound(_bounds, HI, LO)


def test_remembered_computes_each_point_once_in_full_batches():
    asked = []

    def squares(points):
        asked.append(points.copy())
        return points[:, 0] ** 2, points

    remembered = Remembered(squares, 4)
    points = np.array([[1.0], [2.0], [1.0], [-0.0], [0.0], [3.0], [4.0]])
    for _ in range(2):
        values, same = remembered(points)
        np.testing.assert_array_equal(values, points[:, 0] ** 2)
        np.testing.assert_array_equal(same, points)
    assert len(remembered) == 5
    assert all(len(batch) == 4 for batch in asked)
    assert len(asked) == 2

"""Regular covers: they cover, they do not waste, they follow the sides that matter."""

import math

import jax
import numpy as np
import pytest
from hypothesis import given, strategies as st

from lbdnn import Ball, Box, FullyConnected
from lbdnn.bounds.cover.cells import parts_of_axes, regular_cover

LENGTHS = st.lists(st.sampled_from([0.0, 1e-300, 0.1, 1.0, 3.0, 1e200]), min_size=1, max_size=4)


@given(LENGTHS, st.integers(1, 5000))
def test_parts_use_the_cells_they_are_given(lengths: list[float], count: int) -> None:
    parts = parts_of_axes(np.array(lengths), count)
    assert math.prod(parts) <= count
    assert all(p == 1 for p, length in zip(parts, lengths, strict=True) if length == 0)
    if any(lengths):
        assert math.prod(parts) * 2 ** len(lengths) > count


def test_equal_sides_are_cut_alike() -> None:
    assert parts_of_axes(np.ones(4), 10_000) == [10] * 4
    assert parts_of_axes(np.array([1.0, 0.1]), 40) == [20, 2]


@given(
    st.lists(st.tuples(st.floats(-1e3, 1e3), st.floats(0, 10)), min_size=1, max_size=3),
    st.integers(1, 60),
    st.integers(0, 2**32 - 1),
)
def test_every_point_lies_in_a_cell(sides: list, count: int, seed: int) -> None:
    net = FullyConnected((len(sides), 1))
    lo, size = np.array(sides).T
    hi = lo + size
    rng = np.random.default_rng(seed)
    points = rng.uniform(lo, hi, (50, len(lo)))
    points = np.clip(np.where(rng.random(points.shape) < 0.2, hi, points), lo, hi)
    with jax.enable_x64(True):
        region = Box(lo, hi).input_region(net)
    low, high = regular_cover(region, count, np.ones(len(lo)))
    assert len(low) <= count
    assert np.all(low.min(0) == region.lo)
    assert np.all(high.max(0) == region.hi)
    inside = np.all((low[:, None] <= points) & (points <= high[:, None]), 2)
    assert np.all(inside.any(0))


@pytest.mark.parametrize("count", [1, 10, 1000])
def test_a_ball_is_covered_and_its_corners_are_not(count: int) -> None:
    net = FullyConnected((3, 1))
    with jax.enable_x64(True):
        region = Ball(2.0, center=(5.0, 0.0, -1.0)).input_region(net)
    low, high = regular_cover(region, count, np.ones(3))
    rng = np.random.default_rng(0)
    points = rng.standard_normal((200, 3))
    points = region.center + 2 * points / np.linalg.norm(points, axis=1, keepdims=True)
    points = region.center + (points - region.center) * rng.uniform(0, 1, (200, 1))
    inside = np.all((low[:, None] <= points) & (points <= high[:, None]), 2)
    assert np.all(inside.any(0))
    if count == 1000:
        assert len(low) < 1000

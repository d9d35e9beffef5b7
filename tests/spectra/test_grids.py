"""Regular grids, whole and in parts."""

import itertools

import numpy as np
import pytest

from lbdnn import Box
from lbdnn.spectra import grid, grid_chunks


def test_nodes_of_a_box():
    found = grid(Box([0, -1], [1, 1]), 2, 3)
    assert found.tolist() == [list(p) for p in itertools.product([0, 0.5, 1], [-1, 0, 1])]


def test_parts_are_the_whole():
    box = Box(-1.0, 2.0)
    parts = list(grid_chunks(box, 3, 5, chunk=7))
    assert [len(part) for part in parts] == [7] * 17 + [6]
    np.testing.assert_array_equal(np.concatenate(parts), grid(box, 3, 5))


def test_a_grid_too_large_for_memory_says_its_size_and_another_way():
    with pytest.raises(ValueError, match=r"1.06e\+12 points.*GiB.*grid_chunks"):
        grid(Box(-1, 1), 6, 101)
    first = next(grid_chunks(Box(-1, 1), 20, 101))
    assert first.shape == (100_000, 20)
    np.testing.assert_array_equal(first[0], -1)


def test_refusals():
    with pytest.raises(ValueError, match="at least 2 points"):
        grid(Box(-1, 1), 2, 1)
    with pytest.raises(ValueError, match="lo <= hi"):
        grid(Box(1, -1), 2, 3)

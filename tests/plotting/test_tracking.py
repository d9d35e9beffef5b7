"""Closed loops over time, by size, and against gains."""

import numpy as np

from lbdnn.plotting.gains import gains_against_outcome
from lbdnn.plotting.tracking import by_size, over_time


def test_median_and_range_of_the_seeds_that_are_there():
    values = np.array([[1.0, 2.0], [3.0, 4.0], [8.0, 9.0], [np.nan, np.nan]])
    figure = over_time(2.0, [("e", {"composite": values})], [(0.5, 1.0)])
    (axes,) = figure.axes
    (line,) = axes.lines
    np.testing.assert_array_equal(line.get_xdata(), [0, 1])
    np.testing.assert_array_equal(line.get_ydata(), [3, 4])
    (band,) = axes.collections
    heights = band.get_paths()[0].vertices[:, 1]
    assert (heights.min(), heights.max()) == (1, 9)
    (zone,) = axes.patches
    assert (zone.get_x(), zone.get_x() + zone.get_width()) == (0.5, 1.0)
    assert [t.get_text() for t in figure.legends[0].get_texts()] == ["composite law", "no feedback"]


def test_published_draws_stand_at_their_sizes():
    own = {("tracking", "paper"): [np.array([1.0, 2.0, 3.0]), np.array([4.0])]}
    figure = by_size(["3×3", "5×5"], [("error", own, {"tracking": [0.5, 0.25]})])
    crosses = figure.axes[0].lines[-1]
    np.testing.assert_array_equal(crosses.get_ydata(), [0.5, 0.25])
    assert np.all(np.round(crosses.get_xdata()) == [0, 1])
    assert [t.get_text() for t in figure.axes[0].get_xticklabels()] == ["3×3", "5×5"]


def test_draws_that_diverge_are_marked_apart():
    gains = np.array([[1.0], [2.0], [3.0]])
    diverged = np.array([False, False, True])
    figure = gains_against_outcome(
        gains, np.array([1.0, 2.0, np.nan]), np.ones(3), diverged, ["k"], {"nominal": gains[0]}
    )
    axes = figure.axes[0]
    np.testing.assert_array_equal(axes.collections[0].get_offsets(), [[1, 1], [2, 2]])
    crosses = next(line for line in axes.lines if line.get_marker() == "x")
    np.testing.assert_array_equal(crosses.get_xdata(), [3])

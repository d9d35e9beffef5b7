"""The figure of a cover shows its boxes, where the maximum may be, and what was reached."""

import jax
import numpy as np
import pytest
from matplotlib.collections import PolyCollection

from lbdnn import Box, FullyConnected
from lbdnn.bounds.expansion import Supremum, sup_over_inputs
from lbdnn.plotting.cover import cover
from lbdnn.search.branching import Cover

# [0, 2] × [0, 1] in three: the left half, and the right one halved again.
LO = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 0.5]])
HI = np.array([[1.0, 1.0], [2.0, 0.5], [2.0, 1.0]])


def supremum(lo=LO, hi=HI, bound=(1.0, 2.2, 1.9), lower=2.0, sigma=(1.5, 0.25)) -> Supremum:
    bounds = np.array(bound)
    leaves = Cover(float(bounds.max()), lower, 5, True, lo, hi, bounds)
    return Supremum(leaves.upper, lower, np.array(sigma), 8, leaves)


def drawn(figure) -> tuple[PolyCollection, PolyCollection]:
    boxes, outlines = (x for x in figure.axes[0].collections if isinstance(x, PolyCollection))
    return boxes, outlines


def test_each_leaf_is_a_rectangle_coloured_by_its_bound_over_the_lower_value():
    boxes, _ = drawn(cover(supremum()))
    for path, lo, hi in zip(boxes.get_paths(), LO, HI, strict=True):
        np.testing.assert_array_equal(path.get_extents().get_points(), [lo, hi])
        width, height = hi - lo
        assert _area(path.vertices) == width * height
    np.testing.assert_allclose(boxes.get_array(), [0.5, 1.1, 0.95])
    assert boxes.get_clim() == (0.5, 1.1)


def test_outlined_are_the_leaves_whose_bound_is_not_below_the_lower_value():
    _, outlines = drawn(cover(supremum(bound=(2.0, 2.2, 1.9))))
    found = [path.get_extents().get_points().tolist() for path in outlines.get_paths()]
    assert found == [[LO[i].tolist(), HI[i].tolist()] for i in (0, 1)]


def test_the_point_that_was_reached_is_marked_and_the_axes_are_named():
    figure = cover(supremum(), "hessian")
    axes, bar = figure.axes
    (star,) = axes.lines
    np.testing.assert_array_equal(star.get_xydata(), [[1.5, 0.25]])
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("σ₁", "σ₂")
    assert (axes.get_xlim(), axes.get_ylim()) == ((0, 2), (0, 1))
    assert bar.get_ylabel() == "bound / lower"
    assert "3 boxes" in axes.get_title() and "1.1" in axes.get_title()


def test_boxes_without_a_bound_are_drawn_beyond_the_scale():
    boxes, outlines = drawn(cover(supremum(bound=(1.0, np.inf, 3.0))))
    assert boxes.get_clim() == (0.5, 1.5)
    assert boxes.colorbar.extend == "max"
    assert len(outlines.get_paths()) == 2
    boxes.figure.canvas.draw()


@pytest.mark.slow
def test_a_cover_that_was_found_fills_the_box():
    net = FullyConnected((2, 2, 1), "tanh")
    theta = net.init(jax.random.key(0))
    found = sup_over_inputs(net, theta, "value", Box([-1.0, 0.0], [3.0, 0.5]), gap=0.05)
    boxes, outlines = drawn(cover(found))
    assert sum(_area(path.vertices) for path in boxes.get_paths()) == 4 * 0.5
    # The point where the lower value is reached lies in a box that may hold the maximum.
    extents = [path.get_extents().get_points() for path in outlines.get_paths()]
    assert any(np.all((lo <= found.sigma) & (found.sigma <= hi)) for lo, hi in extents)


@pytest.mark.parametrize("inputs", [1, 3])
def test_other_than_two_inputs_are_refused(inputs):
    ends = np.zeros((1, inputs)), np.ones((1, inputs))
    with pytest.raises(ValueError, match=f"two inputs; got {inputs}$"):
        cover(supremum(*ends, bound=[1.0], sigma=np.zeros(inputs)))


def test_a_function_that_is_nowhere_above_zero_is_refused():
    with pytest.raises(ValueError, match="above 0"):
        cover(supremum(bound=(0.0, 0.0, 0.0), lower=0.0))


def _area(vertices) -> float:
    """Of a polygon (Gauss's formula)."""
    x, y = vertices.T
    return abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2

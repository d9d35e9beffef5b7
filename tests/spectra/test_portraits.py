"""What is drawn of a planar network, and the drawing."""

import numpy as np
import pytest

from lbdnn import Box, FullyConnected
from lbdnn.plotting.portraits import portraits
from lbdnn.spectra import Observation, linearize, planar_portrait

NET = FullyConnected((2, 2), output="tanh")
THETA = (np.array([[1.5, 0.2, 0.1], [0.0, 0.5, 0.0]]), None)
SHORT = Observation(settle=200, watch=100)


def test_axes_and_ends():
    found = planar_portrait(
        NET, THETA, Box([-1, -2], [1, 3]), points=5, orbits=3, steps=7, observation=SHORT
    )
    assert found.eigenvalues.shape == (5, 5, 2)
    assert found.orbits.shape == (8, 9, 2)
    # First axis x₂, second axis x₁: the node at x₁ = 0.5, x₂ = 3.
    matrix = np.asarray(linearize(NET, THETA, [0.5, 3.0]).matrix)
    own = np.sort_complex(found.eigenvalues[4, 3])
    np.testing.assert_allclose(own, np.sort_complex(np.linalg.eigvals(matrix)), atol=1e-5)
    assert found.kind == "several points"
    assert len(found.points) == 2


def test_every_row_of_a_figure_has_its_panels():
    found = planar_portrait(NET, THETA, Box(-1, 1), points=5, observation=SHORT, title="one")
    figure = portraits([found, found, found], rows=("phase", "spectrum"), columns=2)
    titles = [axes.get_title() for axes in figure.axes]
    assert titles.count("one") == 3
    assert len(figure.axes) == 6
    coloured = portraits([found], rows=("radius",))
    assert len(coloured.axes) == 2  # with its colour bar


def test_a_network_that_is_not_planar():
    net = FullyConnected((3, 3))
    with pytest.raises(ValueError, match="2 inputs and 2 outputs; this one has 3 and 3"):
        planar_portrait(net, net.unravel(np.zeros(net.size)), Box(-1, 1))

"""Branch and bound with enclosures: above every point, and better than equal cells."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lbdnn import Ball, Box, FullyConnected, derivatives
from lbdnn.bounds import Interval
from lbdnn.bounds.cover.search import search_cover

NET = FullyConnected((2, 3, 3, 1), "tanh")


@pytest.mark.slow
def test_the_bound_holds_and_beats_as_many_equal_cells() -> None:
    rng = np.random.default_rng(0)
    with jax.enable_x64(True):
        theta = NET.unravel(jnp.asarray(rng.standard_normal(NET.size)))
        box, region = Box(-2, 2).input_region(NET), Ball(0.01).parameter_region(NET, theta)
        few, many = (search_cover(NET, box, region, "jacobian", max_cells=n) for n in (2, 500))
        sigmas = jnp.asarray(rng.uniform(-2, 2, (4000, 2)))
        norms = jax.vmap(lambda s: derivatives.jacobian_norm(NET, theta, s))(sigmas)
    equal = Interval(cells=many.cells).bounds(NET, box, region, ("jacobian",))["jacobian"]
    assert np.max(np.asarray(norms)) <= many.upper < few.upper
    assert many.upper <= equal


def test_a_bound_that_cannot_be_beaten_ends_the_search() -> None:
    with jax.enable_x64(True):
        theta = NET.unravel(jnp.ones(NET.size))
        box, region = Box(-2, 2).input_region(NET), Ball(0.0).parameter_region(NET, theta)
        found = search_cover(NET, box, region, "value", known=1e-3)
        assert found.cells == 0 and not found.finished
        with pytest.raises(ValueError, match="no bound of 'third'"):
            search_cover(NET, box, region, "third")

"""Bounds over a regular cover: above every point of every set, and near the truth on small ones."""

import itertools
import math
from typing import Any

import jax
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from lbdnn import Ball, Box, Chain, FullyConnected, LayerBalls, ResidualNetwork
from lbdnn.bounds import Interval
from lbdnn.sets import batch

from ..points import CHAIN_OF_ONES, NETWORKS, QUANTITIES, ball_points, bounds, exact, problems

LONGER = {"unequal widths", "scaled", "jumps", "part of the line"}
FEW = Interval(cells=6)


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=pytest.mark.slow) if n in LONGER else n for n in NETWORKS],
)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_no_point_of_the_set_lies_above_a_bound(name: str, data: st.DataObject) -> None:
    net = NETWORKS[name]
    theta, inputs, parameters, sigmas, thetas = data.draw(problems(net))
    upper = bounds(FEW, net, theta, inputs, parameters)
    found = exact(net, sigmas, thetas)
    for quantity in QUANTITIES:
        assert not math.isnan(upper[quantity]), quantity
        # At a jump or outside the domain the point has no such norm.
        values = found[quantity][np.isfinite(found[quantity])]
        assert np.all(values <= upper[quantity] * (1 + 1e-12) + 1e-14), quantity
        if math.isfinite(upper[quantity]):
            assert len(values) == len(found[quantity]), quantity


TANH = FullyConnected((2, 4, 4, 2), "tanh")

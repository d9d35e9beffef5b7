"""Bounds over a regular cover: above every point of every set, and near the truth on small ones."""

import itertools
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from lbdnn import Ball, Box, FullyConnected, LayerBalls
from lbdnn.bounds import QUANTITIES, Interval
from lbdnn.bounds.method import ALL
from lbdnn.sets import batch

from ..points import CHAIN_OF_ONES, NETWORKS, assert_above, bounds, exact, problems

TANH = FullyConnected((2, 4, 4, 2), "tanh")
CASES = {"tanh": TANH} | {k: NETWORKS[k] for k in ("scaled", "mixed chain", "kinked", "jumps")}
LONGER = {
    "no hidden layer",
    "unequal widths",
    "scaled",
    "mixed chain",
    "kinked",
    "jumps",
    "part of the line",
}
FEW = Interval(cells=6)


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=pytest.mark.slow) if n in LONGER else n for n in CASES],
)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_no_point_of_the_set_lies_above_a_bound(name: str, data: st.DataObject) -> None:
    net = CASES[name]
    theta, inputs, parameters, sigmas, thetas = data.draw(problems(net))
    upper = bounds(FEW, net, theta, inputs, parameters)
    found = exact(net, sigmas, thetas)
    assert_above(upper, found)


def at(seed: int, size: float = 0.7) -> np.ndarray:
    return size * np.random.default_rng(seed).standard_normal(TANH.size)


# ------------------------------------------------------------- near the truth


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(st.lists(st.floats(0.01, 4), min_size=3, max_size=3), st.floats(-2, 0.2))
def test_equal_to_the_norms_where_no_sign_cancels(weights: list[float], sigma: float) -> None:
    # One neuron a layer, all of ς, ς', ς'' and the weights positive: every inequality is equality.
    theta, point = np.array(weights), np.array([sigma])
    upper = bounds(FEW, CHAIN_OF_ONES, theta, Box(point, point), Ball(0.0), ALL)
    found = exact(CHAIN_OF_ONES, point[None], theta[None])
    for quantity in ALL:
        assert upper[quantity] == pytest.approx(found[quantity][0], rel=1e-6), quantity


@pytest.mark.parametrize("seed", range(2))
def test_at_a_point_all_but_the_hessian_are_exact(seed: int) -> None:
    theta, point = at(seed), np.random.default_rng(seed).uniform(-1, 1, 2)
    upper = bounds(FEW, TANH, theta, Box(point, point), Ball(0.0))
    found = exact(TANH, point[None], theta[None])
    assert upper["value"] == pytest.approx(found["value"][0], rel=1e-8)
    assert upper["jacobian"] == pytest.approx(found["jacobian"][0], rel=1e-5)
    # Upper bounds of norms of 4 × 4 matrices by their powers: at most 4^(1/8).
    assert upper["input_jacobian"] <= 4**0.125 * found["input_jacobian"][0]
    assert upper["hessian"] <= 2.5 * found["hessian"][0]


@pytest.mark.parametrize("parameters", [Ball(0.0), LayerBalls([0.0, 0.1, 0.01])])
def test_more_cells_come_nearer(parameters: Any) -> None:
    theta = at(0)
    coarse, middle, fine = (
        bounds(Interval(cells=n), TANH, theta, Box(-1, 1), parameters) for n in (1, 4, 16)
    )
    for quantity in QUANTITIES:
        assert fine[quantity] < middle[quantity] < coarse[quantity], quantity


def test_many_cells_reach_the_supremum_of_the_slopes() -> None:
    theta = at(1)
    fine = bounds(Interval(cells=4096), TANH, theta, Box(-1, 1), Ball(0.0))
    grid = np.array(list(itertools.product(np.linspace(-1, 1, 32), repeat=2)))
    # As many points at a time as in the other tests.
    found = [exact(TANH, points, np.tile(theta, (64, 1))) for points in grid.reshape(-1, 64, 2)]
    for quantity, factor in (("value", 1.02), ("jacobian", 1.05), ("hessian", 2.5)):
        most = max(points[quantity].max() for points in found)
        assert most <= fine[quantity] <= factor * most, quantity


def test_cells_outside_a_ball_of_inputs_do_not_count() -> None:
    net = NETWORKS["no hidden layer"]
    with jax.enable_x64(True):
        theta = np.asarray(net.ravel(net.with_weights([np.array([[1.0, 1, 0], [0, 0, 0]])])))
    found = bounds(Interval(cells=400), net, theta, Ball(1.0), Ball(0.0))
    assert math.sqrt(2) <= found["value"] <= 1.2 * math.sqrt(2)  # 2 at the corners of its box


def test_a_kink_that_no_cell_reaches_leaves_a_hessian() -> None:
    net = NETWORKS["kinked"]  # at 0, and at the output ±1
    first = np.array([[1.0, 0.0, 0.0], [2.0, 0.0, 0.0], [1.0, 0.1, 0.0]])
    with jax.enable_x64(True):
        theta = np.asarray(net.ravel(net.with_weights([first, np.full((2, 4), 0.01)])))
    for left, exists in ((0.5, True), (-0.5, False)):
        found = bounds(FEW, net, theta, Box((left, -0.1), (2.0, 0.1)), Ball(0.01))
        assert math.isfinite(found["hessian"]) == exists
        assert all(math.isfinite(found[q]) for q in QUANTITIES if q != "hessian")


# ------------------------------------------------------------------ extremes


@pytest.mark.parametrize("size", [1e-300, 1e-160, 1e-5, 1e5, 1e150, 1e300])
@pytest.mark.parametrize("radius", [0.0, 1e-200, 1.0])
def test_extreme_weights_give_a_bound_or_infinity(size: float, radius: float) -> None:
    # One layer is huge or tiny and the others undo it, so that the truth is near 1.
    net = FullyConnected((1, 1, 1, 1), "identity", bias=False)
    for a, b, c in itertools.permutations([size, 1 / size, 1.0]):
        found = bounds(FEW, net, np.array([a, b, c]), Box(0, 1), Ball(radius))
        truth = {
            "value": 1.0,
            "input_jacobian": 1.0,
            "jacobian": math.hypot(a * b, b * c, a * c),
            "hessian": max(a, b, c) + radius,
        }
        for quantity, least in truth.items():
            assert found[quantity] >= least * (1 - 1e-9), quantity


def test_weights_of_zero() -> None:
    zero = np.zeros(TANH.size)
    found = bounds(FEW, TANH, zero, Box(-1, 1), Ball(0.0))
    truth = exact(TANH, np.ones((1, 2)), zero[None])
    assert 0 <= found["value"] < 1e-280
    assert truth["jacobian"][0] <= found["jacobian"] <= 1.001 * truth["jacobian"][0]


# ------------------------------------------------------------------ what is asked


def test_regions_with_a_leading_axis_give_the_bounds_of_each() -> None:
    thetas, halves = [at(0), at(1)], (0.1, 1.0)
    with jax.enable_x64(True):
        inputs = batch([Box(-h, h).input_region(TANH) for h in halves])
        parameters = batch(
            [Ball(0.0).parameter_region(TANH, TANH.unravel(jnp.asarray(t))) for t in thetas]
        )
        together = FEW.bounds(TANH, inputs, parameters, ["jacobian"])
    assert set(together) == {"jacobian"}
    for i, half in enumerate(halves):
        alone = bounds(FEW, TANH, thetas[i], Box(-half, half), Ball(0.0))
        assert together["jacobian"][i] == pytest.approx(alone["jacobian"], rel=1e-9)


@pytest.mark.parametrize("cells", [0, -3, 2.5, True, "many"])
def test_the_number_of_cells_is_a_whole_number(cells: Any) -> None:
    with pytest.raises(ValueError, match="cells must be a whole number, at least 1"):
        Interval(cells=cells)

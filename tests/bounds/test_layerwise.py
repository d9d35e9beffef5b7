"""Layerwise bounds: above every point of every set, equal to the truth where they can be."""

import itertools
import math
from typing import Any

import jax
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from lbdnn import Ball, Box, FullyConnected, LayerBalls, Layerwise, Polynomial
from lbdnn.activations import get
from lbdnn.sets import batch

from .points import (
    CHAIN_OF_ONES,
    NETWORKS,
    QUANTITIES,
    assert_above,
    ball_points,
    bounds,
    exact,
    problems,
)

LONGER = {"unequal widths", "mixed chain", "jumps", "kinked", "part of the line", "nested residual"}


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=pytest.mark.slow) if n in LONGER else n for n in NETWORKS],
)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_no_point_of_the_set_lies_above_a_bound(name: str, data: st.DataObject) -> None:
    net = NETWORKS[name]
    theta, inputs, parameters, sigmas, thetas = data.draw(problems(net))
    upper = bounds(Layerwise(), net, theta, inputs, parameters)
    found = exact(net, sigmas, thetas)
    assert_above(upper, found)
    steps = found["distance"]
    if math.isfinite(upper["jacobian"]):
        limit = 2 * upper["jacobian"] * steps
        if math.isfinite(upper["hessian"]):
            limit = np.minimum(limit, 0.5 * upper["hessian"] * steps**2)
        rounding = 1e-13 * (upper["value"] + upper["jacobian"] * steps)
        assert np.all(found["remainder"] <= limit + rounding)


# ------------------------------------------------------------- equality with the truth


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(0.01, 4), min_size=3, max_size=3), st.floats(-2, 0.2))
def test_equal_to_the_norms_where_no_sign_cancels(weights: list[float], sigma: float) -> None:
    # One neuron a layer, all of ς, ς', ς'' and the weights positive: every inequality is equality.
    theta, point = np.array(weights), np.array([sigma])
    upper = bounds(Layerwise(), CHAIN_OF_ONES, theta, Box(point, point), Ball(0.0))
    found = exact(CHAIN_OF_ONES, point[None], theta[None])
    for quantity in QUANTITIES:
        assert upper[quantity] == pytest.approx(found[quantity][0], rel=3e-9), quantity


LINEAR = FullyConnected((1, 1, 1, 1), "identity", bias=False)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.floats(-3, 3), min_size=3, max_size=3),
    st.lists(st.floats(0, 2), min_size=3, max_size=3),
    st.just(0.0) | st.floats(1e-3, 2),
)
def test_equal_to_the_suprema_of_a_product_of_three_weights(
    weights: list[float], radii: list[float], sigma: float
) -> None:
    a, b, c = (abs(w) + r for w, r in zip(weights, radii, strict=True))
    inputs = Box(-sigma, sigma)
    found = bounds(Layerwise(), LINEAR, np.array(weights), inputs, LayerBalls(radii))
    second = sigma * np.array([[0, c, b], [c, 0, a], [b, a, 0]])
    truth = {
        "value": a * b * c * sigma,
        "input_jacobian": a * b * c,
        "jacobian": sigma * math.hypot(a * b, b * c, a * c),
        "hessian": np.linalg.eigvalsh(second)[-1],
        "input_jacobian_max": a * b * c,
        "input_hessian": 0.0,
        "mixed_hessian": math.hypot(a * b, b * c, a * c),
    }
    assert found == pytest.approx(truth, rel=3e-9, abs=1e-300)


def largest_product(norms: np.ndarray, radius: float) -> float:
    """max Π (n_l + ρ_l) over ‖ρ‖ = radius by bisection of the multiplier of its conditions."""
    low, high = 1e-12, 1e12
    for _ in range(200):
        λ = math.sqrt(low * high)
        shifts = (np.sqrt(norms**2 + 2 / λ) - norms) / 2
        low, high = (low, λ) if np.linalg.norm(shifts) < radius else (λ, high)
    return float(np.prod(norms + shifts))


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(-3, 3), min_size=3, max_size=3), st.floats(0.01, 5))
def test_layers_that_share_a_radius_cannot_all_use_it(weights: list[float], radius: float) -> None:
    found = bounds(Layerwise(), LINEAR, np.array(weights), Box(-1, 1), Ball(radius))
    truth = largest_product(np.abs(weights), radius)
    assert truth * (1 - 1e-12) <= found["input_jacobian"] <= 1.02 * truth
    pairs = [largest_product(np.abs(pair), radius) for pair in itertools.combinations(weights, 2)]
    assert max(pairs) <= found["jacobian"]
    # An entry of the Hessian is w_l σ, and w_l may have the whole radius.
    assert max(map(abs, weights)) + radius <= found["hessian"]
    each = bounds(Layerwise(), LINEAR, np.array(weights), Box(-1, 1), LayerBalls([radius] * 3))
    for quantity in ("jacobian", "input_jacobian"):
        assert found[quantity] < each[quantity], quantity


WIDE = FullyConnected((3, 4, 2), "identity", bias=False)


@pytest.mark.parametrize("radius", [1e-3, 1.0, 50.0])
def test_about_zero_only_the_perturbation_is_left(radius: float) -> None:
    zero = np.zeros(WIDE.size)
    layers = bounds(Layerwise(), WIDE, zero, Box(-1, 1), LayerBalls([radius, 2 * radius]))
    assert layers["input_jacobian"] == pytest.approx(2 * radius**2, rel=3e-9)
    assert layers["value"] == pytest.approx(2 * radius**2 * math.sqrt(3), rel=3e-9)
    assert layers["jacobian"] == pytest.approx(math.sqrt(3) * math.hypot(1, 2) * radius, rel=3e-9)
    ball = bounds(Layerwise(), WIDE, zero, Box(-1, 1), Ball(radius, center=0))
    assert radius**2 / 2 <= ball["input_jacobian"] <= 1.02 * radius**2 / 2
    # V_1 E_0 + E_1 V_0 = 2 E_1 E_0 along a unit direction with equal parts.
    assert ball["hessian"] == pytest.approx(math.sqrt(3), rel=3e-9)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.1, 2.0]))
def test_without_hidden_layer_value_and_slopes_are_exact(seed: int, radius: float) -> None:
    net = NETWORKS["no hidden layer"]
    rng = np.random.default_rng(seed)
    theta, point = rng.standard_normal(net.size), rng.standard_normal(2)
    matrix = np.asarray(net.unravel(theta)[0])
    found = bounds(Layerwise(), net, theta, Box(point, point), Ball(radius))
    length = math.hypot(*point, 1)
    value = np.linalg.norm(matrix @ [*point, 1]) + radius * length
    assert found["value"] == pytest.approx(value, rel=3e-9)
    assert found["jacobian"] == pytest.approx(length, rel=3e-9)
    assert 0 <= found["hessian"] < 1e-300
    assert found["input_jacobian"] == pytest.approx(
        np.linalg.norm(matrix[:, :2], 2) + radius, rel=3e-9
    )


# ------------------------------------------------------------------------- order


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0, 3), st.floats(1, 5))
def test_a_larger_set_has_no_smaller_bound(seed: int, radius: float, factor: float) -> None:
    net = NETWORKS["scaled"]
    theta = np.random.default_rng(seed).standard_normal(net.size)
    small = bounds(Layerwise(), net, theta, Box(-1, 1), Ball(radius))
    large = bounds(Layerwise(), net, theta, Box(-factor, factor), Ball(radius * factor))
    for quantity in QUANTITIES:
        # The grid of multipliers moves with the radius, by less than a few per cent.
        assert small[quantity] <= large[quantity] * 1.05, quantity


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.1, 1.0]))
def test_the_closed_form_is_never_smaller_for_the_ball_about_zero(seed: int, r: float) -> None:
    net = NETWORKS["unequal widths"]
    theta = np.random.default_rng(seed).standard_normal(net.size)
    closed, own = (
        bounds(method, net, theta, Box(-1, 1), Ball(r)) for method in (Polynomial(), Layerwise())
    )
    for quantity in closed:
        assert own[quantity] <= closed[quantity] * 1.02, quantity


def test_regions_with_a_leading_axis_give_the_bounds_of_each() -> None:
    net = LINEAR
    rng = np.random.default_rng(0)
    thetas = rng.standard_normal((3, net.size))
    sets: list[Any] = [Ball(0.1), Ball(1.0), Box(thetas[2] - 0.1, thetas[2] + 0.2)]
    with jax.enable_x64(True):
        inputs = batch([Box(-h, h).input_region(net) for h in (0.1, 1, 2)])
        parameters = batch(
            [s.parameter_region(net, net.unravel(t)) for s, t in zip(sets, thetas, strict=True)]
        )
        together = Layerwise().bounds(net, inputs, parameters)
    for i, half in enumerate((0.1, 1, 2)):
        alone = bounds(Layerwise(), net, thetas[i], Box(-half, half), sets[i])
        for quantity in QUANTITIES:
            assert together[quantity].shape == (3,)
            assert together[quantity][i] == pytest.approx(alone[quantity], rel=1e-12)


# ------------------------------------------------------------------ where no bound exists


KINK_AND_JUMP = FullyConnected((2, 3, 1), "leaky_relu", output="hardshrink")  # at 0; at ±1/2


@pytest.mark.parametrize(
    ("box", "radius", "exists"),
    [
        ((0.5, 2), 0.05, True),
        ((-2, -0.5), 0.05, True),
        ((-0.5, 2), 0.0, False),
        ((0, 1), 0.0, False),
    ],
)
def test_a_hessian_exists_only_where_no_kink_is_crossed(
    box: tuple[float, float], radius: float, exists: bool
) -> None:
    net = KINK_AND_JUMP
    first = np.array([[1.0, 0.0, 0.0], [2.0, 0.0, 0.0], [1.0, 0.1, 0.0]])
    with jax.enable_x64(True):
        theta = np.asarray(net.ravel(net.with_weights([first, np.full((1, 4), 0.01)])))
    found = bounds(Layerwise(), net, theta, Box((box[0], -0.1), (box[1], 0.1)), Ball(radius))
    assert math.isfinite(found["hessian"]) == exists
    assert all(math.isfinite(found[q]) for q in QUANTITIES if not q.endswith("hessian"))


def test_no_slope_over_a_jump() -> None:
    theta = np.ones(KINK_AND_JUMP.size)
    across = bounds(Layerwise(), KINK_AND_JUMP, theta, Box(-5, 5), Ball(0.1))
    assert math.isfinite(across["value"])
    assert {across[q] for q in ("jacobian", "hessian", "input_jacobian")} == {math.inf}


HALF_LINE = FullyConnected((1, 2, 1), get("soft_exponential", -1.0))  # of ς: z > 0


def test_a_domain_without_zero_has_all_bounds_inside_it() -> None:
    net = HALF_LINE
    found = bounds(Layerwise(), net, np.ones(net.size), Box(1, 2), Ball(0.1))
    assert max(found.values()) < math.inf
    points = np.linspace(1, 2, 5)[:, None]
    truth = exact(net, points, np.ones((5, net.size)))
    for quantity in QUANTITIES:
        assert np.all(truth[quantity] <= found[quantity]), quantity


def test_nothing_outside_the_domain() -> None:
    theta = np.ones(HALF_LINE.size)
    outside = bounds(Layerwise(), HALF_LINE, theta, Box(-5, 5), Ball(0.1))
    assert set(outside.values()) == {math.inf}
    inside = bounds(Layerwise(), HALF_LINE, theta, Box(0, 1), Ball(0.1))
    assert max(inside.values()) < math.inf


@pytest.mark.parametrize("size", [1e-200, 1e-160, 1e100, 1e150, 1e200, 1e300])
@pytest.mark.parametrize("radius", [0.0, 1e-200, 1.0, 1e160])
def test_extreme_weights_give_a_bound_or_infinity(size: float, radius: float) -> None:
    # One layer is huge or tiny and the others undo it, so that the truth is near 1.
    for weights in itertools.permutations([size, 1 / size, 1.0]):
        found = bounds(Layerwise(), LINEAR, np.array(weights), Box(0, 1), Ball(radius))
        a, b, c = weights
        truth = {
            "value": 1.0,
            "input_jacobian": 1.0,
            "jacobian": math.hypot(a * b, b * c, a * c),
            "hessian": max(weights) + radius,
        }
        if radius == 1.0:  # all of it in the smallest weight
            least, *others = sorted(weights)
            truth["input_jacobian"] = (least + radius) * math.prod(others)
        for quantity, least in truth.items():
            assert found[quantity] >= least * (1 - 1e-9), (quantity, weights)


def test_tiny_norms_are_not_lost() -> None:
    found = bounds(Layerwise(), LINEAR, np.ones(3), Box(0, 1e-200), Ball(0.0))
    assert found["value"] >= 1e-200
    assert found["jacobian"] >= math.sqrt(3) * 1e-200


def test_subnormal_weights_and_radii_count() -> None:
    found = bounds(Layerwise(), LINEAR, np.array([1e300, 1e-310, 1.0]), Box(1, 1), Ball(0.0))
    assert found["input_jacobian"] >= 1e-10 and found["input_jacobian_max"] >= 1e-10
    scaled = FullyConnected((1, 1), bias=False, output_scaling=((1e-310,), (0.0,)))
    assert (
        bounds(Layerwise(), scaled, np.array([1e300]), Box(0.5, 0.5), Ball(0.0))["value"] >= 5e-11
    )
    found = bounds(Layerwise(), LINEAR, np.array([1e300, 0.0, 1.0]), Box(1, 1), Ball(1e-310))
    assert found["value"] >= 1e-10


@pytest.mark.slow
def test_thirty_layers() -> None:
    net = FullyConnected((2, *[2] * 30, 1), "tanh")
    rng = np.random.default_rng(1)
    for radius, size in ((0.0, 0.5), (0.3, 0.5), (1.0, 1.0), (10.0, 1.0)):
        theta = size * rng.standard_normal(net.size)
        found = bounds(Layerwise(), net, theta, Box(-1, 1), Ball(radius))
        thetas = theta + radius * ball_points(rng, (8, net.size))
        truth = exact(net, rng.uniform(-1, 1, (8, 2)), thetas)
        for quantity in QUANTITIES:
            assert math.isfinite(found[quantity])
            assert np.all(truth[quantity] <= found[quantity]), quantity

"""Boxes of inputs: enclosures contain the truth, and what they show is verified."""

import re
from dataclasses import replace
from functools import cache

import flint
import jax
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from lbdnn import Ball, Bound, Box, Certificate, Chain, FullyConnected, certify, check
from lbdnn.activations import get
from lbdnn.bounds import Interval
from lbdnn.bounds.method import ALL
from lbdnn.checking.cell_centres import Centres
from lbdnn.checking.cell_chords import off_chords
from lbdnn.checking.cell_quantities import hessian_blocks, known_of, over_boxes
from lbdnn.checking.enclosure import enclose
from lbdnn.checking.regions import inputs_of, parameters_of
from lbdnn.checking.stacked_layers import stacked
from lbdnn.checking.subdivision import Subdivision
from lbdnn.networks import Affine, Pointwise, Residual

from ..bounds.points import NETWORKS, ball_points, box_points, exact

UNEQUAL, SCALED, KINKED = (NETWORKS[name] for name in ("unequal widths", "scaled", "kinked"))
BLOCKS = NETWORKS["nested residual"]
FIRST_ORDER = ("value", "jacobian", "input_jacobian", "input_jacobian_max")


def boxes_of(net: Chain, theta: np.ndarray, inputs, parameters) -> Subdivision:
    with flint.ctx.workprec(128):
        own = parameters_of(parameters, net, net.unravel(theta))
        region = inputs_of(inputs, net)
        return Subdivision(stacked(net, own, enclose(net, region, own)), region)


def over_whole_box(boxes: Subdivision, quantity: str) -> float:
    known = known_of(boxes.stack, boxes.majorants, quantity, boxes.low[None], boxes.high[None])
    return float(over_boxes(known, quantity)[0])


@pytest.mark.parametrize(
    "name",
    [
        "nested residual",
        pytest.param("scaled", marks=pytest.mark.slow),
    ],
)
@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    size=st.sampled_from([0.1, 1.0, 6.0]),
    half=st.sampled_from([0.0, 1e-7, 1e-3, 0.1, 2.0]),
    radius=st.sampled_from([0.0, 1e-6, 1e-2, 1.0]),
    ball=st.booleans(),
)
def test_no_point_exceeds_what_a_box_shows(
    name: str, seed: int, size: float, half: float, radius: float, ball: bool
) -> None:
    net, rng = NETWORKS[name], np.random.default_rng(seed)
    center, middle = rng.uniform(-size, size, net.size), rng.uniform(-2, 2, net.inputs)
    steps = ball_points(rng, (32, net.size)) if ball else box_points(rng, (32, net.size))
    low, high = center - radius, center + radius
    parameters = Ball(radius) if ball else Box(low.tolist(), high.tolist())
    thetas = center + radius * steps
    if not ball:
        thetas = np.clip(thetas, low, high)
    inputs = Box((middle - half).tolist(), (middle + half).tolist())
    sigmas = middle + half * box_points(rng, (32, net.inputs))
    truth = exact(net, np.clip(sigmas, middle - half, middle + half), thetas)
    boxes = boxes_of(net, center, inputs, parameters)
    for quantity in ALL:
        bound = over_whole_box(boxes, quantity)
        assert truth[quantity].max() <= bound * (1 + 1e-12) + 1e-14, quantity
    if half == radius == 0.0:
        for quantity in FIRST_ORDER:
            assert over_whole_box(boxes, quantity) <= truth[quantity].max() * (1 + 1e-6) + 1e-9


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), half=st.sampled_from([1e-3, 0.1, 2.0]))
def test_kinks_in_a_box(seed: int, half: float) -> None:
    rng = np.random.default_rng(seed)
    center = rng.uniform(-1, 1, KINKED.size)
    boxes = boxes_of(KINKED, center, Box(-half, half), Ball(0.1))
    thetas = center + 0.1 * ball_points(rng, (32, KINKED.size))
    truth = exact(KINKED, half * box_points(rng, (32, 2)), thetas)
    for quantity in FIRST_ORDER:
        assert truth[quantity].max() <= over_whole_box(boxes, quantity) * (1 + 1e-12) + 1e-14
    if half == 2.0:  # the inner layer's kinks are crossed
        assert not np.isfinite(over_whole_box(boxes, "hessian"))


@cache
def certificate_of(
    method: object, radius: float, net: Chain = UNEQUAL
) -> tuple[Certificate, Chain, tuple]:
    theta = net.unravel(np.random.default_rng(3).uniform(-1, 1, net.size))
    certificate = certify(
        net,
        theta,
        inputs=Box(-1, [1.0, 0.5]),
        parameters=Ball(radius),
        quantities=ALL,
        method=method,  # pyright: ignore[reportArgumentType]
        attack=None,
    )
    return certificate, net, theta


def with_upper(certificate: Certificate, quantity: str, upper: float) -> Certificate:
    bound = replace(certificate[quantity], upper=upper)
    return replace(certificate, bounds={quantity: bound})


@pytest.mark.slow
@pytest.mark.parametrize(("net", "radius"), [(UNEQUAL, 0.05), (BLOCKS, 0.05)])
def test_bounds_over_a_cover_are_verified(net: Chain, radius: float) -> None:
    certificate, net, theta = certificate_of(Interval(cells=200), radius, net)
    verdict = check(certificate, net, theta)
    assert verdict, str(verdict)
    assert any("boxes" in row.upper.reason for row in verdict.rows)


@pytest.mark.parametrize("quantity", ALL)
def test_nothing_below_the_truth_is_verified(quantity: str) -> None:
    certificate, net, theta = certificate_of(Interval(cells=200), 0.05)
    vector, rng = np.asarray(net.ravel(theta)), np.random.default_rng(0)
    sigmas = np.clip(box_points(rng, (200, 2)), -1, [1.0, 0.5])
    thetas = vector + 0.05 * ball_points(rng, (200, net.size))
    reached = float(exact(net, sigmas, thetas)[quantity].max())
    false = with_upper(certificate, quantity, reached * (1 - 1e-9))
    finding = check(false, net, theta, max_cells=1_000)[quantity].upper
    assert finding.status == "not verified"
    assert "own bound is" in finding.reason and "Interval" in finding.reason


def test_out_of_boxes_the_best_bound_is_told() -> None:
    certificate, net, theta = certificate_of(Interval(cells=200), 0.05)
    few = check(certificate, net, theta, max_cells=1)["mixed_hessian"].upper
    told = re.search(r"own bound is (\S+) after 1 boxes", few.reason)
    assert few.status == "not verified" and told
    assert float(told[1]) > certificate["mixed_hessian"].upper
    for wrong in (0, 1.5, True):
        with pytest.raises(ValueError, match="max_cells"):
            check(certificate, net, theta, max_cells=wrong)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("net", [UNEQUAL, SCALED, BLOCKS])
def test_at_a_point_the_hessian_is_exact(net: Chain) -> None:
    rng = np.random.default_rng(5)
    for _ in range(3):
        center, sigma = rng.uniform(-1, 1, net.size), rng.uniform(-1, 1, 2)
        boxes = boxes_of(net, center, Box(sigma.tolist(), sigma.tolist()), Ball(0.0))
        # As many as elsewhere, for which it is compiled already.
        corners = np.stack([sigma] * 32)
        below = float(exact(net, corners, np.stack([center] * 32))["hessian"].max())
        known = known_of(boxes.stack, boxes.majorants, "hessian", boxes.low[None], boxes.high[None])
        centres = Centres(known)
        assert not centres.below(0, below * (1 - 1e-7))
        assert centres.below(0, max_over_directions(net, center, sigma) * (1 + 1e-3))


@cache
def compiled_second_derivative(net: Chain):
    return jax.jit(jax.hessian(lambda vector, sigma: net(net.unravel(vector), sigma)))


def second_derivative(net: Chain, theta: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    with jax.enable_x64(True):
        return np.asarray(compiled_second_derivative(net)(theta, sigma))


def max_over_directions(net: Chain, theta: np.ndarray, sigma: np.ndarray) -> float:
    """sup over unit u of ‖∇²(uᵀΦ)‖, on a grid, from the whole second derivative."""
    tensor = second_derivative(net, theta, sigma)
    angles = np.linspace(0, np.pi, 2000 if len(tensor) == 2 else 1, endpoint=False)
    units = np.stack([np.cos(angles), np.sin(angles)], 1)[:, : len(tensor)]
    return max(float(np.abs(np.linalg.eigvalsh(h)).max()) for h in np.tensordot(units, tensor, 1))


@pytest.mark.slow
def test_a_hessian_that_blocks_do_not_show_is_verified() -> None:
    net = UNEQUAL
    center = np.random.default_rng(7).uniform(-1, 1, net.size)
    theta = net.unravel(center)
    certificate = certify(
        net,
        theta,
        inputs=Box([-0.25, -0.75], [0.25, -0.25]),
        quantities=["hessian"],
        method=Interval(cells=1),
        attack=None,
    )
    points = [np.array([x, y]) for x in (-0.25, 0.0, 0.25) for y in (-0.75, -0.5, -0.25)]
    found = [max_over_directions(net, center, point) for point in points]
    largest, at = max(found), points[int(np.argmax(found))].tolist()
    assert largest * 1.1 < over_whole_box(boxes_of(net, center, Box(at, at), Ball(0.0)), "hessian")
    verdict = check(with_upper(certificate, "hessian", largest * 1.1), net, theta)
    assert verdict, str(verdict)
    false = with_upper(certificate, "hessian", largest * (1 - 1e-6))
    assert not check(false, net, theta, max_cells=300)


@pytest.mark.parametrize(("net", "radius"), [(UNEQUAL, 0.05), (BLOCKS, 0.05)])
def test_second_derivatives_are_no_further_from_chords(net: Chain, radius: float) -> None:
    rng = np.random.default_rng(11)
    angles = np.linspace(0, np.pi, 60, endpoint=False)
    units = np.stack([np.cos(angles), np.sin(angles)], 1)
    for size, half in ((0.5, 0.3), (1.5, 0.02)):
        center, middle = rng.uniform(-size, size, net.size), rng.uniform(-1, 1, 2)
        ends = (middle - half).tolist(), (middle + half).tolist()
        boxes = boxes_of(net, center, Box(*ends), Ball(radius))
        known = boxes.known("hessian", boxes.low[None], boxes.high[None])
        bound = float(off_chords(known, np.full((1, 2), half))[0])
        assert np.isfinite(bound)
        for step in ball_points(rng, (5, net.size)):
            total = 0.0
            for axis in np.eye(2):
                ends = [middle - half * axis, middle + half * axis]
                low, high, inside = (
                    second_derivative(net, center + radius * step, point)
                    for point in (*ends, middle)
                )
                # In the middle the chord's distance is its largest where the form is quadratic.
                apart = np.tensordot(units, inside - (low + high) / 2, 1)
                total += np.abs(np.linalg.eigvalsh(apart)).max()
            assert total <= bound


def test_a_block_of_one_number_moves_by_its_parameters() -> None:
    net = Chain((Residual((Affine(1, 1),)),), 1)
    boxes = boxes_of(net, np.array([0.5, 0.2]), Box([2.0], [2.0]), Ball(0.1))
    largest = 2 + 0.5 * 2 + 0.2 + 0.1 * np.sqrt(5)
    assert over_whole_box(boxes, "value") == pytest.approx(largest, rel=1e-9)
    net = Chain((Residual((Affine(1, 1, bias=False),)),) * 3, 1)
    boxes = boxes_of(net, np.array([0.5, 0.3, 0.2]), Box([2.0], [2.0]), Ball(0.1))
    reached = np.prod(np.array([1.5, 1.3, 1.2]) + 0.1 / np.sqrt(3))
    assert reached <= over_whole_box(boxes, "input_jacobian") <= 1.1 * reached
    net = Chain((Residual((Affine(1, 1, bias=False),) * 2),) * 2, 1)
    boxes = boxes_of(net, np.full(4, 0.5), Box([2.0], [2.0]), Ball(0.1))
    assert over_whole_box(boxes, "input_jacobian") >= (1 + 0.55**2) ** 2


@pytest.mark.parametrize("blocks", [(), (1, 1, 1), (2, 2)])
def test_of_one_number_a_layer_every_parameter_moves_the_slope(blocks: tuple[int, ...]) -> None:
    layer = Affine(1, 1, bias=False)
    net = Chain(tuple(Residual((layer,) * k) for k in blocks) or (layer,) * 4, 1)
    center, half = np.array([0.5, 0.7, 0.6, 0.9]), np.array([0.1, 0.2, 0.3, 0.15])
    middle, largest = center[: net.size], (center + half)[: net.size]
    own = Box((2 * middle - largest).tolist(), largest.tolist())
    boxes = boxes_of(net, middle, Box([1.0], [1.0]), own)
    way = boxes.known("jacobian", boxes.low[None], boxes.high[None]).way
    whole, away = (table[len(boxes.stack.layers), 0][0] for table in (way.whole, way.away))
    near, reached = (
        np.prod([bool(blocks) + np.prod(x) for x in np.split(v, np.cumsum(blocks[:-1], dtype=int))])
        for v in (middle, largest)
    )
    assert reached <= whole <= 1.2 * reached
    assert reached - near <= away


def test_of_one_neuron_a_layer_in_blocks_second_derivatives_are_found() -> None:
    # All terms are positive: norms of blocks are the second derivatives themselves.
    ends = Affine(1, 1, bias=False), Pointwise(get("softplus")), Affine(1, 1, bias=False)
    net = Chain((Residual(ends), Residual((Residual(ends),))), 1)
    theta, sigma = np.array([0.4, 0.7, 0.3, 0.9]), np.array([0.7])
    boxes = boxes_of(net, theta, Box(sigma.tolist(), sigma.tolist()), Ball(0.0))
    blocks, apart = hessian_blocks(boxes.known("hessian", boxes.low[None], boxes.high[None]))
    own = np.flatnonzero([layer.owned for layer in boxes.stack.layers])
    truth = second_derivative(net, theta, sigma)[0]
    assert blocks[0][np.ix_(own, own)] == pytest.approx(truth, rel=1e-7, abs=1e-12)
    assert np.max(apart) < 1e-7


def test_boxes_within_a_ball_of_inputs() -> None:
    net = FullyConnected((2, 1), "identity", bias=False)
    theta = net.unravel(np.array([3.0, 4.0]))
    bound = Bound("value", "euclidean", 5.0 * 1.01, 0.0, "Refined()")
    certificate = certify(net, theta, inputs=Ball(1.0), quantities=["value"], attack=None)
    near = replace(certificate, bounds={"value": bound})
    assert check(near, net, theta)
    boxes = boxes_of(net, np.array([3.0, 4.0]), Ball(1.0), Ball(0.0))
    assert boxes.show("value", 5.0 * 1.01, 10_000) > 1  # a corner of its box has the value 7

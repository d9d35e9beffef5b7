"""The sets: what lies in them, how far they reach, and what is refused."""

import math
from typing import Any

import jax
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from lbdnn import Ball, Box, FullyConnected, LayerBalls
from lbdnn.sets import InputRegion, ParameterRegion, batch

NET = FullyConnected((2, 3, 1), "tanh")
SIZES = (9, 4)
numbers = st.floats(-10, 10)


def vectors(size: int, entries: st.SearchStrategy = numbers) -> st.SearchStrategy:
    return st.lists(entries, min_size=size, max_size=size).map(np.array)


parameter_sets = st.one_of(
    st.builds(Ball, st.floats(0, 5)),
    st.builds(Ball, st.floats(0, 5), st.just(0)),
    st.builds(Ball, st.floats(0, 5), vectors(13)),
    st.builds(LayerBalls, st.lists(st.floats(0, 5), min_size=2, max_size=2)),
    st.builds(lambda c, h: Box(c - h, c + h), vectors(13), vectors(13, st.floats(0, 3))),
)
input_sets = st.one_of(
    st.builds(Ball, st.floats(0, 5)),
    st.builds(Ball, st.floats(0, 5), vectors(2)),
    st.builds(lambda c, h: Box(c - h, c + h), vectors(2), vectors(2, st.floats(0, 3))),
)


def holds(chosen: Any, point: np.ndarray, theta: np.ndarray, sizes: tuple[int, ...]) -> bool:
    """Whether the point is in the set, but for rounding; from the set's definition alone."""
    slack = 1e-12 * (1 + np.max(np.abs(point)))
    if isinstance(chosen, Box):
        return bool(np.all(point >= chosen.lo - slack) and np.all(point <= chosen.hi + slack))
    center = theta if chosen.center is None else np.broadcast_to(chosen.center, point.shape)
    if isinstance(chosen, Ball):
        return math.dist(point, center) <= chosen.radius + slack
    pieces = np.split(point - center, np.cumsum(sizes)[:-1])
    return all(np.linalg.norm(p) <= r + slack for p, r in zip(pieces, chosen.radii, strict=True))


def region_of(chosen: Any, theta: np.ndarray) -> ParameterRegion:
    return chosen.parameter_region(NET, NET.unravel(theta))


def projected(region: ParameterRegion, point: np.ndarray) -> np.ndarray:
    with jax.enable_x64(True):
        weights = [np.asarray(w) for w in NET.weights(NET.unravel(point))]
        return np.concatenate([np.ravel(w) for w in region.project(weights)])


@settings(max_examples=60, deadline=None)
@given(parameter_sets, vectors(13), vectors(13))
def test_a_projected_parameter_lies_in_the_set(
    chosen: Any, theta: np.ndarray, point: np.ndarray
) -> None:
    region = region_of(chosen, theta)
    found = projected(region, point)
    assert holds(chosen, found, theta, SIZES)
    if holds(chosen, point, theta, SIZES):
        np.testing.assert_allclose(found, point, rtol=1e-9, atol=1e-10)
    with jax.enable_x64(True):
        center = np.concatenate([np.ravel(c) for c in region.center])
        assert math.dist(found, center) <= float(region.reach()) * (1 + 1e-12) + 1e-12
        assert np.linalg.norm(found) <= float(region.norm()) * (1 + 1e-12) + 1e-12
        layers = np.split(found - center, np.cumsum(SIZES)[:-1])
        limits = np.asarray(region.layer_radii())
    assert np.all([np.linalg.norm(x) for x in layers] <= limits * (1 + 1e-12) + 1e-12)


@settings(max_examples=60, deadline=None)
@given(input_sets, vectors(2))
def test_a_projected_input_lies_in_the_set(chosen: Any, point: np.ndarray) -> None:
    region: InputRegion = chosen.input_region(NET)
    with jax.enable_x64(True):
        found, norm = np.asarray(region.project(point)), float(region.norm())
    if isinstance(chosen, Ball) and chosen.center is None:
        chosen = Ball(chosen.radius, center=0)
    assert holds(chosen, found, found, (2,))
    assert np.linalg.norm(found) <= norm * (1 + 1e-12) + 1e-12
    assert np.all(region.lo - 1e-12 <= found) and np.all(found <= region.hi + 1e-12)
    if holds(chosen, point, point, (2,)):
        np.testing.assert_allclose(found, point, rtol=1e-9, atol=1e-10)
    else:
        # A box and a ball are convex: the nearest point separates.
        inner = np.asarray(region.center)
        assert np.dot(point - found, inner - found) <= 1e-9


@settings(max_examples=100, deadline=None)
@given(vectors(13, st.floats(-1e300, 1e300)), vectors(13, st.floats(-1e300, 1e300)))
def test_both_ends_of_a_box_are_covered_in_spite_of_rounding(a: np.ndarray, b: np.ndarray) -> None:
    lo, hi = np.minimum(a, b), np.maximum(a, b)
    region = region_of(Box(lo, hi), lo)
    center, half = (
        np.concatenate([np.ravel(x) for x in y]) for y in (region.center, region.entries)
    )
    assert np.all(center - lo <= half) and np.all(hi - center <= half)


def test_reach_and_norm_are_attained() -> None:
    theta = np.zeros(13)
    with jax.enable_x64(True):
        assert float(region_of(Ball(2.0), theta).reach()) == 2
        assert float(region_of(LayerBalls([3.0, 4.0]), theta).reach()) == pytest.approx(5)
        assert float(region_of(Box(-1, 1), theta).reach()) == pytest.approx(math.sqrt(13))
        assert float(region_of(Ball(2.0), theta + 1).norm()) == pytest.approx(2 + math.sqrt(13))
        assert float(Ball(2.0, center=(3, 4)).input_region(NET).norm()) == pytest.approx(7)
        assert float(Box((0, -4), (3, 1)).input_region(NET).norm()) == pytest.approx(5)


def test_centres_are_the_exact_double_of_stored_weights() -> None:
    theta = NET.init(jax.random.key(0))  # float32
    for chosen in (Ball(0.1), LayerBalls([0.1, 0.1]), Ball(0.1, center=theta)):
        region = chosen.parameter_region(NET, theta)
        for ours, stored in zip(region.center, NET.weights(theta), strict=True):
            assert ours.dtype == np.float64
            np.testing.assert_array_equal(ours, np.asarray(stored))
    # 0.1 has no float32.
    for center in (np.full(13, 0.1), NET.unravel(np.full(13, 0.1))):
        region = Ball(0.1, center=center).parameter_region(NET, theta)
        assert all(np.all(c == 0.1) for c in region.center)


def test_a_scalar_stands_for_every_entry() -> None:
    lo, hi = Box(-1, [2, 3]).ends(2)
    np.testing.assert_array_equal(lo, [-1, -1])
    np.testing.assert_array_equal(hi, [2, 3])


def test_regions_in_a_batch_are_those_alone() -> None:
    chosen = [Ball(0.1), Ball(2.0, center=0), Box(-1, 1)]
    regions = [region_of(c, np.arange(13.0)) for c in chosen]
    together = batch(regions)
    for i, region in enumerate(regions):
        for own, shared in zip(jax.tree.leaves(region), jax.tree.leaves(together), strict=True):
            np.testing.assert_array_equal(shared[i], own)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Box(1, -1), "lo <= hi"),
        (lambda: Box([0, 2], [1, 1]), "lo <= hi"),
        (lambda: Box(math.nan, 1), "finite"),
        (lambda: Box(0, math.inf), "finite"),
        (lambda: Box([0, 1], [1, 2, 3]), "shapes"),
        (lambda: Box([[0]], [[1]]), "shapes"),
        (lambda: Ball(-0.1), "radius"),
        (lambda: Ball(math.nan), "radius"),
        (lambda: Ball(math.inf), "radius"),
        (lambda: LayerBalls([0.1, -1]), "radius"),
        (lambda: Box(-1, [1, 2, 3]).input_region(NET), "2 inputs.*3"),
        (lambda: Box([-1] * 2, 1).parameter_region(NET, ()), "13 parameters.*2"),
        (lambda: Ball(1, center=[1, 2, 3]).input_region(NET), "2 inputs.*3"),
        (lambda: region_of(Ball(1, center=np.ones(5)), np.ones(13)), "13 parameters.*5"),
        (lambda: region_of(LayerBalls([1.0]), np.ones(13)), "2 layers.*1 radii"),
    ],
)
def test_what_is_no_set_is_refused_in_one_sentence(make: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_subnormal_numbers_are_moved_outward() -> None:
    # Compiled code takes them for 0.
    tiny, net = 2.0**-1022, FullyConnected((1, 1))
    theta = net.unravel(np.array([tiny / 4, -1.0]))
    box = Box(tiny / 2, tiny / 2).input_region(net)
    assert (box.lo, box.hi) == (0, tiny)
    ball = Ball(tiny / 8).parameter_region(net, theta)
    np.testing.assert_array_equal(ball.center[0], [[0.0, -1.0]])
    assert ball.radius >= tiny * 3 / 8 and ball.radius >= tiny
    around = Box(np.array([tiny / 8, -1.0]), np.array([tiny / 4, -1.0])).parameter_region(
        net, theta
    )
    assert around.entries[0][0, 0] >= tiny / 4 + 0 and around.entries[0][0, 1] == 0
    layers = LayerBalls([0.0]).parameter_region(net, theta)
    assert layers.layers[0] >= tiny / 4

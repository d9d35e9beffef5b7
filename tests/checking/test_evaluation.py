"""Quantities at a point and membership of the point, in ball arithmetic."""

import flint
import jax
import numpy as np
import pytest
from flint import arb

from lbdnn import Ball, Box, Chain, FullyConnected, LayerBalls
from lbdnn.activations import get
from lbdnn.checking.evaluation import attained
from lbdnn.checking.regions import Refused, inputs_of, parameters_of
from lbdnn.checking.spans import NotShown
from lbdnn.networks import Affine, Pointwise, Repeat, Residual, Scaling
from lbdnn.search.forms import COUNT, directions, form

TANH = Pointwise(get("tanh"))
NETS = {
    "fully connected": FullyConnected((2, 3, 1), "silu", output="tanh"),
    "scaled": Chain((Scaling((2.0, -1.0), (0.1, 0.0)), Affine(2, 1, False), TANH), 2),
    "residual": Chain((Affine(2, 3), Residual((TANH, Affine(3, 3))), Affine(3, 2)), 2),
    "repeated": Chain((Repeat((Affine(2, 2), TANH), 3), Affine(2, 1)), 2),
}


@pytest.fixture(autouse=True)
def bits():
    with flint.ctx.workprec(128):
        yield


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("quantity", COUNT)
def test_the_forms_at_a_point_are_those_of_automatic_differentiation(name, quantity) -> None:
    net, rng = NETS[name], np.random.default_rng(0)
    vector, sigma = rng.uniform(-1, 1, net.size), rng.uniform(-1, 1, 2)
    on_theta, on_sigma = COUNT[quantity]
    sizes = [net.size] * on_theta + [2] * on_sigma
    flat = [rng.standard_normal(size) for size in sizes]
    # The form in [v, v] is divided by the square of its one direction.
    lengths = [np.linalg.norm(v) ** (2 if quantity == "input_hessian" else 1) for v in flat]
    with jax.enable_x64(True):
        own = directions(net, quantity, np.concatenate([*flat, []]))
        weights = net.weights(net.unravel(vector))
        expected = np.linalg.norm(form(net, quantity, sigma, weights, own)) / np.prod(lengths)
    region = parameters_of(Ball(0.0), net, net.unravel(vector))
    point = [arb(x) for x in sigma.tolist()]
    theta = [arb(x) for x in vector.tolist()]
    found = attained(net, quantity, point, theta, region, [v.tolist() for v in flat])
    assert float(found) == pytest.approx(float(expected), rel=1e-12)
    assert found.rad() < 1e-25


def test_no_derivative_is_claimed_at_a_kink() -> None:
    net = FullyConnected((1, 1, 1), "relu", bias=False)
    theta = net.unravel(np.ones(2))
    region = parameters_of(Ball(0.0), net, theta)
    with pytest.raises(NotShown, match="kink of relu"):
        attained(net, "jacobian", [arb(0)], region.center, region, [[1.0, 0.0]])
    assert attained(net, "jacobian", [arb(2)], region.center, region, [[1.0, 0.0]]) == 2
    unknown = FullyConnected((1, 1, 1), "hardshrink", bias=False)
    with pytest.raises(NotShown, match="no definition of hardshrink"):
        attained(unknown, "value", [arb(2)], region.center, region, [])


NET = FullyConnected((2, 2, 1), "tanh")
THETA = NET.unravel(np.linspace(-1, 1, NET.size))


def lengths(point: list[arb]) -> list[float]:
    """The distance from the centre, layer by layer (6 and 3 parameters)."""
    shift = np.asarray([float(x - arb(float(c))) for x, c in zip(point, CENTER, strict=True)])
    return [float(np.linalg.norm(shift[:6])), float(np.linalg.norm(shift[6:]))]


CENTER = np.asarray(NET.ravel(THETA), np.float64)


def test_points_that_rounding_moved_out_come_back_and_others_do_not() -> None:
    step = np.full(NET.size, 0.1)
    ball = parameters_of(Ball(0.3 * (1 - 1e-10)), NET, THETA)
    inside = ball.moved_in((CENTER + step).tolist())
    total = sum((a - arb(float(c))) ** 2 for a, c in zip(inside, CENTER, strict=True)).sqrt()
    assert abs(total - ball.radius) < 1e-30
    small = parameters_of(Ball(0.3 * (1 - 1e-8)), NET, THETA)
    layers = parameters_of(LayerBalls([0.1 * 6**0.5, 0.1 * 3**0.5 * (1 - 1e-8)]), NET, THETA)
    box = parameters_of(Box(CENTER - 0.2, CENTER + 0.1 * (1 - 1e-7)), NET, THETA)
    for region in (small, layers, box):
        with pytest.raises(Refused, match="outside"):
            region.moved_in((CENTER + step).tolist())
    near = parameters_of(LayerBalls([0.1 * 6**0.5, 0.1 * 3**0.5 * (1 - 1e-10)]), NET, THETA)
    assert lengths(near.moved_in((CENTER + step).tolist())) == pytest.approx(
        [0.1 * 6**0.5, 0.1 * 3**0.5], rel=1e-9
    )
    untouched = parameters_of(Ball(1.0), NET, THETA).moved_in((CENTER + step).tolist())
    assert [float(x) for x in untouched] == (CENTER + step).tolist()


def test_a_set_that_is_a_point_holds_that_point_only() -> None:
    for region in (Ball(0.0), Ball(0.0, center=CENTER), Box(CENTER, CENTER)):
        exact = parameters_of(region, NET, THETA)
        assert [float(x) for x in exact.moved_in(CENTER.tolist())] == CENTER.tolist()
        with pytest.raises(Refused):
            exact.moved_in((CENTER + 1e-12).tolist())


def test_inputs() -> None:
    box = inputs_of(Box([-1, 0], [1, 0.1]), NET)
    assert [float(x) for x in box.moved_in([1.0, 0.1])] == [1.0, 0.1]
    assert float(box.norm()) == pytest.approx(1.01**0.5)
    ball = inputs_of(Ball(0.5, center=[3.0, 4.0]), NET)
    assert float(ball.norm()) == pytest.approx(5.5)
    assert [float(x) for x in ball.moved_in([3.0, 4.5])] == [3.0, 4.5]
    for region, point in ((box, [0.0, 0.2]), (ball, [3.4, 4.4]), (box, [0.0, -1e-6])):
        with pytest.raises(Refused, match="outside"):
            region.moved_in(point)

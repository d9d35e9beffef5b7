"""Residual networks over cells, and the derivatives in the input, of all networks."""

from unittest import mock

import jax
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from lbdnn import (
    Attack,
    Ball,
    Box,
    Chain,
    FullyConnected,
    LayerBalls,
    Layerwise,
    Refined,
    ResidualNetwork,
)
from lbdnn.bounds import Interval
from lbdnn.bounds.cover.alternation import alternating
from lbdnn.bounds.method import ALL
from lbdnn.networks import Affine, Residual

from ..points import NETWORKS, assert_above, ball_points, bounds, exact, problems

SMALL = ResidualNetwork((2,), "tanh", blocks=1, hidden=[2], preactivation=False)
STRUCTURES = {
    **{name: NETWORKS[name] for name in ("residual", "nested residual", "mixed chain")},
    "small": SMALL,
    "blocks": ResidualNetwork((2, 3, 1), "gelu", blocks=3, output="tanh"),
    "one affine layer": ResidualNetwork((2,), blocks=2, hidden=(), preactivation=False),
    "twice nested": Chain((Residual((Residual((Residual((Affine(2, 2),)), Affine(2, 2))),)),), 2),
}
FEW = Interval(cells=6)


@pytest.mark.parametrize("name", STRUCTURES)
def test_the_layers_in_turn_are_the_network_and_move_as_it_does(name: str) -> None:
    net, rng = STRUCTURES[name], np.random.default_rng(0)
    center, step = 0.3 * rng.standard_normal((2, net.size))
    with jax.enable_x64(True):
        region = Ball(1.0).parameter_region(net, net.unravel(center))
        layers = alternating(net, region)
        moved = [np.asarray(w) for w in net.weights(net.unravel(step))]
        sigma = rng.uniform(-1, 1, net.inputs)
        x = sigma
        for layer in layers:
            kept, rest = x[: layer.kept], x[layer.kept :]
            rest = np.asarray(layer.activation(rest))
            x = layer.weight @ np.concatenate([kept, rest]) + layer.bias
            if layer.place is not None:
                x[layer.acts :] += moved[layer.place] @ [*rest, *[1.0] * layer.one]
        assert [layer.place for layer in layers if layer.place is not None] == list(
            range(len(net.affine))
        )
        expected = np.asarray(net(net.unravel(center + step), sigma))
    np.testing.assert_allclose(x, expected, rtol=1e-12, atol=1e-12)


def test_between_the_truth_and_a_small_multiple_of_it() -> None:
    rng = np.random.default_rng(1)
    theta, point = rng.uniform(-1, 1, SMALL.size), np.array([0.4, -0.2])
    at = bounds(FEW, SMALL, theta, Box(point, point), Ball(1e-13), ALL)
    truth = exact(SMALL, np.tile(point, (500, 1)), np.tile(theta, (500, 1)))
    for quantity in ("value", "jacobian", "input_jacobian_max"):
        assert at[quantity] == pytest.approx(truth[quantity][0], rel=1e-6), quantity
    for quantity in ALL:
        assert truth[quantity][0] <= at[quantity] <= 2 * truth[quantity][0], quantity
    upper = bounds(FEW, SMALL, theta, Box(point - 0.3, point + 0.3), Ball(0.05), ALL)
    sigmas = point + 0.3 * rng.choice([-1.0, 0.0, 1.0], (500, 2))
    found = exact(SMALL, sigmas, theta + 0.05 * ball_points(rng, (500, SMALL.size)))
    for quantity in ALL:
        reached = found[quantity].max()
        assert reached <= upper[quantity] <= 6 * reached, quantity


@pytest.mark.slow
@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_no_point_of_the_set_lies_above_a_bound(data: st.DataObject) -> None:
    net = NETWORKS["nested residual"]
    theta, inputs, parameters, sigmas, thetas = data.draw(problems(net))
    assert_above(bounds(FEW, net, theta, inputs, parameters, ALL), exact(net, sigmas, thetas))


@pytest.mark.slow
def test_halving_cells_gains_and_no_attack_lies_above() -> None:
    theta = np.random.default_rng(2).uniform(-1, 1, SMALL.size)
    with jax.enable_x64(True):
        box = Box(-1, 1).input_region(SMALL)
        region = LayerBalls([0.1, 0.02]).parameter_region(SMALL, SMALL.unravel(theta))
    with mock.patch.object(Refined, "_dissipations", lambda self, parameters: []):
        refined = Refined(cells=300).bounds(SMALL, box, region, ("jacobian",))["jacobian"]
    found = Attack(starts=4, steps=40)(SMALL, "jacobian", box, region)
    assert 0 < float(found.value) <= refined < Layerwise().bounds(SMALL, box, region)["jacobian"]


def test_a_network_of_other_operations_is_refused() -> None:
    class Unknown:
        def outputs(self, inputs: int) -> int:
            return inputs

    net = FullyConnected((2, 2))
    with jax.enable_x64(True):
        region = Ball(0.0).parameter_region(net, net.unravel(np.zeros(net.size)))
    other = Chain((*net.operations, Unknown()), 2)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="got Unknown"):
        alternating(other, region)

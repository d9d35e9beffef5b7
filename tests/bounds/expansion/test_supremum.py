"""The supremum over a box of inputs: above everything the network does there, by little."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lbdnn import Box, FullyConnected, ResidualNetwork
from lbdnn.bounds.expansion import sup_over_inputs
from lbdnn.bounds.expansion.activation_tables import table
from lbdnn.bounds.expansion.directions import Directions
from lbdnn.bounds.expansion.network import read
from lbdnn.bounds.expansion.quantities import cells, points

from .networks import NETWORKS, dense, norm, parameters

QUANTITIES = (
    "jacobian",
    "hessian",
    pytest.param("value", marks=pytest.mark.slow),
    pytest.param("input_jacobian", marks=pytest.mark.slow),
)
# The same sizes everywhere, so that each network is compiled once for each quantity.
GAP, BATCH = 0.1, 8
CHOSEN = {m: Directions(m, GAP / 4).vectors for m in (1, 2)}


def _read(net, theta):
    shape, layers = read(net, theta)
    return shape, layers, tuple(table(a, 20.0) for a in shape.activations)


@pytest.mark.parametrize("quantity", ["hessian", "jacobian"])
def test_values_at_points_are_those_of_the_dense_derivatives(quantity):
    net, rng = NETWORKS["scaled"], np.random.default_rng(4)
    with jax.enable_x64(True):
        theta = parameters(net)
        shape, layers, tables = _read(net, theta)
        exact = dense(net, theta, quantity)
        sigma = rng.uniform(-1, 1, (BATCH, net.inputs))
        chosen = CHOSEN[net.outputs][: None if quantity == "hessian" else 1]
        low, high = points(shape, quantity, layers, tables, jnp.asarray(chosen), sigma)
        for place, s in enumerate(sigma[:4]):
            array = np.asarray(exact(s))
            truth = (
                np.array([np.linalg.norm(np.tensordot(u, array, 1), 2) for u in chosen])
                if quantity == "hessian"
                else norm(array)
            )
            # Power iteration is not run to its end, and the upper bound stops at the first proved.
            slack = 0.02 if quantity == "hessian" else 1e-9
            assert np.all(low[place] <= truth * (1 + 1e-12))
            assert np.all(low[place] >= truth * (1 - slack))
            assert np.all(high[place] >= truth * (1 - 1e-12))
            assert np.all(high[place] <= truth * (1 + slack))


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_cells_bound_what_lies_between_their_vertices(quantity):
    net, rng = NETWORKS["scaled"], np.random.default_rng(5)
    with jax.enable_x64(True):
        theta = parameters(net)
        shape, layers, tables = _read(net, theta)
        exact = dense(net, theta, quantity)
        centre = rng.uniform(-0.5, 0.5, (BATCH, 2))
        half = np.tile([[0.3, 0.3], [0.1, 0.02], [0.05, 0.2], [0.01, 0.01]], (2, 1))
        found = cells(shape, quantity, layers, tables, None, centre, half)
        for c, h, added, whole in zip(centre, half, found.added, found.whole, strict=True):
            corners = [c + h * [a, b] for a in (-1, 1) for b in (-1, 1)]
            top = max(norm(exact(s)) for s in corners)
            inside = [norm(exact(c + h * rng.uniform(-1, 1, 2))) for _ in range(5)]
            assert max(inside) <= top + added
            assert max(top, *inside) <= whole
        assert found.added[3] < 0.02 * found.whole[3]


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_bounds_hold_and_reach_the_gap(quantity):
    _check("scaled", quantity)


@pytest.mark.slow
def test_bounds_hold_for_one_output_without_bias():
    _check("unbiased", "hessian")


def _check(name, quantity):
    net, box = NETWORKS[name], Box([-1.0, -0.2], [0.5, 0.3])
    with jax.enable_x64(True):
        theta = parameters(net, 1)
        exact = dense(net, theta, quantity)
    result = sup_over_inputs(net, theta, quantity, box, gap=GAP, max_cells=20_000, batch=BATCH)
    with jax.enable_x64(True):
        sampled = np.random.default_rng(6).uniform(*box.ends(2), (20, 2))
        assert max(norm(exact(s)) for s in sampled) <= result.upper
        # The directions that `norm` tries may miss the best by a hair.
        assert norm(exact(result.sigma)) >= result.lower * (1 - 1e-3)
    assert result.cover.finished
    assert result.lower <= result.upper <= (1 + GAP) * result.lower


def test_out_of_cells_it_returns_what_is_proved():
    net = NETWORKS["scaled"]
    with jax.enable_x64(True):
        theta = parameters(net)
    bounds = [
        sup_over_inputs(net, theta, "jacobian", Box(-1, 1), gap=0.0, max_cells=n, batch=BATCH).upper
        for n in (100, 400)
    ]
    assert bounds[0] > bounds[1]


@pytest.mark.parametrize(
    "net",
    [
        FullyConnected((2, 3, 2), "relu"),
        FullyConnected((2, 3, 2), "elu"),
        FullyConnected((2, 3, 2), output="tanh"),
        ResidualNetwork((2, 3, 2), blocks=1),
        FullyConnected((2, 2)),
    ],
)
def test_refuses_in_one_sentence_what_it_does_not_handle(net):
    with jax.enable_x64(True):
        theta = parameters(net)
    with pytest.raises(ValueError, match="branch and bound over inputs needs"):
        sup_over_inputs(net, theta, "hessian", Box(-1, 1))


def test_refuses_unknown_quantities():
    net = NETWORKS["tanh"]
    with jax.enable_x64(True):
        theta = parameters(net)
    with pytest.raises(ValueError, match="the quantities are"):
        sup_over_inputs(net, theta, "curl", Box(-1, 1))

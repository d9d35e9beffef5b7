"""Bounds of outputs alone and of layers' blocks: the truth where nothing cancels."""

import jax
import numpy as np
import pytest

from lbdnn import (
    Ball,
    Box,
    Chain,
    FullyConnected,
    ResidualNetwork,
    bounds_by_block,
    bounds_by_output,
    certify,
    derivatives,
)
from lbdnn.networks import Pointwise

from .points import CHAIN_OF_ONES


def test_blocks_are_those_of_the_derivatives_where_no_sign_cancels() -> None:
    theta = CHAIN_OF_ONES.unravel(np.array([0.7, 1.3, 2.0]))
    with jax.enable_x64(True):
        found = bounds_by_block(CHAIN_OF_ONES, theta, inputs=Box(0.1, 0.1))
        first = derivatives.jacobian(CHAIN_OF_ONES, theta, np.array([0.1]))
        second = derivatives.hessian(CHAIN_OF_ONES, theta, np.array([0.1]))
    # One parameter a layer: each block is one number.
    np.testing.assert_allclose(found.jacobian, np.abs(first[0]), rtol=3e-9)
    np.testing.assert_allclose(found.hessian, np.abs(second[0]), rtol=3e-9)


@pytest.mark.slow
def test_only_layers_with_parameters_have_blocks() -> None:
    net = ResidualNetwork((2, 2), blocks=1)
    theta = net.unravel(np.linspace(-1, 1, net.size))
    found = bounds_by_block(net, theta, inputs=Box(-1, 1), parameters=Ball(0.1))
    whole = certify(net, theta, inputs=Box(-1, 1), parameters=Ball(0.1), attack=None)
    assert found.jacobian.shape == (3,) and found.hessian.shape == (3, 3)
    assert whole["jacobian"].upper == pytest.approx(np.linalg.norm(found.jacobian), rel=1e-8)


@pytest.mark.slow
def test_each_output_is_bounded_as_a_network_of_its_own() -> None:
    net = FullyConnected((2, 3, 2), "tanh", output_scaling=((1.0, -5.0), (0.0, 2.0)))
    theta = net.unravel(np.linspace(-1, 1, net.size))
    found = bounds_by_output(net, theta, inputs=Box(-1, 1), parameters=Ball(0.2))
    alone = FullyConnected((2, 3, 1), "tanh", output_scaling=((-5.0,), (2.0,)))
    weights = net.weights(theta)
    own = alone.with_weights([weights[0], weights[1][1:]])
    whole = certify(alone, own, inputs=Box(-1, 1), parameters=Ball(0.2), attack=None)
    for quantity, bound in whole.items():
        assert found[quantity][1] == pytest.approx(bound.upper, rel=1e-12), quantity


def test_networks_whose_outputs_are_not_of_an_affine_layer_are_refused() -> None:
    net = ResidualNetwork((2,), blocks=1)
    theta = net.unravel(np.zeros(net.size))
    with pytest.raises(ValueError, match="ends in Residual"):
        bounds_by_output(net, theta, inputs=Box(-1, 1))
    bare = Chain((Pointwise(net.activations[0]),), 2)
    with pytest.raises(ValueError, match="affine layer"):
        bounds_by_output(bare, (None,), inputs=Box(-1, 1))
    with pytest.raises(ValueError, match="the quantities are"):
        bounds_by_output(net, theta, inputs=Box(-1, 1), quantities="slope")

"""Φ(x) = A*(x) x + b*(x)."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lbdnn
from lbdnn import FullyConnected, activations, derivatives
from lbdnn.networks import Chain
from lbdnn.networks.operations import Affine, Pointwise, Repeat, Residual
from lbdnn.spectra import linearize

POINTS = np.random.default_rng(0).normal(0, 3, (200, 2))


def _reconstructed(net, theta, x, form="shifted"):
    matrix, offset = linearize(net, theta, x, form=form)
    return jnp.einsum("bij,bj->bi", matrix, jnp.asarray(x)) + offset


@pytest.mark.parametrize("name", ["tanh", "logistic", "relu"])
def test_reproduces_the_network(name):
    net = FullyConnected((2, 3, 2), name, output=name)
    with jax.enable_x64(True):
        theta = net.init(jax.random.key(0))
        x = jnp.asarray(POINTS)
        values = jax.vmap(net, (None, 0))(theta, x)
        size = 1 + np.abs(values).max()
        np.testing.assert_allclose(
            _reconstructed(net, theta, x), values, rtol=0, atol=size * 1e-15 * 16
        )


def test_residual_repeated_and_scaled_networks():
    block = (Residual((Affine(3, 3), Pointwise(activations.get("softplus")))),)
    net = Chain((Affine(2, 3), Repeat(block, 3), Affine(3, 4, bias=False)), 2)
    scaled = FullyConnected(
        (2, 3, 3, 3, 2),
        "logistic",
        input_scaling=([2, 0.1], [1, -1]),
        output_scaling=([3, 4], [5, 6]),
    )
    with jax.enable_x64(True):
        for one in (net, scaled):
            theta = one.init(jax.random.key(1))
            values = jax.vmap(one, (None, 0))(theta, jnp.asarray(POINTS))
            np.testing.assert_allclose(_reconstructed(one, theta, POINTS), values, atol=1e-13)


def test_one_point_and_many_dimensions_of_points():
    net = FullyConnected((2, 5, 3))
    theta = net.init(jax.random.key(0))
    many = linearize(net, theta, np.ones((4, 5, 2)))
    one = linearize(net, theta, np.ones(2))
    assert many.matrix.shape == (4, 5, 3, 2)
    assert one.matrix.shape == (3, 2)
    assert one.offset.shape == (3,)
    np.testing.assert_allclose(many.matrix[2, 3], one.matrix, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("name", ["relu", "leaky_relu"])
def test_it_is_the_derivative_for_relu(name):
    """Proposition 12: without the kink between 0 and z."""
    net = FullyConnected((2, 6, 6, 2), name)
    with jax.enable_x64(True):
        theta = net.init(jax.random.key(2))
        slope = jax.vmap(derivatives.input_jacobian, (None, None, 0))(
            net, theta, jnp.asarray(POINTS)
        )
        np.testing.assert_allclose(linearize(net, theta, POINTS).matrix, slope, atol=1e-14)


def test_it_is_not_the_derivative_for_tanh():
    net = FullyConnected((2, 6, 2), "tanh")
    theta = net.init(jax.random.key(2))
    slope = derivatives.input_jacobian(net, theta, jnp.asarray(POINTS[0]))
    assert np.abs(linearize(net, theta, POINTS[0]).matrix - slope).max() > 1e-3


def test_forms_agree_where_the_activation_vanishes_at_zero():
    net = FullyConnected((2, 4, 2), "silu")
    theta = net.init(jax.random.key(3))
    for one, other in zip(
        linearize(net, theta, POINTS), linearize(net, theta, POINTS, form="paper"), strict=True
    ):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_the_papers_form_away_from_and_near_its_pole():
    net = FullyConnected((1, 1, 1), "logistic", bias=False)
    with jax.enable_x64(True):
        theta = (np.ones((1, 1)), None, np.ones((1, 1)))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            matrix, offset = linearize(net, theta, [0.5], form="paper")
        assert matrix[0, 0] == pytest.approx(1 / (1 + np.exp(-0.5)) / 0.5, rel=1e-15)
        assert offset[0] == 0
        with pytest.warns(UserWarning, match="near its pole at 2 of 3 points"):
            matrix, _ = linearize(net, theta, [[0.0], [1e-12], [1.0]], form="paper")
        assert matrix[0, 0, 0] == 0.25  # remark 11
        assert matrix[1, 0, 0] == pytest.approx(0.5e12)
        assert linearize(net, theta, [0.0]).offset[0] == 0.5


def test_differentiable_and_traceable():
    # Parameters of its own: nothing is known of it before it is traced.
    net = FullyConnected((2, 4, 2), activations.get("hardsigmoid", 0.123, 0.456))
    theta = net.init(jax.random.key(0))

    def total(theta, x):
        return jnp.sum(linearize(net, theta, x).matrix)

    slopes = jax.jit(jax.vmap(jax.grad(total), (None, 0)))(theta, jnp.zeros((3, 2)))
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(slopes))


def test_refusals():
    net = FullyConnected((2, 3, 2))
    theta = net.init(jax.random.key(0))
    with pytest.raises(ValueError, match="points of 2 numbers"):
        linearize(net, theta, np.ones((4, 3)))
    with pytest.raises(ValueError, match="form is"):
        linearize(net, theta, np.ones(2), form="other")  # pyright: ignore
    with pytest.raises(ValueError, match="NaN"):
        linearize(net, jax.tree.map(lambda leaf: leaf * np.nan, theta), np.ones(2))
    with pytest.raises(ValueError, match="tuple of"):
        jax.jit(lambda theta: linearize(net, theta, np.ones(2)))(theta[:1])
    assert lbdnn.spectra.linearize is linearize

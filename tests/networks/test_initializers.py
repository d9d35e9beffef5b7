"""Initialisers: their distributions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lbdnn.networks import FullyConnected
from lbdnn.networks.initializers import glorot, he, orthogonal, uniform

N_IN, N_OUT = 300, 200
COUNT = N_IN * N_OUT


def drawn(initializer):
    net = FullyConnected((N_IN, N_OUT))
    (matrix,) = net.weights(net.init(jax.random.key(7), initializer))
    assert matrix.shape == (N_OUT, N_IN + 1)
    return np.asarray(matrix[:, :-1]), np.asarray(matrix[:, -1])


def assert_mean_zero_and_variance(values, variance, kurtosis):
    """Six standard deviations of the sample mean and variance of independent draws."""
    mean_error = 6 * np.sqrt(variance / values.size)
    variance_error = 6 * variance * np.sqrt((kurtosis - 1) / values.size)
    assert abs(values.mean()) < mean_error
    assert abs(values.var() - variance) < variance_error


@pytest.mark.parametrize("limit", [0.5, 2.0])
def test_uniform(limit):
    weight, bias = drawn(uniform(limit))
    for values in (weight, bias):
        assert np.abs(values).max() <= limit
        assert_mean_zero_and_variance(values, limit**2 / 3, kurtosis=1.8)


def test_the_default_is_the_benchmarks():
    net = FullyConnected((4, 5, 2))
    np.testing.assert_array_equal(
        net.ravel(net.init(jax.random.key(0))),
        net.ravel(net.init(jax.random.key(0), uniform(0.5))),
    )


def test_glorot():
    weight, bias = drawn(glorot())
    limit = np.sqrt(6 / (N_IN + N_OUT))
    assert 0.99 * limit < np.abs(weight).max() <= limit * (1 + 1e-6)
    assert_mean_zero_and_variance(weight, limit**2 / 3, kurtosis=1.8)
    assert not bias.any()


def test_he_has_variance_from_the_inputs():
    weight, bias = drawn(he())
    # A normal cut at two standard deviations has kurtosis below 3.
    assert_mean_zero_and_variance(weight, 2 / N_IN, kurtosis=3.0)
    assert abs(weight.var() - 2 / N_OUT) > 0.1 * (2 / N_IN)
    assert not bias.any()


@pytest.mark.parametrize("n_in, n_out", [(3, 7), (7, 3), (5, 5)])
def test_orthogonal(n_in, n_out):
    with jax.enable_x64(True):
        net = FullyConnected((n_in, n_out), bias=False)
        (weight,) = map(np.asarray, net.weights(net.init(jax.random.key(1), orthogonal(2.0))))
    product = weight.T @ weight if n_out >= n_in else weight @ weight.T
    np.testing.assert_allclose(product, 4.0 * np.eye(min(n_in, n_out)), atol=1e-12)


def test_layers_are_drawn_independently():
    net = FullyConnected((3, 3, 3, 3, 3))
    weights = net.weights(net.init(jax.random.key(0)))
    assert len({np.asarray(w).tobytes() for w in weights}) == len(weights)
    other = net.init(jax.random.key(1))
    assert not np.array_equal(net.ravel(other), jnp.concatenate([w.ravel() for w in weights]))


def test_a_stacked_layer_is_orthogonal_by_itself():
    with jax.enable_x64(True):
        net = FullyConnected((4, 4, 4, 4, 4), bias=False)
        for weight in map(np.asarray, net.weights(net.init(jax.random.key(2), orthogonal()))):
            np.testing.assert_allclose(weight @ weight.T, np.eye(4), atol=1e-12)

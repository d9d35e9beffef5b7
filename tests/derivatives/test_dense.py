"""Dense derivatives, against differences of a network written out in NumPy, and by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lbdnn.derivatives import (
    hessian,
    input_hessian,
    input_jacobian,
    jacobian,
    mixed_hessian,
    taylor_remainder,
)
from lbdnn.networks import FullyConnected


def written_out(θ, σ):
    """2 inputs, 3 tanh neurons, 2 outputs; V_0 (3 × 3) and V_1 (4 × 2) by columns."""
    V0, V1 = θ[:9].reshape(3, 3).T, θ[9:].reshape(2, 4).T
    return V1.T @ np.append(np.tanh(V0.T @ np.append(σ, 1.0)), 1.0)


def slopes(function, x, step):
    """Central differences: shape of the value, then of x."""
    units = step * np.eye(len(x))
    return np.stack([(function(x + e) - function(x - e)) / (2 * step) for e in units], axis=-1)


def test_all_agree_with_central_differences():
    θ, σ = np.random.default_rng(0).uniform(-1, 1, 17), np.array([0.3, -0.7])
    net = FullyConnected((2, 3, 2))
    with jax.enable_x64(True):
        theta = net.unravel(jnp.asarray(θ))
        found = [
            jax.jit(f, static_argnums=0)(net, theta, σ)
            for f in (jacobian, input_jacobian, hessian, input_hessian, mixed_hessian)
        ]

    def of_θ(θ, σ=σ):
        return written_out(θ, σ)

    def of_σ(σ, θ=θ):
        return written_out(θ, σ)

    h = 1e-3
    expected = [
        slopes(of_θ, θ, 1e-6),
        slopes(of_σ, σ, 1e-6),
        slopes(lambda v: slopes(of_θ, v, h), θ, h),
        slopes(lambda v: slopes(of_σ, v, h), σ, h),
        slopes(lambda v: slopes(lambda σ: written_out(v, σ), σ, h), θ, h),
    ]
    tolerances = (1e-9, 1e-9, 1e-5, 1e-5, 1e-5)
    for value, difference, tolerance in zip(found, expected, tolerances, strict=True):
        assert value.shape == difference.shape
        np.testing.assert_allclose(value, difference, atol=tolerance)


def test_mixed_hessian_of_one_affine_layer_is_the_position_of_the_weights():
    net = FullyConnected((3, 2))
    mixed = mixed_hessian(net, net.init(jax.random.key(0)), jnp.array([1.0, 2.0, 3.0]))
    expected = np.zeros((2, 3, 2, 4))
    for i in range(2):
        for j in range(3):
            expected[i, j, i, j] = 1.0
    np.testing.assert_array_equal(mixed, expected.reshape(2, 3, 8))


def test_remainder_of_a_product_of_two_linear_layers_is_the_product_of_the_changes():
    net = FullyConnected((3, 4, 2), "identity", bias=False)
    with jax.enable_x64(True):
        theta, step = net.init(jax.random.key(0)), net.init(jax.random.key(1))
        sigma = jnp.array([1.0, -2.0, 0.5])
        first, second = net.weights(step)
        expected = second @ (first @ sigma)
        for direction in (step, net.ravel(step)):
            found = taylor_remainder(net, theta, sigma, direction)
            np.testing.assert_allclose(found, expected, rtol=1e-12)
        half = hessian(net, theta, sigma) @ net.ravel(step) @ net.ravel(step) / 2
        np.testing.assert_allclose(half, expected, rtol=1e-12)


def test_remainder_of_one_affine_layer_is_rounding():
    net = FullyConnected((3, 2))
    with jax.enable_x64(True):
        theta, step = net.init(jax.random.key(0)), net.init(jax.random.key(1))
        found = taylor_remainder(net, theta, jnp.ones(3), step)
        assert jnp.max(jnp.abs(found)) < 1e-14


def test_integer_points_and_numpy_parameters():
    net = FullyConnected((2, 3, 2))
    theta = net.init(jax.random.key(0))
    expected = input_jacobian(net, theta, jnp.array([1.0, 2.0]))
    np.testing.assert_array_equal(input_jacobian(net, theta, np.array([1, 2])), expected)
    stored = jax.tree.map(np.asarray, theta)
    point = jnp.ones(2)
    np.testing.assert_array_equal(jacobian(net, stored, point), jacobian(net, theta, point))


def test_wrong_shapes_are_refused():
    net = FullyConnected((2, 3, 2))
    theta = net.init(jax.random.key(0))
    for function in (jacobian, hessian, input_jacobian, input_hessian, mixed_hessian):
        with pytest.raises(ValueError, match=r"shape \(2,\)"):
            function(net, theta, jnp.ones((5, 2)))
    with pytest.raises(ValueError, match="17 parameters"):
        taylor_remainder(net, theta, jnp.ones(2), jnp.ones(16))

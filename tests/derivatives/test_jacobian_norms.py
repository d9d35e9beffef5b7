"""Norms of first derivatives, against the dense Jacobians and by hand."""

import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from lbdnn.activations import get
from lbdnn.derivatives import (
    input_jacobian,
    input_jacobian_norm,
    jacobian,
    jacobian_gram,
    jacobian_norm,
)
from lbdnn.networks import Affine, Chain, FullyConnected, Pointwise, Repeat, Scaling

from .networks import EXAMPLES, places, random_networks

NORMS = {jacobian_norm: jacobian, input_jacobian_norm: input_jacobian}
COMPILED = {f: jax.jit(f, static_argnums=0) for pair in NORMS.items() for f in pair}


@pytest.mark.parametrize("norm", NORMS)
@given(places(st.sampled_from(EXAMPLES)))
@settings(max_examples=40, deadline=None)
def test_norm_is_that_of_the_dense_matrix(norm, place):
    with jax.enable_x64(True):
        expected = np.linalg.norm(COMPILED[NORMS[norm]](*place), 2)
        np.testing.assert_allclose(COMPILED[norm](*place), expected, rtol=1e-7, atol=1e-150)


@pytest.mark.slow
@pytest.mark.parametrize("norm", NORMS)
@given(places(random_networks()))
@settings(max_examples=15, deadline=None)
def test_norm_is_that_of_the_dense_matrix_for_any_network(norm, place):
    with jax.enable_x64(True):
        expected = np.linalg.norm(NORMS[norm](*place), 2)
        np.testing.assert_allclose(norm(*place), expected, rtol=1e-7, atol=1e-150)


@pytest.mark.parametrize("times", (2, 25))
def test_repeated_blocks_with_a_scaling_in_the_middle(times):
    block = (Affine(3, 3), Pointwise(get("tanh")), Scaling((1.5, -1.0, 2.0), (0.1, 0.0, -0.3)))
    net = Chain((Repeat(block, times), Affine(3, 2, bias=False)), inputs=3)
    with jax.enable_x64(True):
        theta, sigma = net.init(jax.random.key(times)), jnp.array([0.2, -0.4, 0.9])
        dense = COMPILED[jacobian](net, theta, sigma)
        gram = jax.jit(jacobian_gram, static_argnums=0)(net, theta, sigma)
        np.testing.assert_allclose(gram, dense @ dense.T, rtol=1e-10)


def test_one_neuron_by_hand():
    """Φ = w tanh(aσ + b) + c: ‖Φ'‖² = (w ς')²(σ² + 1) + ς² + 1."""
    net = FullyConnected((1, 1, 1))
    a, b, w, c, σ = 0.7, -0.2, 1.9, 0.4, 1.3
    ς = math.tanh(a * σ + b)
    expected = math.sqrt((w * (1 - ς**2)) ** 2 * (σ**2 + 1) + ς**2 + 1)
    with jax.enable_x64(True):
        theta = net.unravel(jnp.array([a, b, w, c]))
        np.testing.assert_allclose(jacobian_norm(net, theta, jnp.array([σ])), expected, rtol=1e-14)


@pytest.mark.parametrize("outputs", (1, 2, 3, 5))
def test_one_affine_layer_by_hand(outputs):
    """Φ' = I ⊗ [σ; 1]ᵀ and ∂Φ/∂σ = W, whatever the number of outputs."""
    net = FullyConnected((2, outputs))
    with jax.enable_x64(True):
        theta, sigma = net.init(jax.random.key(0)), jnp.array([3.0, 4.0])
        np.testing.assert_allclose(jacobian_gram(net, theta, sigma), 26 * np.eye(outputs))
        np.testing.assert_allclose(jacobian_norm(net, theta, sigma), math.sqrt(26), rtol=1e-14)
        expected = np.linalg.norm(theta[0][:, :2], 2)
        np.testing.assert_allclose(input_jacobian_norm(net, theta, sigma), expected, rtol=1e-13)


def test_mapping_over_points_changes_nothing():
    net = FullyConnected((3, 5, 5, 2))
    with jax.enable_x64(True):
        theta = net.init(jax.random.key(0))
        points = jax.random.normal(jax.random.key(1), (7, 3))
        for norm in NORMS:
            together = jax.jit(jax.vmap(partial(norm, net), (None, 0)))(theta, points)
            singly = [COMPILED[norm](net, theta, point) for point in points]
            np.testing.assert_allclose(together, np.array(singly), rtol=1e-13)


def test_float32_stays_float32_and_is_close():
    net = FullyConnected((3, 20, 20, 2))
    theta, sigma = net.init(jax.random.key(0)), jnp.array([0.1, -0.2, 0.3])
    norm = COMPILED[jacobian_norm]
    found = norm(net, theta, sigma)
    assert found.dtype == jnp.float32
    with jax.enable_x64(True):
        exact = norm(net, jax.tree.map(np.float64, theta), np.float64(sigma))
    np.testing.assert_allclose(found, exact, rtol=1e-5)


def test_at_a_kink_it_is_that_of_a_one_sided_derivative():
    net = FullyConnected((1, 1, 1), "relu", bias=False)
    theta = net.unravel(jnp.array([1.0, 2.0]))
    at, left, right = (float(jacobian_norm(net, theta, jnp.array([z]))) for z in (0, -1e-9, 1e-9))
    assert at in (pytest.approx(left), pytest.approx(right))


@pytest.mark.parametrize("outputs", (1, 2, 3))
def test_gradient_is_that_of_differences_and_finite_at_zero(outputs):
    net = FullyConnected((2, 4, outputs), bias=False)
    with jax.enable_x64(True):
        theta, sigma = net.init(jax.random.key(0)), jnp.array([0.5, -1.0])
        norm = COMPILED[jacobian_norm]
        slope = jax.jit(jax.grad(norm, argnums=2), static_argnums=0)(net, theta, sigma)
        for i, unit in enumerate(1e-6 * np.eye(2)):
            change = [norm(net, theta, sigma + sign * unit) for sign in (1, -1)]
            np.testing.assert_allclose(slope[i], (change[0] - change[1]) / 2e-6, rtol=1e-6)
        if outputs < 3:
            zero = jax.tree.map(jnp.zeros_like, theta)
            slopes = jax.jit(jax.grad(norm, argnums=1), static_argnums=0)(net, zero, sigma)
            assert all(np.all(np.isfinite(slope)) for slope in jax.tree.leaves(slopes))


def test_nan_is_not_hidden():
    net = FullyConnected((2, 3, 2))
    theta = net.unravel(jnp.full(net.size, jnp.nan))
    for norm in NORMS:
        assert jnp.isnan(norm(net, theta, jnp.ones(2)))


def test_wrong_shapes_are_refused():
    net = FullyConnected((2, 3, 2))
    theta = net.init(jax.random.key(0))
    for norm in NORMS:
        with pytest.raises(ValueError, match=r"shape \(2,\)"):
            norm(net, theta, jnp.ones((5, 2)))
        with pytest.raises(ValueError, match="affine layer"):
            norm(net, (theta[0][:, 1:], *theta[1:]), jnp.ones(2))

"""Norms of second derivatives, against the dense tensor, brute force and by hand."""

import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
from hypothesis import given, settings, strategies as st

from lbdnn.activations import get
from lbdnn.derivatives import (
    compressed_hessian,
    hessian,
    hessian_norm,
    hessian_norm_bounds,
    input_hessian,
    input_hessian_norm,
    tensor_norm,
)
from lbdnn.derivatives.hessian_range import range_size
from lbdnn.networks import Affine, Chain, FullyConnected, Pointwise, Repeat

from .networks import EXAMPLES, places, random_networks

dense_hessian = jax.jit(hessian, static_argnums=0)


def seen_operator_norms(tensor, count=400):
    """Values of u ↦ ‖Σ_i u_i T_i‖₂ on the sphere, so lower bounds of the operator norm."""
    m = len(tensor)
    if m == 2:
        angle = np.linspace(0, np.pi, count)
        u = np.stack([np.cos(angle), np.sin(angle)], 1)
    else:
        u = np.random.default_rng(0).standard_normal((count, m))
        u /= np.linalg.norm(u, axis=1, keepdims=True)
    return np.abs(np.linalg.eigvalsh(np.einsum("ki,ipq->kpq", u, tensor))).max()


def check_norms(net, theta, sigma, tensor, count=400):
    tensor = np.asarray(tensor)
    unfolded = np.linalg.norm(tensor.reshape(-1, net.size), 2)
    frobenius = scipy.linalg.norm(tensor.ravel())
    np.testing.assert_allclose(hessian_norm(net, theta, sigma, "unfolded"), unfolded, rtol=1e-7)
    np.testing.assert_allclose(hessian_norm(net, theta, sigma, "frobenius"), frobenius, rtol=1e-9)
    lower, upper = hessian_norm_bounds(net, theta, sigma)
    seen = seen_operator_norms(tensor, count)
    assert seen <= upper * (1 + 1e-7)
    assert seen <= lower * 1.01 * (1 + 1e-7) or net.outputs > 3
    assert lower <= unfolded * (1 + 1e-7)
    assert lower == hessian_norm(net, theta, sigma)
    if net.outputs == 1:
        np.testing.assert_allclose([lower, upper], seen, rtol=1e-9)
    if net.outputs == 2:
        # A grid of step h sees at least cos(h/2) of the maximum.
        assert lower <= seen / math.cos(math.pi / 2 / (count - 1)) * (1 + 1e-9)
        assert upper <= 1.01 * lower * (1 + 1e-9)


@given(places(st.sampled_from(EXAMPLES)))
@settings(max_examples=20, deadline=None)
def test_norms_are_those_of_the_dense_tensor(place):
    with jax.enable_x64(True):
        tensor = dense_hessian(*place)
    check_norms(*place, tensor)


@pytest.mark.slow
@given(places(random_networks()))
@settings(max_examples=8, deadline=None)
def test_norms_are_those_of_the_dense_tensor_for_any_network(place):
    with jax.enable_x64(True):
        tensor = dense_hessian(*place)
    check_norms(*place, tensor)


DEEP = Chain(
    (Affine(2, 2), Repeat((Pointwise(get("tanh")), Affine(2, 2)), 30), Affine(2, 1)), inputs=2
)


@pytest.mark.parametrize(
    "net", (FullyConnected((2, 2, 37, 2)), pytest.param(DEEP, marks=pytest.mark.slow))
)
def test_matrix_free_norms_are_those_of_the_dense_tensor(net):
    with jax.enable_x64(True):
        theta = net.init(jax.random.key(0))
        theta = jax.tree.map(lambda leaf: 1.5 * leaf, theta)
        sigma = jax.random.normal(jax.random.key(1), (net.inputs,))
        tensor = dense_hessian(net, theta, sigma)
    assert range_size(net) > 128
    check_norms(net, theta, sigma, tensor, count=10)


@given(places(st.sampled_from(EXAMPLES)), st.integers(0, 2**31 - 1))
@settings(max_examples=20, deadline=None)
def test_compressed_hessian_has_the_eigenvalues_of_every_combination(place, seed):
    net = place[0]
    u = np.random.default_rng(seed).standard_normal(net.outputs)
    with jax.enable_x64(True):
        large = np.tensordot(u, dense_hessian(*place), 1)
        small = np.tensordot(u, jax.jit(compressed_hessian, static_argnums=0)(*place), 1)
    found, expected = np.linalg.eigvalsh(small), np.linalg.eigvalsh(large)
    count = max(len(found), len(expected))
    found, expected = (np.sort(np.append(v, np.zeros(count - len(v)))) for v in (found, expected))
    np.testing.assert_allclose(found, expected, atol=1e-9 * np.abs(expected).max(initial=0))


@pytest.mark.parametrize("outputs", (1, 2, 3))
def test_product_of_two_linear_layers_by_hand(outputs):
    """∂²Φ[E, E] = 2 Ē_1 E_0 s_0: operator ‖s_0‖, unfolded √m‖s_0‖, Frobenius √(2mh)‖s_0‖."""
    hidden = 4
    for bias in (False, True):
        net = FullyConnected((2, hidden, outputs), "identity", bias=bias)
        sigma = np.array([1.0, 2.0])
        length = math.sqrt(5 + bias)
        theta = net.init(jax.random.key(0))
        found = [hessian_norm(net, theta, sigma, n) for n in ("operator", "unfolded", "frobenius")]
        factors = [1, math.sqrt(outputs), math.sqrt(2 * outputs * hidden)]
        np.testing.assert_allclose(found, np.multiply(factors, length), rtol=1e-12)


def test_one_neuron_by_hand():
    """Φ = w ς(aσ + b) + c: on (ŝ, w) the Hessian is [[w ς''‖s‖², ς'‖s‖], [ς'‖s‖, 0]]."""
    a, b, w, σ = 0.7, -0.2, 1.9, 1.3
    ς = math.tanh(a * σ + b)
    length, corner = math.hypot(σ, 1), 1 - ς**2
    matrix = [[-2 * w * ς * corner * length**2, corner * length], [corner * length, 0]]
    net = FullyConnected((1, 1, 1))
    with jax.enable_x64(True):
        theta = net.unravel(jnp.array([a, b, w, 0.4]))
    expected = np.abs(np.linalg.eigvalsh(matrix)).max()
    np.testing.assert_allclose(hessian_norm(net, theta, np.array([σ])), expected, rtol=1e-12)
    found = hessian_norm(net, theta, np.array([σ]), "frobenius")
    np.testing.assert_allclose(found, np.linalg.norm(matrix), rtol=1e-12)


def test_an_affine_network_has_none():
    net = FullyConnected((3, 40))
    theta = net.init(jax.random.key(0))
    for norm in ("operator", "unfolded", "frobenius"):
        assert hessian_norm(net, theta, jnp.ones(3), norm) == 0.0
    assert hessian_norm_bounds(net, theta, jnp.ones(3)) == (0.0, 0.0)


def test_many_outputs_give_a_lower_and_an_upper_bound():
    net = FullyConnected((2, 3, 12))
    with jax.enable_x64(True):
        theta, sigma = net.init(jax.random.key(0)), jnp.array([0.4, -0.8])
        tensor = dense_hessian(net, theta, sigma)
    lower, upper = hessian_norm_bounds(net, theta, sigma)
    assert upper == pytest.approx(np.linalg.norm(tensor.reshape(-1, net.size), 2))
    assert seen_operator_norms(tensor) <= lower < upper


def test_it_runs_in_float64_whatever_the_mode():
    net = FullyConnected((2, 3, 2))
    with jax.enable_x64(True):
        theta, sigma = net.init(jax.random.key(0)), jnp.array([0.4, -0.8])
        expected = hessian_norm(net, theta, sigma)
    stored = jax.tree.map(np.asarray, theta)
    assert hessian_norm(net, stored, np.array([0.4, -0.8])) == pytest.approx(expected, rel=1e-14)
    assert not jax.config.jax_enable_x64


@pytest.mark.parametrize("outputs", (1, 2, 3))
def test_tensor_norms_compile_map_and_agree(outputs):
    net = FullyConnected((2, 4, outputs))
    with jax.enable_x64(True):
        theta = net.init(jax.random.key(0))
        points = jax.random.normal(jax.random.key(1), (4, 2))
        for norm in ("operator", "unfolded", "frobenius"):

            def at(point, norm=norm):
                return tensor_norm(compressed_hessian(net, theta, point), norm)

            found = jax.jit(jax.vmap(at))(points)
            expected = [hessian_norm(net, theta, point, norm) for point in points]
            tolerance = 0.01 if norm == "operator" and outputs > 1 else 1e-9
            np.testing.assert_allclose(found, expected, rtol=tolerance)
            if norm == "operator":
                ceiling = [hessian_norm_bounds(net, theta, p)[1] for p in points]
                assert np.all(found <= np.array(ceiling) * (1 + 1e-9))


@pytest.mark.parametrize("norm", ("operator", "unfolded", "frobenius"))
def test_gradient_through_the_compressed_hessian(norm):
    net = FullyConnected((2, 3, 1))
    with jax.enable_x64(True):
        theta, sigma = net.init(jax.random.key(0)), jnp.array([0.5, -1.0])

        def at(point, derivative):
            return tensor_norm(derivative(net, theta, point), norm)

        found, expected = (
            jax.jit(jax.grad(partial(at, derivative=derivative)))(sigma)
            for derivative in (compressed_hessian, hessian)
        )
        np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_input_hessian_norm_is_that_of_the_dense_tensor():
    net = FullyConnected((3, 4, 2))
    with jax.enable_x64(True):
        theta, sigma = net.init(jax.random.key(0)), jnp.array([0.5, -1.0, 0.2])
        tensor = np.asarray(jax.jit(input_hessian, static_argnums=0)(net, theta, sigma))
        found = [
            jax.jit(partial(input_hessian_norm, net, norm=n))(theta, sigma)
            for n in ("operator", "unfolded", "frobenius")
        ]
    seen = seen_operator_norms(tensor)
    assert found[0] == pytest.approx(seen, rel=1e-4)
    assert found[1] == pytest.approx(np.linalg.norm(tensor.reshape(-1, 3), 2))
    assert found[2] == pytest.approx(np.linalg.norm(tensor))


def test_what_cannot_be_computed_is_refused():
    net = FullyConnected((2, 3, 2))
    theta = net.init(jax.random.key(0))
    with pytest.raises(ValueError, match="operator, unfolded, frobenius"):
        hessian_norm(net, theta, jnp.ones(2), "spectral")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match=r"shape \(2,\)"):
        hessian_norm(net, theta, jnp.ones(3))
    broken = net.unravel(jnp.full(net.size, jnp.nan))
    for norm in ("operator", "unfolded", "frobenius"):
        with pytest.raises(ValueError, match="not finite"):
            hessian_norm(net, broken, jnp.ones(2), norm)

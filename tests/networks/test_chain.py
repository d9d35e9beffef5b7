"""The chain: its value, its parameters and their order, what it refuses."""

import math
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from lbdnn.activations import get
from lbdnn.networks import Affine, Chain, FullyConnected, Pointwise, Repeat, Scaling

FUNCTIONS = {"tanh": np.tanh, "relu": lambda z: np.maximum(z, 0), "sin": np.sin}


def papers_network(matrices, activations, sigma):
    """Φ of Patil et al.: V_j of shape (L_j + 1, L_{j+1}), φ_j(y) = [ς(y); 1]."""
    value = matrices[0].T @ np.append(sigma, 1.0)
    for V, ς in zip(matrices[1:], activations, strict=True):
        value = V.T @ np.append(FUNCTIONS[ς](value), 1.0)
    return value


@st.composite
def networks(draw):
    widths = draw(st.lists(st.integers(1, 4), min_size=2, max_size=6))
    if draw(st.booleans()):
        widths = [widths[0], *[widths[1]] * len(widths), widths[-1]]
    names = st.lists(
        st.sampled_from(sorted(FUNCTIONS)), min_size=len(widths) - 2, max_size=len(widths) - 2
    )
    return tuple(widths), draw(names), draw(st.integers(0, 2**32 - 1))


@given(networks())
@settings(max_examples=30, deadline=None)
def test_value_and_order_of_the_paper(case):
    sizes, activations, seed = case
    rng = np.random.default_rng(seed)
    matrices = [rng.normal(size=(n + 1, m)) for n, m in pairwise(sizes)]
    sigma = rng.normal(size=sizes[0])
    # vec stacks columns: Fortran order.
    vector = np.concatenate([V.ravel(order="F") for V in matrices])
    net = FullyConnected(sizes, activations)
    with jax.enable_x64(True):
        value = net(net.unravel(vector), sigma)
    np.testing.assert_allclose(value, papers_network(matrices, activations, sigma), atol=1e-13)
    assert net.size == vector.size
    for V, weight in zip(matrices, net.weights(net.unravel(vector)), strict=True):
        np.testing.assert_array_equal(weight, V.T)


def test_published_sizes():
    sizes = {(3, 3): 47, (5, 5): 157, (5, 10): 512, (10, 10): 1062}
    for (layers, width), p in sizes.items():
        assert FullyConnected((4, *[width] * layers, 2)).size == p


@given(networks(), st.booleans())
@settings(max_examples=20, deadline=None)
def test_ravel_inverts_unravel_in_full_precision(case, bias):
    sizes, activations, seed = case
    net = FullyConnected(sizes, activations, bias=bias)
    vector = np.random.default_rng(seed).normal(size=net.size)
    back = net.ravel(net.unravel(vector))
    assert isinstance(back, np.ndarray) and back.dtype == np.float64
    np.testing.assert_array_equal(back, vector)


def test_scan_equals_unrolled():
    block = (Pointwise(get("tanh")), Affine(3, 3))
    times = 25
    looped = Chain((Affine(2, 3), Repeat(block, times), Affine(3, 1)), 2)
    flat = Chain((Affine(2, 3), *block * times, Affine(3, 1)), 2)
    theta = looped.init(jax.random.key(3))
    sigma = jnp.array([0.3, -0.7])
    written_out = flat.with_weights(looped.weights(theta))
    assert "scan" in str(jax.make_jaxpr(looped)(theta, sigma))
    assert "scan" not in str(jax.make_jaxpr(flat)(written_out, sigma))
    np.testing.assert_allclose(looped(theta, sigma), flat(written_out, sigma), rtol=1e-6)
    np.testing.assert_array_equal(looped.ravel(theta), flat.ravel(written_out))
    gradients = [
        n.ravel(jax.jit(jax.grad(lambda t, n=n: n(t, sigma)[0]))(t))
        for n, t in ((looped, theta), (flat, written_out))
    ]
    np.testing.assert_allclose(*gradients, rtol=1e-5, atol=1e-7)


def test_equal_networks_share_one_compilation():
    traces = []

    def value(net, theta, sigma):
        traces.append(net)
        return net(theta, sigma)

    compiled = jax.jit(value, static_argnums=0)
    first, second = FullyConnected((2, 3, 3, 1)), FullyConnected((2, 3, 3, 1))
    assert first == second and hash(first) == hash(second)
    theta = first.init(jax.random.key(0))
    np.testing.assert_array_equal(
        compiled(first, theta, jnp.ones(2)), compiled(second, theta, jnp.ones(2))
    )
    assert len(traces) == 1
    assert first != FullyConnected((2, 3, 3, 1), "relu")
    assert first != FullyConnected((2, 3, 3, 1), output_scaling=([2.0], [0.0]))


def test_map_over_points_and_parameters():
    net = FullyConnected((2, 4, 4, 3), output="sin")
    theta = net.init(jax.random.key(1))
    points = jax.random.normal(jax.random.key(2), (5, 2))
    values = jax.vmap(net, (None, 0))(theta, points)
    assert values.shape == (5, 3)
    np.testing.assert_allclose(values[3], net(theta, points[3]), rtol=1e-6, atol=1e-7)
    batch = jax.tree.map(lambda leaf: jnp.stack([leaf, 2 * leaf]), theta)
    several = jax.vmap(net, (0, None))(batch, points[0])
    np.testing.assert_allclose(several[0], net(theta, points[0]), rtol=1e-6)
    assert several.shape == (2, 3)


def test_scaling_takes_whole_numbers_without_rounding_itself():
    net = Chain((Scaling((0.5,), (0.25,)),), 1)
    assert float(net((None,), jnp.array([1]))[0]) == 0.75


@pytest.mark.parametrize("sigma", [np.ones(3), np.ones((2, 2)), 1.0])
def test_wrong_input_is_named(sigma):
    net = FullyConnected((2, 3, 1))
    with pytest.raises(ValueError, match=r"takes one input of shape \(2,\).*vmap"):
        net(net.init(jax.random.key(0)), sigma)


def test_wrong_parameters_are_named():
    net = FullyConnected((2, 3, 3, 3, 1))
    theta = net.init(jax.random.key(0))
    sigma = jnp.ones(2)
    with pytest.raises(ValueError, match="tuple of 4 entries"):
        net(theta[:-1], sigma)
    with pytest.raises(ValueError, match="tuple of 4 entries"):
        net(net.ravel(theta), sigma)
    with pytest.raises(ValueError, match=r"affine layer 2 -> 3, needs .* \(3, 3\).*\(3, 2\)"):
        net((theta[0][:, :2], *theta[1:]), sigma)
    with pytest.raises(ValueError, match=r"\(2, 3, 4\)"):
        net((theta[0], (None, theta[1][1][:1]), *theta[2:]), sigma)
    with pytest.raises(ValueError, match="Pointwise"):
        net((*theta[:2], jnp.ones(3), theta[3]), sigma)
    with pytest.raises(ValueError, match=r"shapes \[\(3, 3\).*got"):
        net.with_weights(net.weights(theta)[::-1])
    with pytest.raises(ValueError, match=f"{net.size} parameters"):
        net.unravel(jnp.zeros(net.size + 1))


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_validate_refuses_what_is_not_finite(bad):
    net = FullyConnected((2, 3, 3, 3, 1))
    weights = [np.array(w) for w in net.weights(net.init(jax.random.key(0)))]
    net.validate(net.with_weights(weights))
    weights[2][1, 3] = bad
    with pytest.raises(ValueError, match=r"layer 2 .* NaN or infinity"):
        net.validate(net.with_weights(weights))


def test_validate_refuses_whole_numbers():
    net = FullyConnected((1, 1))
    with pytest.raises(ValueError, match=r"layer 0 .* int64"):
        net.validate((np.ones((1, 2), np.int64),))


def test_operations_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match="operation 1: an affine layer of 4 inputs is given 3"):
        Chain((Affine(2, 3), Affine(4, 1)), 2)
    with pytest.raises(ValueError, match="operation 0: a repeated block must keep its size"):
        Chain((Repeat((Affine(2, 3),), 2),), 2)
    with pytest.raises(ValueError, match="operation 0: a scaling of 1 values and 2 offsets"):
        Chain((Scaling((1.0,), (0.0, 0.0)),), 1)

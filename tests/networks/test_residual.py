"""Residual networks: their value, the order of their parameters, what a chain says of them."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from lbdnn.networks import Residual, ResidualNetwork

FUNCTIONS = {"tanh": np.tanh, "sin": np.sin, "relu": lambda z: np.maximum(z, 0)}


def written_by_hand(options, vector, sigma):
    """The formula of `ResidualNetwork`: V_0, block by block, then V_e, columns stacked."""
    ς, bias = FUNCTIONS[options["activation"]], options["bias"]
    at_entry = ς if options["preactivation"] else lambda η: η
    inputs, *rest = options["sizes"]
    width = rest[0] if rest else inputs
    place = 0

    def layer(n_out, x):
        nonlocal place
        augmented = np.append(x, 1.0) if bias else x
        size = augmented.size * n_out
        V = vector[place : place + size].reshape((augmented.size, n_out), order="F")
        place += size
        return V.T @ augmented

    η = layer(width, sigma) if rest else sigma
    for _ in range(options["blocks"]):
        y = at_entry(η)
        for n in options["hidden"]:
            y = ς(layer(n, y))
        η = η + layer(width, y)
    if len(rest) == 2:
        η = layer(rest[1], at_entry(η))
    assert place == vector.size
    return η


def options_of(**changes):
    return st.fixed_dictionaries(
        {
            "sizes": st.lists(st.integers(1, 3), min_size=1, max_size=3).map(tuple),
            "activation": st.sampled_from(sorted(FUNCTIONS)),
            "blocks": st.integers(1, 4),
            "hidden": st.lists(st.integers(1, 3), max_size=2).map(tuple),
            "preactivation": st.booleans(),
            "bias": st.booleans(),
        }
        | changes
    )


@given(options_of(), st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_value_and_order_are_those_of_the_formula(options, seed):
    net = ResidualNetwork(**options)
    rng = np.random.default_rng(seed)
    vector, sigma = rng.normal(size=net.size), rng.normal(size=net.inputs)
    expected = written_by_hand(options, vector, sigma)
    with jax.enable_x64(True):
        theta = net.unravel(vector)
        np.testing.assert_allclose(net(theta, sigma), expected, rtol=1e-12, atol=1e-12)
        written_out = net.at(net.weights(theta), jnp.asarray(sigma))
        np.testing.assert_allclose(written_out, expected, rtol=1e-12, atol=1e-12)
    back = net.ravel(theta)
    assert isinstance(back, np.ndarray) and back.dtype == np.float64
    np.testing.assert_array_equal(back, vector)
    assert net.outputs == options["sizes"][-1]


def test_the_published_residual_network():
    """η_{p+1} = η_p + W₂ tanh(W₁η_p), ten blocks of ten neurons, no biases (arXiv 2404.07385)."""
    net = ResidualNetwork((10,), blocks=10, preactivation=False, bias=False)
    assert net.size == 10 * 2 * 10 * 10
    theta = net.init(jax.random.key(0))
    sigma = jax.random.normal(jax.random.key(1), (10,))
    first, second = net.weights(theta)[::2], net.weights(theta)[1::2]
    η = sigma
    for W1, W2 in zip(first, second, strict=True):
        η = η + W2 @ jnp.tanh(W1 @ η)
    np.testing.assert_allclose(net(theta, sigma), η, rtol=1e-5)
    assert len({np.asarray(w).tobytes() for w in net.weights(theta)}) == 20


@pytest.mark.parametrize("preactivation", [False, True])
def test_with_zero_weights_the_blocks_are_the_identity(preactivation):
    net = ResidualNetwork((3,), blocks=4, preactivation=preactivation)
    sigma = jnp.array([0.3, -2.0, 1e6])
    np.testing.assert_array_equal(net(net.unravel(jnp.zeros(net.size)), sigma), sigma)


def test_more_blocks_than_are_unrolled():
    net = ResidualNetwork((2, 3, 1), blocks=25, hidden=(2,))
    theta, sigma = net.init(jax.random.key(0)), jnp.array([0.3, -0.7])
    assert "scan" in str(jax.make_jaxpr(net)(theta, sigma))
    np.testing.assert_allclose(net(theta, sigma), net.at(net.weights(theta), sigma), rtol=1e-5)


@pytest.mark.parametrize("blocks", [3, 25])
def test_gradient_of_stacked_blocks_is_that_of_blocks_written_out(blocks):
    net = ResidualNetwork((2, 3, 2), blocks=blocks)
    with jax.enable_x64(True):
        theta, sigma = net.init(jax.random.key(0)), jnp.array([0.3, -0.7])
        stacked = jax.jit(jax.grad(lambda t: jnp.sum(net(t, sigma))))(theta)
        flat = jax.jit(jax.grad(lambda w: jnp.sum(net.at(w, sigma))))(net.weights(theta))
        for one, other in zip(net.weights(stacked), flat, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)


def test_equal_networks_are_equal_and_others_are_not():
    def net(**changes):
        return ResidualNetwork((2, 3, 2), **({"blocks": 2} | changes))

    assert net() == net(hidden=[3], activation="tanh") and hash(net()) == hash(net())
    others = [
        net(blocks=3),
        net(hidden=(3, 3)),
        net(hidden=()),
        net(preactivation=False),
        net(bias=False),
        net(activation="sin"),
        net(output="tanh"),
        net(output_scaling=((2.0, 1.0), (0.0, 0.0))),
        net(input_scaling=((2.0, 1.0), (0.0, 0.0))),
    ]
    assert len({net(), *others}) == len(others) + 1


def test_output_and_scalings_are_those_of_the_fully_connected_network():
    scale = ((2.0, 3.0), (0.5, -0.5))
    plain = ResidualNetwork((2,), blocks=2)
    net = ResidualNetwork((2,), blocks=2, output="sin", input_scaling=scale, output_scaling=scale)
    theta, sigma = plain.init(jax.random.key(0)), jnp.array([0.3, -0.7])
    a, b = map(jnp.array, scale)
    found = net(net.with_weights(plain.weights(theta)), sigma)
    np.testing.assert_allclose(found, a * jnp.sin(plain(theta, a * sigma + b)) + b, rtol=1e-6)


@pytest.mark.parametrize("sizes", [(), (2, 3, 4, 5), (2, 0), (-1,), 4, "abc", (2.5, 1), None])
def test_wrong_sizes(sizes):
    with pytest.raises(ValueError, match=r"sizes must be \(inputs, width, outputs\)"):
        ResidualNetwork(sizes, blocks=2)


@pytest.mark.parametrize("blocks", [0, -1, 1.5, "two", None])
def test_wrong_blocks(blocks):
    with pytest.raises(ValueError, match="number of blocks must be a positive integer"):
        ResidualNetwork((2,), blocks=blocks)


@pytest.mark.parametrize("hidden", [3, (0,), (2, -1), (1.5,), "ab"])
def test_wrong_hidden_layers(hidden):
    with pytest.raises(ValueError, match="hidden must be the widths"):
        ResidualNetwork((2,), blocks=2, hidden=hidden)


def test_wrong_parameters_are_named():
    net = ResidualNetwork((2, 3, 1), blocks=2)
    theta, sigma = net.init(jax.random.key(0)), jnp.ones(2)
    ((_, first, *others),) = theta[1]
    for wrong, sentence in [
        (first, "tuple of 1 entries"),
        ((first,), "tuple of 4 entries"),
        (((None, first[0], *others),), r"affine layer 3 -> 3, needs .* \(2, 3, 4\).*\(3, 4\)"),
        (((first, first, *others),), "Pointwise"),
    ]:
        with pytest.raises(ValueError, match=sentence):
            net((theta[0], wrong, *theta[2:]), sigma)
    weights = [np.array(w) for w in net.weights(theta)]
    net.validate(net.with_weights(weights))
    weights[3][1, 2] = math.nan
    with pytest.raises(ValueError, match=r"layer 3 .* NaN or infinity"):
        net.validate(net.with_weights(weights))
    with pytest.raises(ValueError, match="shapes"):
        net.with_weights(weights[:-1])
    with pytest.raises(ValueError, match=f"{net.size} parameters"):
        net.unravel(np.zeros(net.size - 1))


def test_an_empty_block_is_refused():
    with pytest.raises(ValueError, match="at least one operation"):
        Residual(())

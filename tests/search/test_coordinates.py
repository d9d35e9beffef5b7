"""Coordinates with pre-activations held: what they mean, and how they go back into a ball."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lbdnn import Ball, Chain, FullyConnected, LayerBalls, ResidualNetwork
from lbdnn.search.coordinates import flat, matrices, nearest, with_biases, with_preactivations

NETS = (
    FullyConnected((2, 3, 4, 2), "tanh"),
    FullyConnected((2, 3, 3, 1), "logistic", bias=False),
    ResidualNetwork((2, 3, 2), blocks=2),
)


def drawn(net: Chain, seed: int) -> tuple[jax.Array, jax.Array]:
    rng = np.random.default_rng(seed)
    theta, sigma = rng.standard_normal(net.size), rng.standard_normal(net.inputs)
    return jnp.asarray(theta), jnp.asarray(sigma)


@pytest.mark.parametrize("net", NETS)
def test_plain_coordinates_are_the_weights(net: Chain) -> None:
    with jax.enable_x64(True):
        theta, sigma = drawn(net, 1)
        found, entering = with_biases(net, matrices(net, theta), sigma, jnp.zeros(()))
        np.testing.assert_array_equal(flat(found), theta)
        assert [x.size for x in entering] == [layer.n_in for layer in net.affine]


def test_held_coordinates_are_the_pre_activations() -> None:
    # The last layer's are the outputs; those of the others are then free of what is before them.
    net = NETS[0]
    with jax.enable_x64(True):
        theta, sigma = drawn(net, 2)
        coordinates = matrices(net, theta)
        weights, _ = with_biases(net, coordinates, sigma, jnp.ones(()))
        np.testing.assert_allclose(net.at(weights, sigma), coordinates[-1][:, -1], rtol=1e-12)
        for w, own in zip(weights, coordinates, strict=True):
            np.testing.assert_array_equal(w[:, :-1], own[:, :-1])
        _, entering = with_biases(net, coordinates, sigma, jnp.ones(()))
        for own, x in zip(coordinates, entering[1:], strict=False):
            np.testing.assert_allclose(np.tanh(own[:, -1]), x, rtol=1e-12)


def test_biases_bring_pre_activations_to_those_wanted() -> None:
    net = NETS[0]
    with jax.enable_x64(True):
        theta, sigma = drawn(net, 3)
        own = matrices(net, theta)
        wanted = [jnp.asarray([0.5, jnp.nan, -1.0]), None, jnp.asarray([2.0, 3.0])]
        moved, entering = with_preactivations(net, own, sigma, wanted)
        np.testing.assert_allclose(net.at(moved, sigma), wanted[-1], rtol=1e-12)
        z = own[0][:, :-1] @ sigma + own[0][:, -1]
        np.testing.assert_allclose(
            entering[1], np.tanh(np.array([0.5, float(z[1]), -1.0])), rtol=1e-12
        )
        np.testing.assert_array_equal(moved[1], own[1])


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize("radius", [0.0, 0.7, 4.0, 40.0])
@pytest.mark.parametrize("held", [0.0, 1.0])
def test_what_is_nearest_lies_in_the_ball(net: Chain, radius: float, held: float) -> None:
    with jax.enable_x64(True):
        theta, sigma = drawn(net, 4)
        region = Ball(radius).parameter_region(net, net.unravel(theta))
        center = matrices(net, theta)
        # The centre's own pre-activations can be kept in any ball.
        near = held_at(net, center, sigma) if held else center
        shift, _ = drawn(net, 5)
        far = [c + s for c, s in zip(near, matrices(net, shift), strict=True)]
        if held:
            far = [
                jnp.concatenate([f[:, : a.n_in], c[:, a.n_in :]], 1)
                for a, f, c in zip(net.affine, far, near, strict=True)
            ]
        found = nearest(net, region, far, sigma, jnp.asarray(held))
        weights, _ = with_biases(net, found, sigma, jnp.asarray(held))
        distance = float(jnp.linalg.norm(flat(weights) - theta))
        assert distance <= radius * (1 + 1e-12) + 1e-12
        if radius == 40.0:
            np.testing.assert_allclose(flat(found), flat(far), rtol=1e-12)
        elif all(layer.bias for layer in net.affine) or not held:
            assert distance == pytest.approx(radius, rel=1e-9, abs=1e-12)
        if held:
            for layer, a, b in zip(net.affine, found, near, strict=True):
                np.testing.assert_array_equal(a[:, layer.n_in :], b[:, layer.n_in :])


def held_at(net: Chain, weights: list[jax.Array], sigma: jax.Array) -> list[jax.Array]:
    """Held coordinates of given weights."""
    _, entering = with_biases(net, weights, sigma, jnp.zeros(()))
    return [
        w.at[:, -1].add(w[:, :-1] @ x) if layer.bias else w
        for layer, w, x in zip(net.affine, weights, entering, strict=True)
    ]


def test_other_sets_are_projected_on() -> None:
    net = NETS[0]
    with jax.enable_x64(True):
        theta, sigma = drawn(net, 6)
        radii = [0.1, 0.2, 0.3]
        region = LayerBalls(radii).parameter_region(net, net.unravel(theta))
        far = matrices(net, jnp.asarray(theta + drawn(net, 7)[0]))
        found = nearest(net, region, far, sigma, jnp.zeros(()))
        for c, own, radius in zip(region.center, found, radii, strict=True):
            assert math.isclose(float(jnp.linalg.norm(own - c)), radius, rel_tol=1e-12)

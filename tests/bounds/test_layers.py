"""What one pass over a chain knows of its layers holds at every point of the set."""

import math
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from lbdnn import Ball, Box, Chain, LayerBalls
from lbdnn.activations import get
from lbdnn.bounds.layers import Enclosure, enclose
from lbdnn.networks import Affine, Pointwise, Repeat, Scaling

NET = Chain(
    (
        Scaling((-2.0, 0.5), (0.3, -1.0)),
        Pointwise(get("sin")),
        Affine(2, 3),
        Scaling((-1.0, 0.5, 2.0), (0.1, 0.2, -0.3)),
        Pointwise(get("softsign")),
        Pointwise(get("elu")),
        Affine(3, 2, bias=False),
        Affine(2, 4),
        Pointwise(get("softplus")),
        Pointwise(get("tanh")),
        Scaling((2.0, -1.0, 0.0, 1.0), (0.0, 1.0, 2.0, 3.0)),
    ),
    2,
)


def walk(weights: list[jax.Array], sigma: jax.Array) -> tuple[list, jax.Array]:
    """|ψ'|, |ψ''| and ‖[s; 1]‖ of every layer and at the end, and Φ, at one point."""
    known, x = [], sigma
    own, elementwise = iter(weights), []

    def through(z: jax.Array) -> jax.Array:
        for operation in elementwise:
            z = operation.apply(None, z)
        return z

    def derivatives(z: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        one = jnp.ones_like(z)

        def first(y: jax.Array) -> jax.Array:
            return jax.jvp(through, (y,), (one,))[1]

        return through(z), jnp.abs(first(z)), jnp.abs(jax.jvp(first, (z,), (one,))[1])

    for operation in NET.operations:
        if isinstance(operation, Affine):
            s, slope, curvature = derivatives(x)
            known.append((slope, curvature, jnp.sqrt(jnp.sum(s**2) + operation.bias)))
            x, elementwise = operation.apply(next(own), s), []
        else:
            elementwise = [*elementwise, operation]
    value, slope, curvature = derivatives(x)
    known.append((slope, curvature, jnp.linalg.norm(value)))
    return known, value


walked = jax.jit(jax.vmap(walk))
enclosed = jax.jit(enclose, static_argnums=0)


def known_on(net: Chain, theta: tuple, inputs: Any, parameters: Any) -> Enclosure:
    with jax.enable_x64(True):
        return enclosed(net, inputs.input_region(net), parameters.parameter_region(net, theta))


def known_over(inputs: Any, parameters: Any, theta: np.ndarray) -> Enclosure:
    with jax.enable_x64(True):
        return known_on(NET, NET.unravel(theta), inputs, parameters)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from(["ball", "layers", "box"]),
    st.sampled_from([0.0, 0.01, 0.3, 3.0]),
    st.sampled_from([0.0, 0.1, 2.0]),
    st.booleans(),
)
def test_every_point_is_enclosed(
    seed: int, kind: str, radius: float, width: float, round_inputs: bool
) -> None:
    rng = np.random.default_rng(seed)
    count, theta, middle = 64, rng.standard_normal(NET.size), rng.standard_normal(2)
    signs = np.sign(rng.standard_normal((count, NET.size)))
    unit = rng.standard_normal((count, NET.size)) ** 3
    splits = np.cumsum([math.prod(a.shape) for a in NET.affine])[:-1]
    match kind:
        case "ball":
            parameters: Any = Ball(radius)
            shifts = radius * unit / np.linalg.norm(unit, axis=1, keepdims=True)
        case "layers":
            radii = [radius, 0.0, 2 * radius]
            parameters = LayerBalls(radii)
            pieces = np.split(unit, splits, 1)
            shifts = np.concatenate(
                [
                    r * piece / np.linalg.norm(piece, axis=1, keepdims=True)
                    for r, piece in zip(radii, pieces, strict=True)
                ],
                1,
            )
        case _:
            half = radius * rng.random(NET.size)
            parameters, shifts = Box(theta - half, theta + half), half * signs
    if round_inputs:
        inputs: Any = Ball(width, center=middle)
        towards = rng.standard_normal((count, 2))
        sigmas = middle + width * towards / np.linalg.norm(towards, axis=1, keepdims=True)
    else:
        inputs = Box(middle - width, middle + width)
        sigmas = middle + width * rng.uniform(-1, 1, (count, 2)).round(rng.integers(0, 3))
    known = known_over(inputs, parameters, theta)
    with jax.enable_x64(True):
        weights = [
            piece.reshape(count, *a.shape)
            for piece, a in zip(np.split(theta + shifts, splits, 1), NET.affine, strict=True)
        ]
        points, _ = walked(weights, sigmas)

    ends = [
        *((x.bend.slope, x.bend.curvature, x.norm) for x in known.layers),
        (known.bend.slope, known.bend.curvature, known.value),
    ]
    assert len(points) == len(ends)
    for at_points, over_set in zip(points, ends, strict=True):
        for values, limit in zip(at_points, over_set, strict=True):
            assert not np.any(np.isnan(limit))
            assert np.all(np.asarray(values) <= np.asarray(limit) * (1 + 1e-11) + 1e-13)


def test_a_point_is_enclosed_by_itself() -> None:
    rng = np.random.default_rng(0)
    theta, sigma = rng.standard_normal(NET.size), rng.standard_normal(2)
    known = known_over(Box(sigma, sigma), Ball(0.0), theta)
    with jax.enable_x64(True):
        weights = [np.asarray(w)[None] for w in NET.weights(NET.unravel(theta))]
        points, _ = walked(weights, sigma[None])
    for layer, (slope, curvature, norm) in zip(known.layers, points, strict=False):
        np.testing.assert_allclose(layer.bend.slope, slope[0], rtol=1e-11)
        np.testing.assert_allclose(layer.norm, norm[0], rtol=1e-11)
        # |(f∘g)''| is a sum whose terms may have opposite signs.
        assert np.all(
            np.asarray(curvature[0]) <= np.asarray(layer.bend.curvature) * (1 + 1e-11) + 1e-13
        )
    np.testing.assert_allclose(known.value, points[-1][2][0], rtol=1e-11)


def test_weights_and_radii_of_each_layer() -> None:
    theta = np.arange(NET.size) / 10
    known = known_over(Box(-1, 1), LayerBalls([0.1, 0.2, 0.3]), theta)
    with jax.enable_x64(True):
        weights = NET.weights(NET.unravel(theta))
    for layer, own, radius in zip(known.layers, weights, (0.1, 0.2, 0.3), strict=True):
        own = np.asarray(own)[:, : layer.weight.shape[1]]
        np.testing.assert_array_equal(np.asarray(layer.weight), own)
        assert float(layer.radius) == radius


@dataclass(frozen=True)
class Cube:
    """x ↦ x³: an operation that the pass does not know."""

    def outputs(self, inputs: int) -> int:
        return inputs

    def apply(self, parameters: Any, x: jax.Array) -> jax.Array:
        return x**3

    def init(self, key: jax.Array, initializer: Any) -> None:
        return None


def test_an_unknown_operation_is_named() -> None:
    net = Chain((Affine(1, 1), Cube()), 1)
    theta = (np.ones((1, 2)), None)
    with pytest.raises(ValueError, match="Cube"):
        known_on(net, theta, Box(0, 1), Ball(0.1))


def test_repetitions_without_parameters() -> None:
    net = Chain((Affine(1, 1), Repeat((Pointwise(get("tanh")),), 2), Affine(1, 1)), 1)
    theta = net.unravel(np.array([1.0, 0.0, 1.0, 0.0]))
    found = known_on(net, theta, Box(2, 2), Ball(0))
    assert float(found.value) == pytest.approx(math.tanh(math.tanh(2)))

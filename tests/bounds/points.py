"""Networks, sets with points in them, and exact norms at the points."""

import math
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import strategies as st

from lbdnn import Ball, Box, Chain, FullyConnected, LayerBalls, ResidualNetwork
from lbdnn.activations import get
from lbdnn.bounds.method import ALL
from lbdnn.networks import Affine, Pointwise, Residual, Scaling

QUANTITIES = ALL
NETWORKS = {
    "unequal widths": FullyConnected((2, 3, 1, 4, 2), ("tanh", "gelu", "sin")),
    "scaled": FullyConnected(
        (2, 3, 1),
        "mish",
        bias=False,
        output="softplus",
        input_scaling=((-2.0, 0.5), (0.3, -1.0)),
        output_scaling=((-3.0,), (1.0,)),
    ),
    "mixed chain": Chain(
        (
            Pointwise(get("sin")),
            Affine(2, 3),
            Scaling((-1.0, 0.5, 2.0), (0.1, 0.2, -0.3)),
            Pointwise(get("elu")),
            Affine(3, 1, bias=False),
            Affine(1, 2),
            Pointwise(get("logistic")),
            Scaling((2.0, -1.0), (0.0, 1.0)),
        ),
        2,
    ),
    "kinked": FullyConnected((2, 3, 2), "leaky_relu", output="hardtanh"),
    "jumps": FullyConnected((1, 2, 2, 1), ("softsign", "hardshrink")),
    "part of the line": FullyConnected((1, 2, 1), get("soft_exponential", -0.5)),
    "no hidden layer": FullyConnected((2, 2)),
    "residual": ResidualNetwork((2, 3, 1), "tanh", blocks=2, hidden=(2,)),
    "nested residual": Chain(
        (
            Residual(
                (
                    Affine(2, 1),
                    Pointwise(get("sin")),
                    Residual((Affine(1, 1, bias=False),)),
                    Affine(1, 2),
                )
            ),
            Residual((Scaling((0.5, -1.0), (0.1, 0.0)), Pointwise(get("tanh")))),
        ),
        2,
    ),
}

CHAIN_OF_ONES = FullyConnected(
    (1, 1, 1, 1),
    "softplus",
    bias=False,
    output="softplus",
    input_scaling=((-2.0,), (0.5,)),
    output_scaling=((-3.0,), (0.25,)),
)


def norms_at(net: Chain, sigma: jax.Array, theta: jax.Array, other: jax.Array) -> dict[str, Any]:
    """The norms (second derivatives from below) and the Taylor remainder to another θ."""

    def phi(vector: jax.Array, point: jax.Array) -> jax.Array:
        return net(net.unravel(vector), point)

    value, slope = phi(theta, sigma), jax.jacfwd(phi)(theta, sigma)
    tensor = jax.hessian(phi)(theta, sigma)
    directions = jnp.linalg.eigh(tensor)[1]
    second = jnp.einsum("oab,xai,xbi->oxi", tensor, directions, directions)
    on_sigma, curved = jax.jacfwd(phi, 1)(theta, sigma), jax.hessian(phi, 1)(theta, sigma)
    bent = jnp.einsum("oab,xai,xbi->oxi", curved, *[jnp.linalg.eigh(curved)[1]] * 2)
    mixed = jax.jacfwd(jax.jacrev(phi), 1)(theta, sigma)
    left, _, right = jnp.linalg.svd(mixed, full_matrices=False)
    crossed = jnp.einsum("opn,xpi,xin->oxi", mixed, left, right)
    return {
        "value": jnp.linalg.norm(value),
        "jacobian": jnp.linalg.norm(slope, 2),
        "hessian": jnp.max(jnp.linalg.norm(second, axis=0)),
        "input_jacobian": jnp.linalg.norm(on_sigma, 2),
        "input_jacobian_max": jnp.max(jnp.sum(jnp.abs(on_sigma), 1)),
        "input_hessian": jnp.max(jnp.linalg.norm(bent, axis=0)),
        "mixed_hessian": jnp.max(jnp.linalg.norm(crossed, axis=0)),
        "remainder": jnp.linalg.norm(phi(other, sigma) - value - slope @ (other - theta)),
        "distance": jnp.linalg.norm(other - theta),
    }


@cache
def compiled_norms(net: Chain) -> Any:
    def mapped(*points: jax.Array) -> dict[str, Any]:
        return jax.vmap(lambda *point: norms_at(net, *point))(*points)

    return jax.jit(mapped)


def exact(net: Chain, sigmas: np.ndarray, thetas: np.ndarray) -> dict[str, np.ndarray]:
    """Norms at each of the points, and remainders to the θ of the next."""
    with jax.enable_x64(True):
        found = compiled_norms(net)(sigmas, thetas, np.roll(thetas, 1, axis=0))
    return {name: np.asarray(v) for name, v in found.items()}


def bounds(
    method: Any, net: Chain, theta: np.ndarray, inputs: Any, parameters: Any, *asked: Any
) -> dict:
    """Of the quantities asked for, if given."""
    with jax.enable_x64(True):
        regions = inputs.input_region(net), parameters.parameter_region(net, net.unravel(theta))
        found = method.bounds(net, *regions, *asked)
    return {name: float(value) for name, value in found.items()}


def assert_above(upper: dict[str, float], found: dict[str, np.ndarray]) -> None:
    """No norm at a point lies above its bound."""
    for quantity, bound in upper.items():
        assert not math.isnan(bound), quantity
        # At a jump or outside the domain the point has no such norm.
        values = found[quantity][np.isfinite(found[quantity])]
        assert np.all(values <= bound * (1 + 1e-12) + 1e-14), quantity
        if math.isfinite(bound):
            assert len(values) == len(found[quantity]), quantity


def ball_points(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Points of the unit ball, most of them on the sphere and many near an axis."""
    points = rng.standard_normal(shape) ** rng.choice([1, 3, 9], (shape[0], 1))
    lengths = rng.choice([0.0, 0.5, 1.0, 1.0, 1.0], (shape[0], 1))
    return lengths * points / np.linalg.norm(points, axis=1, keepdims=True)


def box_points(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Points of [−1, 1]ⁿ, most of them corners."""
    inside = rng.uniform(-1, 1, shape)
    return np.where(rng.random((shape[0], 1)) < 0.7, np.sign(inside), inside)


@st.composite
def problems(draw, net: Chain) -> tuple:
    """(θ, set of inputs, set of parameters, points of the one, points of the other)."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    count, p, n = 64, net.size, net.inputs
    sizes = [math.prod(a.shape) for a in net.affine]
    theta = rng.standard_normal(p) * draw(st.sampled_from([0.0, 1e-3, 0.5, 1.0, 3.0]))
    radius = draw(st.sampled_from([0.0, 1e-3, 0.1, 1.0, 10.0]))
    match draw(st.sampled_from(["ball", "origin", "layers", "box"])):
        case "ball":
            parameters: Any = Ball(radius)
            thetas = theta + radius * ball_points(rng, (count, p))
        case "origin":
            parameters = Ball(radius, center=0)
            thetas = radius * ball_points(rng, (count, p))
        case "layers":
            radii = radius * rng.choice([0.0, 0.1, 1.0, 2.0], len(sizes))
            parameters = LayerBalls(radii.tolist())
            pieces = [r * ball_points(rng, (count, s)) for r, s in zip(radii, sizes, strict=True)]
            thetas = theta + np.concatenate(pieces, 1)
        case _:
            half = radius * rng.choice([0.0, 0.1, 1.0], p)
            parameters = Box(theta - half, theta + half)
            points = theta + half * box_points(rng, (count, p))
            thetas = np.clip(points, theta - half, theta + half)
    middle = rng.standard_normal(n) * draw(st.sampled_from([0.0, 1.0, 5.0]))
    width = draw(st.sampled_from([0.0, 0.1, 1.0, 3.0]))
    if draw(st.booleans()):
        half = width * rng.choice([0.0, 1.0, 1.0], n)
        inputs: Any = Box(middle - half, middle + half)
        sigmas = np.clip(middle + half * box_points(rng, (count, n)), middle - half, middle + half)
    else:
        inputs = Ball(width, center=middle)
        sigmas = middle + width * ball_points(rng, (count, n))
    return theta, inputs, parameters, sigmas, thetas

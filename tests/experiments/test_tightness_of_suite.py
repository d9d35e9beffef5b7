"""The published benchmark networks, and networks drawn at random: bound ≥ attack ≥ samples."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from experiments.random_cases import FRACTIONS, case
from experiments.tightness_measurement import FAST, Case, attacked, upper_bounds
from experiments.tightness_of_suite import PUBLISHED
from lbdnn import Attack, Box, Chain, FullyConnected, derivatives

QUANTITIES = ("value", "jacobian", "hessian", "input_jacobian")

# Bound / attack of a prototype of the layerwise method, at r = 0, 1, 10, 100 % of ‖θ‖.
PROTOTYPE = {
    (3, 3): (4.0, 4.2, 5.7, 16),
    (5, 5): (22, 26, 88, 975),
    (5, 10): (91, 101, 183, 1e5),
}


@partial(jax.jit, static_argnums=0)
def exact(net: Chain, sigmas: jax.Array, vectors: jax.Array) -> tuple[jax.Array, ...]:
    """The norms of the four quantities at each of the points, (count,) each."""

    def norms(sigma, vector):
        theta = net.unravel(vector)
        return (
            jnp.linalg.norm(net(theta, sigma)),
            derivatives.jacobian_norm(net, theta, sigma),
            derivatives.tensor_norm(derivatives.compressed_hessian(net, theta, sigma)),
            derivatives.input_jacobian_norm(net, theta, sigma),
        )

    return jax.vmap(norms)(sigmas, vectors)


def sampled(net: Chain, theta: tuple, inputs: Box, radius: float, count: int = 20) -> dict:
    """The largest exact values at random points of the sets."""
    rng = np.random.default_rng(0)
    lo, hi = inputs.ends(net.inputs)
    sigmas = rng.uniform(lo, hi, (count, net.inputs))
    steps = rng.standard_normal((count, net.size))
    steps *= radius / np.linalg.norm(steps, axis=1, keepdims=True)

    with jax.enable_x64(True):
        values = exact(net, sigmas, np.asarray(net.ravel(theta)) + steps)
    return {q: float(np.max(v)) for q, v in zip(QUANTITIES, values, strict=True)}


@pytest.mark.slow
@pytest.mark.parametrize("shape", PUBLISHED[:1])
def test_published_networks_keep_the_order(shape: tuple[int, int]) -> None:
    one = case(4, *shape, 2, "tanh", range(3))
    upper = upper_bounds(one, FAST)
    samples = [
        [sampled(one.net, theta, one.inputs, radius) for radius in radii[1:2]]
        for theta, radii in zip(one.thetas, one.radii, strict=True)
    ]
    for quantity in ("jacobian", "hessian"):
        found = attacked(one, quantity, Attack(starts=24, steps=100))
        for method in FAST:
            assert np.all(upper[method][quantity] >= found)
        for i, row in enumerate(samples):
            assert found[i, 1] >= row[0][quantity] * (1 - 1e-9)
        if quantity == "hessian" and shape in PROTOTYPE:
            ratios = np.exp(np.mean(np.log(upper["layerwise"][quantity] / found), axis=0))
            assert len(ratios) == len(FRACTIONS)
            assert np.all(ratios <= PROTOTYPE[shape])


SMOOTH = ("tanh", "logistic", "softplus", "gelu", "sin", "softsign", "identity")


@pytest.mark.slow
@settings(max_examples=2, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 5), min_size=2, max_size=5),
    activation=st.sampled_from(SMOOTH),
    bias=st.booleans(),
    scale=st.sampled_from([0.0, 1e-3, 0.5, 3.0]),
    radius=st.sampled_from([0.0, 0.1, 2.0]),
    seed=st.integers(0, 1000),
)
def test_invented_networks_keep_the_order(sizes, activation, bias, scale, radius, seed) -> None:
    net = FullyConnected(sizes, activation, bias=bias)
    rng = np.random.default_rng(seed)
    theta = net.unravel(scale * rng.standard_normal(net.size))
    lo = rng.uniform(-2, 1, net.inputs)
    box = Box(lo, lo + rng.uniform(0, 2, net.inputs))
    one = Case("", net, [theta], box, [[radius]], [[{}]])
    upper = upper_bounds(one, FAST)
    samples = sampled(net, theta, box, radius, 5)
    for quantity in QUANTITIES:
        found = float(attacked(one, quantity, Attack(starts=16, steps=60))[0, 0])
        assert found >= samples[quantity] * (1 - 1e-6)
        for method in FAST:
            assert upper[method][quantity][0, 0] >= found

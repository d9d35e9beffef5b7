"""The deployed network stays within the bound of the real one."""

import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lbdnn import Ball, Box, Chain, FullyConnected, ResidualNetwork, evaluation_error
from lbdnn.networks import Affine, Scaling

NETWORKS = {
    "tanh": FullyConnected((3, 8, 8, 2), "tanh", output_scaling=((2.0, 0.1), (1.0, -30.0))),
    "relu": FullyConnected((3, 20, 2), "relu"),
    "residual": ResidualNetwork((3,), "gelu", blocks=2, hidden=(4,)),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_no_evaluation_is_further_off(name: str) -> None:
    net, rng = NETWORKS[name], np.random.default_rng(0)
    lo, hi = np.array([-1.0, -3.0, 0.1]), np.array([1.0, 5.0, 0.1])
    steps = rng.standard_normal((200, net.size))
    steps /= np.linalg.norm(steps, axis=1, keepdims=True)
    sigmas = rng.uniform(lo, hi, (200, 3))

    # JAX's own options, which a user's program is compiled with; other tests compile quickly.
    options = {"xla_backend_optimization_level": 3, "xla_cpu_use_fusion_emitters": True}

    @partial(jax.jit, compiler_options=options)
    @jax.vmap
    def evaluated(theta: jax.Array, sigma: jax.Array) -> jax.Array:
        return net(net.unravel(theta), sigma)

    for scale in (1e-3, 1.0, 30.0):
        theta, radius = scale * rng.standard_normal(net.size), 0.1 * scale
        thetas = theta + radius * steps
        single = evaluated(thetas.astype(np.float32), sigmas.astype(np.float32))
        with jax.enable_x64(True):
            double = np.asarray(evaluated(thetas, sigmas))
            own = net.unravel(jnp.asarray(theta))
        found = evaluation_error(net, own, inputs=Box(lo, hi), parameters=Ball(radius))
        off = np.linalg.norm(np.asarray(single, np.float64) - double, axis=1)
        assert np.max(off) <= found < np.inf, scale


def test_numbers_that_the_type_holds_are_not_rounded() -> None:
    net = FullyConnected((1, 1), bias=False)
    exact = (np.array([[float(np.float32(0.1))]]),)
    rounded = (np.array([[0.1]]),)
    inputs = Box(1.0, 1.0)
    one, other = (evaluation_error(net, w, inputs=inputs) for w in (exact, rounded))
    # What is left are a few roundings of a product of 0.1.
    assert 0 < one < other < 0.1 * 6 * 2**-24


def test_what_does_not_fit_has_no_bound() -> None:
    net = FullyConnected((1, 1), bias=False)
    huge = (np.array([[1e30]]),)
    assert math.isinf(evaluation_error(net, huge, inputs=Box(0, 1e10)))
    assert math.isfinite(evaluation_error(net, huge, inputs=Box(0, 1e10), dtype=jnp.float64))


ONE = Affine(1, 1, bias=False)


@pytest.mark.parametrize(
    ("operations", "weights", "sigma"),
    [
        ((ONE,), [1e-30], 1e39),
        ((ONE,), [1e39], 1e-30),
        ((Affine(4, 1, bias=False),), [3e38, 3e38, -3e38, -3e38], 1.0),
        ((Scaling((1e39,), (0.0,)), ONE), [1.0], 1e-30),
        ((Scaling((1e30,), (-3e38,)), ONE), [1.0], 5e8),
    ],
)
def test_overflow_on_the_way_has_no_bound(operations, weights, sigma) -> None:
    net = Chain(operations, 4 if len(weights) == 4 else 1)
    theta = net.unravel(np.array(weights))
    assert math.isinf(evaluation_error(net, theta, inputs=Box(sigma, sigma)))


@pytest.mark.parametrize(
    ("operations", "weight", "truth"),
    [((ONE,), float(np.float32(1e-40)), 1e-10), ((Scaling((1e-44,), (0.0,)), ONE), 1.0, 1e-14)],
)
def test_constants_that_the_type_may_take_for_zero(operations, weight, truth) -> None:
    net = Chain(operations, 1)
    theta = net.unravel(np.array([weight]))
    assert evaluation_error(net, theta, inputs=Box(1e30, 1e30)) >= truth * (1 - 1e-3)


def test_a_type_without_fractions_is_refused() -> None:
    net = FullyConnected((1, 1))
    theta = net.unravel(np.zeros(2))
    with pytest.raises(ValueError, match="floating-point type"):
        evaluation_error(net, theta, inputs=Box(0, 1), dtype=np.int32)
    with pytest.raises(ValueError, match="got 'flaot32'"):
        evaluation_error(net, theta, inputs=Box(0, 1), dtype="flaot32")

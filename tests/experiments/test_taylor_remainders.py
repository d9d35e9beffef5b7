"""The Taylor remainder: bound ≥ ascent ≥ samples."""

import jax
import numpy as np
import pytest

from experiments.taylor_remainders import attacked_remainders, remainder_bounds
from experiments.tightness_measurement import Case, attacked, upper_bounds
from lbdnn import Attack, Ball, Box, FullyConnected, Polynomial, certify, derivatives

BOX = Box(-1, 1)
RADII = [0.0, 0.01, 0.3]
ATTACK = Attack(starts=12, steps=60)


def drawn(activation: str):
    net = FullyConnected((1, 2, 1), activation)
    return net, net.unravel(np.linspace(-1, 1, net.size))


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_bound_above_ascent_above_samples(activation):
    net, theta = drawn(activation)
    bounds = remainder_bounds(net, theta, BOX, RADII, Polynomial())
    found = attacked_remainders(net, theta, BOX, RADII, ATTACK)
    assert bounds[0] == found[0] == 0
    assert np.all(bounds >= found) and np.all(found[1:] > 0)
    rng = np.random.default_rng(0)
    with jax.enable_x64(True):
        exact = jax.jit(jax.vmap(lambda s, d: derivatives.taylor_remainder(net, theta, s, d)[0]))
        for radius, most in zip(RADII, found, strict=True):
            steps = rng.standard_normal((500, net.size))
            steps *= radius / np.linalg.norm(steps, axis=1, keepdims=True)
            assert np.max(np.abs(exact(rng.uniform(-1, 1, (500, 1)), steps))) <= most + 1e-15


def test_the_bound_is_below_that_of_one_radius():
    net, theta = drawn("tanh")
    sets = {"inputs": BOX, "parameters": Ball(0.3)}
    simple = certify(net, theta, **sets, method=Polynomial(), attack=None).remainder(0.3)
    assert remainder_bounds(net, theta, BOX, RADII, Polynomial())[-1] < 0.95 * simple


def test_where_the_derivatives_have_no_bounds_the_remainder_has_none():
    net = FullyConnected((1, 2, 1), "hardshrink")
    theta = net.unravel(np.linspace(-1, 1, net.size))
    assert np.all(np.isinf(remainder_bounds(net, theta, BOX, RADII, Polynomial())))


def test_a_remainder_is_measured_as_other_quantities_are():
    net, theta = drawn("tanh")
    case = Case("", net, [theta, theta], BOX, [RADII, RADII[::-1]], [[{}] * 3] * 2)
    found = attacked(case, "remainder", ATTACK)
    upper = upper_bounds(case, {"own": Polynomial()}, ("jacobian", "remainder"))["own"]
    assert {"jacobian", "remainder"} <= set(upper)
    assert found.shape == upper["remainder"].shape == (2, 3)
    np.testing.assert_allclose(upper["remainder"][0], upper["remainder"][1][::-1], rtol=1e-12)

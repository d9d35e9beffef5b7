"""One step of the composite law, beside its formula written out."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lbdnn import FullyConnected
from lbdnn.control import CompositeLaw
from lbdnn.control.laws import Signals
from lbdnn.control.laws.composite import LeastSquares

PERIOD = 0.01
NET = FullyConnected((1, 1))


def stepped(law, gain, direction, theta, jacobian, filtered, prediction):
    with jax.enable_x64(True):
        values = jax.tree.map(jnp.asarray, (gain, direction, theta, jacobian, filtered, prediction))
        gain, direction, theta, jacobian, filtered, prediction = values
        signals = Signals(jnp.zeros(1), jacobian, filtered, jnp.zeros_like(filtered), prediction)
        state, theta = law.step(NET, LeastSquares(gain, direction), theta, signals, PERIOD)
    return np.asarray(state.gain), np.asarray(state.direction), np.asarray(theta)


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize(("n", "p"), [(2, 7), (1, 1), (3, 2), (1, 30)])
def test_gain_first_and_then_the_parameters_with_the_new_gain(n, p, exact):
    rng = np.random.default_rng([n, p])
    root, slope = rng.normal(size=(p, p)), rng.normal(size=(n, p))
    gain = root @ root.T / p + 0.1 * np.eye(p)
    direction, theta = rng.normal(size=p), rng.normal(size=p)
    direction /= np.linalg.norm(direction)
    r, e = rng.normal(size=(2, n))
    law = CompositeLaw(damping=0.3, exact_norm=exact)
    found = stepped(law, gain, direction, theta, slope, r, e)

    norm = np.linalg.norm(gain, 2) if exact else np.linalg.norm(gain @ direction)
    beta = 10.0 * (1 - norm / 2.0)
    gain_after = gain + PERIOD * (beta * gain - gain @ slope.T @ slope @ gain)
    theta_after = theta + PERIOD * gain_after @ (slope.T @ (r + 20.0 * e) - 0.3 * theta)
    image = direction if exact else gain @ direction
    np.testing.assert_allclose(found[0], gain_after, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(found[1], image / np.linalg.norm(image), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(found[2], theta_after, rtol=1e-11, atol=1e-12)


def test_the_gain_stays_symmetric_to_the_last_bit():
    rng = np.random.default_rng(0)
    gain, theta = np.eye(9), rng.normal(size=9)
    direction = np.ones(9) / 3
    for _ in range(20):
        slope, errors = rng.normal(size=(3, 9)), rng.normal(size=(2, 3))
        gain, direction, theta = stepped(CompositeLaw(), gain, direction, theta, slope, *errors)
    assert np.any(gain != np.eye(9))
    np.testing.assert_array_equal(gain, gain.T)

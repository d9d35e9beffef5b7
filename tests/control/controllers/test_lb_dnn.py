"""What the controller hands to its law."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lbdnn import FullyConnected
from lbdnn.control import LbDNN, TrackingLaw, TwoLink
from lbdnn.control.plants.plant import Affine, Variable
from lbdnn.control.references import Motion


class Seen(Exception):
    pass


class Watching(TrackingLaw):
    """A law that raises what it is given."""

    def step(self, net, state, theta, signals, period):
        raise Seen(signals)


@dataclass(frozen=True)
class Pushed(Affine):
    """ẋ = 3u: one state, one control."""

    states = (Variable("position", "m"),)
    controls = (Variable("speed", "m/s"),)
    order = 1

    def drift(self, state):
        return jnp.zeros(1)

    def effectiveness(self, state):
        return 3.0 * jnp.eye(1)


@pytest.mark.parametrize(
    ("plant", "sizes"),
    [(TwoLink(), (4, 3, 2)), (TwoLink(), (4, 1, 2)), (TwoLink(), (4, 2)), (Pushed(), (1, 1, 1))],
)
def test_the_jacobian_and_its_products_are_those_of_differences(plant, sizes):
    net = FullyConnected(sizes)
    n, size = net.outputs, net.inputs
    rng = np.random.default_rng(sizes)
    with jax.enable_x64(True):
        at = jnp.asarray(rng.normal(size=size))
        motion = Motion(*jnp.zeros((3, n)), jnp.zeros(()))
        controller = LbDNN(net, plant, Watching())
        state = controller.init(net.init(jax.random.key(1)), at, motion)
        with pytest.raises(Seen) as caught:
            controller.step(state, at, motion, 0.01)
        (signals,) = caught.value.args
        error = jnp.asarray(rng.normal(size=n))
        product = signals.pullback(error)
        moved = 1e-6 * np.eye(net.size)
        values = jax.vmap(lambda theta: net(net.unravel(theta), at))
        both = [np.asarray(values(state.theta + sign * moved)).T for sign in (1, -1)]
    slope = (both[0] - both[1]) / 2e-6
    np.testing.assert_allclose(signals.jacobian, slope, atol=1e-8)
    np.testing.assert_allclose(product, slope.T @ np.asarray(error), atol=1e-8)

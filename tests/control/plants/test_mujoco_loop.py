"""Learning controllers around MuJoCo's physics, step by step on the host."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lbdnn import FullyConnected
from lbdnn.control import LbDNN, Reference, TrackingLaw, simulate
from lbdnn.control.plants import ARM, AffineUserPlant, MujocoPlant, TwoLink, two_link_mjcf
from lbdnn.control.references import TWO_LINK

pytest.importorskip("mujoco", reason="needs the mujoco extra")
pytestmark = pytest.mark.slow
PERIOD = 0.01


def _errors(plant, controller, reference, start, samples):
    """Tracking errors at the samples, (T, n)."""
    step, wanted = jax.jit(controller.step), jax.jit(reference)
    state, motion = plant.reset(start), wanted(0.0)
    theta = controller.net.init(jax.random.key(0))
    own, errors = jax.jit(controller.init)(theta, jnp.asarray(state), motion), []
    for index in range(samples):
        motion = wanted(index * PERIOD)
        errors.append(state[: motion.position.size] - motion.position)
        own, control = step(own, state, motion, PERIOD)
        state = plant.step(control, PERIOD)
    return np.array(errors)


def test_the_controller_meets_mujoco_as_it_meets_our_two_link():
    controller = LbDNN(FullyConnected((4, 3, 2), "tanh"), TwoLink(), TrackingLaw())
    start, mujoco = np.array([1.0, -1.0, 0.0, 0.0]), MujocoPlant(two_link_mjcf(TwoLink()))
    with jax.enable_x64(True):
        theta = controller.net.init(jax.random.key(0))
        run = simulate(TwoLink(), controller, TWO_LINK, start, theta, t1=1.0)
        errors = _errors(mujoco, controller, TWO_LINK, start, 100)
    np.testing.assert_allclose(errors, run.error, atol=1e-8)


def _nominal(state, control, effectiveness):
    return jnp.concatenate([state[4:], effectiveness @ control])


def _swing(time):
    slow, fast = jnp.sin(0.5 * time), jnp.sin(time)
    return jnp.stack([0.5 * slow, 0.5 + 0.3 * fast, 0.4 * jnp.cos(time) - 0.8, 0.3 * fast])


def test_learning_carries_an_arm_whose_weight_the_controller_does_not_know():
    """It knows the arm's inverse inertia in one posture, and neither gravity nor Coriolis terms."""
    arm, posture = MujocoPlant(ARM), np.array([0, 0.5, -0.8, 0.3, 0, 0, 0, 0])
    free = arm.acceleration(posture, np.zeros(4))
    push = np.stack([arm.acceleration(posture, torque) - free for torque in np.eye(4)], axis=1)
    net, worst = FullyConnected((8, 10, 4), "tanh"), {}
    with jax.enable_x64(True):
        nominal = AffineUserPlant(_nominal, arm.states, arm.controls, 2, push)
        for gain in (0.0, 10.0):
            controller = LbDNN(net, nominal, TrackingLaw(gain=gain), feedback_gain=10.0)
            errors = _errors(arm, controller, Reference(_swing), np.zeros(8), 1000)
            worst[gain] = np.linalg.norm(errors[500:], axis=1).max()
    assert worst[10.0] < worst[0.0] / 5

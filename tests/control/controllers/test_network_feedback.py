"""Trained networks in the loop."""

from collections.abc import Callable
from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.linalg import expm

from lbdnn import FullyConnected, read
from lbdnn.control import Constant, Lost, NetworkFeedback, Reference, Sensor, Variable, simulate
from lbdnn.networks.reading import from_layers


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Given:
    """ẋ = function(x, u)."""

    function: Callable = field(metadata={"static": True})
    size: int = field(metadata={"static": True})
    inputs: int = field(default=1, metadata={"static": True})

    @property
    def states(self):
        return (Variable("x", "1"),) * self.size

    @property
    def controls(self):
        return (Variable("u", "1"),) * self.inputs

    def rate(self, state, control):
        return jnp.asarray(self.function(state, control))


MATRIX = np.array([[0.0, 1.0], [2.0, -0.3]])
PUSH = np.array([0.0, 1.5])
REST = Reference(Constant((0.0, 0.0)))
LINEAR = Given(lambda x, u: jnp.asarray(MATRIX) @ x + jnp.asarray(PUSH) * u, 2)


def doubled(state):
    return jnp.concatenate([state, 2 * state])


def test_a_linear_network_makes_the_discretised_linear_system():
    # Φ = (−3, 0.5) · (x, 2x) over two layers, u = 2Φ + 0.1.
    first = np.random.default_rng(0).normal(size=(4, 4))
    second = np.array([[-3.0, 0.0, 0.0, -0.5]]) @ np.linalg.inv(first)
    model = from_layers([(first, np.zeros(4)), (second, None)], activation="linear")
    gain = 2 * np.array([[-3.0, 0.0, 0.0, -0.5]]) @ np.vstack([np.eye(2), 2 * np.eye(2)])
    with jax.enable_x64(True):
        own = NetworkFeedback(model.net, model.theta, scale=2.0, offset=0.1, inputs=doubled)
        run = simulate(LINEAR, own, REST, np.array([1.0, -0.5]), t1=2.0, control_period=0.05,
                       substeps=4)  # fmt: skip
    big = expm(0.05 * np.block([[MATRIX, PUSH[:, None]], [np.zeros((1, 3))]]))
    held, push = big[:2, :2], big[:2, 2:]
    closed = held + push @ gain
    assert np.abs(np.linalg.eigvals(held)).max() > 1 > np.abs(np.linalg.eigvals(closed)).max()
    state = np.array([1.0, -0.5])
    for found in np.asarray(run.state):
        np.testing.assert_allclose(found, state, atol=1e-9)
        state = closed @ state + push[:, 0] * 0.1
    assert run.theta.shape == (0,)
    assert np.all(np.isnan(run.function_error))


def test_without_feedback_the_control_is_held_and_parameters_are_data():
    net = FullyConnected((2, 3, 1), "tanh")
    theta = net.init(jax.random.key(0))

    def controls(scale):
        own = NetworkFeedback(net, theta, scale=scale)
        sensor = Sensor(feedback=Lost(((0.2, 0.4),)))
        return simulate(LINEAR, own, REST, np.array([1.0, -0.5]), t1=0.5, control_period=0.1,
                        solver="euler", sensor=sensor).control[:, 0]  # fmt: skip

    with jax.enable_x64(True):
        both = np.asarray(jax.vmap(controls)(jnp.array([1.0, 2.0])))
        np.testing.assert_allclose(both[1], controls(2.0), rtol=1e-12)
    assert np.all(both[:, 2] == both[:, 1]) and np.all(both[:, 3] == both[:, 1])
    assert np.all(both[:, 4] != both[:, 1])


def test_refusals():
    net = FullyConnected((4, 1), "tanh")
    theta = net.init(jax.random.key(0))

    def start(*given, **options):
        return simulate(LINEAR, NetworkFeedback(net, theta, **options), REST, np.zeros(2), *given,
                        t1=1.0)  # fmt: skip

    with pytest.raises(ValueError, match=r"takes 4 inputs; got shape \(2,\)"):
        start()
    with pytest.raises(ValueError, match="does not learn; leave theta out"):
        start(theta, inputs=doubled)
    with pytest.raises(ValueError, match=r"scale is a number or of shape \(1,\)"):
        start(inputs=doubled, scale=np.ones(2))


def pendulum(x, u):
    return [x[1], 2 * jnp.sin(x[0]) + 8 * u[0]]


def tora(x, u):
    return [x[1], -x[0] + 0.1 * jnp.sin(x[2]), x[3], u[0]]


def cars(x, u):
    def slower(v, a, wanted):
        return -2 * a + 2 * wanted - 1e-4 * v * v

    return [x[1], x[2], slower(x[1], x[2], -2.0), x[4], x[5], slower(x[4], x[5], u[0])]


def seen_by_cars(x):
    """Set speed, time gap, own speed, distance, relative speed.

    The file begins with the subtraction of ones, which the benchmark does not apply.
    """
    set_speed, gap = jnp.full_like(x[:2], 30.0), jnp.full_like(x[:2], 1.4)
    return 1.0 + jnp.stack([set_speed[0], gap[0], x[4], x[0] - x[3], x[1] - x[4]])


def double_pendulum(x, u):
    """m l² [[2, cos δ], [cos δ, 1]] θ̈ + m l² sin δ (θ̇₂², −θ̇₁²) − m g l (2 sin θ₁, sin θ₂) = u."""
    m = length = 0.5
    unit, weight = m * length**2, m * length
    cosine, sine = jnp.cos(x[0] - x[1]), jnp.sin(x[0] - x[1])
    torque = u - unit * sine * jnp.stack([x[3] ** 2, -(x[2] ** 2)])
    torque = torque + weight * jnp.stack([2 * jnp.sin(x[0]), jnp.sin(x[1])])
    inertia = unit * jnp.array([[2.0, cosine], [cosine, 1.0]])
    return jnp.concatenate([x[2:], jnp.linalg.solve(inertia, torque)])


def runs(plant, controller, lower, upper, t1, period, seeds=64):
    """States (seeds, T, N) from a box, its corners among them."""
    lower, upper = np.asarray(lower, float), np.asarray(upper, float)
    drawn = np.random.default_rng(0).uniform(size=(seeds, len(lower)))
    drawn[: len(drawn) // 2] = np.round(drawn[: len(drawn) // 2])
    reference = Reference(Constant(np.zeros(len(lower))))
    with jax.enable_x64(True):

        def one(state):
            return simulate(plant, controller, reference, state, t1=t1, control_period=period,
                            tolerance=1e-8).state  # fmt: skip

        return np.asarray(jax.jit(jax.vmap(one))(lower + drawn * (upper - lower)))


def feedback(data, file, **options):
    model = read(data / "controllers" / file)
    return NetworkFeedback(model.net, model.theta, **options)


@pytest.mark.slow
def test_published_controllers_with_the_wanted_property(data):
    own = feedback(data, "tora_relu_3x100.onnx", offset=-10.0)
    found = runs(Given(tora, 4), own, [0.6, -0.7, -0.4, 0.5], [0.7, -0.6, -0.3, 0.6], 21.0, 1.0)
    assert np.abs(found).max() <= 2
    own = feedback(data, "tora_sigmoid_3x20.txt")
    box = ([-0.77, -0.45, 0.51, -0.3], [-0.75, -0.43, 0.54, -0.28])
    found = runs(Given(tora, 4), own, *box, 5.5, 0.5)[:, 10, :2]
    assert np.all((found >= [-0.1, -0.9]) & (found <= [0.2, -0.6]))
    own = feedback(data, "acc_5x20.onnx", inputs=seen_by_cars)
    box = ([90, 32, 0, 10, 30, 0], [110, 32.2, 0, 11, 30.2, 0])
    found = runs(Given(cars, 6), own, *box, 5.1, 0.1)
    assert np.all(found[..., 0] - found[..., 3] >= 10 + 1.4 * found[..., 4])


@pytest.mark.slow
def test_published_controllers_without_it(data):
    # 0 ≤ x₁ ≤ 1 in [0.5, 1] s: not from all of the box, but from most, and late from all.
    own = feedback(data, "single_pendulum_2x25.onnx")
    found = runs(Given(pendulum, 2), own, [1, 0], [1.2, 0.2], 1.05, 0.05)[:, 10:, 0]
    inside = (found >= 0) & (found <= 1)
    assert not np.all(inside) and np.all(inside[:, 1:]) and np.abs(found).max() < 1.05
    # All states in [−0.5, 1.5] for 20 periods: from nowhere; the velocities leave it.
    own = feedback(data, "double_pendulum_more_robust_2x25.onnx")
    found = runs(Given(double_pendulum, 4, 2), own, [1] * 4, [1.3] * 4, 0.42, 0.02)
    inside = np.all((found >= -0.5) & (found <= 1.5), axis=1)
    assert np.all(inside[:, :2]) and not np.any(inside[:, 2] & inside[:, 3])

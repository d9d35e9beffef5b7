"""Laws in closed loops: the sliding term, periods that cannot work, residual networks."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lbdnn import FullyConnected, ResidualNetwork
from lbdnn.control import LbDNN, Reference, TrackingLaw, TwoLink, Variable, simulate
from lbdnn.control.controllers.start import check_errors, check_observer
from lbdnn.control.plants.plant import Affine
from lbdnn.control.references import TWO_LINK

from .plants import WAVES, NetworkPlant

PLAIN = FullyConnected((2, 2, 2))


def test_the_sliding_term_overcomes_what_is_not_learned():
    """e' = d − k_r e − k_s sgn e: e stays near d/k_r without, and chatters about 0 with k_s > d."""
    constant = np.zeros(PLAIN.size)
    constant[[-4, -1]] = disturbance = np.array([1.0, -0.6])
    period, k = 0.005, 5.0
    with jax.enable_x64(True):
        plant = NetworkPlant(PLAIN, jnp.asarray(constant), jnp.eye(2))
        theta = PLAIN.unravel(jnp.zeros(PLAIN.size))
        found = {}
        for sliding in (0.0, 1.5):
            controller = LbDNN(
                PLAIN, plant, TrackingLaw(0.0), feedback_gain=k, sliding_gain=sliding
            )
            run = simulate(
                plant, controller, WAVES, np.zeros(2), theta, t1=3.0, control_period=period
            )
            found[sliding] = np.asarray(run.error[-200:])
    # The velocity of the reference is held between samples: an error of first order of the period.
    held = 4 * period
    drift = PLAIN(PLAIN.unravel(constant), np.zeros(2))
    np.testing.assert_allclose(drift, disturbance, rtol=1e-6)
    np.testing.assert_allclose(found[0.0], np.tile(disturbance / k, (200, 1)), atol=held)
    assert np.abs(found[1.5]).max() < period * (1.5 + 1.0) + held
    assert np.mean(np.abs(found[1.5])) < 0.1 * np.mean(np.abs(found[0.0]))


def grows(order, gains, period):
    """Whether the error does, where f = Φ: the integrator of that order, held, step by step."""
    state = np.array([1.0, -0.3])[:order]
    for _ in range(4000):
        if order == 1:
            state = state - period * gains[1] * state
        else:
            r = state[1] + gains[0] * state[0]
            u = -(gains[0] + gains[1]) * r + (gains[0] ** 2 - 1) * state[0]
            state = np.array(
                [state[0] + period * state[1] + period**2 / 2 * u, state[1] + period * u]
            )
        if not 1e-9 < np.abs(state).max() < 1e9:
            break
    return np.abs(state).max() > 1e8


def refuses(check, *arguments):
    try:
        check(*arguments)
    except ValueError as error:
        assert "a sample; pass a shorter period" in str(error)
        return True
    return False


def test_gains_are_refused_exactly_where_the_sampled_error_grows():
    random = np.random.default_rng(0)
    decided = {1: [], 2: []}
    for _ in range(60):
        order, period = int(random.integers(1, 3)), 10 ** random.uniform(-2, -0.5)
        gains = tuple(random.uniform(0.5, 25, 2))
        decided[order].append(refuses(check_errors, order, *gains, period))
        assert decided[order][-1] == grows(order, gains, period)
    assert all(0.1 < np.mean(own) < 0.9 for own in decided.values())


def test_the_observer_is_refused_exactly_where_its_error_grows():
    random = np.random.default_rng(1)
    decided = []
    for _ in range(60):
        a, k = 10 ** random.uniform(-1, 1.5, 2)
        period = 10 ** random.uniform(-1.5, 0)
        # The observer of `LbDNN`, its inputs 0.
        estimate, integral, drift = 1.0, 0.0, 0.0
        for _ in range(20000):
            gap = -estimate
            estimate = estimate + period * (drift + a * gap)
            integral = integral + period * (k * a + 1) * gap
            drift = -k * estimate + integral
            if not 1e-6 < abs(estimate) + abs(integral) < 1e6:
                break
        decided.append(refuses(check_observer, a, k, period))
        assert decided[-1] == (abs(estimate) + abs(integral) > 1e5)
    assert 0.1 < np.mean(decided) < 0.9


def test_a_simulation_refuses_before_it_starts():
    net = FullyConnected((4, 2, 2))
    plant = TwoLink()
    theta = net.unravel(np.zeros(net.size))

    def started(period=0.01, **gains):
        controller = LbDNN(net, plant, TrackingLaw(), **gains)
        start = (np.zeros(4), theta)
        return simulate(plant, controller, TWO_LINK, *start, t1=1.0, control_period=period)

    with pytest.raises(ValueError, match=r"of 0\.25 s the tracking error grows"):
        started(0.25)
    with pytest.raises(ValueError, match=r"the observer's error grows .* another observer_gain"):
        started(0.01, drift_gain=250.0)
    singular = NetworkPlant(PLAIN, jnp.zeros(PLAIN.size), jnp.array([[1.0, 2.0], [2.0, 4.0]]))
    with pytest.raises(ValueError, match="is not finite and of rank 2"):
        simulate(
            singular, LbDNN(PLAIN, singular, TrackingLaw()), WAVES, np.zeros(2),
            PLAIN.unravel(np.zeros(PLAIN.size)), t1=1.0,
        )  # fmt: skip
    # What is being traced cannot be looked at, and passes.
    slow = {"observer_gain": 2.0, "drift_gain": 2.0}
    jax.eval_shape(lambda k: started(0.25, feedback_gain=k, error_gain=k, **slow), 5.0)


def swinging(time):
    return 0.5 + jnp.sin(jnp.array([0.3, 0.7, 0.5]) * time)


def residual_loop(net, weights, drift, desired, x, theta, samples, dt=0.01):
    """u = ẋ_d − Φ − k_e e, θ̂' = ΓΦ'ᵀe, both by Euler: in NumPy, of η ← η + W₂ tanh(W₁ η)."""
    errors = []
    for i in range(samples):
        w = [m.copy() for m in weights(theta)]
        layers = [x]
        for first, second in zip(w[::2], w[1::2], strict=True):
            layers.append(layers[-1] + second @ np.tanh(first @ layers[-1]))
        xd, vd = desired(dt * i)
        e = x - xd
        back, moves = e, []
        for j in reversed(range(len(w) // 2)):
            hidden = np.tanh(w[2 * j] @ layers[j])
            inner = (w[2 * j + 1].T @ back) * (1 - hidden**2)
            moves = [np.outer(inner, layers[j]), np.outer(back, hidden), *moves]
            back = back + w[2 * j].T @ inner
        theta = theta + dt * 5.0 * np.concatenate([m.ravel() for m in moves])
        errors.append(e)
        x = x + dt * (drift(x) + vd - layers[-1] - 10.0 * e)
    return np.array(errors), theta


@pytest.mark.parametrize("blocks", [3])
def test_a_residual_network_learns_as_the_same_loop_written_out(blocks):
    net = ResidualNetwork((3,), blocks=blocks, hidden=[3], preactivation=False, bias=False)
    random = np.random.default_rng(0)
    truth, theta = random.uniform(-0.5, 0.5, (2, net.size))
    x = random.uniform(-1, 1, 3)
    shapes = [(3, 3)] * (2 * blocks)

    def weights(vector):
        return [m.reshape(s) for m, s in zip(np.split(vector, 2 * blocks), shapes, strict=True)]

    def drift(x):
        for first, second in zip(weights(truth)[::2], weights(truth)[1::2], strict=True):
            x = x + second @ np.tanh(first @ x)
        return x

    def desired(t):
        w = np.array([0.3, 0.7, 0.5])
        return 0.5 + np.sin(w * t), w * np.cos(w * t)

    with jax.enable_x64(True):
        plant = NetworkPlant(net, jnp.asarray(truth), jnp.eye(3))
        controller = LbDNN(net, plant, TrackingLaw(5.0, damping=0.0), feedback_gain=10.0)
        run = simulate(
            plant, controller, Reference(swinging), x, net.unravel(theta), t1=2.0, solver="euler"
        )
    errors, learned = residual_loop(net, weights, drift, desired, x, theta, 200)
    np.testing.assert_allclose(run.error, errors, atol=1e-12)
    np.testing.assert_allclose(run.theta, learned, atol=1e-12)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Published(Affine):
    """ẋ = A[x; tanh x; sin x; sech x; x²; x³] + u, (10,)."""

    matrix: jax.Array

    order = 1
    states = controls = tuple(Variable(f"state {k}", "1") for k in range(10))

    def drift(self, state):
        parts = (state, jnp.tanh(state), jnp.sin(state), 1 / jnp.cosh(state), state**2, state**3)
        return self.matrix @ jnp.concatenate(parts)

    def effectiveness(self, state):
        return jnp.eye(10)


@dataclass(frozen=True)
class Sines:
    """0.5 + sin(ωt)."""

    omega: tuple[float, ...]

    def __call__(self, time):
        return 0.5 + jnp.sin(jnp.array(self.omega) * time)


@pytest.mark.slow
def test_the_published_residual_network_tracks_better_than_none(data):
    """Ten blocks of width ten, gains and steps as published; errors over the second half."""
    stored = np.load(data / "resnet_benchmark.npz")
    net = ResidualNetwork((10,), blocks=10, hidden=[10], preactivation=False, bias=False)
    random = np.random.default_rng(0)
    theta, x = random.uniform(-0.5, 0.5, net.size), random.uniform(-1, 1, 10)
    with jax.enable_x64(True):
        plant = Published(jnp.asarray(stored["A"]))
        reference = Reference(Sines(tuple(stored["omega"])))

        def error(gain, start):
            law = TrackingLaw(gain, damping=0.0)
            controller = LbDNN(net, plant, law, feedback_gain=10.0)
            run = simulate(
                plant, controller, reference, x, net.unravel(start), t1=10.0, solver="euler"
            )
            assert np.isinf(run.diverged_at)
            return np.sqrt(np.mean(np.sum(run.error[500:] ** 2, axis=1)))

        learning, frozen = error(5.0, theta), error(0.0, theta)
    assert learning < 0.5 * frozen

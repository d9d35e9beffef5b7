"""The ball is never left, in any metric, whatever the law inside says."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lbdnn import FullyConnected
from lbdnn.control import LbDNN, Projected, TrackingLaw, TwoLink, simulate
from lbdnn.control.laws.law import Deterministic
from lbdnn.control.references import TWO_LINK

P, RADIUS, MARGIN = 6, 1.5, 0.2
REACH = RADIUS * (1 + MARGIN)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Pushing(Deterministic):
    """A law that moves θ̂ as it is told: its signals are the move."""

    gain: jax.Array

    def rate(self, net, state, theta, signals):
        return state, signals

    def step(self, net, state, theta, signals, period):
        return state, theta + period * signals

    def metric(self, state):
        return self.gain


def positive_definite(random, count):
    """Matrices (count, P, P) of condition up to 10⁶."""
    basis = np.linalg.qr(random.normal(size=(count, P, P)))[0]
    return np.einsum("kij,kj,klj->kil", basis, 10.0 ** random.uniform(-3, 3, (count, P)), basis)


def projected(gain, center):
    return Projected(Pushing(gain), RADIUS, MARGIN, center)


def on_sphere(random, count, radius):
    shift = random.normal(size=(count, P))
    return shift / np.linalg.norm(shift, axis=-1, keepdims=True) * np.reshape(radius, (-1, 1))


@pytest.mark.parametrize("metric", ["number", "diagonal", "matrix"])
def test_steps_of_any_length_stay_in_the_ball(metric):
    random = np.random.default_rng(0)
    count, samples = 200, 60
    gains = {
        "number": 10.0 ** random.uniform(-3, 3, count),
        "diagonal": 10.0 ** random.uniform(-3, 3, (count, P)),
        "matrix": positive_definite(random, count),
    }[metric]
    centers = random.normal(size=(count, P)) * 10.0 ** random.uniform(-2, 2, (count, 1))
    # Rates that point outward for long, and rates of every size, up to where squares overflow.
    outward = random.normal(size=(count, 1, P)) + random.normal(size=(count, samples, P))
    lengths = 10.0 ** random.uniform(-3, 12, (count, samples, 1))
    lengths[::7, samples // 2] = 1e180
    starts = centers + on_sphere(random, count, random.uniform(0, REACH, count))

    @jax.jit
    @jax.vmap
    def distances(gain, center, start, rates):
        law = projected(gain, center)

        def sample(theta, rate):
            theta = law.step(None, None, theta, rate, 0.01)[1]
            return theta, jnp.linalg.norm(theta - center)

        return jax.lax.scan(sample, start, rates)[1]

    with jax.enable_x64(True):
        found = np.asarray(distances(gains, centers, starts, outward * lengths))
    # Roundings of center + shift.
    size = REACH + np.linalg.norm(centers, axis=1, keepdims=True)
    assert np.all(found <= REACH + 4e-16 * size)
    assert np.mean(found > RADIUS) > 0.5


def test_the_rate_in_the_metric_of_the_law():
    """Never outward at the end; free of cost for any θ* of the ball; the law's own inside."""
    random = np.random.default_rng(1)
    count = 400
    gains = positive_definite(random, count)
    center = random.normal(size=P)
    radii = random.uniform(0, REACH, count)
    radii[: count // 4] = REACH
    shifts = on_sphere(random, count, radii)
    wanted = np.einsum("kij,kj->ki", gains, random.normal(size=(count, P)))

    @jax.jit
    @jax.vmap
    def rates(gain, theta, rate):
        return projected(gain, center).rate(None, None, theta, rate)[1]

    with jax.enable_x64(True):
        own = np.asarray(rates(gains, center + shifts, wanted))
    size = np.linalg.norm(own, axis=1) * REACH
    outward = np.sum(own * shifts, 1)
    assert np.all(outward[: count // 4] <= 1e-9 * size[: count // 4])
    inside = radii <= RADIUS
    np.testing.assert_array_equal(own[inside], wanted[inside])
    changed = np.any(own != wanted, axis=1)
    assert changed.sum() > 50
    assert np.all(np.sum(wanted * shifts, 1)[changed] > 0)
    # The change is along Γ∇p, and costs nothing for any θ* of the ball.
    change = np.linalg.solve(gains, (own - wanted)[..., None])[..., 0]
    for _ in range(20):
        ideal = on_sphere(random, count, random.uniform(0, RADIUS, count))
        cost = np.sum((ideal - shifts) * change, 1)
        scale = np.linalg.norm(change, axis=1) * REACH
        assert np.all(cost >= -1e-6 * scale)
    # Continuous: just outside of the ball nearly all is left.
    with jax.enable_x64(True):
        near = rates(gains, center + on_sphere(random, count, RADIUS * (1 + 1e-9)), wanted)
    np.testing.assert_allclose(near, wanted, atol=1e-4 * np.abs(wanted).max())


def test_a_short_step_is_euler_but_for_the_second_order():
    random = np.random.default_rng(2)
    count, period = 300, 1e-2
    gains = 10.0 ** random.uniform(-1, 1, (count, P))
    center = np.zeros(P)
    thetas = on_sphere(random, count, random.uniform(RADIUS, REACH, count))
    wanted = random.normal(size=(count, P))

    @jax.jit
    @jax.vmap
    def both(gain, theta, rate):
        law = projected(gain, center)
        return law.rate(None, None, theta, rate)[1], law.step(None, None, theta, rate, period)[1]

    with jax.enable_x64(True):
        rates, after = map(np.asarray, both(gains, thetas, wanted))
    assert np.all(2 * REACH * period * np.linalg.norm(wanted, axis=1) <= REACH**2 - RADIUS**2)
    allowed = (period * np.linalg.norm(rates, axis=1)) ** 2 / (2 * REACH)
    moved = np.linalg.norm(after - thetas - period * rates, axis=1)
    assert np.all(moved <= allowed + 1e-14)


def test_refusals():
    net = FullyConnected((4, 2, 2))
    plant = TwoLink()
    theta = net.unravel(np.ones(net.size))

    def started(law):
        start = (np.zeros(4), theta)
        return simulate(plant, LbDNN(net, plant, law), TWO_LINK, *start, t1=0.1)

    with pytest.raises(ValueError, match=r"4 from the center of the projection.*= 1\.65"):
        started(Projected(TrackingLaw(), 1.5))
    with pytest.raises(ValueError, match="a center has 16 numbers"):
        started(Projected(TrackingLaw(), 1.5, center=jnp.ones(3)))
    with pytest.raises(ValueError, match="radius > 0"):
        Projected(TrackingLaw(), 0.0)
    # About another center the same parameters are within.
    law = Projected(TrackingLaw(gain=1e3), 0.5, center=jnp.ones(net.size))
    run = started(law)
    assert 0.5 < np.linalg.norm(run.theta - 1) < 0.5 * 1.1 * (1 + 1e-5)

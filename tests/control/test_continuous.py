"""Continuous time: the limit of sampled loops, and what Lyapunov's function does."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lbdnn import FullyConnected
from lbdnn.control import (
    CompositeLaw,
    Langevin,
    LbDNN,
    Projected,
    Reference,
    TrackingLaw,
    output_gains,
    simulate,
    simulate_continuous,
)

from .laws.plants import ORIGIN, WAVE, NetworkPlant

NET = FullyConnected((2, 2, 1))
RANDOM = np.random.default_rng(0)
IDEAL = RANDOM.normal(size=NET.size)
START = np.array([0.5, -0.4])
# Only the output layer is unknown: the drift is linear in what is learned.
KNOWN = IDEAL.copy()
KNOWN[-3:] = 0


def plant_of(theta=IDEAL):
    return NetworkPlant(NET, jnp.asarray(theta), jnp.ones((1, 1)), order=2)


def continuous(law, theta=KNOWN, reference=WAVE, gains=(10.0, 10.0), **options):
    controller = LbDNN(NET, plant_of(), law, observer_gain=gains[0], drift_gain=gains[1])
    start = (START, NET.unravel(jnp.asarray(theta)))
    options = {"t1": 3.0, "theta_every": 1} | options
    return simulate_continuous(plant_of(), controller, reference, *start, **options)


def tracking(gain):
    return TrackingLaw(output_gains(NET, gain), damping=0.0)


def test_lyapunovs_function_falls_as_derived():
    """V = ½(e² + r² + θ̃ᵀΓ⁻¹θ̃) has V' = −α₁e² − k_r r²: exactly, for a drift that is a network."""
    gain, a, k = 4.0, 5.0, 5.0
    with jax.enable_x64(True):
        run = continuous(tracking(gain), tolerance=1e-9)
        time = np.asarray(run.time)
        velocity = run.state[:, 1] - np.cos(time)
        theta = np.asarray(run.theta_samples)
    e = np.asarray(run.error[:, 0])
    r = np.asarray(velocity) + a * e
    missing = np.sum((theta - IDEAL)[:, -3:] ** 2, 1) / gain
    v = 0.5 * (e**2 + r**2 + missing)
    np.testing.assert_allclose(theta[:, :-3], np.tile(IDEAL[:-3], (len(theta), 1)), rtol=1e-12)
    assert np.all(np.diff(v) < 0)
    power = a * e**2 + k * r**2
    # Simpson's rule over two rows.
    lost = 0.01 / 3 * (power[:-2:2] + 4 * power[1:-1:2] + power[2::2])
    np.testing.assert_allclose(v[:-2:2] - v[2::2], lost, rtol=1e-3, atol=1e-8)
    assert missing[-1] < missing[0]


@pytest.mark.slow
def test_sampled_loops_tend_to_it_at_the_first_order():
    """With all there is: the observer, and Γ."""
    law = CompositeLaw(prediction_gain=5.0, forgetting=2.0, exact_norm=True)
    with jax.enable_x64(True):
        limit = continuous(law, tolerance=1e-9, t1=2.0, gains=(3.0, 2.0))
        runs = {}
        for period in (0.005, 0.0025):
            controller = LbDNN(NET, plant_of(), law, observer_gain=3.0, drift_gain=2.0)
            run = simulate(
                plant_of(), controller, WAVE, START, NET.unravel(jnp.asarray(KNOWN)), t1=2.0,
                control_period=period,
            )  # fmt: skip
            runs[period] = np.r_[np.asarray(run.state[:: round(0.01 / period)]).ravel(), run.theta]
        wanted = np.r_[np.asarray(limit.state).ravel(), limit.theta]
    errors = [np.abs(own - wanted).max() for own in runs.values()]
    assert errors[0] / errors[1] == pytest.approx(2, rel=0.1)
    # What is left after taking the first order away is of the second.
    better = np.abs(2 * runs[0.0025] - runs[0.005] - wanted).max()
    assert better < errors[1] / 10


def test_the_parameters_stay_in_the_ball():
    """The ball is too small for θ*, and Γ is a full matrix that moves."""
    radius, margin = 0.3 * np.linalg.norm(IDEAL), 0.05
    with jax.enable_x64(True):
        law = Projected(CompositeLaw(prediction_gain=40.0), radius, margin)
        run = continuous(law, 0.1 * IDEAL, tolerance=1e-8)
    size = np.linalg.norm(run.theta_samples, axis=1)
    assert radius < size.max() <= radius * (1 + margin) * (1 + 1e-6)
    assert np.mean(size > radius) > 0.2
    gain = np.asarray(run.final.law.gain)
    assert np.abs(gain - np.diag(np.diagonal(gain))).max() > 0.01
    assert np.isinf(run.diverged_at) and np.abs(run.error[-50:]).max() < 0.2


@pytest.mark.slow
def test_noise_is_that_of_its_temperature():
    """Where nothing is to be learned the parameters are an Ornstein-Uhlenbeck process."""
    net = FullyConnected((1, 2, 1), bias=False)
    plant = NetworkPlant(net, jnp.zeros(net.size), jnp.ones((1, 1)))
    damping, temperature, gain, t1 = 1.5, 0.4, 2.0, 0.3
    law = Langevin(TrackingLaw(gain, damping), temperature)
    theta = net.unravel(jnp.ones(net.size))

    @jax.jit
    @jax.vmap
    def last(key):
        controller = LbDNN(net, plant, law)
        options = {"t1": t1, "save_every": 0.1, "step": 0.01, "key": key}
        run = simulate_continuous(plant, controller, ORIGIN, jnp.zeros(1), theta, **options)
        return run.theta, run.state, run.diverged_at

    with jax.enable_x64(True):
        found, state, diverged_at = map(np.asarray, last(jax.random.split(jax.random.key(0), 400)))
    assert np.all(state == 0) and np.all(np.isinf(diverged_at))
    kept = np.exp(-damping * gain * t1)
    variance = temperature / damping * (1 - kept**2)
    count = found.size
    # Euler-Maruyama with steps of 0.01 s is off by less than 3 % here.
    assert found.mean() == pytest.approx(kept, abs=5 * np.sqrt(variance / count) + 0.02)
    assert found.var() == pytest.approx(variance, rel=5 * np.sqrt(2 / count) + 0.03)
    assert np.abs(np.corrcoef(found.T) - np.eye(net.size)).max() < 5 / np.sqrt(len(found))


def far(time):
    return jnp.exp(8 * time)[None]


# e^{8t} reaches 10⁶ at 1.73 s, its derivative earlier.
@pytest.mark.parametrize(
    ("options", "latest"),
    [({}, 1.74), pytest.param({"max_steps": 20}, 1.0, marks=pytest.mark.slow)],
)
def test_what_cannot_be_followed_is_a_status(options, latest):
    with jax.enable_x64(True):
        run = continuous(TrackingLaw(), reference=Reference(far), **options)
    at = float(run.diverged_at)
    assert 0 < at < latest
    rows = np.asarray(run.time) > at
    state = np.asarray(run.state)
    assert np.all(np.isfinite(state)) and np.all(np.isfinite(run.theta))
    assert np.all(state[rows] == state[~rows][-1])
    assert np.any(state[~rows][-1] != state[~rows][-2])


def test_refusals():
    law = TrackingLaw()
    for message, options in {
        "save_every <= t1": {"t1": 0.001},
        "t1 is a multiple of save_every": {"t1": 0.015},
        "a key is for such a law": {"key": jax.random.key(0)},
        "tolerance and step are > 0": {"tolerance": 0.0},
        "theta_every is at least 1": {"theta_every": 0},
    }.items():
        with pytest.raises(ValueError, match=message):
            continuous(law, **options)
    noisy = Langevin(law, 0.1)
    with pytest.raises(ValueError, match="a stochastic law needs a key"):
        continuous(noisy)
    with pytest.raises(ValueError, match="a stochastic law needs step"):
        continuous(noisy, key=jax.random.key(0))
    with pytest.raises(ValueError, match="from the center of the projection"):
        continuous(Projected(law, 0.1))
    with pytest.raises(ValueError, match="object has no rate, so it is not for continuous time"):
        simulate_continuous(plant_of(), object(), WAVE, START, t1=1.0)
    with pytest.raises(ValueError, match="2 states; got a state of shape"):
        simulate_continuous(plant_of(), object(), WAVE, np.zeros(3), t1=1.0)

"""Gains by layer, leakage, the gate on Γ, noise: each against its formula, without a loop."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lbdnn import FullyConnected, ResidualNetwork
from lbdnn.control import (
    CompositeLaw,
    ConcurrentLearning,
    Langevin,
    Leakage,
    Projected,
    TrackingLaw,
    gains_by_layer,
    output_gains,
)
from lbdnn.control.laws import Signals

NET = FullyConnected((2, 3, 1))
P = NET.size


def signals(random, n=1, scale=1.0):
    return Signals(
        random.normal(size=2),
        scale * random.normal(size=(n, P)),
        random.normal(size=n),
        random.normal(size=n),
        random.normal(size=n),
    )


def test_gains_by_layer_are_in_the_order_of_the_parameters():
    net = ResidualNetwork((2, 3, 1), blocks=2, hidden=(4,))
    layers = len(net.affine)
    ones = [np.ones(layer.shape) for layer in net.affine]
    wanted = net.ravel(net.with_weights([k * own for k, own in enumerate(ones)]))
    np.testing.assert_array_equal(gains_by_layer(net, range(layers)), wanted)
    only = net.ravel(net.with_weights([*(0 * own for own in ones[:-1]), 3 * ones[-1]]))
    np.testing.assert_array_equal(output_gains(net, 3.0), only)
    with pytest.raises(ValueError, match=f"has {layers} layers with parameters; got 1 gains"):
        gains_by_layer(net, [1.0])


@pytest.mark.parametrize("law", ["tracking", "composite"])
def test_parameters_without_gain_never_move_and_others_move_as_alone(law):
    random = np.random.default_rng(0)
    with jax.enable_x64(True):
        gains = output_gains(NET, 0.7)
        moving = np.asarray(gains) > 0
        own = TrackingLaw(gains) if law == "tracking" else CompositeLaw(initial_gain=gains)
        plain = TrackingLaw(0.7) if law == "tracking" else CompositeLaw(initial_gain=0.7)
        step = jax.jit(lambda law, *rest: law.step(NET, *rest, 0.01))
        theta = start = random.normal(size=P)
        other, state, alone = theta, own.init(NET), plain.init(NET)
        for _ in range(5):
            now = signals(random)
            state, theta = step(own, state, theta, now)
            masked = now._replace(jacobian=np.where(moving, now.jacobian, 0))
            alone, other = step(plain, alone, other, masked)
    theta, other = np.asarray(theta), np.asarray(other)
    np.testing.assert_array_equal(theta[~moving], start[~moving])
    assert np.abs(theta - start)[moving].min() > 1e-3
    if law == "tracking":
        np.testing.assert_allclose(theta[moving], other[moving], rtol=1e-12)
    else:
        assert np.all(np.asarray(state.gain)[~moving] == 0)


def test_parameters_without_gain_stay_where_they_are_on_the_edge_of_a_ball():
    """However long the others slide along the edge."""
    random = np.random.default_rng(7)
    start = random.normal(size=P)
    still = np.asarray(output_gains(NET)) == 0
    with jax.enable_x64(True):
        inside = TrackingLaw(output_gains(NET), damping=0.0)
        law = Projected(inside, float(np.linalg.norm(start)) / 1.05, 0.1)
        step = jax.jit(lambda theta, now: law.step(NET, None, theta, now, 1.0)[1])
        theta, sizes = start, []
        for _ in range(30):
            theta = step(theta, signals(random, scale=3.0))
            sizes.append(np.linalg.norm(theta))
    np.testing.assert_array_equal(np.asarray(theta)[still], start[still])
    reach = law.radius * 1.1
    assert max(sizes) <= reach * (1 + 1e-15)
    assert np.sum(np.array(sizes) > reach * (1 - 1e-12)) > 5


@pytest.mark.parametrize(
    "law",
    [
        TrackingLaw(-1.0),
        TrackingLaw(np.nan),
        TrackingLaw(damping=-1.0),
        TrackingLaw(np.where(np.arange(P) == 2, -1.0, 1.0)),
        CompositeLaw(forgetting=-1.0),
        CompositeLaw(prediction_gain=np.nan),
        Leakage(TrackingLaw(), error_damping=-0.1),
        ConcurrentLearning(TrackingLaw(), gain=-1.0),
    ],
)
def test_gains_that_are_negative_or_not_finite_are_refused(law):
    with pytest.raises(ValueError, match="of a law is finite and >= 0"):
        law.check(np.zeros(P), 0.01)


def test_leakage_is_its_formula_and_adds_up():
    random = np.random.default_rng(1)
    now, theta, center = signals(random, 2), random.normal(size=P), random.normal(size=P)
    gain = random.uniform(0.1, 2, P)
    with jax.enable_x64(True):
        inside = Leakage(TrackingLaw(gain, damping=0.3), error_damping=0.5, center=center)
        law = Leakage(inside, damping=0.2)
        rate = law.rate(NET, None, theta, now)[1]
        quiet = now._replace(filtered_error=np.zeros(2))
        still = inside.rate(NET, None, theta, quiet)[1]
        after = law.step(NET, None, theta, now, 0.1)[1]
    size = np.linalg.norm(now.filtered_error)
    pull = 0.3 * theta + 0.5 * size * (theta - center) + 0.2 * theta
    wanted = gain * (now.jacobian.T @ now.filtered_error - pull)
    np.testing.assert_allclose(rate, wanted, rtol=1e-12)
    np.testing.assert_allclose(after, theta + 0.1 * wanted, rtol=1e-12)
    # Without an error e-modification does not pull.
    np.testing.assert_allclose(still, -0.3 * gain * theta, rtol=1e-12)


def test_the_gain_never_leaves_the_gate():
    """Sampled: least squares would shrink Γ below, forgetting would let it grow beyond."""
    random = np.random.default_rng(2)
    gate, options = (0.4, 1.5), {"forgetting": 5.0, "exact_norm": True}
    step = jax.jit(lambda law, *rest: law.step(NET, *rest, 0.01))
    with jax.enable_x64(True):
        gated = CompositeLaw(gate=gate, initial_gain=output_gains(NET), **options)
        plain = CompositeLaw(initial_gain=output_gains(NET), **options)
        moving = np.flatnonzero(np.diagonal(gated.init(NET).gain))
        found, free, held = [], [], 0
        state, other, theta = gated.init(NET), plain.init(NET), np.zeros(P)
        for k in range(200):
            now = signals(random, 2, 2.5 if k < 60 else 0.0)
            before = np.asarray(state.gain)
            state, _ = step(gated, state, theta, now)
            other, _ = step(plain, other, theta, now)
            held += bool(np.all(state.gain == before))
            for states, values in ((state, found), (other, free)):
                inside = np.asarray(states.gain)[np.ix_(moving, moving)]
                values.append(np.linalg.eigvalsh(inside)[[0, -1]])
        # In continuous time the rule of the paper: nothing moves outside.
        outside = state._replace(gain=np.diag(np.where(np.diagonal(state.gain) > 0, 1.6, 0)))
        frozen = gated.rate(NET, outside, theta, now)[0].gain
        alive = gated.rate(NET, gated.init(NET), theta, now)[0].gain
    found, free, frozen, alive = map(np.asarray, (found, free, frozen, alive))
    assert gate[0] < found.min() and found.max() < gate[1]
    assert free.min() < gate[0] and free.max() > gate[1]
    assert 0 < held < 200
    assert np.all(frozen == 0) and np.any(alive != 0)


def test_a_wide_gate_changes_nothing():
    random = np.random.default_rng(3)
    now, theta = signals(random), random.normal(size=P)
    with jax.enable_x64(True):
        results = [
            law.step(NET, law.init(NET), theta, now, 0.01)
            for law in (CompositeLaw(), CompositeLaw(gate=(1e-9, 1e9)))
        ]
    jax.tree.map(np.testing.assert_array_equal, *results)


def test_gates_and_gains_are_refused():
    theta = np.zeros(P)
    with pytest.raises(ValueError, match="0 <= lower < initial_gain < upper"):
        CompositeLaw(gate=(1.0, 2.0)).check(theta, 0.01)
    with pytest.raises(ValueError, match="one a parameter; got shape"):
        CompositeLaw(initial_gain=jnp.ones(2)).check(theta, 0.01)
    with pytest.raises(ValueError, match="0 <= initial_gain < largest_gain"):
        CompositeLaw(initial_gain=jnp.full(P, 3.0)).check(theta, 0.01)
    with pytest.raises(ValueError, match="one a parameter; got shape"):
        TrackingLaw(jnp.ones(2)).check(theta, None)


def test_noise_leaves_the_density_that_its_temperature_says():
    """With damping k alone the law is an autoregression: of known variance at any time."""
    damping, temperature, period, samples, chains = 2.0, 0.3, 0.05, 80, 2000
    gains = np.linspace(0.5, 3.0, P)
    gains[0] = 0.0

    @jax.jit
    @jax.vmap
    def last(key):
        law = Langevin(TrackingLaw(gains, damping), temperature, key)
        quiet = Signals(*(jnp.zeros(s) for s in ((2,), (1, P), (1,), (1,), (1,))))

        def sample(both, _):
            return law.step(NET, *both, quiet, period), None

        return jax.lax.scan(sample, (law.init(NET), jnp.ones(P)), None, samples)[0][1]

    with jax.enable_x64(True):
        keys = jax.random.split(jax.random.key(4), chains)
        found = np.asarray(last(keys))
        np.testing.assert_array_equal(found[:3], last(keys[:3]))
    assert np.all(found[:, 0] == 1)
    kept = 1 - period * damping * gains[1:]
    variance = 2 * temperature * period * gains[1:] * (1 - kept ** (2 * samples)) / (1 - kept**2)
    error = np.sqrt(variance / chains)
    np.testing.assert_array_less(np.abs(found[:, 1:].mean(0) - kept**samples), 5 * error)
    spread = found[:, 1:].var(0) / variance
    np.testing.assert_array_less(np.abs(spread - 1), 5 * np.sqrt(2 / chains))
    # The variances are those of exp(−U/T) for every gain, but for the length of the period.
    np.testing.assert_allclose(variance * (1 - period * damping * gains[1:] / 2), 0.15, rtol=1e-2)


def test_noise_has_the_metric_of_a_composite_law():
    random = np.random.default_rng(5)
    half = random.normal(size=(P, P))
    gain = half @ half.T / P
    gain[:, 2] = gain[2] = 0
    with jax.enable_x64(True):
        law = Langevin(CompositeLaw(), 0.4)
        state = law.init(NET)
        state = state._replace(law=state.law._replace(gain=jnp.asarray(gain)))
        columns = jax.vmap(lambda unit: law.noise(state, jnp.zeros(P), unit))(jnp.eye(P))
        columns = np.asarray(columns)
    np.testing.assert_allclose(columns.T @ columns, 2 * 0.4 * gain, atol=1e-10)


def test_noise_and_projection_stand_in_one_order():
    with pytest.raises(ValueError, match="stands inside a Langevin law"):
        Langevin(Leakage(Projected(TrackingLaw(), 1.0)), 0.1)
    with pytest.raises(ValueError, match="a temperature is a number >= 0"):
        Langevin(TrackingLaw(), -0.1)
    with jax.enable_x64(True):
        keyless = Langevin(TrackingLaw(), 100.0)
        quiet = Signals(*(np.zeros(s) for s in ((2,), (1, P), (1,), (1,), (1,))))
        with pytest.raises(ValueError, match="needs a key"):
            keyless.step(NET, keyless.init(NET), np.zeros(P), quiet, 0.01)
        law = Projected(replace(keyless, key=jax.random.key(0)), 1.0)
        assert law.stochastic
        step = jax.jit(lambda *both: law.step(NET, *both, quiet, 0.01))
        both, distances = (law.init(NET), np.zeros(P)), []
        for _ in range(20):
            both = step(*both)
            distances.append(np.linalg.norm(both[1]))
        # In continuous time the noise ends where the ball does.
        edge = jnp.full(P, 1.1 / np.sqrt(P))
        assert np.abs(law.noise(both[0], edge, np.ones(P))).max() < 1e-12
    assert 1 < max(distances) <= 1.1 * (1 + 1e-15)


def test_periods_that_damping_cannot_stand_are_refused():
    theta = np.zeros(P)
    TrackingLaw(10.0, damping=2.0).check(theta, 0.1)
    with pytest.raises(ValueError, match="damping makes the parameters grow"):
        TrackingLaw(10.0, damping=2.1).check(theta, 0.1)
    with pytest.raises(ValueError, match="damping makes the parameters grow"):
        Leakage(TrackingLaw(10.0, damping=1.9), damping=0.2).check(theta, 0.1)
    TrackingLaw(10.0, damping=2.1).check(theta, None)
    CompositeLaw(forgetting=19.0).check(theta, 0.1)
    with pytest.raises(ValueError, match=r"forgetting = 2\.1 is more than 2"):
        CompositeLaw(forgetting=21.0).check(theta, 0.1)
    with pytest.raises(ValueError, match="damping makes the parameters grow"):
        CompositeLaw(damping=11.0).check(theta, 0.1)


def test_gains_of_all_laws_are_data():
    """Derivatives of one step in the gains, as by central differences, while all parts act."""
    random = np.random.default_rng(6)
    theta = random.normal(size=P)
    now = signals(random, 2)
    now = now._replace(filtered_error=now.jacobian @ theta)  # outward, for the projection to act

    @jax.jit
    def after(gains):
        speed, pull, errors, temperature, radius = gains
        noisy = Langevin(
            TrackingLaw(gains_by_layer(NET, [speed, 1.0])), temperature, jax.random.key(0)
        )
        law = Projected(Leakage(noisy, pull, errors, 0.1 * jnp.ones(P)), radius, 0.3)
        return law.step(NET, law.init(NET), jnp.asarray(theta), now, 0.05)[1]

    with jax.enable_x64(True):
        start = np.array([0.8, 0.03, 0.02, 0.01, np.linalg.norm(theta) / 1.15])
        derivative = np.asarray(jax.jacfwd(after)(start))
        step = 1e-6 * np.eye(5)
        wanted = np.stack([(after(start + d) - after(start - d)) / 2e-6 for d in step], 1)
    np.testing.assert_allclose(derivative, wanted, atol=1e-7)
    assert np.all(np.abs(derivative).max(0) > 1e-3)

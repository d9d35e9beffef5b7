"""Plants of the literature against solutions that are known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lbdnn.control.plants import TORA, AdaptiveCruise, TenState, VanDerPol


def _follows(plant, path, control, times=(0.0, 0.7, 2.0)):
    """Whether `path(t)` solves the plant's equations."""
    with jax.enable_x64(True):
        for time in times:
            state, rate = jax.jvp(path, (time,), (1.0,))
            np.testing.assert_allclose(plant.rate(state, control), rate, atol=1e-12)


def test_tora_in_forced_oscillation():
    """Turned at a constant rate w, the cart swings as ε sin(wt)/(1 − w²) about its own motion."""
    turning, own = 0.6, 0.3

    def path(time):
        def cart(time):
            return own * jnp.cos(time) + 0.1 * jnp.sin(turning * time) / (1 - turning**2)

        position, velocity = jax.jvp(cart, (time,), (1.0,))
        return jnp.stack([position, velocity, turning * time, jnp.full_like(time, turning)])

    _follows(TORA(), path, jnp.zeros(1))


def test_tora_moves_its_eccentric_mass_alone():
    """Both ends of the angle's chain: ẍ₃ = u, and nothing else sees u at once."""
    state = jnp.array([0.65, -0.65, -0.35, 0.55])
    push = TORA().rate(state, jnp.array([2.0])) - TORA().rate(state, jnp.zeros(1))
    np.testing.assert_allclose(push, [0, 0, 0, 2], atol=1e-6)


def test_cruise_without_drag_approaches_the_wanted_acceleration():
    """γ = a (1 − e^(−2t)) from rest of γ, integrated twice."""

    def car(start, speed, wanted, time):
        faded = 1 - jnp.exp(-2 * time)
        velocity = speed + wanted * (time - faded / 2)
        position = start + speed * time + wanted * (time**2 / 2 - time / 2 + faded / 4)
        return jnp.stack([position, velocity, wanted * faded])

    def path(time):
        return jnp.concatenate([car(100.0, 32.0, -2.0, time), car(10.0, 30.0, 1.5, time)])

    _follows(AdaptiveCruise(drag=0.0), path, jnp.array([1.5]))


def test_cruise_with_drag_needs_acceleration_to_keep_its_speed():
    speed = 30.0
    held = 1e-4 * speed**2 / 2
    state = jnp.array([100.0, speed, 0.0, 10.0, speed, 0.0])
    rate = AdaptiveCruise(lead_acceleration=held).rate(state, jnp.array([held]))
    np.testing.assert_allclose(rate, [speed, 0, 0, speed, 0, 0], atol=1e-7)


def test_van_der_pol_returns_after_its_period():
    """Amplitude and period for μ = 1 (Andersen and Geer, 1982, among others)."""
    steps, period, amplitude = 2000, 6.663286859323130, 2.008619860874843
    plant, h = VanDerPol(), period / 2000

    def step(state, _):
        one = plant.rate(state, jnp.zeros(1))
        two = plant.rate(state + h / 2 * one, jnp.zeros(1))
        three = plant.rate(state + h / 2 * two, jnp.zeros(1))
        four = plant.rate(state + h * three, jnp.zeros(1))
        return state + h / 6 * (one + 2 * two + 2 * three + four), None

    with jax.enable_x64(True):
        start = jnp.array([amplitude, 0.0])
        np.testing.assert_allclose(jax.lax.scan(step, start, None, steps)[0], start, atol=1e-9)


def test_ten_state_features_in_their_order():
    """Each function has its own limit or slope, by which its block is told from the others."""
    n = 2
    blocks = np.split(np.random.default_rng(5).normal(size=(n, 6 * n)), 6, axis=1)
    plant = TenState(np.concatenate(blocks, 1), size=n)
    with jax.enable_x64(True):
        slope = jax.jacobian(plant.drift)(jnp.zeros(n))
        np.testing.assert_allclose(slope, blocks[0] + blocks[1] + blocks[2])
        np.testing.assert_allclose(plant.drift(jnp.zeros(n)), blocks[3].sum(1))
        x = np.array([0.4, -0.9])
        even = (plant.drift(x) + plant.drift(-x)) / 2
        np.testing.assert_allclose(even, blocks[3] @ (1 / np.cosh(x)) + blocks[4] @ x**2)
        far = np.array([20, -40]) * np.pi  # the sines vanish, tanh is ±1
        odd = (plant.drift(far) - plant.drift(-far)) / 2
        expected = blocks[0] @ far + blocks[1] @ np.sign(far) + blocks[5] @ far**3
        np.testing.assert_allclose(odd, expected, rtol=1e-12)


def _compensated(matrix, frequencies):
    """Largest |e − e(0) e^(−10 t)| for x_d = 0.5 + sin(ωt) and f known: the error decays alone."""
    n, h, steps = len(frequencies), 1e-3, 200

    def desired(time):
        return jax.jvp(lambda t: 0.5 + jnp.sin(frequencies * t), (time,), (1.0,))

    def rate(state, time, plant):
        position, velocity = desired(time)
        control = velocity - plant.drift(state) - 10.0 * (state - position)
        return plant.rate(state, control)

    def run(plant, state):
        def step(state, time):
            half = state + h / 2 * rate(state, time, plant)
            return state + h * rate(half, time + h / 2, plant), None

        return jax.lax.scan(step, state, h * jnp.arange(steps))[0]

    with jax.enable_x64(True):
        plant = TenState(matrix, size=n)
        start = jnp.linspace(-1.0, 1.0, n)
        end = jax.jit(run)(plant, start)
        error = (start - desired(0.0)[0]) * jnp.exp(-10 * h * steps)
        return float(jnp.max(jnp.abs(end - desired(h * steps)[0] - error)))


def test_ten_state_with_its_drift_known_is_linear():
    draw = np.random.default_rng(4)
    assert _compensated(draw.normal(size=(3, 18)), draw.uniform(1, 5, 3)) < 1e-4


def test_ten_state_of_the_published_benchmark(data):
    with np.load(data / "resnet_benchmark.npz") as file:
        matrix, frequencies = file["A"], file["omega"]
    assert len(TenState(matrix).states) == len(frequencies)
    assert _compensated(matrix, frequencies) < 1e-4


def test_ten_state_refuses_another_shape():
    with pytest.raises(ValueError, match=r"matrix of shape \(10, 60\); got \(10, 50\)"):
        TenState(np.zeros((10, 50))).drift(jnp.zeros(10))

"""Recorded data: which are kept, and what they do."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lbdnn import FullyConnected
from lbdnn.control import (
    ConcurrentLearning,
    LbDNN,
    Reference,
    TrackingLaw,
    output_gains,
    simulate,
    simulate_continuous,
)
from lbdnn.control.laws import Signals

from .plants import NetworkPlant

NET = FullyConnected((2, 2, 2))
TAIL = 6  # parameters of the output layer
RANDOM = np.random.default_rng(0)
INSIDE = np.concatenate([[1, 0.3, 0, -0.2, 1, 0.1], RANDOM.normal(size=TAIL)])


def regressor(inputs, theta=INSIDE):
    """Φ' to the output layer, written out."""
    hidden = np.append(np.tanh(theta[:6].reshape(2, 3) @ np.append(inputs, 1.0)), 1.0)
    return np.kron(np.eye(2), hidden)


def least(stack):
    rows = np.concatenate(stack) if stack else np.zeros((0, TAIL))
    return np.linalg.svd(rows, compute_uv=False)[-1]


def test_the_kept_data_are_those_of_the_published_algorithm():
    size, novelty, count = 5, 0.1, 40
    points = np.cumsum(RANDOM.normal(size=(count, 2)) * 0.3, axis=0)
    kept, last = [], None
    for x in points:
        now = regressor(x)
        if last is not None and np.sum((now - last) ** 2) < novelty * np.sum(now**2):
            continue
        if len(kept) < size:
            kept, last = [*kept, x], now
            continue
        stack = [regressor(y) for y in kept]
        after = [least([*stack[:j], now, *stack[j + 1 :]]) for j in range(size)]
        if max(after) > least(stack):
            kept[int(np.argmax(after))] = x
            last = now
    law = ConcurrentLearning(
        TrackingLaw(0.0), size=size, novelty=novelty, start=0.0, layers=1, excitation=1e-4
    )

    @jax.jit
    def recorded(points):
        def sample(state, x):
            jacobian = jax.jacrev(lambda v: NET(NET.unravel(v), x))(jnp.asarray(INSIDE))
            now = Signals(x, jacobian, jnp.zeros(2), jnp.sin(x), jnp.zeros(2))
            state, _ = law.step(NET, state, jnp.asarray(INSIDE), now, 0.01)
            return state, (state.inputs, state.excited_at)

        return jax.lax.scan(sample, law.init(NET), points)

    with jax.enable_x64(True):
        state, (inputs, excited_at) = jax.tree.map(np.asarray, recorded(points))
    np.testing.assert_array_equal(state.inputs, kept)
    np.testing.assert_array_equal(state.drifts, np.sin(kept))
    # Finitely exciting from the first sample at which λ_min(YᵀY) of what is kept reached it.
    filled = [[x for x in own if np.any(x)] for own in inputs]
    squares = [
        least([regressor(x) for x in own]) ** 2 if len(own) * 2 >= TAIL else 0.0 for own in filled
    ]
    first = int(np.argmax(np.array(squares) >= 1e-4))
    assert first > 0
    np.testing.assert_allclose(excited_at[first:], 0.01 * first)
    assert np.all(np.isinf(excited_at[:first]))
    # When full, a replacement never makes the least singular value smaller.
    full = [s for s, own in zip(squares, filled, strict=True) if len(own) == size]
    assert np.all(np.diff(full) >= -1e-12) and full[-1] > full[0]


def stopping(time):
    """Moves for 3 s, then stands still."""
    left = jnp.maximum(3 - time, 0) ** 3
    return jnp.stack([jnp.sin(2 * time), jnp.cos(3 * time)]) * left / 5


def test_after_finite_excitation_the_parameters_are_found_and_only_with_the_data():
    ideal = INSIDE.copy()
    ideal[-TAIL:] = RANDOM.normal(size=TAIL)
    start = INSIDE.copy()
    start[-TAIL:] = 0
    with jax.enable_x64(True):
        plant = NetworkPlant(NET, jnp.asarray(ideal), jnp.eye(2))
        inner = TrackingLaw(output_gains(NET, 5.0), damping=0.0)

        def run(gain):
            law = ConcurrentLearning(inner, gain, size=8, layers=1, novelty=0.005, excitation=0.01)
            controller = LbDNN(NET, plant, law, observer_gain=100.0, drift_gain=100.0)
            return simulate(
                plant, controller, Reference(stopping), np.zeros(2), NET.unravel(start), t1=20.0,
                control_period=0.005,
            )  # fmt: skip

        learned, plain = jax.tree.map(np.asarray, (run(1.0), run(0.0)))
    first = np.linalg.norm(start - ideal)
    assert np.linalg.norm(learned.theta - ideal) < 0.05 * first
    assert np.linalg.norm(plain.theta - ideal) > 0.5 * first
    history = learned.final.law
    assert 1.0 <= history.excited_at < 3.5
    assert history.recorded == 8
    # At rest it is the least-squares solution of the data: as far off as these, over σ_min.
    points = np.asarray(history.inputs)
    stack = [regressor(x) for x in points]
    wrong = np.asarray(history.drifts) - [own @ ideal[-TAIL:] for own in stack]
    assert np.linalg.norm(learned.theta - ideal) < np.linalg.norm(wrong) / least(stack) + 0.01


def test_refusals():
    with pytest.raises(ValueError, match="size and layers are at least 1"):
        ConcurrentLearning(TrackingLaw(), size=0)
    plant = NetworkPlant(NET, jnp.zeros(NET.size), jnp.eye(2))
    controller = LbDNN(NET, plant, ConcurrentLearning(TrackingLaw()))
    with pytest.raises(ValueError, match="use simulate, not simulate_continuous"):
        simulate_continuous(
            plant, controller, Reference(stopping), np.zeros(2), NET.unravel(INSIDE), t1=1.0
        )

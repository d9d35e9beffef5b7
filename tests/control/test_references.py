"""References that are data: hashable, and what their formulas say."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lbdnn.control import Constant, Reference, Sinusoids
from lbdnn.control.references import UUV, ten_state


def test_sinusoids_and_their_derivatives():
    amplitude, frequency = np.array([[1.0, 0.5], [2.0, 0.0]]), np.array([[1.0, 3.0], [0.5, 1.0]])
    with jax.enable_x64(True):
        reference = Reference(Sinusoids(amplitude, frequency, phase=0.2, offset=[1.0, -1.0]))
        motion = reference(0.7)
    angle = frequency * 0.7 + 0.2
    position = np.array([1, -1]) + np.sum(amplitude * np.sin(angle), 1)
    np.testing.assert_allclose(motion.position, position)
    np.testing.assert_allclose(motion.velocity, np.sum(amplitude * frequency * np.cos(angle), 1))
    np.testing.assert_allclose(
        motion.acceleration, -np.sum(amplitude * frequency**2 * np.sin(angle), 1)
    )
    assert float(motion.time) == 0.7


def test_references_are_hashable_and_equal_where_their_numbers_are():
    made = [Reference(Sinusoids([1.0, 2.0], np.array([3.0, k]))) for k in (4.0, 4.0, 5.0)]
    assert hash(made[0]) == hash(made[1]) and made[0] == made[1] != made[2]
    assert Reference(Constant(np.array([1.0]))) == Reference(Constant((1.0,)))


def test_benchmarks():
    with jax.enable_x64(True):
        rest = Reference(Constant((0.4, -0.2)))(3.0)
        np.testing.assert_array_equal(rest.state(2), [0.4, -0.2, 0, 0])
        np.testing.assert_array_equal(rest.acceleration, 0)
        times = jnp.array([0.0, 2.0])
        helix = jax.vmap(UUV)(times)
        turning = jax.vmap(ten_state([1.0, 2.0]))(times)
    cosine, sine = np.cos(1.0), np.sin(1.0)
    np.testing.assert_allclose(
        helix.position, [[2, 0, 0, 0, 0, 0], [2 * cosine, 2 * sine, 0.2, 0, 0, -0.25]], atol=1e-15
    )
    np.testing.assert_allclose(helix.velocity[1], [-sine, cosine, 0.1, 0, 0, -0.125], atol=1e-15)
    np.testing.assert_allclose(turning.position, [[0.5, 0.5], 0.5 + np.sin([2.0, 4.0])])


def test_refusals():
    with pytest.raises(ValueError, match="position takes finite numbers"):
        Constant(3.0)
    with pytest.raises(ValueError, match=r"broadcast to \(n,\) or \(n, K\)"):
        Sinusoids([1.0, 2.0], [1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="frequency takes finite numbers"):
        Sinusoids([1.0, 2.0], [1.0, np.nan])

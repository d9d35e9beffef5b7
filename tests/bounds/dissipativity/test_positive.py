"""Inverses and spectral radii by products."""

import jax
import jax.numpy as jnp
import numpy as np

from lbdnn.bounds.dissipativity.positive import inverse, spectral_radius

ROOTS = np.random.default_rng(0).standard_normal((50, 6, 6))
DEFINITE = ROOTS @ np.swapaxes(ROOTS, -1, -2) + 0.01 * np.eye(6)


def test_the_inverse_and_its_slope():
    with jax.enable_x64(True):
        found = inverse(DEFINITE)
        np.testing.assert_allclose(
            found @ DEFINITE, np.broadcast_to(np.eye(6), (50, 6, 6)), atol=1e-8
        )
        slope = jax.grad(lambda s: jnp.sum(jnp.sin(inverse(s))))(jnp.asarray(DEFINITE[0]))
        known = jax.grad(lambda s: jnp.sum(jnp.sin(jnp.linalg.inv(s))))(jnp.asarray(DEFINITE[0]))
    np.testing.assert_allclose(slope, known, rtol=1e-6, atol=1e-6 * np.max(np.abs(known)))


def test_the_spectral_radius_is_bounded_closely():
    indefinite = DEFINITE - 5 * np.eye(6)
    with jax.enable_x64(True):
        found = np.asarray(spectral_radius(indefinite))
    truth = np.max(np.abs(np.linalg.eigvalsh(indefinite)), -1)
    assert np.all(found >= truth * (1 - 1e-12))
    assert np.all(found <= truth * 6 ** (1 / 32) * (1 + 1e-12))

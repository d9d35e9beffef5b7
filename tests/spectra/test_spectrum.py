"""Eigenvalues and singular values of many matrices."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from lbdnn import FullyConnected
from lbdnn.spectra import eigenvalues, layer_spectra, singular_values, spectral_radius

entries = st.floats(-1e3, 1e3, allow_subnormal=False) | st.sampled_from(
    [0.0, 1.0, -1.0, 1e-6, 1e150, -1e150, 1e-150]
)


@settings(max_examples=200, deadline=None)
@given(st.lists(entries, min_size=4, max_size=4))
def test_closed_form_of_two_by_two_solves_the_characteristic_equation(numbers):
    matrix = np.reshape(numbers, (2, 2))
    with jax.enable_x64(True):
        found = np.asarray(eigenvalues(jnp.asarray(matrix)))
        radius = float(spectral_radius(jnp.asarray(matrix)))
    size = np.abs(matrix).max() or 1.0
    scaled, own = matrix / size, found / size
    # A backward error of some roundings: λ is an eigenvalue of a matrix that near.
    for value in own:
        residual = np.linalg.svd(scaled - value * np.eye(2), compute_uv=False)[-1]
        assert residual < 1e-14
    np.testing.assert_allclose(own.sum(), np.trace(scaled), atol=1e-14)
    if size < 1e140 and (size > 1e-140):
        assert radius / size == pytest.approx(np.abs(own).max(), abs=1e-7)


@pytest.mark.parametrize("n", [1, 2, 3, 6])
def test_agrees_with_numpy(n):
    matrices = np.random.default_rng(n).normal(size=(50, n, n))
    with jax.enable_x64(True):
        found = np.sort_complex(np.asarray(eigenvalues(matrices)))
        radii = np.asarray(spectral_radius(matrices))
        singular = np.asarray(singular_values(matrices[:, :, :1]))
    true = np.sort_complex(np.linalg.eigvals(matrices).astype(complex))
    np.testing.assert_allclose(found, true, atol=1e-12)
    np.testing.assert_allclose(radii, np.abs(true).max(-1), atol=1e-12)
    np.testing.assert_allclose(singular[:, 0], np.linalg.norm(matrices[:, :, 0], axis=1))


def test_layers():
    net = FullyConnected((2, 2, 3))
    theta = net.init(jax.random.key(0))
    square, other = layer_spectra(net, theta)
    weight = np.asarray(theta[0])[:, :2]
    assert square.spectral_radius == pytest.approx(np.abs(np.linalg.eigvals(weight)).max(), 1e-5)
    assert square.norm == pytest.approx(np.linalg.norm(weight, 2), 1e-5)
    assert other.eigenvalues is None
    assert other.singular_values.shape == (2,)


def test_refuses_what_is_not_square():
    with pytest.raises(ValueError, match="singular_values takes any"):
        eigenvalues(np.ones((5, 3, 2)))
    with pytest.raises(ValueError, match="square"):
        spectral_radius(np.ones(2))

"""Norms of many small matrices: never below the truth, near it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from lbdnn.bounds.cover.norms import largest_eigenvalue, length, matrix_norm

SHAPES = [(1, 1), (1, 5), (4, 4), (10, 10), (20, 10), (3, 30), (20, 20)]


@settings(max_examples=20, deadline=None)
@given(
    st.sampled_from(SHAPES),
    st.sampled_from([0, 1, 2]),
    st.sampled_from([0.0, 1e-250, 1e-100, 1.0, 1e100, 1e250]),
    st.integers(0, 2**32 - 1),
)
def test_at_least_the_norm_and_not_much_more(
    shape: tuple[int, int], squarings: int, size: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((*shape, 4))
    x[..., 1] = np.outer(x[:, 0, 1], x[0, :, 1])  # of rank one
    x[..., 2] = np.eye(*shape)  # with equal singular values
    truth = np.linalg.norm(np.moveaxis(x, -1, 0), 2, axis=(1, 2)) * size
    with jax.enable_x64(True):
        found = np.asarray(matrix_norm(jnp.asarray(x * size), squarings))
    assert np.all(found >= truth * (1 - 1e-14))
    if size >= 1e-100:
        assert np.all(found <= truth * min(shape) ** (0.25 / 2**squarings) * (1 + 1e-6))
        assert found[1:3] == pytest.approx(truth[1:3], rel=0.1)


@settings(max_examples=20, deadline=None)
@given(st.sampled_from([0.0, 1e-200, 1.0, 1e200]), st.integers(0, 2**32 - 1))
def test_lengths(size: float, seed: int) -> None:
    x = np.random.default_rng(seed).standard_normal((5, 3)) * size
    with jax.enable_x64(True):
        found = np.asarray(length(jnp.asarray(x), 0))
    # NumPy's own squares would under- and overflow.
    truth = np.linalg.norm(x / (size or 1.0), axis=0) * size
    assert np.all(found >= truth * (1 - 1e-15))
    assert found == pytest.approx(truth, rel=1e-9, abs=1e-280)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 8), st.sampled_from([1e-200, 1.0, 1e100]), st.integers(0, 2**32 - 1))
def test_eigenvalues_of_matrices_without_negative_entries(n: int, size: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    m = rng.exponential(size=(n, n, 5)) * (rng.random((n, n, 5)) < 0.7)
    m = (m + np.swapaxes(m, 0, 1)) / 2
    truth = np.linalg.eigvalsh(np.moveaxis(m, -1, 0))[:, -1] * size
    with jax.enable_x64(True):
        found = np.asarray(largest_eigenvalue(jnp.asarray(m * size)))
    assert np.all(found >= truth * (1 - 1e-14))
    if size >= 1:
        assert np.all(found <= truth * 1.02 + 1e-9 * size)

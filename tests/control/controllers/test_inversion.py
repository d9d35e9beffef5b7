"""Controls from wanted derivatives, beside NumPy's pseudoinverse."""

import jax
import numpy as np
import pytest

from lbdnn.control.controllers.inversion import right_inverse


@pytest.mark.parametrize(("n", "m"), [(1, 1), (2, 2), (3, 3), (4, 4), (1, 3), (2, 5), (3, 4)])
def test_is_the_pseudoinverse(n, m):
    rng = np.random.default_rng([n, m])
    for _ in range(3):
        g, wanted = rng.normal(size=(n, m)), rng.normal(size=n)
        with jax.enable_x64(True):
            found = right_inverse(g, wanted)
        np.testing.assert_allclose(found, np.linalg.pinv(g) @ wanted, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("scale", [1e-25, 1e25])
def test_no_determinant_leaves_the_range_of_float32(n, scale):
    g = np.eye(n)[::-1] * scale
    wanted = np.arange(1.0, n + 1) * scale
    np.testing.assert_allclose(right_inverse(g, wanted), wanted[::-1] / scale, rtol=1e-6)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_pivot_of_zero_is_no_obstacle_and_a_singular_matrix_is(n):
    g = np.roll(np.eye(n), 1, axis=0)
    wanted = np.arange(1.0, n + 1)
    np.testing.assert_allclose(right_inverse(g, wanted), g.T @ wanted, rtol=1e-6)
    g[0] = 0.0
    assert not np.any(np.isfinite(right_inverse(g, wanted)))

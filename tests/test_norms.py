"""Norms and products of upper bounds lose nothing to underflow."""

import jax
import numpy as np
import pytest

from lbdnn.norms import euclidean, euclidean_of_all, matrix_product, product


@pytest.mark.parametrize("size", [1e-300, 1e-160, 1.0, 1e160, 1e300])
def test_squares_neither_overflow_nor_underflow(size: float) -> None:
    with jax.enable_x64(True):
        assert float(euclidean(size * np.array([3.0, 4.0]))) == pytest.approx(5 * size, rel=1e-15)
        assert float(euclidean_of_all([size * np.array([3.0]), size * np.array([[4.0]])])) == (
            pytest.approx(5 * size, rel=1e-15)
        )


def test_zero_infinity_and_axes() -> None:
    x = np.array([[3.0, 0.0], [4.0, 0.0]])
    assert euclidean(x, 0).tolist() == [5.0, 0.0]
    assert euclidean(x, 1).tolist() == [3.0, 4.0]
    assert float(euclidean(np.array([1.0, np.inf]))) == np.inf
    assert float(euclidean(np.zeros(3))) == 0.0


def test_a_product_is_zero_only_if_a_factor_is() -> None:
    with jax.enable_x64(True):
        tiny = np.float64(1e-200)
        assert float(product(tiny, tiny)) > 0
        assert float(product(np.float64(0), tiny)) == 0
        found = matrix_product(tiny * np.eye(2), tiny * np.eye(2))
        assert np.array_equal(np.asarray(found) > 0, np.eye(2, dtype=bool))

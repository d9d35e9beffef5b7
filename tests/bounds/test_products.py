"""Products of upper bounds lose nothing to underflow."""

import jax
import numpy as np

from lbdnn.bounds.products import matrix_product, product


def test_a_product_is_zero_only_if_a_factor_is() -> None:
    with jax.enable_x64(True):
        tiny = np.float64(1e-200)
        assert float(product(tiny, tiny)) > 0
        assert float(product(np.float64(0), tiny)) == 0
        found = matrix_product(tiny * np.eye(2), tiny * np.eye(2))
        assert np.array_equal(np.asarray(found) > 0, np.eye(2, dtype=bool))

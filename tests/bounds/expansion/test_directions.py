"""Finitely many directions bound a seminorm over all of them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lbdnn.bounds.expansion.directions import Directions


@pytest.mark.parametrize("outputs", [1, 2, 3, 4, 6])
def test_a_bound_for_every_seminorm_and_not_much_more(outputs):
    rng = np.random.default_rng(outputs)
    with jax.enable_x64(True):
        chosen = Directions(outputs, 0.02)
        np.testing.assert_allclose(np.linalg.norm(chosen.vectors, axis=1), 1, rtol=1e-15)
        for rank in (1, 1, 2, outputs, 3 * outputs):
            # g(u) = ‖Σ u_o X_o‖: sup g = ‖A‖ for g(u) = ‖Au‖, and max|Au| for the ∞-norm.
            a = rng.standard_normal((rank, outputs)) * np.exp(2 * rng.standard_normal(outputs))
            for order, truth in (
                (2, np.linalg.norm(a, 2)),
                (np.inf, np.linalg.norm(a, axis=1).max()),
            ):
                values = np.linalg.norm(chosen.vectors @ a.T, order, axis=1)
                bound = float(chosen.supremum(jnp.asarray(values)))
                excess = {1: 1.0, 2: 1.02, 3: 1.13, 4: 1.16, 6: 1.21}[outputs]
                assert truth * (1 - 1e-12) <= bound <= truth * excess * (1 + 1e-9)


def test_more_directions_for_a_smaller_excess():
    assert len(Directions(2, 0.001).vectors) > len(Directions(2, 0.1).vectors)

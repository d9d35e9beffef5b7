"""Eigenvalues for many models at many points."""

import jax
import numpy as np
import pytest

from lbdnn import FullyConnected
from lbdnn.spectra import eigenvalues, linearize, sweep


@pytest.mark.parametrize("n", [1, 2, 3])
def test_same_as_one_model_at_a_time(n):
    net = FullyConnected((n, 4, n), "logistic")
    thetas = jax.vmap(net.init)(jax.random.split(jax.random.key(0), 3))
    points = np.random.default_rng(0).normal(0, 3, (5001 if n == 2 else 50, n))
    found = np.asarray(sweep(net, thetas, points))
    assert found.shape == (3, len(points), n)
    for model in range(3):
        theta = jax.tree.map(lambda leaf, model=model: leaf[model], thetas)
        own = eigenvalues(linearize(net, theta, points).matrix)
        np.testing.assert_allclose(
            np.sort_complex(found[model]), np.sort_complex(np.asarray(own)), atol=2e-4
        )


def test_refusals():
    net = FullyConnected((2, 3))
    with pytest.raises(ValueError, match="as many outputs"):
        sweep(net, net.init(jax.random.key(0)), np.ones((4, 2)))
    square = FullyConnected((2, 2))
    with pytest.raises(ValueError, match=r"shape \(b, 2\)"):
        sweep(square, square.init(jax.random.key(0)), np.ones(2))
    with pytest.raises(ValueError, match="leading axis"):
        sweep(square, square.init(jax.random.key(0)), np.ones((3, 2)))
    thetas = jax.vmap(square.init)(jax.random.split(jax.random.key(0), 2))
    with pytest.raises(ValueError, match="form is"):
        sweep(square, thetas, np.ones((3, 2)), form="Shifted")  # pyright: ignore
    assert sweep(square, thetas, np.ones((0, 2))).shape == (2, 0, 2)

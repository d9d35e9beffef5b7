"""Norm bounds from intervals of entries are above the norms of what lies in the intervals."""

import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.dense_intervals import derivative_entries
from experiments.interval_norms import cells, largest_norm, largest_over_cells
from experiments.random_points import largest_at_random
from lbdnn import FullyConnected, derivatives
from lbdnn.intervals import interval

NET = FullyConnected((2, 2, 2, 2), "tanh")


def symmetric(rng, m: int, p: int) -> np.ndarray:
    tensor = rng.standard_normal((m, p, p))
    return tensor + np.swapaxes(tensor, 1, 2)


def norm(tensor: np.ndarray) -> float:
    """‖Σ uᵢTᵢ‖, the largest of many unit u: not above the operator norm, and near to it."""
    m = len(tensor)
    angles = np.linspace(0, np.pi, 200)
    u = np.stack([np.cos(angles), np.sin(angles)], 1)
    u = u if m == 2 else np.random.default_rng(0).standard_normal((1 if m == 1 else 500, m))
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    return float(np.max(np.abs(np.linalg.eigvalsh(np.tensordot(u, tensor, 1)))))


@pytest.mark.parametrize("m", [1, 2, 3])
@pytest.mark.parametrize("width", [0.0, 0.1, 5.0])
def test_no_tensor_of_the_intervals_has_a_larger_norm(m, width):
    rng = np.random.default_rng(m)
    centre, away = symmetric(rng, m, 4), width * np.abs(symmetric(rng, m, 4))
    bound = largest_norm((centre - away)[None], (centre + away)[None])
    samples = [centre + away * np.sign(symmetric(rng, m, 4)) for _ in range(50)]
    norms = [norm(sample) for sample in samples]
    assert max(norms) <= bound * (1 + 1e-12)
    if width == 0 and m < 3:
        assert bound <= max(norms) / math.cos(math.pi / 32) * (1 + 1e-3)


def test_the_bound_of_matrices_is_their_norm_where_the_intervals_are_points():
    matrices = np.random.default_rng(0).standard_normal((5, 2, 7))
    assert largest_norm(matrices, matrices) == pytest.approx(
        max(np.linalg.norm(matrix, 2) for matrix in matrices), rel=1e-12
    )
    assert largest_norm(matrices, matrices, known=100.0) == 100.0


def test_of_many_tensors_the_bound_is_that_of_the_largest():
    rng = np.random.default_rng(3)
    tensors = np.stack([scale * symmetric(rng, 2, 3) for scale in (1.0, 0.3, 2.0, 1.9)])
    alone = [largest_norm(tensor[None] - 0.1, tensor[None] + 0.1) for tensor in tensors]
    assert largest_norm(tensors - 0.1, tensors + 0.1) == pytest.approx(max(alone), rel=1e-12)


@pytest.mark.parametrize("wrong", [np.inf, np.nan])
def test_entries_that_are_not_bounded_have_no_bound(wrong):
    lo, hi = np.zeros((1, 2, 3)), np.zeros((1, 2, 3))
    hi[0, 1, 1] = wrong
    assert largest_norm(lo, hi) == math.inf


def test_cells_tile_the_box():
    lo, hi = cells(np.array([-1.0, 0.0]), np.array([1.0, 3.0]), 3)
    assert len(lo) == 9 and np.all(lo < hi)
    assert np.prod(hi - lo, axis=1).sum() == pytest.approx(6.0)
    assert len({tuple(corner) for corner in lo}) == 9
    assert lo.min(0).tolist() == [-1, 0] and hi.max(0).tolist() == [1, 3]


def test_every_cell_counts_and_a_run_that_is_too_long_ends():
    def enclose(lo, hi):
        return lo[:, None, :], hi[:, None, :]  # the matrix [σ₁ σ₂]

    ends = np.array([-1.0, 0.0]), np.array([1.0, 3.0])
    found = largest_over_cells(enclose, *ends, 3, together=4)
    assert found == pytest.approx(math.hypot(1, 3))
    assert math.isnan(largest_over_cells(enclose, *ends, 3, together=4, limit=0.0))


@pytest.fixture(scope="module")
def entries():
    """Ends of the entries over a box of inputs and a box of parameters, by order."""
    theta = np.random.default_rng(0).uniform(-0.8, 0.8, NET.size)
    with jax.enable_x64(True):
        weights = [jnp.asarray(w) for w in NET.weights(NET.unravel(theta))]

        @partial(jax.jit, static_argnums=0)
        def ends(order, radius, lo, hi):
            around = [interval(w - radius, w + radius) for w in weights]
            return derivative_entries(around, NET.activations[0], order, lo, hi)

    return theta, ends


@pytest.mark.parametrize(
    ("order", "derivative"), [(1, derivatives.jacobian), (2, derivatives.hessian)]
)
def test_dense_intervals_contain_the_derivatives(entries, order, derivative):
    theta, ends = entries
    rng = np.random.default_rng(order)
    derivative = jax.jit(partial(derivative, NET))
    with jax.enable_x64(True):
        lo, hi = ends(order, 0.05, -0.5 * jnp.ones(2), jnp.ones(2))
        for _ in range(20):
            sigma = rng.uniform(-0.5, 1, 2)
            near = NET.unravel(theta + 0.05 * np.sign(rng.standard_normal(NET.size)))
            found = derivative(near, sigma)
            assert np.all(lo <= found) and np.all(found <= hi)
        sigma = jnp.array([0.3, -0.2])
        lo, hi = ends(order, 0.0, sigma, sigma)
        exact = derivative(NET.unravel(theta), sigma)
        np.testing.assert_allclose(lo, exact, atol=1e-12)
        np.testing.assert_allclose(hi, exact, atol=1e-12)


def test_random_points_reach_the_norms_and_not_more():
    theta, sigma = np.random.default_rng(4).uniform(-0.8, 0.8, NET.size), np.array([0.3, -0.7])
    with jax.enable_x64(True):
        first = float(derivatives.jacobian_norm(NET, NET.unravel(theta), sigma))
        second = derivatives.hessian_norm(NET, NET.unravel(theta), sigma)
    point = (NET, theta, 0.0, sigma, sigma)
    assert largest_at_random(*point, "jacobian", 10, 0) == pytest.approx(first, rel=1e-12)
    found = largest_at_random(*point, "hessian", 10, 0)
    assert 0.99 * second <= found <= second * (1 + 1e-9)
    assert largest_at_random(NET, theta, 0.5, sigma, sigma, "jacobian", 10, 0) > first

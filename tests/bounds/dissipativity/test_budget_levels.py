"""Triangles of a shared radius, and matrices that dominate."""

import jax
import numpy as np
import pytest

from lbdnn.bounds.dissipativity.budget_levels import dominating, levels


@pytest.mark.parametrize("n", [1, 2, 5])
def test_triangles_cover_what_the_layers_can_share(n):
    grid = levels(n)
    rng = np.random.default_rng(n)
    for v, u in rng.dirichlet([1, 1, 1], 200)[:, :2]:
        corners = np.stack([grid.before / n, grid.share], -1)
        ones = np.ones((*corners.shape[:-1], 1))
        system = np.swapaxes(np.concatenate([corners, ones], -1), -1, -2)
        weights = np.linalg.solve(system, np.broadcast_to([[v], [u], [1.0]], (len(corners), 3, 1)))
        assert np.any(np.all(weights >= -1e-12, (1, 2)))


@pytest.mark.parametrize("n", [1, 2, 5])
def test_on_a_triangle_both_shares_stay_between_neighbouring_levels(n):
    grid = levels(n)
    assert np.all(np.ptp(grid.before, axis=1) <= 1)
    assert np.all(np.ptp(grid.after, axis=1) <= 1)
    np.testing.assert_allclose(grid.after / n, grid.before / n + grid.share)
    # Their areas make up the whole triangle V + u ≤ 1.
    edges = np.diff(np.stack([grid.before / n, grid.share], -1), axis=1)
    area = np.abs(edges[:, 0, 0] * edges[:, 1, 1] - edges[:, 0, 1] * edges[:, 1, 0]) / 2
    assert np.sum(area) == pytest.approx(0.5)


def test_nodes_dominate_the_forms_that_end_there():
    grid = levels(3)
    rng = np.random.default_rng(0)
    roots = rng.standard_normal((*grid.before.shape, 4, 4)) * rng.uniform(0, 3, (4, 1))
    forms = roots @ np.swapaxes(roots, -1, -2)
    with jax.enable_x64(True):
        nodes = np.asarray(dominating(grid, forms, rng.standard_normal(grid.before.shape)))
    gaps = nodes[grid.after] - forms
    assert np.all(np.linalg.eigvalsh(gaps) > 0)

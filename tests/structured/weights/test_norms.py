"""Orthogonal, Schur-stable and norm-bounded weights, and which weights they reach."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy.linalg import expm

from lbdnn.structured.weights import NormBounded, Orthogonal, SchurStable, SchurStableParameters

from .families import parameters

few = settings(max_examples=10, deadline=None)
seeds = st.integers(0, 2**31 - 1)
apply = jax.jit(lambda family, parameters: family(parameters), static_argnums=0)


@pytest.mark.parametrize(
    "family",
    [
        Orthogonal(4, 4, method="householder"),
        Orthogonal(4, 4, method="cayley"),
        Orthogonal(2, 4, method="cayley"),
        Orthogonal(4, 2, method="exponential"),
    ],
    ids=str,
)
def test_orthogonal_weights_keep_lengths(family):
    for seed, scale in enumerate((1e-3, 1.0, 30.0, 1000.0)):
        with jax.enable_x64(True):
            found = np.asarray(apply(family, parameters(family, seed, scale)))
        np.testing.assert_allclose(np.linalg.svd(found, compute_uv=False), 1, atol=1e-10)
        if family.n_out == family.n_in:
            assert np.linalg.det(found) == pytest.approx(1)  # with four reflections too


def test_three_reflections_have_determinant_minus_one():
    family = Orthogonal(3, 3, method="householder")
    found = np.asarray(apply(family, parameters(family, 0)))
    assert np.linalg.det(found) == pytest.approx(-1, rel=1e-5)


def test_cayley_reaches_what_has_no_eigenvalue_minus_one():
    with jax.enable_x64(True):
        target = np.asarray(expm(np.array([[0, -2.0], [2.0, 0]])))
        skew = np.linalg.solve(np.eye(2) + target, np.eye(2) - target)
        found = Orthogonal(2, 2, method="cayley")(skew[np.tril_indices(2, -1)])
    np.testing.assert_allclose(found, target, atol=1e-14)


def test_reflections_depend_on_directions_only():
    family = Orthogonal(3, 3, method="householder")
    both = jax.jit(lambda v: (family(v), jax.grad(lambda v: family(v)[0, 1])(v)))
    for size in (0.0, 1e-200, 1.0, 1e200):
        with jax.enable_x64(True):
            vectors = parameters(family, 0)
            vectors[1] *= size
            found, gradient = both(vectors)
            assert family.defect(found) < 2e-15
        # One without direction is no reflection.
        assert np.linalg.det(found) == pytest.approx(-1 if size else 1)
        assert np.all(np.isfinite(gradient))


@pytest.mark.parametrize("shape", [(3, 3), (2, 4)])
def test_norms_stay_below_the_bound(shape):
    family = NormBounded(*shape, bound=0.7)
    both = jax.jit(lambda k: (family(k), jax.grad(lambda k: jnp.sum(family(k) ** 2))(k)))
    for seed, scale in enumerate((1e-6, 1.0, 1e6, 1e12)):
        with jax.enable_x64(True):
            found, gradient = both(parameters(family, seed, scale))
        assert 0 < np.linalg.norm(found, 2) <= 0.7 * (1 + 1e-14)
        assert np.all(np.isfinite(gradient))


def test_norms_stay_below_the_bound_where_parameters_have_no_full_rank():
    family = NormBounded(3, 3)
    for k in (0.0, 1.0, 1e5, 3e38):
        found = family(np.full((3, 3), k, np.float32))
        assert np.linalg.norm(found, 2) <= 1 + 1e-6


@few
@given(seeds, st.sampled_from([(3, 3), (2, 4)]), st.floats(0.01, 0.99))
def test_every_contraction_is_reached(seed, shape, norm):
    rng = np.random.default_rng(seed)
    target = rng.normal(size=shape)
    target *= norm / np.linalg.norm(target, 2)
    tall = target if shape[0] >= shape[1] else target.T
    # R Rᵀ = (I − CᵀC)⁻¹ with R upper triangular, from a Cholesky factor with its order reversed.
    gram = np.linalg.inv(np.eye(tall.shape[1]) - tall.T @ tall)
    r = np.linalg.cholesky(gram[::-1, ::-1])[::-1, ::-1]
    k = tall @ r if shape[0] >= shape[1] else (tall @ r).T
    with jax.enable_x64(True):
        np.testing.assert_allclose(NormBounded(*shape)(k), target, atol=1e-12)


@few
@given(seeds, st.floats(0.05, 2.0), st.sampled_from([0.1, 0.5, 1.5]))
def test_schur_stable_weights_have_a_lyapunov_function(seed, radius, scale):
    family = SchurStable(3, radius=radius)
    with jax.enable_x64(True):
        given = parameters(family, seed, scale)
        w, p = np.asarray(family(given)), np.asarray(family.lyapunov(given))
    s = np.linalg.cholesky(p[::-1, ::-1])[::-1, ::-1].T  # lower triangular, p = sᵀs
    error = 1e-14 * np.linalg.cond(s) ** 2
    assert np.abs(np.linalg.eigvals(w)).max() < radius + error
    decrease = radius**2 * np.eye(3) - np.linalg.inv(s).T @ w.T @ p @ w @ np.linalg.inv(s)
    assert np.linalg.eigvalsh(decrease).min() > -error


def test_schur_stable_reaches_a_non_normal_matrix():
    target = np.array([[0.5, 10.0], [0.0, 0.5]])
    p = sum(
        np.linalg.matrix_power(target.T, k) @ np.linalg.matrix_power(target, k) for k in range(200)
    )
    s = np.linalg.cholesky(p[::-1, ::-1])[::-1, ::-1].T
    c = s @ target @ np.linalg.inv(s)
    r = np.linalg.cholesky(np.linalg.inv(np.eye(2) - c.T @ c)[::-1, ::-1])[::-1, ::-1]
    t = np.where(np.eye(2, dtype=bool), np.log(np.diag(s)), s)
    with jax.enable_x64(True):
        family = SchurStable(2)
        found = family(SchurStableParameters(c @ r, jnp.asarray(t[np.tril_indices(2)])))
    np.testing.assert_allclose(found, target, atol=1e-8)
    assert np.linalg.norm(target, 2) > 10  # steps grow before they shrink


def test_products_of_different_schur_stable_weights_may_diverge():
    one, other = np.array([[0.5, 10.0], [0.0, 0.5]]), np.array([[0.5, 0.0], [10.0, 0.5]])
    family = SchurStable(2)
    assert family.defect(one) == family.defect(other) == 0
    assert family.defect(one @ other) > 99

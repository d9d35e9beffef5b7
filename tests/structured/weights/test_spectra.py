"""Eigenvalues and singular values of each family, and what the source promises beyond them."""

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import given, settings, strategies as st
from scipy.linalg import expm

from lbdnn.structured.weights import (
    SVD,
    Gershgorin,
    GershgorinParameters,
    Hamiltonian,
    PerronFrobenius,
    PerronFrobeniusParameters,
    SkewSymmetric,
    SVDParameters,
)

from .families import parameters

few = settings(max_examples=12, deadline=None)
seeds = st.integers(0, 2**31 - 1)
scales = st.sampled_from([0.1, 1.0, 10.0])
bounds = st.floats(-3, 3).map(lambda x: round(x, 3))


def weight(family, seed, scale=1.0):
    """A random weight in float64, which has the property."""
    with jax.enable_x64(True):
        found = family(parameters(family, seed, scale))
        assert family.defect(found) < 1e-12
        return np.asarray(found)


def eigenvalues(matrix):
    return np.linalg.eigvals(matrix)


@few
@given(seeds, scales, st.floats(0, 3), st.floats(0, 3))
def test_perron_frobenius_bounds_the_dominant_eigenvalue(seed, scale, one, other):
    least, greatest = sorted((one, other))
    found = eigenvalues(weight(PerronFrobenius(4, 4, least=least, greatest=greatest), seed, scale))
    dominant = found[np.argmax(np.abs(found))]
    assert least - 1e-9 <= np.abs(found).max() <= greatest + 1e-9
    assert abs(dominant.imag) < 1e-6 and np.isclose(found, np.abs(dominant), atol=1e-6).any()


@few
@given(seeds, bounds, bounds)
def test_perron_frobenius_of_any_sign_and_shape_bounds_row_sums(seed, one, other):
    least, greatest = sorted((one, other))
    found = weight(PerronFrobenius(2, 3, least=least, greatest=greatest), seed, 3.0)
    sums = found.sum(1)
    assert np.all((least - 1e-12 <= sums) & (sums <= greatest + 1e-12))
    assert np.abs(found).sum(1).max() <= max(abs(least), abs(greatest)) + 1e-12


def test_perron_frobenius_does_not_bound_other_eigenvalues_nor_lengths():
    family = PerronFrobenius(2, 2, least=1.0, greatest=1.0)
    zero = np.zeros((2, 2))
    half = family(PerronFrobeniusParameters(zero, zero))
    np.testing.assert_allclose(np.sort(eigenvalues(half)), [0, 1], atol=1e-7)
    column = np.array([[9.0, 0.0], [9.0, 0.0]])
    assert np.linalg.norm(family(PerronFrobeniusParameters(column, zero)), 2) > 1.4  # about √2


def test_perron_frobenius_across_zero_has_no_dominant_bound():
    family = PerronFrobenius(2, 2, least=-1.0, greatest=1.0)
    scales = np.array([[0.0, -30.0], [30.0, 0.0]])  # M = [[0, 1], [−1, 0]]
    found = family(PerronFrobeniusParameters(np.zeros((2, 2)), scales))
    assert np.abs(eigenvalues(found).imag).min() > 0.4


@few
@given(seeds, bounds, bounds, st.sampled_from(["cayley", "householder"]))
def test_svd_bounds_singular_values_and_moduli(seed, one, other, factors):
    least, greatest = sorted((one, other))
    found = weight(SVD(3, 3, least=least, greatest=greatest, factors=factors), seed)
    low = 0 if least <= 0 <= greatest else min(abs(least), abs(greatest))
    high = max(abs(least), abs(greatest))
    for values in (np.linalg.svd(found, compute_uv=False), np.abs(eigenvalues(found))):
        assert low - 1e-9 <= values.min() and values.max() <= high + 1e-9


def test_svd_does_not_bound_eigenvalues_themselves():
    family = SVD(2, 2, least=0.99, greatest=1.0)
    one = np.eye(2)
    found = eigenvalues(family(SVDParameters(-one, np.zeros(2), one)))
    assert np.all(found < -0.99)
    negative = SVD(2, 2, least=-1.0, greatest=-0.99)
    np.testing.assert_array_equal(
        family(SVDParameters(one, np.zeros(2), one)),
        negative(SVDParameters(-one, np.zeros(2), one)),
    )


@few
@given(seeds, st.floats(0.001, 0.2))
def test_svd_of_nearly_orthogonal_factors(seed, size):
    family, rng = SVD(3, 4, least=0.5, greatest=2.0), np.random.default_rng(seed)
    u, v = (
        np.linalg.qr(rng.normal(size=(n, n)))[0] + size / n * rng.uniform(-1, 1, (n, n))
        for n in (3, 4)
    )
    with jax.enable_x64(True):
        point = SVDParameters(u, rng.normal(size=3), v)
        found = np.linalg.svd(family(point), compute_uv=False)
        penalty = float(family.orthogonality_penalty(point))
    one = np.linalg.norm(u.T @ u - np.eye(3), 2)
    other = np.linalg.norm(v @ v.T - np.eye(4), 2)
    assert max(one, other) < 1 and penalty >= 2 * (one + other) - 1e-12
    assert found.max() <= 2 * np.sqrt((1 + one) * (1 + other)) + 1e-12
    assert found.min() >= 0.5 * np.sqrt((1 - one) * (1 - other)) - 1e-12


def test_svd_is_nothing_without_its_penalty_and_training_with_it_returns():
    family, one = SVD(2, 2, least=0.5, greatest=1.0), np.eye(2)
    gradient = jax.jit(jax.value_and_grad(family.orthogonality_penalty))
    with jax.enable_x64(True):
        value, at_identity = gradient(SVDParameters(one, np.zeros(2), one))
        assert value == 0 and all(np.all(x == 0) for x in jax.tree.leaves(at_identity))
        point = SVDParameters(np.array([[3.0, 0.4], [0.0, 2.0]]), np.zeros(2), one)
        assert family.defect(family(point)) > 0.5
        for k in range(150):
            value, slope = gradient(point)
            rate = 0.02 * 0.96**k
            point = jax.tree.map(lambda x, g, r=rate: x - r * np.asarray(g), point, slope)
        assert value < 0.02 and family.defect(family(point)) < 0.02


@few
@given(seeds, bounds, scales)
def test_skew_symmetric_eigenvalues_have_one_real_part_and_any_modulus(seed, damping, scale):
    found = weight(SkewSymmetric(4, damping=damping), seed, scale)
    np.testing.assert_allclose(eigenvalues(found).real, -damping, atol=1e-9)
    np.testing.assert_allclose(found @ found.T, found.T @ found, atol=1e-9)


def test_skew_symmetric_weights_are_no_stable_maps():
    found = SkewSymmetric(2, damping=0.1)(np.array([5.0]))
    assert np.abs(eigenvalues(found)).min() > 5
    flow = expm(found)
    np.testing.assert_allclose(np.abs(eigenvalues(flow)), np.exp(-0.1), rtol=1e-5)


@few
@given(seeds, scales, st.booleans())
def test_hamiltonian_eigenvalues_are_imaginary_singular_values(seed, scale, symmetric):
    found = weight(Hamiltonian(4, symmetric=symmetric), seed, scale)
    sigma = np.linalg.svd(found[:2, 2:], compute_uv=False)
    expected = np.sort(np.concatenate([sigma, -sigma]))
    np.testing.assert_allclose(np.sort(eigenvalues(found).imag), expected, atol=1e-8)
    np.testing.assert_allclose(eigenvalues(found).real, 0, atol=1e-8)
    zero, one = np.zeros((2, 2)), np.eye(2)
    j = np.block([[zero, one], [-one, zero]])
    if symmetric:
        np.testing.assert_allclose(j @ found, (j @ found).T, atol=1e-12)


def test_hamiltonian_weights_are_not_what_the_source_says():
    a = np.array([[2.0, 1.0], [0.0, 2.0]])
    found = np.asarray(Hamiltonian(4)(a))
    j = np.block([[np.zeros((2, 2)), np.eye(2)], [-np.eye(2), np.zeros((2, 2))]])
    symplectic = np.block([[np.zeros((2, 2)), a @ a], [-(a @ a).T, np.zeros((2, 2))]])
    np.testing.assert_array_equal(found.T @ j @ found, symplectic)
    assert np.abs(symplectic - j).max() > 1  # not symplectic
    assert np.abs(j @ found - (j @ found).T).max() == 1  # not even a Hamiltonian matrix
    assert np.abs(eigenvalues(found)).max() > 2  # the dominant modulus is ‖A‖₂, not 1
    np.testing.assert_allclose(np.abs(eigenvalues(expm(found))), 1, rtol=1e-5)


@few
@given(
    seeds,
    st.sampled_from([2, 4]),
    scales,
    bounds,
    bounds,
    st.sampled_from(["real", "complex"]),
    st.sampled_from(["equal", "inner"]),
)
def test_gershgorin_eigenvalues_lie_in_the_disc(seed, n, scale, one, other, which, discs):
    least, greatest = sorted((one, other))
    family = Gershgorin(n, least=least, greatest=greatest, eigenvalues=which, discs=discs)
    found = weight(family, seed, scale)
    values = eigenvalues(found)
    assert np.abs(values - family.centre).max() <= family.radius + 1e-9
    assert least - 1e-9 <= values.real.min() and values.real.max() <= greatest + 1e-9
    if which == "real":
        assert np.abs(values.imag).max() < 1e-9
    elif greatest > least and (discs == "equal" or n == 2):
        assert np.abs(values.imag).max() > 0
    if which == "real" and discs == "equal":  # W1 = greatest·1
        np.testing.assert_allclose(found.sum(1), greatest, atol=1e-12)


def test_gershgorin_with_two_rows_has_one_weight():
    for seed in range(3):
        real = weight(Gershgorin(2, least=-1, greatest=3), seed)
        np.testing.assert_array_equal(real, [[1, 2], [2, 1]])
        pair = weight(Gershgorin(2, least=-1, greatest=3, eigenvalues="complex"), seed)
        np.testing.assert_array_equal(pair, [[1, 2], [-2, 1]])


def test_the_rows_of_the_sources_formula_alone_may_have_complex_eigenvalues():
    m = np.array([[0, 1, 0.01], [0.01, 0, 1], [1, 0.01, 0]])
    unsigned = m / m.sum(1, keepdims=True)
    assert np.abs(eigenvalues(unsigned).imag).max() > 0.8
    couplings = np.log(np.array([[1, 0.01], [0.01, 1], [1, 0.01]]))
    family = Gershgorin(3, least=-1, greatest=1, eigenvalues="complex")
    found = np.asarray(family(GershgorinParameters(jnp.asarray(couplings))))
    np.testing.assert_allclose(np.abs(found), unsigned, atol=1e-7)


def test_gershgorin_keeps_the_digits_of_a_narrow_range():
    family = Gershgorin(3, least=1 - 1e-5, greatest=1 + 1e-5)
    found = np.asarray(family(family.init(jax.random.key(0))))
    off = found - np.diag(np.diag(found))
    np.testing.assert_allclose(off.sum(1), 1e-5, rtol=1e-5)


def test_couplings_are_those_of_a_uniform_matrix():
    family = Gershgorin(40, least=0, greatest=1, eigenvalues="complex")
    m = np.exp(np.asarray(family.init(jax.random.key(3)).couplings))
    assert m.min() > 0 and m.max() <= 1
    assert abs(m.mean() - 0.5) < 0.05 and abs((m < 0.25).mean() - 0.25) < 0.05

"""Bounds of norms and eigenvalues against exact rational arithmetic, on adversarial matrices."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from lbdnn.intervals import (
    definite,
    euclidean,
    largest_eigenvalue,
    nonnegative_norm,
    perron,
    rough_norm,
    spectral_norm,
    spectral_norm_quick,
)

from . import oracle
from .numbers import DTYPES, floats

NORMS = {"eigenvectors": spectral_norm, "quick": spectral_norm_quick, "rough": rough_norm}
TIGHT = (spectral_norm, spectral_norm_quick)
eigenvalue, spectral_radius, positive = largest_eigenvalue, perron, definite
entrywise_norm, length = nonnegative_norm, euclidean
rng = np.random.default_rng(0)


def value(function, *arrays):
    with jax.enable_x64(True):
        result = np.asarray(function(*map(jnp.asarray, arrays)))
    return result.item() if result.ndim == 0 else result


def orthogonal(n):
    return np.linalg.qr(np.random.default_rng(n).normal(size=(n, n)))[0]


JORDAN = np.eye(4) + np.eye(4, k=1)
SQUARE = {
    "one": np.array([[-3.0]]),
    "zero": np.zeros((4, 4)),
    "identity": np.eye(4),
    "defective": JORDAN,
    "nilpotent": np.eye(4, k=1) * 1e8,
    "rank one": np.outer([1, 1e-8, 3, 1e8], [1e3, 2, 1e-4, 5]),
    "orthogonal": orthogonal(4),
    "graded": np.diag([1, 1e-100, 1e100, 1e-200]) + 1e-120,
    "huge": rng.normal(size=(4, 4)) * 1e200,
    "tiny": rng.normal(size=(4, 4)) * 1e-200,
    "overflowing": np.full((4, 4), 1.7e308),
    "subnormal": np.full((4, 4), 3e-310),
    "smallest": np.full((4, 4), 5e-324),
    "normal": rng.normal(size=(4, 4)),
    "nearly equal": orthogonal(4) @ np.diag([1, 1 + 1e-15, 1 - 1e-15, 1]),
    "hilbert": 1 / (np.arange(4)[:, None] + np.arange(4) + 1.0),
}
OTHERS = {
    "row": rng.normal(size=(1, 4)),
    "column": rng.normal(size=(4, 1)) * 1e-160,
    "wide": rng.normal(size=(2, 4)),
    "tall": rng.normal(size=(5, 3)),
}


@pytest.mark.parametrize("method", NORMS)
@pytest.mark.parametrize("name", [*SQUARE, *OTHERS])
def test_spectral_norms_are_at_least_the_truth(name, method):
    a = (SQUARE | OTHERS)[name]
    bound = value(NORMS[method], a)
    assert oracle.at_least_norm(bound, a)
    with np.errstate(over="ignore", under="ignore"):
        single = a.astype(np.float32)
    if name in SQUARE and np.isfinite(single).all():
        assert oracle.at_least_norm(value(NORMS[method], single), single)


@pytest.mark.parametrize(
    "name", sorted(SQUARE.keys() - {"zero", "overflowing", "subnormal", "smallest"})
)
def test_spectral_norms_are_tight(name):
    bound = value(NORMS["eigenvectors"], SQUARE[name])
    assert not oracle.at_least_norm(bound * (1 - 1e-12), SQUARE[name])
    quick = value(NORMS["quick"], SQUARE[name])
    assert quick <= bound * 4 ** (1 / 2**12) * (1 + 1e-12)


def test_overflow_gives_infinity():
    assert value(NORMS["eigenvectors"], SQUARE["overflowing"]) == math.inf
    assert value(NORMS["quick"], SQUARE["overflowing"]) == math.inf
    assert value(spectral_radius, SQUARE["overflowing"]) == math.inf
    assert value(eigenvalue, SQUARE["overflowing"]) == math.inf
    assert value(length, SQUARE["overflowing"]) == math.inf


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_has_no_bound(bad):
    # Of the shapes that other tests have: what is compiled for them serves here.
    both = np.tile(np.eye(4), (2, 3, 1, 1))
    both[0, :, 1, 2] = bad
    for function in (*TIGHT, eigenvalue, spectral_radius, entrywise_norm):
        bounds = value(function, both)
        assert np.all(bounds[0] == math.inf)
        assert np.all((bounds[1] >= 1) & (bounds[1] < 1.001))
    assert value(length, both[0, 0]) == math.inf
    assert value(positive, both).tolist() == [[False] * 3, [True] * 3]


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_bounds_of_random_matrices_hold(data):
    dtype = data.draw(st.sampled_from(DTYPES))
    entries = data.draw(st.lists(floats(dtype), min_size=16, max_size=16))
    a = np.asarray(entries, dtype).reshape(4, 4)
    for norm in NORMS.values():
        assert oracle.at_least_norm(value(norm, a), a)
    m = np.abs(a)
    assert oracle.at_least_norm(value(entrywise_norm, m), m)
    assert oracle.at_least_spectral_radius(value(spectral_radius, m), m)
    symmetric = np.tril(a) + np.tril(a, -1).T
    assert oracle.at_least_eigenvalue(value(eigenvalue, symmetric), symmetric)
    if value(positive, symmetric):
        assert oracle.semidefinite(oracle.rational(symmetric))
    row = oracle.rational(a[:1])
    with np.errstate(over="ignore"):
        bound = value(length, a[0])
    assert bound == math.inf or oracle.Fraction(bound) ** 2 >= sum(v * v for v in row[0])


def test_a_radius_covers_every_perturbation():
    a, radius = rng.normal(size=(3, 4)), np.abs(rng.normal(size=(3, 4)))
    for norm in TIGHT:
        bound = value(norm, a, radius)
        for signs in rng.choice([-1, 1], size=(40, 3, 4)):
            assert oracle.at_least_norm(bound, a + signs * radius)
    s, spread = a @ a.T - 2 * np.eye(3), radius @ radius.T
    bound = value(eigenvalue, s, spread)
    for signs in rng.choice([-1, 1], size=(40, 3, 3)):
        assert oracle.at_least_eigenvalue(bound, s + (signs + signs.T) / 2 * spread)
    assert value(NORMS["eigenvectors"], a, 0 * a) == pytest.approx(np.linalg.norm(a, 2), rel=1e-12)


def test_the_largest_eigenvalue_may_be_negative():
    s = -np.diag([2.0, 3.0, 5.0])
    assert -2 <= value(eigenvalue, s) <= -2 + 1e-12
    q = orthogonal(3)
    s = -(q * [2, 3, 5]) @ q.T
    bound = value(eigenvalue, s)
    assert oracle.at_least_eigenvalue(bound, s)
    assert not oracle.at_least_eigenvalue(bound - 1e-12, s)
    lopsided = np.array([[1.0, 4.0], [0.0, 1.0]])
    assert 3 <= value(eigenvalue, lopsided) <= 3 + 1e-12


def test_spectral_radii_are_tight():
    a = np.abs(rng.normal(size=(5, 5)))
    for m in (a, a + a.T, np.eye(5), np.diag([1.0, 2, 3, 4, 5]), np.roll(np.eye(5), 1, 0)):
        bound = value(spectral_radius, m)
        assert oracle.at_least_spectral_radius(bound, m)
        assert bound <= max(abs(np.linalg.eigvals(m))) * (1 + 1e-9)
    assert value(spectral_radius, np.zeros((3, 3))) < 1e-300
    periodic = np.array([[0.0, 4.0], [1.0, 0.0]])
    assert 2 <= value(spectral_radius, periodic) <= 2 + 1e-12
    assert value(spectral_radius, np.eye(4, k=1) * 1e3) < 10  # nilpotent: the radius is 0


def test_definite_matrices_are_proved_and_others_never():
    assert value(positive, np.eye(6))
    scales = np.diag(10.0 ** np.array([-100, -3, 0, 50, 120]))
    a = rng.normal(size=(5, 5))
    gram = a.T @ a
    assert value(positive, scales @ (gram + np.eye(5)) @ scales)
    u, w = np.linalg.eigh(gram)
    for least in (-1e-3, -1e-12, -1e-15):
        assert not value(positive, (w * [least, *u[1:]]) @ w.T)
    assert value(positive, (w * [1e-9, *u[1:]]) @ w.T)
    assert not value(positive, np.zeros((3, 3)))
    assert not value(positive, np.ones((2, 2)))


def test_batches_and_vmap_agree_with_single_matrices():
    a = rng.normal(size=(2, 3, 4, 4))
    for function in (spectral_norm, spectral_norm_quick, largest_eigenvalue, perron, definite):
        m = np.abs(a) if function is perron else a
        batch = value(function, m)
        assert batch.shape == (2, 3)
        mapped = jax.jit(jax.vmap(jax.vmap(function)))
        assert np.allclose(value(mapped, m), batch, rtol=1e-12)
        assert batch[1, 2] == pytest.approx(value(function, m[1, 2]), rel=1e-12)
    assert value(euclidean, a) >= math.sqrt(np.sum(a**2)) * (1 - 1e-15)
    lengths = value(jax.jit(lambda x: euclidean(x, axis=-1)), a)
    assert np.all(lengths >= np.linalg.norm(a, axis=-1) * (1 - 1e-16))
    assert np.allclose(lengths, np.linalg.norm(a, axis=-1), rtol=1e-14)


def test_empty_matrices_have_norm_zero():
    for shape in ((0, 3), (3, 0)):
        assert value(spectral_norm, np.zeros(shape)) == 0
    assert value(perron, np.zeros((0, 0))) == 0

"""Definiteness and norms in ball arithmetic."""

import flint
import numpy as np
import pytest
from flint import arb, arb_mat
from hypothesis import given, settings, strategies as st

from lbdnn.checking.definiteness import (
    blocks,
    diagonal,
    identity,
    matrix,
    positive_definite,
    spectral_norm,
    symmetric,
)


@pytest.fixture(autouse=True)
def bits():
    with flint.ctx.workprec(128):
        yield


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 6), st.integers(0, 10**6), st.sampled_from([1e-6, 1e-12, -1e-12, -1e-6]))
def test_definiteness_decides_by_the_least_eigenvalue(n: int, seed: int, least: float) -> None:
    rng = np.random.default_rng(seed)
    v = rng.standard_normal((n, n))
    v[0] /= np.linalg.norm(v[0])
    # Σ over all but one direction of vvᵀ, and `least` along one that is orthogonal to them.
    q, _ = np.linalg.qr(v)
    with flint.ctx.workprec(128):
        exact = matrix(q[:, 1:]) * matrix(q[:, 1:]).transpose() + matrix(q[:, :1]) * matrix(
            q[:, :1]
        ).transpose() * arb(least)
        assert positive_definite(exact.tolist()) == (least > 0)


def test_nothing_unknown_is_definite() -> None:
    for entry in (arb("nan"), arb("inf") * 0, arb(0), arb(1e-300, 1e-200), arb(-1)):
        assert not positive_definite([[arb(1), arb(0)], [arb(0), entry]])
        assert not positive_definite([[entry]])
    assert not positive_definite([[arb(1), arb("nan")], [arb("nan"), arb(1)]])
    hilbert = arb_mat.hilbert(12, 12)
    assert positive_definite(hilbert.tolist())
    assert not positive_definite((hilbert - identity(arb(1e-15), 12)).tolist())


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 5), st.integers(1, 5), st.integers(0, 10**6))
def test_the_spectral_norm_is_an_upper_bound_and_tight(m: int, n: int, seed: int) -> None:
    entries = np.random.default_rng(seed).standard_normal((m, n))
    with flint.ctx.workprec(128):
        found = float(spectral_norm(matrix(entries)))
    expected = np.linalg.norm(entries, 2)
    assert expected * (1 - 1e-15) <= found <= expected * (1 + 1e-13)


def test_norms_of_special_matrices() -> None:
    assert spectral_norm(arb_mat(2, 3)) == 0
    assert 1 <= spectral_norm(identity(arb(1), 3)) < 1 + 1e-12
    assert 5 <= spectral_norm(matrix(np.asarray([[3.0, 4.0]]))) < 5 + 1e-11


def test_blocks_and_symmetric_parts() -> None:
    a, b = diagonal([arb(1), arb(2)]), matrix(np.asarray([[3.0], [4.0]]))
    rows = blocks([[a, b], [None, identity(arb(5), 1)]])
    expected = [[1, 0, 3], [0, 2, 4], [3, 4, 5]]
    assert [[float(x) for x in row] for row in rows] == expected
    rows = blocks([[a, None], [None, identity(arb(5), 1)]])
    assert [[float(x) for x in row] for row in rows] == [[1, 0, 0], [0, 2, 0], [0, 0, 5]]
    part = symmetric(matrix(np.asarray([[0.0, 1.0], [3.0, 0.0]])))
    assert part[0, 1] == part[1, 0] == 2

"""Exact facts about matrices and numbers, in rational arithmetic."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

Matrix = list[list[Fraction]]


def rational(a: np.ndarray) -> Matrix:
    return [[Fraction(float(v)) for v in row] for row in a]


def product(a: Matrix, b: Matrix) -> Matrix:
    return [[sum((x * y for x, y in zip(row, col, strict=True)), Fraction(0))
             for col in zip(*b, strict=True)] for row in a]  # fmt: skip


def transpose(a: Matrix) -> Matrix:
    return [list(column) for column in zip(*a, strict=True)]


def semidefinite(a: Matrix) -> bool:
    """Whether a symmetric matrix is positive semidefinite: elimination with exact pivots."""
    a = [row[:] for row in a]
    n = len(a)
    for k in range(n):
        if a[k][k] < 0:
            return False
        if a[k][k] == 0:
            if any(a[k][j] != 0 for j in range(k + 1, n)):
                return False
            continue
        for i in range(k + 1, n):
            factor = a[i][k] / a[k][k]
            if factor:
                for j in range(k, n):
                    a[i][j] -= factor * a[k][j]
    return True


def shifted(t: Fraction, a: Matrix) -> Matrix:
    """tI − A."""
    return [[(t if i == j else 0) - v for j, v in enumerate(row)] for i, row in enumerate(a)]


def at_least_eigenvalue(t: float, s: np.ndarray) -> bool:
    """t ≥ λ_max of the symmetric part."""
    exact = rational(s)
    symmetric = [[(x + y) / 2 for x, y in zip(*rows, strict=True)]
                 for rows in zip(exact, transpose(exact), strict=True)]  # fmt: skip
    return t == math.inf or semidefinite(shifted(Fraction(t), symmetric))


def at_least_norm(t: float, a: np.ndarray) -> bool:
    """t ≥ ‖A‖₂."""
    exact = rational(a)
    gram = product(transpose(exact), exact)
    return t == math.inf or (t >= 0 and semidefinite(shifted(Fraction(t) ** 2, gram)))


def at_least_spectral_radius(t: float, m: np.ndarray) -> bool:
    """t ≥ ρ(M), M ≥ 0: the leading principal minors of tI − M, pivots of elimination, are ≥ 0."""
    if t == math.inf:
        return True
    a = shifted(Fraction(t), rational(m))
    n = len(a)
    for k in range(n):
        if a[k][k] <= 0:  # at t = ρ a minor is 0; slightly above none may be
            return a[k][k] == 0 and at_least_spectral_radius(math.nextafter(t, math.inf), m)
        for i in range(k + 1, n):
            factor = a[i][k] / a[k][k]
            for j in range(k, n):
                a[i][j] -= factor * a[k][j]
    return True

"""Matrices in ball arithmetic: definiteness, and the spectral norm from it."""

from __future__ import annotations

import numpy as np
from flint import arb, arb_mat

from .spans import largest


def matrix(entries: np.ndarray) -> arb_mat:
    """Of floats, exactly."""
    rows, columns = entries.shape
    return arb_mat(rows, columns, [arb(x) for x in np.asarray(entries, float).ravel().tolist()])


def diagonal(entries: list[arb]) -> arb_mat:
    """With zeros elsewhere."""
    n = len(entries)
    found = arb_mat(n, n)
    for i, entry in enumerate(entries):
        found[i, i] = entry
    return found


def identity(scale: arb, n: int) -> arb_mat:
    """scale·I."""
    return diagonal([scale] * n)


def symmetric(m: arb_mat) -> arb_mat:
    """(M + Mᵀ)/2."""
    return (m + m.transpose()) * (arb(1) / 2)


def blocks(upper: list[list[arb_mat | None]]) -> list[list[arb]]:
    """The rows of a symmetric matrix from its upper blocks; None: zeros."""
    sizes = [upper[i][i].nrows() for i in range(len(upper))]  # pyright: ignore[reportOptionalMemberAccess]
    starts = [sum(sizes[:i]) for i in range(len(sizes))]
    n = sum(sizes)
    rows = [[arb(0)] * n for _ in range(n)]
    for i in range(len(sizes)):
        for j in range(i, len(sizes)):
            block = upper[i][j]
            if block is None:
                continue
            for k, row in enumerate(block.tolist()):
                for m, entry in enumerate(row):
                    rows[starts[i] + k][starts[j] + m] = entry
                    rows[starts[j] + m][starts[i] + k] = entry
    return rows


def positive_definite(rows: list[list[arb]]) -> bool:
    """Whether a symmetric matrix is proved to be positive definite: all pivots of LDLᵀ are > 0.

    The lower triangle is read. False says nothing.
    """
    lower = [row[: i + 1] for i, row in enumerate(rows)]
    for k, pivot_row in enumerate(lower):
        pivot = pivot_row[k]
        if not pivot > 0:
            return False
        below = [(i, lower[i][k]) for i in range(k + 1, len(lower)) if not lower[i][k].is_zero()]
        for place, (i, entry) in enumerate(below):
            factor, row = entry / pivot, lower[i]
            for j, other in below[: place + 1]:
                row[j] = row[j] - factor * other
    return True


def spectral_norm(m: arb_mat) -> arb:
    """An upper bound of ‖M‖₂: a number t near it with t²I − MMᵀ ≻ 0; at worst Frobenius' norm."""
    entries = m.tolist()
    frobenius = sum((x * x for row in entries for x in row), arb(0)).sqrt().upper()
    gram = m * m.transpose() if m.nrows() <= m.ncols() else m.transpose() * m
    approximate = np.linalg.norm([[float(x.mid()) for x in row] for row in entries], 2)
    for excess in (1e-15, 4e-15, 1e-13, 1e-9):
        bound = arb(float(approximate) * (1 + excess))
        gap = identity(bound * bound, gram.nrows()) - gram
        if positive_definite(gap.tolist()):
            return bound if bound < frobenius else frobenius
    return frobenius


def euclidean(values: list[arb]) -> arb:
    """An upper bound of ‖x‖₂ from upper bounds of |x_n|."""
    return sum((v * v for v in values), arb(0)).sqrt().upper()


def least(one: arb, other: arb) -> arb:
    """The exact minimum of two exact numbers."""
    return -largest([-one, -other])

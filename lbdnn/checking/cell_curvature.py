r"""Second derivatives of the outputs in the pre-activations, over boxes of inputs.

With κ_j(u) = ψ_j'' ∘ (∂Φ_L/∂s_j)ᵀu and K_i = ∇²_{Φ_i}(uᵀΦ_L),

    Q_ik = K_iP_il = Σ_{j≥i} P_jiᵀ diag(κ_j) P_jk = D_iW_iᵀQ_{i+1,k} + diag(κ_i)P_il,

the last one where all factors are their middles. For several outputs the Q_ik of each stand below
each other: the norm of that is one for every unit vector u.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .cell_forward import Forward, Majorants
from .cell_norms import TINY, WIDER, lengths, spectral_norms
from .cell_paths import Grid, Paths
from .stacked_layers import Stack

Middles = dict[tuple[int, int], np.ndarray]


@dataclass
class Curvature:
    """For nodes i ≥ k of `first`..L − 1: Q[i, k] (c, m, n_i, n_k) at the middles, whole ≥ ‖Q_ik‖
    where parameters act (`Stack.acting`), away ≥ its difference from that; rounding[i, k] that of
    the computed Q."""

    Q: Middles
    whole: Grid
    away: Grid
    rounding: dict[tuple[int, int], float]


def curvature(
    stack: Stack, majorants: Majorants, known: Forward, way: Paths, first: int
) -> Curvature:
    """The error: Σ_j ‖ΔP_ji‖‖κ_jP_jk‖ + ‖Δκ_jP_ji‖‖P_jk‖ + ‖κ_jP_ji‖‖ΔP_jk‖."""
    count, cells = len(stack.layers), len(known.low)
    nodes = range(first, count)
    kappas = [known.R[-1][j] * known.bents[j].bend[:, None, :] for j in range(count)]
    strong, change = [], []
    for j in range(count):
        bent = known.bents[j]
        most = (np.abs(bent.bend) + bent.bend_spread) * WIDER
        own = lengths(known.R[-1][j], -2)
        strong.append(_times(most, way.columns[count, j]))
        change.append(
            (_times(bent.bend_spread, own) + _times(most, way.columns_away[j])) * WIDER + TINY
        )
    pairs = [(j, i, stack.acting(i)) for j in nodes for i in nodes if i <= j]
    x = {(j, i): _rows(known, way, j, i, strong[j], own) for j, i, own in pairs}
    y = {(j, i): _rows(known, way, j, i, change[j], own) for j, i, own in pairs}
    Q = _at_middles(stack, known, kappas, first)
    found = Curvature(Q, {}, {}, _roundings(stack, majorants, first))
    for i in nodes:
        for k in range(first, i + 1):
            error = plain = np.zeros(cells)
            for j in range(i, count):
                error = error + _times(way.away[j, i], x[j, k])
                turned = _times(y[j, i], way.whole[j, k]), _times(way.whole[j, i], y[j, k])
                error = error + np.fmin(*turned) + _times(x[j, i], way.away[j, k])
                plain = plain + np.fmin(
                    _times(x[j, k], way.whole[j, i]), _times(way.whole[j, k], x[j, i])
                )
            own = Q[i, k][:, :, stack.acting(i), stack.acting(k)]
            norm = spectral_norms(own.reshape(cells, -1, own.shape[3]))
            away = (error + found.rounding[i, k]) * WIDER
            found.away[i, k] = away
            found.whole[i, k] = np.fmin(norm + away, plain) * WIDER
    return found


def _at_middles(stack: Stack, known: Forward, kappas: list[np.ndarray], first: int) -> Middles:
    count = len(stack.layers)
    found: Middles = {}
    for i in range(count - 1, first - 1, -1):
        slope = known.bents[i].slope
        weight = stack.layers[i].weight
        for k in range(first, i + 1):  # Q_{i+1,k} is there
            if k == i:
                path = np.broadcast_to(np.eye(len(weight.T)), (len(slope), *[len(weight.T)] * 2))
            else:
                path = known.R[i - 1][k] * known.bents[k].slope[:, None, :]
            own = kappas[i][:, :, :, None] * path[:, None]
            if i + 1 < count:
                own = own + slope[:, None, :, None] * (weight.T @ found[i + 1, k])
            found[i, k] = own
    return found


def _rows(
    known: Forward, way: Paths, j: int, i: int, rows: np.ndarray, columns: slice
) -> np.ndarray:
    """≥ ‖diag(rows)P_ji‖, some columns of it."""
    most = np.max(rows, 1)
    if i == j:
        return most
    with np.errstate(invalid="ignore"):
        path = known.R[j - 1][i] * known.bents[i].slope[:, None, :]
        norm = spectral_norms(rows[:, :, None] * path[:, :, columns])
    lost = _times(most, way.away[j, i])
    return np.where(np.isfinite(most), norm + lost, np.inf) * WIDER


def _times(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a·b of upper bounds: infinite where one is, even if the other is 0."""
    with np.errstate(invalid="ignore"):
        return np.where(np.isinf(a) | np.isinf(b), np.inf, a * b + TINY)


def _roundings(stack: Stack, majorants: Majorants, first: int) -> dict[tuple[int, int], float]:
    """How far the computed Q_ik may be off: a fraction of the same sums of sizes."""
    count, table = len(stack.layers), majorants.table

    def size(j: int, i: int) -> float:
        return 1.0 if i == j else table[j - 1][i] * majorants.steepest[i]

    found = {}
    for i in range(first, count):
        for k in range(first, i + 1):
            total = sum(
                size(j, i) * table[-1][j] * majorants.strongest[j] * size(j, k)
                for j in range(i, count)
            )
            found[i, k] = stack.rounding * total * WIDER
    return found

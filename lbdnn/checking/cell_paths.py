r"""Norms of the paths P_ti = ∂Φ_t/∂Φ_i over boxes, and of what they differ from their middles by.

With the middles D_k of the slopes, Δ_k = ψ_k' − D_k and any perturbations E_k of the layers,

    ∂Φ_{t+1}/∂Φ_i = R_tiD_i + Σ_{k=i..t} P°_{t+1,k+1}(W_kΔ_k + E_kψ_k') ∂Φ_k/∂Φ_i,

by adding and subtracting, where P°_{t+1,k+1}W_k = R_tk: products of matrices are formed before
norms are taken, and ‖P_ti‖ ≤ ‖P_tk‖‖P_ki‖.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .cell_forward import Forward
from .cell_norms import TINY, WIDER, lengths, spectral_norms
from .stacked_layers import Stack

Grid = dict[tuple[int, int], np.ndarray]


@dataclass
class Paths:
    """For nodes t > i of 0..L: whole ≥ ‖P_ti‖, away ≥ ‖P_ti − R_{t−1,i}D_i‖. steep[t] ≥ |ψ_t'|.
    columns[t, j] ≥ the columns of ∂Φ_t/∂s_j, columns_away[j] those of what ∂Φ_L/∂s_j differs from
    R_{L−1,j} by. reach[t, k] ≥ ‖R_{t−1,k}(ψ_k' − D_k)‖."""

    whole: Grid
    away: Grid
    steep: list[np.ndarray]
    columns: Grid
    columns_away: list[np.ndarray]
    reach: Grid


def paths(stack: Stack, known: Forward) -> Paths:
    """See above; suprema over each box and the set of parameters."""
    count, cells = len(stack.layers), len(known.low)
    one = np.ones(cells)
    steep = [(np.abs(b.slope) + b.spread) * WIDER for b in known.bents]
    steepest = [np.max(s[:, layer.kept :], 1) for s, layer in zip(steep, stack.layers, strict=True)]
    full = [np.max(s, 1) for s in steep]
    whole: Grid = {(t, t): one for t in range(count + 1)}
    away = {(t, t): 0 * one for t in range(count + 1)}
    columns: Grid = {}
    strays: Grid = {}
    reaches: Grid = {}
    for t in range(count):
        layer = stack.layers[t]
        # ‖R_tkD_k‖ of the columns on which E_{k−1} acts, and ‖D_k‖ of what E_k acts on.
        pushed = {t + 1: one}
        reach, through, start = {}, {}, {}
        for k in range(t + 1):
            R, lost, bent = known.R[t][k], known.R_error[t][k], known.bents[k]
            reach[k] = scaled(R, bent.spread, lost)
            through[k] = scaled(R, np.abs(bent.slope), lost)
            start[k] = scaled(R, steep[k], lost)
            pushed[k] = through[k]
            if k and stack.layers[k - 1].acts:
                own = stack.acting(k)
                pushed[k] = scaled(R[:, :, own], np.abs(bent.slope[:, own]), lost)
            reaches[t + 1, k] = reach[k]

        def added(i: int, table: Grid, low: int, reach=reach, pushed=pushed, t=t) -> np.ndarray:
            """≥ the sums over k = low..t, the paths to layer k in `table`."""
            shape = table[low, i].shape if (low, i) in table else (cells,)
            wide = (slice(None),) + (None,) * (len(shape) - 1)
            total, moves = np.zeros(shape), []
            for k in range(low, t + 1):
                total = total + reach[k][wide] * table[k, i]
                moves.append((k, (pushed[k + 1] * steepest[k])[wide] * table[k, i]))
            return (total + shared(stack, moves)) * WIDER

        for i in range(t + 1):
            more = added(i, whole, i)
            # With ψ_i' itself in the last factor, only what is between i and the end differs.
            rest = more - reach[i] * (1 - 1e-12)
            own = np.fmin(through[i] + more, start[i] + np.maximum(rest, 0.0))
            if i == t:
                last = float(spectral_norms(layer.weight)) + layer.radius
                own = np.fmin(own, last * full[t])
            rounded = known.R_error[t][i] * full[i]  # that of the computed R_ti
            away[t + 1, i], whole[t + 1, i] = (more + rounded) * WIDER, own * WIDER
        for i in range(t):
            for k in range(i + 1, t + 1):
                split = whole[t + 1, k] * whole[k, i] * WIDER
                whole[t + 1, i] = np.fmin(whole[t + 1, i], split)
        for j in range(t + 1):
            n = known.R[t][j].shape[2]
            stray = np.zeros((cells, n))
            moves = [(j, np.repeat(pushed[j + 1][:, None], n, 1))]
            for k in range(j + 1, t + 1):
                stray = stray + reach[k][:, None] * columns[k, j]
                moves.append((k, (pushed[k + 1] * steepest[k])[:, None] * columns[k, j]))
            stray = (stray + shared(stack, moves) + known.R_error[t][j]) * WIDER
            strays[t + 1, j] = stray
            columns[t + 1, j] = (lengths(known.R[t][j], -2) + stray) * WIDER
    return Paths(
        whole,
        away,
        steep,
        columns,
        [strays[count, j] for j in range(count)],
        reaches,
    )


def scaled(R: np.ndarray, scales: np.ndarray, lost: float) -> np.ndarray:
    """≥ ‖R diag(scales)‖."""
    with np.errstate(invalid="ignore"):
        norm = spectral_norms(R * scales[:, None, :])
    most = np.max(scales, 1)
    return np.where(np.isfinite(most), (norm + lost * most) * WIDER + TINY, np.inf)


def shared(stack: Stack, moves: list[tuple[int, np.ndarray]]) -> np.ndarray | float:
    """≥ Σ_k ρ_k x_k."""
    moves = [(k, x) for k, x in moves if stack.layers[k].radius > 0]
    if not moves:
        return 0.0
    apart = sum(stack.layers[k].radius * x for k, x in moves)
    together = stack.shared * np.sqrt(sum(x * x for _, x in moves)) * WIDER
    return np.fmin(apart, together) if np.isfinite(stack.shared) else apart

r"""How far ∇²_θ(uᵀΦ) is from its chords along each input, over boxes.

Along an edge a function f of t ∈ [−1, 1] is within ½ sup|f''| of its chord. Input after input, its
multilinear interpolant from the corners of a box is a mean of their values, so that

    sup_box ‖H‖ ≤ max_corners ‖H‖ + ½ Σ_i sup_box ‖∂²H/∂t_i²‖.

Of every factor of H its size and those of its two derivatives in t_i are bounded (`Jet`); sizes of
products follow by Leibniz' rule. With x' for ∂x/∂t_i, and suprema over the parameters too,

    Φ_{t+1}' = W̃ψ'Φ_t',   Φ_{t+1}'' = W̃(ψ'Φ_t'' + ψ''Φ_t'²),
    P_ti'  = Σ_k P_t,k+1 W̃_k D_k' P_ki,
    P_ti'' = Σ_k P_t,k+1 W̃_k (D_k'' P_ki + 2 D_k' P_ki').
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .cell_norms import TINY, WIDER, largest_eigenvalues, lengths
from .cell_paths import scaled, shared
from .cell_quantities import Known


class Jet(NamedTuple):
    """≥ the size of something and of its two derivatives along each input, (c, d, …)."""

    size: np.ndarray
    first: np.ndarray
    second: np.ndarray

    def __add__(self, other: Jet) -> Jet:  # pyright: ignore[reportIncompatibleMethodOverride]
        return Jet(*(a + b for a, b in zip(self, other, strict=True)))

    def __mul__(self, other: Jet) -> Jet:  # pyright: ignore[reportIncompatibleMethodOverride]
        (a, b, c), (x, y, z) = self, other
        return Jet(a * x * WIDER, (a * y + b * x) * WIDER, (a * z + 2 * b * y + c * x) * WIDER)


def off_chords(known: Known, half: np.ndarray) -> np.ndarray:
    """½ Σ_i sup ‖∂²H/∂t_i²‖ for every unit u, over boxes of half-widths `half` (c, d)."""
    count, inputs = len(known.stack.layers), half.shape[1]
    ahead, way = known.ahead, known.way
    moved = _moved(known, half)
    slopes, bends = [], []
    for t in range(count):
        bending, ends = known.stack.layers[t].bending, ahead.ranges[t]
        d1, d2, d3, d4 = (
            way.steep[t][:, None],
            *(bending.most(order, *ends)[:, None] for order in (2, 3, 4)),
        )
        z1, z2 = moved[t]
        square = z1 * z1
        slopes.append(Jet(d1 + 0 * z1, d2 * z1, d3 * square + d2 * z2))
        bends.append(Jet(d2 + 0 * z1, d3 * z1, d4 * square + d3 * z2))
    paths, gains = _paths(known, slopes)

    def path(j: int, i: int) -> Jet:
        if j == i:
            one = np.ones((len(half), inputs))
            return Jet(one, 0 * one, 0 * one)
        return paths[j, i]

    def most(jet: Jet) -> Jet:
        return Jet(*(np.max(x, 2) for x in jet))

    kappas = []
    for j in range(count):
        column = _column(known, gains, j)
        kappas.append(most(bends[j] * column))
    outputs = []
    for t in range(count):
        z1, z2 = moved[t]
        d1, d2 = slopes[t].size, bends[t].size
        size = np.repeat(ahead.sizes[t][:, None], inputs, 1)
        owned, rows = known.stack.layers[t].owned, slice(known.stack.layers[t].kept, None)
        first = lengths((d1 * z1)[:, :, rows]) * owned
        second = lengths((d1 * z2 + d2 * z1 * z1)[:, :, rows]) * owned
        outputs.append(Jet(size, first, second))
    blocks = np.zeros((len(half), inputs, count, count))
    owned = [layer.owned for layer in known.stack.layers]
    for a in range(count):
        for b in range(a + 1):
            if not owned[a] or not owned[b]:
                continue
            total = np.zeros((len(half), inputs))
            if b < a:
                rows = slice(known.stack.layers[a].kept, None)
                turned = most(Jet(*(x[:, :, rows] for x in slopes[a]))) * path(a, b + 1)
                total = total + (path(count, a + 1) * turned * outputs[b]).second
            for j in range(a + 1, count):
                curved = path(j, a + 1) * kappas[j] * path(j, b + 1)
                total = total + (outputs[a] * curved * outputs[b]).second
            blocks[:, :, a, b] = blocks[:, :, b, a] = total
    blocks = np.where(np.isnan(blocks), np.inf, blocks)
    bounded = np.all(np.isfinite(blocks), (1, 2, 3))
    clean = np.where(bounded[:, None, None, None], blocks, 0.0) + TINY
    return np.where(bounded, np.sum(largest_eigenvalues(clean), 1) / 2 * WIDER, np.inf)


def _moved(known: Known, half: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """|Φ_t'| and |Φ_t''|, entry by entry (c, d, n_t), with W_kψ_k' = W_k(D_k + Δ_k)."""
    ahead, stack = known.ahead, known.stack
    cells, inputs = half.shape
    z1 = half[:, :, None] * np.eye(inputs) * WIDER
    found = [(z1, np.zeros_like(z1))]
    sources = []
    for t in range(len(stack.layers) - 1):
        bent, bending = ahead.bents[t], stack.layers[t].bending
        curved = bending.most(2, *ahead.ranges[t])[:, None]
        first, second = found[t]
        steep = known.way.steep[t][:, None]
        square = curved * first * first
        own = [bent.spread[:, None] * first, bent.spread[:, None] * second + square]
        sources.append((own, [lengths(steep * first), lengths(steep * second + square)]))
        entry = np.abs(ahead.R[t][0] * ahead.bents[0].slope[:, None, :]) * half[:, None, :]
        lost = ahead.R_error[t][0] * known.majorants.steepest[0] * half
        total = [np.swapaxes(entry, 1, 2) + lost[:, :, None], np.zeros((cells, inputs, 1))]
        for order in range(2):
            moves = []
            for k, (source, passed) in enumerate(sources):
                size = np.abs(ahead.R[t][k])
                lost = ahead.R_error[t][k] * lengths(source[order])
                total[order] = (
                    total[order] + source[order] @ np.swapaxes(size, 1, 2) + lost[:, :, None]
                )
                after = 1.0
                if k < t:
                    slope = ahead.bents[k + 1].slope
                    after = lengths(ahead.R[t][k + 1] * slope[:, None, :])
                    after = after + ahead.R_error[t][k + 1] * known.majorants.steepest[k + 1]
                    after = after[:, None, :]
                moves.append((k, after * passed[order][:, :, None]))
            total[order] = (total[order] + shared(stack, moves)) * WIDER + TINY
        found.append((total[0], total[1]))
    return found


def _paths(
    known: Known, slopes: list[Jet]
) -> tuple[dict[tuple[int, int], Jet], dict[tuple[int, int], tuple[np.ndarray, np.ndarray]]]:
    """The P_ti, t > i, and ‖∂Φ_t/∂s_k D_k'‖, ‖∂Φ_t/∂s_k D_k''‖ by (t, k)."""
    ahead, way, stack = known.ahead, known.way, known.stack
    count, inputs = len(stack.layers), slopes[0].size.shape[1]
    gains: dict[tuple[int, int], tuple[np.ndarray, np.ndarray]] = {}
    paths: dict[tuple[int, int], Jet] = {}
    for t in range(1, count + 1):
        for k in range(t):
            own = []
            for changed in (slopes[k].first, slopes[k].second):
                R, lost = ahead.R[t - 1][k], ahead.R_error[t - 1][k]
                norm = np.stack([scaled(R, changed[:, i], lost) for i in range(inputs)], 1)
                own.append((norm, np.max(changed, 2)))
            later = [(way.reach[t, m][:, None], m) for m in range(k + 1, t)]
            pair = []
            for order in range(2):
                total = own[order][0]
                for reach, m in later:
                    total = total + reach * gains[m, k][order]
                total = total + _pushed_gain(known, t, k, gains, order, own[order][1])
                pair.append(total * WIDER)
            gains[t, k] = (pair[0], pair[1])
        for i in range(t):
            size = np.repeat(way.whole[t, i][:, None], inputs, 1)
            first = second = np.zeros_like(size)
            for k in range(i, t):
                one, two = gains[t, k]
                before = way.whole[k, i][:, None]
                first = first + one * before
                second = second + two * before
                if k > i:
                    second = second + 2 * one * paths[k, i].first
            paths[t, i] = Jet(size, first * WIDER, second * WIDER)
    return paths, gains


def _pushed_gain(
    known: Known,
    t: int,
    k: int,
    gains: dict[tuple[int, int], tuple[np.ndarray, np.ndarray]],
    order: int,
    changed: np.ndarray,
) -> np.ndarray | float:
    """What the E_m, m = k..t − 1, add to ‖∂Φ_t/∂s_k D'‖: by P°_{t,m+1}E_m(…)."""
    moves = []
    for m in range(k, t):
        after = 1.0
        if m + 1 < t:
            after = known.way.whole[t, m + 1] + known.way.away[t, m + 1]
            after = after[:, None]
        passed = changed
        if m > k:
            passed = np.max(known.way.steep[m], 1)[:, None] * gains[m, k][order]
        moves.append((m, after * passed))
    return shared(known.stack, moves)


def _column(
    known: Known, gains: dict[tuple[int, int], tuple[np.ndarray, np.ndarray]], j: int
) -> Jet:
    """The columns of ∂Φ_L/∂s_j, (c, d, n)."""
    way, count = known.way, len(known.stack.layers)
    inputs = gains[count, j][0].shape[1]
    found: dict[int, np.ndarray] = {}
    for t in range(j + 2, count + 1):
        found[t] = sum(
            (gains[t, k][0][:, :, None] * way.columns[k, j][:, None] for k in range(j + 1, t)),
            np.zeros(()),
        )
    size = np.repeat(way.columns[count, j][:, None], inputs, 1)
    if j + 1 == count:
        return Jet(size, np.zeros_like(size), np.zeros_like(size))
    second = np.zeros_like(size)
    for k in range(j + 1, count):
        second = second + gains[count, k][1][:, :, None] * way.columns[k, j][:, None]
        if k > j + 1:
            second = second + 2 * gains[count, k][0][:, :, None] * found[k]
    return Jet(size, found[count] * WIDER, second * WIDER)

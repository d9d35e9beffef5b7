"""Upper bounds of all quantities over each of many boxes of inputs."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .cell_curvature import Curvature, curvature
from .cell_forward import Forward, Majorants, forward
from .cell_norms import TINY, WIDER, largest_eigenvalues, lengths, spectral_norms
from .cell_paths import Paths, paths
from .stacked_layers import Stack

_CURVED = ("hessian", "input_hessian", "mixed_hessian")


@dataclass
class Known:
    """What is known of each of c boxes; `curved` for second derivatives only."""

    stack: Stack
    majorants: Majorants
    ahead: Forward
    way: Paths
    curved: Curvature | None


def known_of(
    stack: Stack, majorants: Majorants, quantity: str, low: np.ndarray, high: np.ndarray
) -> Known:
    """Over boxes (c, d), for one quantity."""
    ahead = forward(stack, majorants, low, high)
    if quantity == "value":
        return Known(stack, majorants, ahead, Paths({}, {}, [], {}, [], {}), None)
    way = paths(stack, ahead)
    if quantity not in _CURVED:
        return Known(stack, majorants, ahead, way, None)
    first = 1 if quantity == "hessian" else 0
    return Known(stack, majorants, ahead, way, curvature(stack, majorants, ahead, way, first))


def over_boxes(known: Known, quantity: str) -> np.ndarray:
    """≥ the quantity anywhere in each box and in the set of parameters; NaN where nothing is."""
    count = len(known.stack.layers)
    if quantity == "value":
        return lengths(np.maximum(-known.ahead.low, known.ahead.high))
    if quantity == "jacobian":
        return _jacobian(known)
    if quantity == "input_jacobian":
        return known.way.whole[count, 0]
    if quantity == "input_jacobian_max":
        return _largest_row(known)
    assert known.curved is not None
    if quantity == "input_hessian":
        return known.curved.whole[0, 0]
    if quantity == "mixed_hessian":
        return _mixed(known)
    return largest_eigenvalues(hessian_blocks(known)[0])


def _jacobian(known: Known) -> np.ndarray:
    """‖∂Φ/∂θ‖² = ‖Σ_j ‖s_j‖²P_{L,j+1}P_{L,j+1}ᵀ‖: the ‖s_j‖P_{L,j+1} side by side."""
    count, ahead, way = len(known.stack.layers), known.ahead, known.way
    beside, rest = [], []
    for j in range(count):
        if not known.stack.layers[j].owned:
            continue
        if j + 1 == count:
            eye = np.eye(ahead.low.shape[1])
            beside.append(eye * ahead.sizes[j][:, None, None])
            continue
        path = ahead.R[-1][j + 1] * ahead.bents[j + 1].slope[:, None, :]
        path = path[:, :, known.stack.acting(j + 1)]
        beside.append(path * ahead.sizes[j][:, None, None])
        lost = ahead.R_error[-1][j + 1] * known.majorants.steepest[j + 1]
        rest.append((way.away[count, j + 1] + lost) * ahead.sizes[j])
    norm = spectral_norms(np.concatenate(beside, 2))
    return (norm + (lengths(np.stack(rest, 1)) if rest else 0.0)) * WIDER


def _largest_row(known: Known) -> np.ndarray:
    """The largest sum of a row of |∂Φ/∂σ|, at most √d times its length."""
    count, ahead = len(known.stack.layers), known.ahead
    root = math.sqrt(ahead.bents[0].slope.shape[1]) * WIDER
    entries = np.abs(ahead.R[-1][0] * ahead.bents[0].slope[:, None, :])
    lost = ahead.R_error[-1][0] * known.majorants.steepest[0]
    sums = np.max(np.sum(entries, 2), 1) + root * (known.way.away[count, 0] + lost)
    return np.fmin(sums, root * known.way.whole[count, 0]) * WIDER


def hessian_blocks(known: Known) -> tuple[np.ndarray, np.ndarray]:
    r"""(c, L, L): norms of the blocks of ∇²_θ(uᵀΦ) for every unit u, and of their differences
    from those that are made of the middles:

        H[E_a, E_b] = b_aᵀĒ_aT_abE_bs_b + (E_as_a)ᵀQ_{a+1,b+1}(E_bs_b)   (b < a),
        H[E_a, E_a] = (E_as_a)ᵀK_{a+1}(E_as_a),

    b_a = P_{L,a+1}ᵀu and T_ab = ψ_a'P_{a,b+1}.
    """
    count, ahead, way, curved = len(known.stack.layers), known.ahead, known.way, known.curved
    assert curved is not None
    full = np.zeros((len(ahead.low), count, count))
    apart = np.zeros_like(full)
    s, spread = ahead.sizes, ahead.spreads
    owned = [layer.owned for layer in known.stack.layers]
    for a in range(count):
        for b in range(a + 1):
            if not owned[a] or not owned[b]:
                continue
            size = difference = np.zeros(len(full))
            if b < a:
                turned, away = turned_paths(known, a, b)
                back, lost = _back(known, a), way.away[count, a + 1]
                size = back * turned * s[b]
                difference = (lost * turned + back * away) * s[b] + back * turned * spread[b]
            if a + 1 < count:
                q, off = curved.whole[a + 1, b + 1], curved.away[a + 1, b + 1]
                size = size + s[a] * q * s[b]
                moved = spread[a] * s[b] + s[a] * spread[b]
                difference = difference + s[a] * off * s[b] + q * moved
            full[:, a, b] = full[:, b, a] = size * WIDER + TINY
            apart[:, a, b] = apart[:, b, a] = difference * WIDER + TINY
    return full, apart


def _back(known: Known, a: int) -> np.ndarray:
    """≥ ‖P_{L,a+1}‖ where E_a acts."""
    ahead, count, own = known.ahead, len(known.stack.layers), known.stack.acting(a + 1)
    whole = known.way.whole[count, a + 1]
    if a + 1 == count or not own.start:
        return whole
    path = ahead.R[-1][a + 1] * ahead.bents[a + 1].slope[:, None, :]
    lost = ahead.R_error[-1][a + 1] * known.majorants.steepest[a + 1]
    rest = known.way.away[count, a + 1] + lost
    return np.fmin(whole, (spectral_norms(path[:, :, own]) + rest) * WIDER)


def turned_paths(known: Known, a: int, b: int) -> tuple[np.ndarray, np.ndarray]:
    """≥ ‖ψ_a'P_{a,b+1}‖ where E_a and E_b act, and its difference from the middles."""
    ahead, way = known.ahead, known.way
    rows = slice(known.stack.layers[a].kept, None)
    spread, steep = ahead.bents[a].spread[:, rows], way.steep[a][:, rows]
    away = way.away[a, b + 1] * np.max(steep, 1)
    if a == b + 1:
        return np.max(steep, 1) + away, np.max(spread, 1) + away
    path = ahead.R[a - 1][b + 1] * ahead.bents[b + 1].slope[:, None, :]
    path = path[:, rows, known.stack.acting(b + 1)]
    lost = ahead.R_error[a - 1][b + 1] * known.majorants.steepest[b + 1]
    away = away + lost * np.max(steep, 1)
    with np.errstate(invalid="ignore"):
        whole = spectral_norms(steep[:, :, None] * path) + away
        change = spectral_norms(spread[:, :, None] * path) + away
    return whole * WIDER, change * WIDER


def _mixed(known: Known) -> np.ndarray:
    r"""∂²(uᵀΦ)/∂V_a∂σ[E, v] = b_aᵀĒψ_a'P_a0v + (Es_a)ᵀQ_{a+1,0}v."""
    count, ahead, way, curved = len(known.stack.layers), known.ahead, known.way, known.curved
    assert curved is not None
    blocks = []
    for a in range(count):
        if not known.stack.layers[a].owned:
            continue
        kept = known.stack.layers[0].kept
        turned = np.max(way.steep[0][:, kept:], 1) if a == 0 else turned_paths(known, a, -1)[0]
        block = _back(known, a) * turned
        if a + 1 < count:
            block = block + ahead.sizes[a] * curved.whole[a + 1, 0]
        blocks.append(block * WIDER)
    return lengths(np.stack(blocks, 1))

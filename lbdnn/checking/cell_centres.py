r"""The largest norm of ∇²_θ(uᵀΦ) over unit u, made of the middles of what is known of a box.

b_i = P_{L,i+1}ᵀu. A perturbation E_i of layer i acts only as α_iŝ_iᵀ + b̂_ic_iᵀ, with ŝ_i = [s_i; 1]
and b_i normalised and c_i ⊥ ŝ_i: these are isometries, and the second derivative vanishes on the
rest. In the α_i and c_i it is H = [[A, Gᵀ], [G, 0]],

    A_ij = ‖s_i‖‖s_j‖Q_{i+1,j+1} + ‖s_j‖b_i(ŝ_iᵀT_ij),  A_ii = ‖s_i‖²Q_{i+1,i+1},
    G_ij = ‖b_i‖‖s_j‖(I − ŝ_iŝ_iᵀ)T_ij                                               (j < i),

and ‖H‖ < t if tI ∓ A − GᵀG/t is positive definite, by Schur's complement.
"""

from __future__ import annotations

import numpy as np

from .cell_norms import TINY, WIDER
from .cell_quantities import Known
from .output_directions import every_direction

_UNIT = 2.0**-52


class Centres:
    """The A and GᵀG of boxes, as functions of u."""

    def __init__(self, known: Known) -> None:
        self.outputs = known.ahead.low.shape[1]
        layers = known.stack.layers
        self.own = [a for a, layer in enumerate(layers) if layer.owned]
        starts = np.cumsum([0, *(len(layers[a].weight) - layers[a].acts for a in self.own)])
        self.places = {a: slice(*starts[k : k + 2]) for k, a in enumerate(self.own)}
        self._assemble(known, int(starts[-1]))
        self._bound_roundings(known)

    def _assemble(self, known: Known, size: int) -> None:
        ahead, count = known.ahead, len(known.stack.layers)
        assert known.curved is not None
        cells = len(ahead.low)
        self.A = np.zeros((cells, self.outputs, size, size))
        self.back: dict[int, np.ndarray] = {}
        self.gram: dict[int, np.ndarray] = {}
        lengths, units = {}, {}
        for a in self.own:
            one = np.full((cells, 1), known.stack.layers[a].one)
            s = np.concatenate([ahead.middles[a], one], 1)
            lengths[a] = np.sqrt(np.sum(s * s, 1)) + TINY
            units[a] = s / lengths[a][:, None]
        for a in self.own:
            rows = self.places[a]
            back = np.eye(self.outputs)[None]
            if a + 1 < count:
                back = ahead.R[-1][a + 1] * ahead.bents[a + 1].slope[:, None, :]
                back = back[:, :, known.stack.acting(a + 1)]
            self.back[a] = np.broadcast_to(back, (cells, *back.shape[1:]))
            across = np.zeros((cells, units[a].shape[1], size))
            for b in self.own:
                if b > a:
                    continue
                columns = self.places[b]
                block = np.zeros((cells, self.outputs, rows.stop - rows.start, 1))
                if a + 1 < count:
                    weight = lengths[a] * lengths[b]
                    turned = known.stack.acting(a + 1), known.stack.acting(b + 1)
                    block = known.curved.Q[a + 1, b + 1][:, :, *turned]
                    block = block * weight[:, None, None, None]
                if b < a:
                    path = _turned(known, a, b) * lengths[b][:, None, None]
                    path = np.concatenate([path, np.zeros((cells, 1, path.shape[2]))], 1)
                    along = np.einsum("cn,cnk->ck", units[a], path)
                    across[:, :, columns] = path - units[a][:, :, None] * along[:, None, :]
                    block = block + self.back[a][:, :, :, None] * along[:, None, None, :]
                    self.A[:, :, rows, columns] = block
                    self.A[:, :, columns, rows] = np.swapaxes(block, 2, 3)
                else:
                    self.A[:, :, rows, columns] = (block + np.swapaxes(block, 2, 3)) / 2
            self.gram[a] = np.swapaxes(across, 1, 2) @ across

    def _bound_roundings(self, known: Known) -> None:
        """How far A and the part of GᵀG of each layer may be off."""
        count, most = len(known.stack.layers), known.majorants
        assert known.curved is not None
        lost_a, lost_g, unit = 0.0, 0.0, 4 * known.stack.rounding

        def path(j: int, i: int) -> float:
            return 1.0 if i == j else most.table[j - 1][i] * most.steepest[i]

        for a in self.own:
            turned = [most.steepest[a] * path(a, b + 1) * most.sizes[b] for b in self.own if b < a]
            lost_a += unit * path(count, a + 1) * sum(turned)
            lost_g += 2 * unit * (path(count, a + 1) * sum(turned)) ** 2
            if a + 1 < count:
                for b in self.own:
                    if b <= a:
                        lost = known.curved.rounding[a + 1, b + 1]
                        lost_a += 4 * lost * most.sizes[a] * most.sizes[b]
        self.lost_a, self.lost_g = 2 * lost_a * WIDER, lost_g * WIDER

    def below(self, cell: int, limit: float) -> bool:
        """Whether ‖H‖ ≤ limit for every unit u is proved, at one box (`every_direction`)."""
        if not limit > 0:
            return False
        return every_direction(self.outputs, limit, lambda u, t: self._at(cell, u, t))

    def _at(self, cell: int, u: np.ndarray, t: float) -> bool:
        """Whether ‖H‖ ≤ t is proved for all of the u (…, m), of length 1 but for rounding."""
        shape = (len(u), *self.A.shape[2:])
        a = (u @ self.A[cell].reshape(self.outputs, -1)).reshape(shape)
        backs = [np.sum((u @ self.back[layer][cell]) ** 2, 1) for layer in self.own]
        grams = np.stack([self.gram[layer][cell].ravel() for layer in self.own])
        gram = (np.stack(backs, 1) / t @ grams).reshape(shape)
        lost = self.lost_a + self.lost_g / t
        # Of the vectors in floats the lengths are off by less than 1e-15.
        return all(_positive_definite(t * (1 - 1e-14), m - gram, lost) for m in (a, -a))


def _positive_definite(t: float, m: np.ndarray, lost: float) -> bool:
    """Whether tI + M is proved to be, for every M within `lost` of each of the given ones.

    If the factorisation of Cholesky of a symmetric matrix S of size n comes to its end in floats,
    in whatever order sums are taken, then λ_min(S) ≥ −γ_{n+1}/(1 − γ_{n+1}) tr S (Rump, BIT 46,
    2006, Theorem 2.3). The factor 8 leaves room for divisions done as products with reciprocals.
    """
    n = m.shape[-1]
    size = t + float(np.max(np.abs(m)))
    shift = 2 * lost + 8 * (n + 8) * _UNIT * n * size + TINY
    s = m + (t - shift) * np.eye(n)
    if not np.all(np.isfinite(s)):
        return False
    try:
        np.linalg.cholesky(s)
    except np.linalg.LinAlgError:
        return False
    return True


def _turned(known: Known, a: int, b: int) -> np.ndarray:
    """T_ab = D_a P_{a,b+1} at the middles, where E_a and E_b act."""
    ahead, slope = known.ahead, known.ahead.bents[a].slope
    path = np.eye(slope.shape[1])
    if a > b + 1:
        path = ahead.R[a - 1][b + 1] * ahead.bents[b + 1].slope[:, None, :]
    path = slope[:, :, None] * path
    return path[:, known.stack.layers[a].kept :, known.stack.acting(b + 1)]

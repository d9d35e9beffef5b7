r"""How far ∇²_θ(uᵀΦ) moves with the parameters, over boxes of inputs.

Along a segment θ + τE from the centre of the set, H(θ + E) − H(θ) = ∫₀¹ ∂H/∂τ dτ. With x' for
∂x/∂τ, ρ_l ≥ ‖E_l‖ and everything taken at θ + τE,

    Φ_t' = Σ_{l<t} P_{t,l+1}E_l[s_l; 1],    s_t' = D_tΦ_t',    |D_t'| ≤ |ψ_t''||Φ_t'|,
    P_ti' = Σ_{m=i..t−1} P_{t,m+1}X_mP_mi,   X_m = E_mD_m + W̃_mD_m',   T_ab = D_aP_{a,b+1},
    Q_ik' = Σ_{m≥k} Q_{i,m+1}X_mP_mk + (Σ_{m≥i} Q_{k,m+1}X_mP_mi)ᵀ + Σ_j P_jiᵀdiag(κ_j')P_jk,

the last as Σ_{j>m} P_jiᵀdiag(κ_j)P_{j,m+1} = Q_{i,m+1}. Each is linear in E, so that sizes are kept
as what every ρ_l is multiplied by: *growths*, arrays whose last axis is l. Suprema of the other
factors are over the set of the θ + τE, τ ≤ the end of a part of the segment. A diagonal d = w∘v is
known by its entries and by ‖v‖: as ‖v∘y‖ ≤ ‖v‖ max|y_a|, ‖diag(d)M‖ ≤ ‖v‖ max_a w_a‖M's row a‖.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from .cell_norms import TINY, WIDER, lengths, spectral_norms
from .cell_quantities import Known, turned_paths
from .stacked_layers import Stack


def shrunk(stack: Stack, part: float) -> Stack:
    """Over the set of the θ + τE, 0 ≤ τ ≤ part."""

    def less(radius: Any) -> Any:
        return np.fmin(radius, radius * part * WIDER)

    layers = [replace(x, radius=less(x.radius), rows=less(x.rows)) for x in stack.layers]
    return Stack(layers, less(stack.shared) if part > 0 else 0.0)


def most_growth(stack: Stack, growths: list[np.ndarray]) -> np.ndarray:
    """≥ sup λ_max(Σ_l ρ_lG_l) over the set of parameters of `stack`, for the mean G (c, a, b, l)
    of the parts of a segment.

    At most max_a Σ_lρ_l(G_lx)_a/x_a for every x > 0 (Collatz, Wielandt).
    """
    mean = sum(growths, np.zeros(())) / len(growths)
    bounded = np.all(np.isfinite(mean), (1, 2, 3))
    mean = np.where(bounded[:, None, None, None], mean, 0.0)
    m = _all_together(stack, mean)
    power = m / (np.max(m, (1, 2), keepdims=True) + TINY) + 0.05 * np.eye(m.shape[-1])
    for _ in range(6):
        power = power @ power
        power = power / np.max(power, (1, 2), keepdims=True)
    x = np.sum(power, 2)
    x = x / np.max(x, 1, keepdims=True) + 1e-12
    rows = _all_together(stack, np.einsum("cabl,cb->cal", mean, x))
    return np.where(bounded, np.max(rows / x, 1) * WIDER + TINY, np.inf)


def _all_together(stack: Stack, growth: np.ndarray) -> np.ndarray:
    """≥ Σ_l ρ_l g_l."""
    radii = np.array([layer.radius for layer in stack.layers])
    apart = growth @ radii
    if not np.isfinite(stack.shared):
        return apart * WIDER
    return np.fmin(apart, stack.shared * lengths(growth * (radii > 0))) * WIDER


class Growths:
    """Of what is known of boxes, `Known` of second derivatives in the parameters."""

    def __init__(self, known: Known) -> None:
        self.known, self.stack = known, known.stack
        self.count = len(self.stack.layers)
        self.cells = len(known.ahead.low)
        self.norms = [float(spectral_norms(layer.weight)) for layer in self.stack.layers]
        pairs = ((a, b) for a in range(self.count) for b in range(a))
        self.turned = {pair: turned_paths(known, *pair)[0] for pair in pairs}
        self.steepest = [np.max(steep, 1) for steep in known.way.steep]
        sources = self._sources()
        self.z = [x * WIDER for x in sources]
        self.lengths = [self._length(t) for t in range(self.count)]
        bends = (
            layer.bending.most(2, *ends)
            for layer, ends in zip(self.stack.layers, known.ahead.ranges, strict=True)
        )
        self.bends = list(bends)
        self.slopes = [b[:, :, None] * z for b, z in zip(self.bends, self.z, strict=True)]

    def hessian(self) -> np.ndarray:
        """(c, L, L, L): of the blocks of H, as `hessian_blocks` has them."""
        count, way, curved = self.count, self.known.way, self.known.curved
        assert curved is not None
        s, owned = self.known.ahead.sizes, [layer.owned for layer in self.stack.layers]
        moved_s = [self._of_output(t) for t in range(count)]
        found = np.zeros((self.cells, count, count, count))
        for a in range(count):
            for b in range(a + 1):
                if not owned[a] or not owned[b]:
                    continue
                total = np.zeros((self.cells, count))
                if b < a:
                    back, near = way.whole[count, a + 1], self.turned[a, b]
                    total = self._of_path(count, a + 1) * (near * s[b])[:, None]
                    total = total + self._of_turned(a, b) * (back * s[b])[:, None]
                    total = total + moved_s[b] * (back * near)[:, None]
                if a + 1 < count:
                    q = curved.whole[a + 1, b + 1]
                    total = total + moved_s[a] * (q * s[b])[:, None]
                    total = total + moved_s[b] * (q * s[a])[:, None]
                    total = total + self._of_curved(a + 1, b + 1) * (s[a] * s[b])[:, None]
                found[:, a, b] = found[:, b, a] = total * WIDER
        return found

    def _sources(self) -> list[np.ndarray]:
        """|Φ_t'|, entry by entry (c, n_t, l)."""
        ahead, way = self.known.ahead, self.known.way
        found = []
        for t, (low, _) in enumerate(ahead.ranges):
            own = np.zeros((*low.shape, self.count))
            for k in range(t):
                if k + 1 == t:
                    rows = np.ones_like(low)
                else:
                    path = ahead.R[t - 1][k + 1] * ahead.bents[k + 1].slope[:, None, :]
                    rows = lengths(path) + way.away[t, k + 1][:, None]
                own[:, :, k] = rows * ahead.sizes[k][:, None]
            found.append(own)
        return found

    def _length(self, t: int) -> np.ndarray:
        """‖Φ_t'‖ (c, l)."""
        found = np.zeros((self.cells, self.count))
        for k in range(t):
            found[:, k] = self.known.way.whole[t, k + 1] * self.known.ahead.sizes[k] * WIDER
        return found

    def _of_output(self, t: int) -> np.ndarray:
        """‖s_t'‖ = ‖Σ_l T_tl E_l[s_l; 1]‖."""
        found = np.zeros((self.cells, self.count))
        for k in range(t):
            found[:, k] = self.turned[t, k] * self.known.ahead.sizes[k]
        return found

    def _off(self, t: int, k: int) -> np.ndarray:
        """≥ ‖∂Φ_t/∂s_k − R_{t−1,k}‖, as ∂Φ_t/∂s_k = P_{t,k+1}(W_k + E_k)."""
        ahead, way = self.known.ahead, self.known.way
        radius = self.stack.layers[k].radius
        if t == k + 1:
            return np.full(self.cells, radius)
        lost = ahead.R_error[t - 1][k + 1] * self.known.majorants.steepest[k + 1]
        off = (way.away[t, k + 1] + lost) * self.norms[k] + way.whole[t, k + 1] * radius
        return (off + ahead.R_error[t - 1][k]) * WIDER

    @cached_property
    def _bent_paths(self) -> dict[tuple[int, int], np.ndarray]:
        """‖∂Φ_t/∂s_k D_k'‖ by (t, k)."""
        pairs = ((t, k) for t in range(1, self.count + 1) for k in range(t))
        return {
            (t, k): self._bent(self.known.ahead.R[t - 1][k], self._off(t, k), k) for t, k in pairs
        }

    def _bent(self, near: np.ndarray, off: np.ndarray, k: int) -> np.ndarray:
        """≥ ‖M D_k'‖ for the M within `off` of `near` (c, m, n_k)."""
        found = np.zeros((self.cells, self.count))
        if k:
            scales = np.swapaxes(self.slopes[k], 1, 2)[:, :k]  # what comes after does not count
            norm = spectral_norms(near[:, None] * scales[:, :, None, :])
            columns = (lengths(near, 1) + off[:, None]) * self.bends[k]
            apart = np.max(columns, 1)[:, None] * self.lengths[k][:, :k]
            found[:, :k] = np.fmin(norm + off[:, None] * np.max(scales, 2), apart) * WIDER
        return found

    def _met(self, k: int, i: int) -> np.ndarray:
        """≥ ‖D_kP_ki‖."""
        return self.steepest[k] if k == i else self.turned[k, i - 1]

    def _of_path(self, t: int, i: int) -> np.ndarray:
        """‖P_ti'‖, i > 0."""
        whole = self.known.way.whole
        found = np.zeros((self.cells, self.count))
        for m in range(i, t):
            found[:, m] += whole[t, m + 1] * self._met(m, i)
            found += self._bent_paths[t, m] * whole[m, i][:, None]
        return found * WIDER

    def _of_turned(self, a: int, b: int) -> np.ndarray:
        """‖T_ab'‖ = ‖D_a'P_{a,b+1} + Σ_m T_amX_mP_{m,b+1}‖, the last sum over m > b."""
        ahead, way = self.known.ahead, self.known.way
        rows = np.swapaxes(self.slopes[a], 1, 2)  # (c, l, n_a)
        if a == b + 1:
            found = np.max(rows, 2)
        else:
            path = ahead.R[a - 1][b + 1] * ahead.bents[b + 1].slope[:, None, :]
            found = spectral_norms(rows[:, :, :, None] * path[:, None])
            found = found + np.max(rows, 2) * way.away[a, b + 1][:, None]
            apart = (lengths(path, 2) + way.away[a, b + 1][:, None]) * self.bends[a]
            found = np.fmin(found, np.max(apart, 1)[:, None] * self.lengths[a])
        steep = way.steep[a]
        for m in range(b + 1, a):
            found[:, m] += self.turned[a, m] * self._met(m, b + 1)
            near = steep[:, :, None] * ahead.R[a - 1][m]
            bent = self._bent(near, self._off(a, m) * self.steepest[a], m)
            found = found + bent * way.whole[m, b + 1][:, None]
        return found * WIDER

    def _of_curved(self, i: int, k: int) -> np.ndarray:
        """‖Q_ik'‖ for every unit u."""
        found = self._one_sided[i, k]
        found = found + (found if i == k else self._one_sided[k, i])
        whole = self.known.way.whole
        for j in range(i, self.count):
            near = self._rooted[j, i] * self._rooted[j, k]
            for a, b in ((i, k), (k, i)):
                near = np.fmin(near, self._sheared[j, a] * whole[j, b][:, None] * WIDER)
            found = found + near
        return found * WIDER

    @cached_property
    def _one_sided(self) -> dict[tuple[int, int], np.ndarray]:
        """‖Σ_{m≥k} Q_{i,m+1}X_mP_mk‖ by (i, k), both from 1 to L − 1."""
        curved, way = self.known.curved, self.known.way
        assert curved is not None
        nodes = range(1, self.count)
        found = {(i, k): np.zeros((self.cells, self.count)) for i in nodes for k in nodes}
        for i in nodes:
            for m in range(1, self.count - 1):
                at = (max(i, m + 1), min(i, m + 1))
                q = curved.Q[at] if i > m else np.swapaxes(curved.Q[at], 2, 3)
                whole, weight = curved.whole[at], self.stack.layers[m].weight
                near = (q @ weight).reshape(self.cells, -1, weight.shape[1])
                off = curved.away[at] * self.norms[m] + whole * self.stack.layers[m].radius
                rounded = self.stack.rounding * lengths(q, (1, 2, 3)) * np.linalg.norm(weight)
                bent = self._bent(near, (off + rounded) * WIDER, m)
                for k in range(1, m + 1):
                    found[i, k][:, m] += whole * self._met(m, k)
                    found[i, k] += bent * way.whole[m, k][:, None]
        return {pair: growth * WIDER for pair, growth in found.items()}

    @cached_property
    def _rooted(self) -> dict[tuple[int, int], np.ndarray]:
        """‖|κ_j'|^½ P_ji‖ by (j, i)."""
        ahead, way = self.known.ahead, self.known.way
        found = {}
        for j in range(1, self.count):
            entries, _ = self._kappas[j]
            root = np.sqrt(np.swapaxes(entries, 1, 2)) * WIDER  # (c, l, n_j)
            most = np.max(root, 2)
            found[j, j] = most
            for i in range(1, j):
                path = ahead.R[j - 1][i] * ahead.bents[i].slope[:, None, :]
                norm = spectral_norms(root[:, :, :, None] * path[:, None])
                found[j, i] = (norm + most * way.away[j, i][:, None]) * WIDER
        return found

    @cached_property
    def _sheared(self) -> dict[tuple[int, int], np.ndarray]:
        """‖diag(κ_j')P_ji‖ by (j, i), from the length of κ_j'."""
        ahead, way = self.known.ahead, self.known.way
        found = {}
        for j in range(1, self.count):
            _, parts = self._kappas[j]
            for i in range(1, j + 1):
                rows = np.ones_like(parts[0][0])
                if i < j:
                    path = ahead.R[j - 1][i] * ahead.bents[i].slope[:, None, :]
                    rows = lengths(path, 2) + way.away[j, i][:, None]
                total = sum(np.max(w * rows, 1)[:, None] * length for w, length in parts)
                found[j, i] = total * WIDER
        return found

    @cached_property
    def _kappas(self) -> dict[int, tuple[np.ndarray, list[tuple[np.ndarray, np.ndarray]]]]:
        return {j: self._of_kappa(j) for j in range(1, self.count)}

    def _of_kappa(self, j: int) -> tuple[np.ndarray, list[tuple[np.ndarray, np.ndarray]]]:
        """|κ_j'| for every unit u, entry by entry (c, n_j, l), and weights (c, n_j) w and lengths
        (c, l) of v with κ_j' = Σ w∘v: κ_j = ψ_j''∘(∂Φ_L/∂s_j)ᵀu."""
        way, count = self.known.way, self.count
        layer, ends = self.stack.layers[j], self.known.ahead.ranges[j]
        third = layer.bending.most(3, *ends) * way.columns[count, j]
        moved = np.zeros_like(self.z[j])
        moved[:, :, j] = way.whole[count, j + 1][:, None]
        length = np.zeros((self.cells, count))
        length[:, j] = way.whole[count, j + 1]
        for m in range(j + 1, count):
            column = way.columns[m, j]
            through = way.whole[count, m + 1] * self.steepest[m]
            moved[:, :, m] += through[:, None] * column
            moved += self._bent_paths[count, m][:, None, :] * column[:, :, None]
            norm = (spectral_norms(self.known.ahead.R[m - 1][j]) + self._off(m, j)) * WIDER
            length[:, m] += through * norm
            length += self._bent_paths[count, m] * norm[:, None]
        entries = third[:, :, None] * self.z[j] + self.bends[j][:, :, None] * moved
        parts = [(third * WIDER, self.lengths[j]), (self.bends[j] * WIDER, length * WIDER)]
        return entries * WIDER, parts

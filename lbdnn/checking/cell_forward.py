"""One pass over the layers for many boxes of inputs: ranges, slopes, curvatures, and what leads
from each layer to each later one."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .cell_bends import Bent
from .cell_norms import TINY, WIDER, lengths
from .spans import NotShown
from .stacked_layers import Stack, StackedLayer


@dataclass
class Forward:
    """Over each of c boxes. Φ_t lies in ranges[t]. R[t][k] (c, n_{t+1}, n_k) is near
    W_tD_tW_{t−1}⋯D_{k+1}W_k, the D the middles of the slopes; R_error[t][k] how far rounding took
    it. Of s_t without what shortcuts carry: middles, sizes[t] ≥ ‖[s_t; 1]‖, spreads[t] ≥ ‖s_t − its
    middle‖, the last two 0 for layers without parameters. low, high enclose Φ."""

    ranges: list[tuple[np.ndarray, np.ndarray]]
    bents: list[Bent]
    R: list[list[np.ndarray]]
    R_error: list[list[float]]
    middles: list[np.ndarray]
    sizes: list[np.ndarray]
    spreads: list[np.ndarray]
    low: np.ndarray
    high: np.ndarray


class Majorants:
    """What numbers are at most over all boxes, to bound roundings: of R[t][k] Frobenius' norm with
    |W| for W and the largest slopes for slopes; the largest |ψ_t'|, |ψ_t''| and ‖[s_t; 1]‖."""

    def __init__(self, stack: Stack, low: np.ndarray, high: np.ndarray) -> None:
        self.table: list[list[float]] = []
        self.steepest: list[float] = []
        self.strongest: list[float] = []
        self.sizes: list[float] = []
        self.slopes: list[np.ndarray] = []
        rows: list[np.ndarray] = []
        for layer in stack.layers:
            bent = layer.bending.over(low, high)
            # Twice as large as they need to be, and `hold` looks whether that was enough.
            steep = 2 * np.max(np.abs(bent.slope) + bent.spread, 0) + TINY
            size = np.abs(layer.weight)
            rows = [size @ (steep[:, None] * row) for row in rows] + [size]
            self.slopes.append(steep)
            self.table.append([float(np.linalg.norm(row)) * WIDER for row in rows])
            self.steepest.append(float(np.max(steep)))
            self.strongest.append(2 * float(np.max(np.abs(bent.bend) + bent.bend_spread)) + TINY)
            push = _pushing(layer, bent)
            self.sizes.append(2 * float(np.max(push)))
            value, reach = bent.low / 2 + bent.high / 2, bent.high / 2 - bent.low / 2
            wide = reach @ size.T + layer.rows * push[:, None]
            wide = wide + 1e-9 * (np.abs(value) @ size.T + np.abs(layer.bias)) + TINY
            middle = value @ layer.weight.T + layer.bias
            low, high = middle - wide * WIDER, middle + wide * WIDER
        if not max(map(max, self.table)) < 1e60 or not max(self.sizes) < 1e60:
            raise NotShown("numbers become too large for enclosures in floats")

    def hold(self, t: int, bent: Bent, push: np.ndarray) -> None:
        """NotShown where they do not."""
        if (
            np.any(np.abs(bent.slope) > self.slopes[t])
            or np.any(np.abs(bent.bend) > self.strongest[t])
            or np.any(push > self.sizes[t])
        ):
            raise NotShown("roundings in a box are not bounded")


def forward(stack: Stack, majorants: Majorants, low: np.ndarray, high: np.ndarray) -> Forward:
    r"""With the lines s_t = line_t + D_t(Φ_t − μ_t) + ν_t, |ν_t| ≤ noise_t, for every E,

        Φ_{t+1} = c_{t+1} + Σ_k R_tk ν_k + Σ_k P°_{t+1,k+1} E_k[s_k; 1],
        c_{t+1} = W_t(line_t + D_t(c_t − μ_t)) + b_t,  P°_{t+1,k+1} = R_{t,k+1}D_{k+1}, P°_{tt} = I;

    and Φ_{t+1} ∈ W_t ψ_t(…) + b_t + …: both hold.
    """
    middle = low / 2 + high / 2
    near, fresh = middle, np.zeros_like(low)
    found = Forward([], [], [], [], [], [], [], low, high)
    noises: list[np.ndarray] = []
    pushes: list[np.ndarray] = []
    paths: list[np.ndarray] = []
    for t, layer in enumerate(stack.layers):
        bent = layer.bending.over(low, high)
        w, unit = layer.weight, stack.rounding
        noise = bent.noise + np.abs(bent.slope) * fresh * WIDER
        if t == 0:  # the inputs themselves
            noise = noise + np.abs(bent.slope) * (np.maximum(high - middle, middle - low) * WIDER)
        noises.append(noise * WIDER)
        bent_paths = [bent.slope[:, :, None] * p for p in paths]
        paths = [w @ p for p in bent_paths] + [np.broadcast_to(w, (len(low), *w.shape))]
        errors = [unit * x for x in majorants.table[t]]
        found.ranges.append((low, high))
        found.bents.append(bent)
        found.R.append(paths)
        found.R_error.append(errors)

        value, reach = bent.low / 2 + bent.high / 2, bent.high / 2 - bent.low / 2
        push = _pushing(layer, bent) * WIDER
        majorants.hold(t, bent, push)
        found.middles.append(value[:, layer.kept :])
        found.sizes.append(push * layer.owned)
        found.spreads.append(lengths(reach[:, layer.kept :] * WIDER + TINY) * layer.owned)
        pushes.append(push * layer.radius)

        line = bent.line + bent.slope * (near - bent.middle)
        moved = np.abs(bent.slope) * (np.abs(near) + np.abs(bent.middle))
        near = line @ w.T + layer.bias
        fresh = unit * ((np.abs(bent.line) + moved) @ np.abs(w).T + np.abs(layer.bias)) + TINY
        total = fresh.copy()
        for path, error, noise in zip(paths, errors, noises, strict=True):
            total += np.sum(np.abs(path) * noise[:, None, :], 2) + error * lengths(noise)[:, None]
        own = layer.rows * push[:, None]
        total += _pushed(found, stack, t, pushes, own, push)
        total *= WIDER
        plain = value @ w.T + layer.bias
        rounded = unit * (np.abs(value) @ np.abs(w).T + np.abs(layer.bias)) + TINY
        wide = (reach @ np.abs(w).T + own + rounded) * WIDER
        low, high = np.fmax(near - total, plain - wide), np.fmin(near + total, plain + wide)
        slack = 1e-14 * (np.abs(low) + np.abs(high)) + TINY
        low, high = low - slack, high + slack
        middle = low / 2 + high / 2
    found.low, found.high = low, high
    return found


def _pushing(layer: StackedLayer, bent: Bent) -> np.ndarray:
    """≥ ‖[s; 1]‖ of what E acts on."""
    size = np.maximum(-bent.low, bent.high)[:, layer.kept :]
    return np.hypot(lengths(size), layer.one)


def _pushed(
    found: Forward,
    stack: Stack,
    t: int,
    pushes: list[np.ndarray],
    own: np.ndarray,
    push: np.ndarray,
) -> np.ndarray | float:
    """≥ |Σ_k P°_{t+1,k+1}E_k[s_k; 1]|, entry by entry: Σ_k ρ_k x_k at most, and r‖x‖."""
    if not any(layer.radius > 0 for layer in stack.layers[: t + 1]):
        return 0.0
    apart, together = own, np.where(own > 0, push[:, None], 0.0) ** 2
    for k in range(t):
        layer = stack.layers[k]
        if layer.radius == 0:
            continue
        slope = found.bents[k + 1].slope
        rows = lengths((found.R[t][k + 1] * slope[:, None, :])[:, :, layer.acts :])
        rows = rows + found.R_error[t][k + 1] * np.max(np.abs(slope), 1)[:, None]
        apart = apart + rows * pushes[k][:, None]
        together = together + (rows * (found.sizes[k])[:, None]) ** 2
    if not math.isfinite(stack.shared):
        return apart
    return np.fmin(apart, stack.shared * np.sqrt(together) * WIDER)

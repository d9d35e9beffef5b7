"""Second derivatives of Φ in its pre-activations over each cell, times paths."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from ..expansion.sizes import WIDER, U
from .forward import Forward
from .network import Layers, Shape
from .norms import TINY, length, matrix_norm, product
from .paths import Paths

_EXACT = jax.lax.Precision.HIGHEST


def curved(
    shape: Shape, layers: Layers, known: Forward, way: Paths, first: int
) -> tuple[Array, Array]:
    r"""‖Q_il‖ for nodes i, l ≥ `first` below L, and ‖ς_a' P_al‖ for layers a and such nodes l.

    (L − first, L − first, c), 0 for l > i, and (L, L − first, c), 0 for l > a. Both where sources
    act only (`Layers.acts`). With κ_j = ς_j'' ∘ W_jᵀP_{L,j+1}ᵀu,
    K_i = Σ_{j≥i} P_jiᵀ diag(κ_j) P_ji, so that
    Q_il = D_i W_iᵀ Q_{i+1,l} + diag(κ_i) P_il; and what Q_il leaves out over the cell is at most

        Σ_{j≥i} ‖ΔP_ji‖ ‖κ_j P_jl‖ + ‖Δκ_j P_ji‖ ‖P_jl‖ + ‖κ_j P_ji‖ ‖ΔP_jl‖.

    For several outputs the Q_il of each stand below each other.
    """
    count, cells = shape.layers, known.s.shape[-1]
    inner = count - first
    if inner == 0:
        return jnp.zeros((0, 0, cells)), jnp.zeros((count, 0, cells))
    # Nodes `first`..L − 1 by their place from 0.
    outer = known.R[-1, : shape.outputs]  # (m, L, n, c)
    own = jnp.moveaxis(outer[:, first:] * known.bend[first:], 0, 1)  # κ (L − 1, m, n, c)
    sizes = length(outer, 0)[first:]
    strong = jnp.abs(known.bend[first:]) + known.bend_spread[first:]
    kappa = _bounded(strong, way.columns[first:])
    change = _bounded(known.bend_spread[first:], sizes) + _bounded(strong, way.columns_away[first:])
    change = (change + 4 * U * jnp.abs(known.bend[first:]) * sizes + TINY) * WIDER
    j, i = np.tril_indices(inner)
    pairs = j > i
    j, i = j[pairs], i[pairs]
    steep = way.steep[first:]

    base = known.R[j + first - 1, :, i + first] * steep[i][:, None]  # P of nodes j, i
    if shape.shortcuts:
        base = base * jnp.asarray(layers.acts)[first:][i][:, None, :, None]

    def scaled(rows: Array) -> Array:
        """≥ ‖diag(rows_j) P_ji‖."""
        table = jnp.zeros((inner, inner, cells))
        if len(j):
            clean = jnp.where(jnp.isinf(rows), 0.0, rows)
            table = table.at[j, i].set(matrix_norm(base * clean[j][:, :, None]))
        most = jnp.max(rows, 1)
        rest = way.rest[first:-1, first:-1]
        below = (np.arange(inner)[:, None] > np.arange(inner))[..., None]
        table = jnp.where(below, table + _bounded(most[:, None], rest), 0.0)
        table = table + jnp.eye(inner)[..., None] * most[:, None]
        poor = jnp.isinf(most)[:, None] & (below | np.eye(inner, dtype=bool)[..., None])
        return jnp.where(poor, jnp.inf, table * WIDER)

    x, y = scaled(kappa), scaled(change)
    if shape.shortcuts:  # E_a stands behind what is not carried
        steep = jnp.where(jnp.asarray(layers.kept)[first:, :, None] > 0, 0.0, steep)
    turned = jnp.concatenate([jnp.zeros((first, inner, cells)), scaled(steep)])
    whole, away = way.whole[first:-1, first:-1], way.away[first:-1, first:-1]
    q, lost = _backward(shape, layers, known, own, first)
    # (j, i, l): sums over j ≥ i.
    terms = (
        product(away[:, :, None], x[:, None])
        + jnp.minimum(
            product(y[:, :, None], whole[:, None]), product(whole[:, :, None], y[:, None])
        )
        + product(x[:, :, None], away[:, None])
    )
    plain = jnp.minimum(
        product(x[:, :, None], whole[:, None]), product(whole[:, :, None], x[:, None])
    )
    ordered = np.tril(np.ones((inner, inner), bool))
    mask = (ordered[:, :, None] & ordered[:, None, :])[..., None]
    error = jnp.sum(jnp.where(mask, terms, 0.0), 0) * WIDER
    plain = jnp.sum(jnp.where(mask, plain, 0.0), 0) * WIDER
    bent = jnp.fmin(q + lost + error, plain)
    return jnp.where(ordered[..., None], bent, 0.0) * WIDER, turned


def _bounded(a: Array, b: Array) -> Array:
    """a·b of upper bounds: inf where one is, even if the other is 0."""
    return jnp.where(jnp.isinf(a) | jnp.isinf(b), jnp.inf, product(a, b))


def _backward(
    shape: Shape, layers: Layers, known: Forward, kappa: Array, first: int
) -> tuple[Array, Array]:
    """(L − first, L − first, c): norms of the computed Q_il, and bounds of their rounding."""
    count, n, m = shape.layers, shape.width, shape.outputs
    inner, cells = count - first, known.s.shape[-1]
    rounding = 4 * (n + 8) * U

    def layer(carry: tuple[Array, Array, Array], row: tuple) -> tuple[tuple, tuple]:
        q, size, lost = carry  # (n, l, m, n, c), (l, c), (l, c): of node i + 1
        i, weight, weight_size, slope, kappa, before = row  # node i + first; before R_{i−1,l}
        path = before * known.slope[first:]  # (n, l, n, c)
        here = jnp.arange(inner) == i
        path = jnp.asarray(jnp.where(here[:, None, None], jnp.eye(n)[:, None, :, None], path))
        path = jnp.asarray(jnp.where((jnp.arange(inner) <= i)[:, None, None], path, 0.0))
        x = jnp.matmul(weight.T, q.reshape(n, -1), precision=_EXACT).reshape(q.shape)
        added = jnp.swapaxes(kappa, 0, 1)[:, None, :, None] * path[:, :, None]
        new = slope[:, None, None, None] * x + added
        new: Array = jnp.where((jnp.arange(inner) <= i)[:, None, None, None], new, 0.0)
        steepest, strongest = jnp.max(jnp.abs(slope), 0), jnp.max(jnp.abs(kappa), (0, 1))
        lost = weight_size * steepest * (lost + rounding * size)
        lost = lost + rounding * strongest * length(path, (0, 2)) * m
        new_size = length(new, (0, 2, 3))
        small = n * n * m * (1 + weight_size) * (1 + steepest) * TINY
        lost = (lost + rounding * new_size + small) * WIDER
        return (new, new_size, lost), (new, lost)

    start = (
        jnp.zeros((n, inner, m, n, cells)),
        jnp.zeros((inner, cells)),
        jnp.zeros((inner, cells)),
    )
    none = jnp.zeros_like(known.R[:1])
    earlier = known.R[:-1] if first else jnp.concatenate([none, known.R[:-1]])
    rows = (
        jnp.arange(inner),
        jnp.asarray(layers.weights)[first:],
        jnp.asarray(layers.size)[first:],
        known.slope[first:],
        kappa,
        earlier[:, :, first:],
    )
    _, (q, lost) = jax.lax.scan(layer, start, rows, reverse=True)
    node, start = np.tril_indices(inner)
    stacked = jnp.moveaxis(q[node, :, start], 2, 1)  # (pairs, m, n, n, c)
    if shape.shortcuts:
        acts = jnp.asarray(layers.acts)[first:]
        stacked = stacked * acts[node][:, None, :, None, None] * acts[start][:, None, None, :, None]
    stacked = stacked.reshape(len(node), m * n, n, cells)
    norms = jnp.zeros((inner, inner, cells)).at[node, start].set(matrix_norm(stacked))
    return norms, lost

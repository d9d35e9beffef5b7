"""Bounds of the four quantities over each cell."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ...compilation import OPTIMIZED
from ..expansion.sizes import WIDER, U
from .forward import Forward, forward
from .network import Layers, Shape
from .norms import TINY, largest_eigenvalue, length, matrix_norm, product
from .paths import Paths, paths

_EXACT = jax.lax.Precision.HIGHEST


def over_cells(
    shape: Shape,
    quantities: Sequence[str],
    layers: Layers,
    low: Float[Array, "d c"],
    high: Float[Array, "d c"],
) -> dict[str, Float[Array, " c"]]:
    """≥ each quantity anywhere in each cell."""
    known = forward(shape, layers, low, high)
    upper = {}
    if "value" in quantities:
        upper["value"] = length(jnp.maximum(-known.low, known.high)[: shape.outputs], 0)
    if set(quantities) <= {"value"}:
        return upper
    way = paths(shape, layers, known)
    if "input_jacobian" in quantities:
        upper["input_jacobian"] = way.whole[shape.layers, 0]
    if "jacobian" in quantities:
        upper["jacobian"] = _jacobian(shape, known, way)
    if "hessian" in quantities:
        upper["hessian"] = _hessian(shape, layers, known, way)
    return upper


def _jacobian(shape: Shape, known: Forward, way: Paths) -> Array:
    r"""‖∂Φ/∂θ‖² = ‖Σ_j ‖s_j‖² P_{L,j+1} P_{L,j+1}ᵀ‖, one matrix of the P_{L,j+1} side by side."""
    last = known.R[-1, : shape.outputs, 1:] * way.steep[1:]  # (m, L − 1, n, c): R_{L−1,i} ς_i'
    beside = (last * known.s[:-1, None]).reshape(shape.outputs, -1, known.s.shape[-1])
    own = jnp.eye(shape.outputs)[:, :, None] * known.s[-1]
    norm = matrix_norm(jnp.concatenate([beside, own], 1), squarings=2)
    return (norm + length(product(way.rest[-1, 1:-1], known.s[:-1]), 0)) * WIDER


def _hessian(shape: Shape, layers: Layers, known: Forward, way: Paths) -> Array:
    r"""λ_max of the norms of the blocks of H_u = ∇²_θ(uᵀΦ), for every unit u:

        H[E_a, E_b] = b_aᵀ Ē_a T_ab E_b s_b + (E_a s_a)ᵀ Q_{a+1,b+1} (E_b s_b)   (b < a),
        H[E_a, E_a] = (E_a s_a)ᵀ K_{a+1} (E_a s_a),

    b_a = P_{L,a+1}ᵀu, T_ab = ς_a' P_{a,b+1}, K_i = ∇²_{Φ_i}(uᵀΦ_L), Q_il = K_i P_il.
    """
    count = shape.layers
    bent, turned = _curved(shape, layers, known, way)
    s = known.s
    m = product(
        product(s[:-1, None], bent), s[None, :-1]
    )  # rows a, columns b of nodes a + 1, b + 1 ≤ L − 1
    first = product(way.whole[count, 1:, None], turned)  # (L, L − 1, c): layer a, node b + 1
    first = product(first, s[None, :-1]) * jnp.asarray(layers.owned)[:, None, None]
    full = jnp.zeros((count, count, s.shape[-1]))
    full = full.at[: count - 1, : count - 1].set(m).at[:, : count - 1].add(first)
    below = jnp.arange(count)[:, None] > jnp.arange(count)
    full = jnp.where(below[..., None], full, 0.0)
    both = full + jnp.swapaxes(full, 0, 1)
    at = jnp.arange(count - 1)
    return largest_eigenvalue(both.at[at, at].add(m[at, at]) * WIDER)


def _curved(shape: Shape, layers: Layers, known: Forward, way: Paths) -> tuple[Array, Array]:
    r"""(L − 1, L − 1, c) ≥ ‖Q_il‖ for nodes i, l = 1..L − 1, and (L, L − 1, c) ≥ ‖ς_a' P_al‖.

    With κ_j = ς_j'' ∘ W_jᵀP_{L,j+1}ᵀu, K_i = Σ_{j≥i} P_jiᵀ diag(κ_j) P_ji, so that
    Q_il = D_i W_iᵀ Q_{i+1,l} + diag(κ_i) P_il; and what Q_il leaves out over the cell is at most

        Σ_{j≥i} ‖ΔP_ji‖ ‖κ_j P_jl‖ + ‖Δκ_j P_ji‖ ‖P_jl‖ + ‖κ_j P_ji‖ ‖ΔP_jl‖.

    For several outputs the Q_il of each stand below each other.
    """
    count, cells = shape.layers, known.s.shape[-1]
    inner = count - 1
    if inner == 0:
        return jnp.zeros((0, 0, cells)), jnp.zeros((1, 0, cells))
    # Nodes 1..L − 1 by their place from 0.
    outer = known.R[-1, : shape.outputs]  # (m, L, n, c)
    own = jnp.moveaxis(outer[:, 1:] * known.bend[1:], 0, 1)  # κ (L − 1, m, n, c)
    sizes = length(outer, 0)[1:]
    strong = jnp.abs(known.bend[1:]) + known.bend_spread[1:]
    kappa = _bounded(strong, way.columns[1:])
    change = _bounded(known.bend_spread[1:], sizes) + _bounded(strong, way.columns_away[1:])
    change = (change + 4 * U * jnp.abs(known.bend[1:]) * sizes + TINY) * WIDER
    j, i = np.tril_indices(inner)
    pairs = j > i
    j, i = j[pairs], i[pairs]
    steep = way.steep[1:]

    base = known.R[j, :, i + 1] * steep[i][:, None]  # R_{j,i+1} for nodes j + 1 > i + 1

    def scaled(rows: Array) -> Array:
        """≥ ‖diag(rows_j) P_ji‖."""
        table = jnp.zeros((inner, inner, cells))
        if len(j):
            clean = jnp.where(jnp.isinf(rows), 0.0, rows)
            table = table.at[j, i].set(matrix_norm(base * clean[j][:, :, None]))
        most = jnp.max(rows, 1)
        rest = way.rest[1:-1, 1:-1] if inner else table
        below = (np.arange(inner)[:, None] > np.arange(inner))[..., None]
        table = jnp.where(below, table + _bounded(most[:, None], rest), 0.0)
        table = table + jnp.eye(inner)[..., None] * most[:, None]
        poor = jnp.isinf(most)[:, None] & (below | np.eye(inner, dtype=bool)[..., None])
        return jnp.where(poor, jnp.inf, table * WIDER)

    x, y = scaled(kappa), scaled(change)
    turned = jnp.concatenate([jnp.zeros((1, inner, cells)), scaled(steep)])
    whole, away = way.whole[1:-1, 1:-1], way.away[1:-1, 1:-1]
    q, lost = _backward(shape, layers, known, way, own)
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
    shape: Shape, layers: Layers, known: Forward, way: Paths, kappa: Array
) -> tuple[Array, Array]:
    """(L − 1, L − 1, c): norms of the computed Q_il, and bounds of their rounding."""
    count, n, m = shape.layers, shape.width, shape.outputs
    inner, cells = count - 1, known.s.shape[-1]
    rounding = 4 * (n + 8) * U

    def layer(carry: tuple[Array, Array, Array], row: tuple) -> tuple[tuple, tuple]:
        q, size, lost = carry  # (n, l, m, n, c), (l, c), (l, c): of node i + 1
        i, weight, weight_size, slope, kappa, before = row  # i is node i + 1; before R_{i,l+1}
        path = before * known.slope[1:]  # (n, l, n, c)
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
    rows = (
        jnp.arange(inner),
        jnp.asarray(layers.weights)[1:],
        jnp.asarray(layers.size)[1:],
        known.slope[1:],
        kappa,
        known.R[:-1, :, 1:],
    )
    _, (q, lost) = jax.lax.scan(layer, start, rows, reverse=True)
    node, start = np.tril_indices(inner)
    stacked = jnp.moveaxis(q[node, :, start], 2, 1).reshape(len(node), m * n, n, cells)
    norms = jnp.zeros((inner, inner, cells)).at[node, start].set(matrix_norm(stacked))
    return norms, lost


@partial(jax.jit, static_argnums=(0, 1), compiler_options=OPTIMIZED)
def largest(
    shape: Shape,
    quantities: tuple[str, ...],
    layers: Layers,
    low: Float[Array, "d c"],
    high: Float[Array, "d c"],
) -> dict[str, Float[Array, ""]]:
    """≥ the supremum of each quantity over all the cells."""
    found = over_cells(shape, quantities, layers, low, high)
    # NaN: something overflowed, and nothing is known.
    return {q: jnp.max(jnp.where(jnp.isnan(x), jnp.inf, x)) for q, x in found.items()}

"""How far the derivatives can move with the parameters, over a cell of inputs."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .activation_tables import Table
from .assembly import Sizes
from .backward import Backward
from .budget import Budget, plus
from .forward import Forward
from .network import Layers, Shape
from .sizes import WIDER, U, frobenius, matrix_norm, vector_norm

_EXACT = jax.lax.Precision.HIGHEST


class Moved(NamedTuple):
    """Growths (…, K + 1) of how far things move when θ does, K = k + 1 layers.

    paths (K, K): ‖δP_{j−1,l}‖, j = 1..k + 1, the last row of the output; outputs (K): ‖δs_l‖;
    z, slope (k, n): |δz_j|, |δD_j|, entry by entry; third, bend, steep (k, n): sup |ς'''|, |ς''|
    and |ς'| there, of θ the last two; steepest (k): of ς' with θ moved. value (K + 1): ‖δΦ‖.
    """

    paths: Array
    outputs: Array
    z: Array
    slope: Array
    third: Array
    bend: Array
    steep: Array
    steepest: Array
    value: Array


class Paths(NamedTuple):
    """All P_{j−1,l}, j = 1..k + 1: centre (K, K, n, n), deviation (K, K) of their norms from the
    centre's, sizes (K, K) and row norms (K, K, n); `weighted` (K, k, n, n) are P_{j−1,i}W_i at the
    centre, i = 1..k, `away` (K, k) their deviation."""

    centre: Array
    deviation: Array
    sizes: Array
    rows: Array
    weighted: Array
    away: Array


def paths_of(layers: Layers, known: Forward) -> Paths:
    p = jnp.concatenate([known.P, known.B[None]])
    error = jnp.concatenate([known.P_error, known.B_error[None]])
    deviation = (jnp.sum(matrix_norm(p[:, :, 1:]), 2) + error) * WIDER
    centre = p[:, :, 0]
    sizes = (matrix_norm(centre) + deviation) * WIDER
    rows = vector_norm(centre) + deviation[..., None]
    # W_k holds the scaling of the output already, which is all that P_kk is.
    n = centre.shape[-1]
    inner = centre.at[-1, -1].set(jnp.eye(n))[:, 1:]
    weighted = jnp.einsum("jiab,ibc->jiac", inner, layers.weights, precision=_EXACT)
    rounding = 2 * (n + 8) * U * frobenius(inner) * frobenius(layers.weights)
    away = (deviation[:, 1:] * matrix_norm(layers.weights) + rounding) * WIDER
    return Paths(centre, deviation, sizes, rows, weighted, away)


def moved(
    shape: Shape,
    layers: Layers,
    tables: tuple[Table, ...],
    budget: Budget,
    known: Forward,
    s: Sizes,
    paths: Paths,
) -> Moved:
    r"""With θ + E for θ, ~ over what belongs to it, and δ for differences:

        z̃_{j+1} − z_{j+1} = Σ_l P_jl E_l [s̃_l; 1] + Σ_i P_ji W_i ½ς_i''(·)(δz_i)²,
        s̃_j − s_j = D_j δz_j + ½ς_j''(·)(δz_j)²,   |δD_j| ≤ |ς_j''||δz_j| + ½ sup|ς_j'''||δz_j|²,
        P̃_jl − P_jl = Σ_{i=l+1..j} P_ji (Ē_i D̃_i + W_i δD_i) P̃_{i−1,l},

    P at θ throughout. All suprema are over the cell and the ball.
    """
    k, count = shape.hidden, shape.hidden + 1
    every = jnp.sum(s.norms, 0) + s.error  # ‖[s_l; 1]‖
    thinned = jnp.sum(matrix_norm(known.T), 2) + known.T_error
    steep = jnp.sum(jnp.abs(known.slope), 1) + known.slope_error
    bend = jnp.sum(jnp.abs(known.curvature), 1) + known.curvature_error
    empty = Moved(
        jnp.zeros((count, count, count + 1)),
        jnp.zeros((count, count + 1)),
        jnp.zeros((k, shape.width, count + 1)),
        jnp.zeros((k, shape.width, count + 1)),
        jnp.zeros((k, shape.width)),
        bend,
        steep,
        jnp.zeros(k),
        jnp.zeros(count + 1),
    )
    limits = jnp.minimum(budget.limits, budget.radius)

    def step(carry: tuple[Moved, Array], j: Array) -> tuple[tuple[Moved, Array], None]:
        # j counts from 0: stage j + 1, or the output for j = k.
        was, curled = carry
        here = jnp.minimum(j, k - 1)
        before = jnp.arange(count) <= j
        inside = jnp.arange(k) < j  # i = 1..j
        entering = budget.own() * every[:, None]
        entering = plus(entering, limits * budget.total(was.outputs))  # ‖E_t[s̃_t; 1]‖
        entering = jnp.where(before[:, None], entering, 0.0)
        extra = jnp.where(inside, curled, 0.0)

        through = vector_norm(paths.weighted[j]) + paths.away[j][:, None]  # (k, n)
        z = jnp.einsum("tn,ts->ns", paths.rows[j], entering)
        z = plus(z, extra @ through)
        size = budget.total(z)
        third = _third(shape, tables, known, here, size)
        slope = plus(bend[here][:, None] * z, third * size**2 / 2)
        steepest = jnp.max(steep[here] + budget.total(slope))
        curl = vector_norm((bend[here] + third * size) * size**2) / 2
        passed = matrix_norm(paths.weighted[j]) + paths.away[j]
        outputs = plus(thinned[here] @ entering, jnp.max(steep[here]) * (extra @ passed) + curl)

        growth = _scaled_columns(paths.weighted[j], paths.away[j], was.slope)
        own = paths.sizes[j, 1:] * was.steepest
        growth = growth + own[:, None] * budget.own()[1:]
        growth = jnp.where(inside[:, None], growth, 0.0)
        # (i, l): P_{i−1,l}, which is zero for l ≥ i, and stays so.
        new = paths.sizes[:k, :, None] * growth[:, None]
        new = plus(new, budget.total(growth)[:, None] * budget.total(was.paths[:k]))
        new = jnp.sum(new, 0)

        at = jnp.arange(k) == j
        now = Moved(
            was.paths.at[j].set(new * WIDER),
            jnp.where((jnp.arange(count) == j + 1)[:, None], outputs * WIDER, was.outputs),
            jnp.where(at[:, None, None], z * WIDER, was.z),
            jnp.where(at[:, None, None], slope * WIDER, was.slope),
            jnp.where(at[:, None], third, was.third),
            was.bend,
            was.steep,
            jnp.where(at, steepest, was.steepest),
            plus(paths.sizes[j] @ entering, extra @ passed) * WIDER,
        )
        return (now, jnp.where(at, curl * WIDER, curled)), None

    (found, _), _ = jax.lax.scan(step, (empty, jnp.zeros(k)), jnp.arange(count))
    return found


def _third(shape: Shape, tables: tuple[Table, ...], known: Forward, j: Array, size: Array) -> Array:
    """sup |ς_j'''| where z_j can be, moved or not."""
    lo, hi = known.z[j] - known.reach[j] - size, known.z[j] + known.reach[j] + size
    return jnp.stack([t.supremum(3, lo, hi) for t in tables])[jnp.asarray(shape.kinds, int)[j]]


def _scaled_columns(matrices: Array, away: Array, scales: Array) -> Array:
    """Growths (i, K + 1) of ‖M_i diag(scales_i)‖, M_i = P W_i about the centres `matrices`."""
    columns = jnp.swapaxes(scales, 1, 2)  # (i, K + 1, n)
    near = matrix_norm(matrices[:, None] * columns[:, :, None, :])
    return near + away[:, None] * jnp.max(columns, 2)


def _scaled_rows(paths: Paths, scales: Array) -> Array:
    """(j, l, K + 1): ‖diag(scales_j) P_{j−1,l}‖ for each part of growths (k, n, K + 1)."""
    k = len(scales)
    rows = jnp.swapaxes(scales, 1, 2)[:, None, :, :, None]  # (j, 1, K + 1, n, 1)
    near = matrix_norm(rows * paths.centre[:k, :, None])
    return near + paths.deviation[:k, :, None] * jnp.max(scales, 1)[:, None]


def hessian_growth(
    shape: Shape,
    layers: Layers,
    budget: Budget,
    known: Forward,
    curved: Backward,
    s: Sizes,
    change: Moved,
    paths: Paths,
) -> Float[Array, "k k k+1"]:
    r"""Growths of the blocks of H_u as `hessian_blocks` has them, for every unit u. With
    κ_j = ς_j''∘W_jᵀb_j, Q_il = Σ_{j>i} P_{j−1,i}ᵀ diag(κ_j) P_{j−1,l}."""
    k, m, count = shape.hidden, shape.outputs, shape.hidden + 1
    every = jnp.sum(s.norms, 0) + s.error
    ends, backs = paths.sizes[-1], change.paths[-1]  # B_l and how it moves

    t = jnp.sum(matrix_norm(known.T), 2) + known.T_error  # (k, K)
    t_moved = _scaled_rows(paths, change.slope)
    t_moved = t_moved + change.steepest[:, None, None] * change.paths[:k]
    times = budget.of_product
    both = times(t, t_moved, every[None], change.outputs[None])
    first = times(ends[1:, None], backs[1:, None], t * every[None], both)

    b = known.B[1:, :, :m].at[-1, 0].set(jnp.eye(m, shape.width))
    y = jnp.einsum("jba,jcob->jcao", layers.weights, b, precision=_EXACT)
    columns = vector_norm(jnp.swapaxes(layers.weights, 1, 2))
    rounding = 2 * (shape.width + 8) * U * jnp.sum(matrix_norm(b), 1)
    y = jnp.sum(vector_norm(y), 1) + columns * (known.B_error[1:] + rounding)[:, None]
    y_moved = columns[:, :, None] * backs[1:, None]
    own = ends[1:, None] * budget.own()[1:]
    limits = jnp.minimum(budget.limits, budget.radius)[1:]
    own = plus(own, limits * budget.total(backs[1:]))
    y_moved = y_moved + own[:, None]
    kappa = times(change.bend, change.third[..., None] * change.z, y, y_moved)  # (k, n, K + 1)
    strength = change.bend * y

    n0 = _scaled_rows(paths, strength[..., None])[..., 0]  # (j, l): ‖diag(κ_j) P_{j−1,l}‖
    roots = _scaled_rows(paths, jnp.sqrt(kappa))
    most, more = jnp.max(strength, 1), jnp.max(budget.total(kappa), 1)
    p, dp = paths.sizes[:k], change.paths[:k]
    p_total = budget.total(dp)
    q_moved = dp[:, :, None] * n0[:, None, :, None] + n0[:, :, None, None] * dp[:, None]
    q_moved = q_moved + roots[:, :, None] * roots[:, None]
    outer = p_total[:, :, None] * p[:, None] + (p + p_total)[:, :, None] * p_total[:, None]
    rest = most[:, None, None] * p_total[:, :, None] * p_total[:, None]
    q_moved = plus(q_moved, rest + more[:, None, None] * outer)
    later = jnp.arange(k)[:, None] >= jnp.arange(count)  # j = 1..k, i = 0..k: i < j
    q_moved = jnp.sum(jnp.where(later[:, :, None, None], q_moved, 0.0), 0)[:k]

    stacked = curved.Q.reshape((*curved.Q.shape[:3], m * shape.width, shape.width))
    q = jnp.sum(matrix_norm(stacked), 2) + curved.error
    both = times(q, q_moved, every[None], change.outputs[None])
    second = times(every[:k, None], change.outputs[:k, None], q * every[None], both)

    row, column = jnp.arange(count)[:, None], jnp.arange(count)
    first = jnp.pad(first, ((1, 0), (0, 0), (0, 0)))
    second = jnp.pad(second, ((0, 1), (0, 0), (0, 0)))
    lower = jnp.where((row > column)[..., None], first + second, 0.0)
    own = jnp.where((row == column)[..., None], second, 0.0)
    return (lower + jnp.swapaxes(lower, 0, 1) + own) * WIDER


def jacobian_growth(budget: Budget, s: Sizes, change: Moved, paths: Paths) -> Float[Array, "k k+1"]:
    """Growths of the blocks B_l ⊗ s_lᵀ."""
    every = jnp.sum(s.norms, 0) + s.error
    return budget.of_product(paths.sizes[-1], change.paths[-1], every, change.outputs)


def input_jacobian_growth(
    layers: Layers, budget: Budget, change: Moved, paths: Paths
) -> Float[Array, " k+1"]:
    """Growth of B_0 W_0."""
    scale = jnp.max(jnp.abs(layers.scale))
    entry = matrix_norm(layers.first * layers.scale)
    return budget.of_product(
        paths.sizes[-1, 0], change.paths[-1, 0], entry, scale * budget.own()[0]
    )

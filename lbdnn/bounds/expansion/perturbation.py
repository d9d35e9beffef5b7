"""How far the derivatives can move with the parameters, over a cell of inputs."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .activation_tables import Table
from .assembly import Sizes
from .budget import Budget, plus
from .forward import Forward
from .network import Layers, Shape
from .sizes import WIDER, U, frobenius, matrix_norm, vector_norm

_EXACT = jax.lax.Precision.HIGHEST


class Diagonals(NamedTuple):
    """Growths (…, n, K + 1) of the entries of vectors d, and d = Σ_w weights_w ∘ v_w with weights
    (…, w, n) ≥ 0 and growths (…, w, K + 1) of the ‖v_w‖. Both share d out among the layers and the
    rest in the same way, so that of what follows from them the smaller counts, layer by layer."""

    entries: Array
    weights: Array
    lengths: Array


class Moved(NamedTuple):
    """Growths (…, K + 1) of how far things move when θ does, K = k + 1 layers.

    paths (K, K): ‖δP_{j−1,l}‖, j = 1..k + 1, the last row of the output; thinned (k, K): ‖δT_jl‖;
    passed (k): ‖P_kiX_i‖ with the X_i of `moved`; outputs (K): ‖δs_l‖;
    z (k, n): |δz_j|, entry by entry, length (K): ‖δz_j‖ and ‖δΦ‖; slope (k, …): the diagonal of
    δD_j; third, bend, steep (k, n): sup |ς'''|, |ς''| and |ς'| there, of θ the last two; steepest
    (k): of ς' with θ moved.
    """

    paths: Array
    thinned: Array
    passed: Array
    outputs: Array
    z: Array
    length: Array
    slope: Diagonals
    third: Array
    bend: Array
    steep: Array
    steepest: Array


class Paths(NamedTuple):
    """All P_{j−1,l}, j = 1..k + 1: centre (K, K, n, n), deviation (K, K) of their norms from the
    centre's, sizes (K, K) and row norms (K, K, n); `weighted` (K, k, n, n) are P_{j−1,i}W_i at the
    centre, i = 1..k, `away` (K, k) their deviation. `thinned` (k, K) ≥ ‖T_jl‖, T_jl = D_jP_{j−1,l};
    `turned` (k, k, n, n) are T_jiW_i at the centre, `turned_away` (k, k) their deviation."""

    centre: Array
    deviation: Array
    sizes: Array
    rows: Array
    weighted: Array
    away: Array
    thinned: Array
    turned: Array
    turned_away: Array


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
    weighted, away = times_weights(inner, deviation[:, 1:], layers.weights)
    slanted = known.T[:, :, 0]
    apart = (jnp.sum(matrix_norm(known.T[:, :, 1:]), 2) + known.T_error) * WIDER
    thinned = (matrix_norm(slanted) + apart) * WIDER
    turned = times_weights(slanted[:, 1:], apart[:, 1:], layers.weights)
    return Paths(centre, deviation, sizes, rows, weighted, away, thinned, *turned)


def times_weights(centre: Array, deviation: Array, weights: Array) -> tuple[Array, Array]:
    """Products M_iW_i (…, i, a, n) of matrices about the centres (…, i, a, n), deviations alike."""
    n = weights.shape[-1]
    product = jnp.einsum("...iab,ibc->...iac", centre, weights, precision=_EXACT)
    rounding = 2 * (n + 8) * U * frobenius(centre) * frobenius(weights)
    return product, (deviation * matrix_norm(weights) + rounding) * WIDER


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
        P̃_jl − P_jl = Σ_{i=l+1..j} P_ji X_i P̃_{i−1,l},   X_i = Ē_i D̃_i + W_i δD_i,
        T̃_jl − T_jl = δD_j P̃_{j−1,l} + Σ_{i=l+1..j−1} T_ji X_i P̃_{i−1,l},   T_jl = D_j P_{j−1,l},

    P and T at θ. All suprema are over the cell and the ball.
    """
    k, count = shape.hidden, shape.hidden + 1
    every = jnp.sum(s.norms, 0) + s.error  # ‖[s_l; 1]‖
    steep = jnp.sum(jnp.abs(known.slope), 1) + known.slope_error
    bend = jnp.sum(jnp.abs(known.curvature), 1) + known.curvature_error
    empty = Moved(
        jnp.zeros((count, count, count + 1)),
        jnp.zeros((k, count, count + 1)),
        jnp.zeros((k, count + 1)),
        jnp.zeros((count, count + 1)),
        jnp.zeros((k, shape.width, count + 1)),
        jnp.zeros((count, count + 1)),
        Diagonals(
            jnp.zeros((k, shape.width, count + 1)),
            jnp.zeros((k, 2, shape.width)),
            jnp.zeros((k, 2, count + 1)),
        ),
        jnp.zeros((k, shape.width)),
        bend,
        steep,
        jnp.zeros(k),
    )

    def step(carry: tuple[Moved, Array], j: Array) -> tuple[tuple[Moved, Array], None]:
        # j counts from 0: stage j + 1, or the output for j = k.
        was, curled = carry
        here = jnp.minimum(j, k - 1)
        before = jnp.arange(count) <= j
        inside = jnp.arange(k) < j  # i = 1..j
        own = jnp.where(before[:, None], budget.own(), 0.0)

        def entered(weights: Array) -> Array:
            """Growths of Σ_t w_t‖E_t[s̃_t; 1]‖, for weights (…, t)."""
            weighted = weights[..., None] * own
            straight = jnp.sum(weighted * every[:, None], -2)
            return straight + budget.products(weighted, was.outputs)

        extra = jnp.where(inside, curled, 0.0)

        through = vector_norm(paths.weighted[j]) + paths.away[j][:, None]  # (k, n)
        passed = matrix_norm(paths.weighted[j]) + paths.away[j]
        z = plus(entered(paths.rows[j].T), extra @ through)
        length = plus(entered(paths.sizes[j]), extra @ passed)
        size, longest = budget.total(z), budget.total(length)
        third = _third(shape, tables, known, here, size)
        # ς''δz and ½ς'''(·)δz², of which only the rest is known.
        slope = Diagonals(
            plus(bend[here][:, None] * z, third * size**2 / 2),
            jnp.stack([bend[here], third * size / 2]),
            jnp.stack([length, plus(jnp.zeros(count + 1), longest)]),
        )
        steepest = jnp.max(steep[here] + budget.total(slope.entries))
        curl = (bend[here] + third * size) * size
        curl = jnp.minimum(vector_norm(curl * size), jnp.max(curl) * longest) / 2
        outputs = plus(entered(paths.thinned[here]), jnp.max(steep[here]) * (extra @ passed) + curl)

        # The X_i that count are those of i = 1..j; what they meet is 0 for l ≥ i, and stays so.
        bent = scaled_columns(paths.weighted[j], paths.away[j], was.slope)
        bent = jnp.where(inside[:, None], bent, 0.0)
        carried = jnp.where(inside, paths.sizes[j, 1:], 0.0)
        new = through_layers(budget, paths, was, carried, bent)
        leaning = scaled_columns(paths.turned[here], paths.turned_away[here], was.slope)
        leaning = jnp.where(inside[:, None], leaning, 0.0)
        turned = jnp.where(inside, paths.thinned[here, 1:], 0.0)
        thinned = through_layers(budget, paths, was, turned, leaning)
        thinned = thinned + scaled_rows(paths.centre[here], paths.deviation[here], slope)
        both = budget.total(budget.product(slope.entries[:, None], new))
        thinned = plus(thinned, jnp.max(both, 0))

        at = jnp.arange(k) == j
        now = Moved(
            was.paths.at[j].set(new * WIDER),
            jnp.where(at[:, None, None], thinned * WIDER, was.thinned),
            (bent + (carried * was.steepest)[:, None] * budget.own()[1:]) * WIDER,
            jnp.where((jnp.arange(count) == j + 1)[:, None], outputs * WIDER, was.outputs),
            jnp.where(at[:, None, None], z * WIDER, was.z),
            was.length.at[j].set(length * WIDER),
            jax.tree.map(lambda x, y: jnp.where(at[:, None, None], x * WIDER, y), slope, was.slope),
            jnp.where(at[:, None], third, was.third),
            was.bend,
            was.steep,
            jnp.where(at, steepest, was.steepest),
        )
        return (now, jnp.where(at, curl * WIDER, curled)), None

    (found, _), _ = jax.lax.scan(step, (empty, jnp.zeros(k)), jnp.arange(count))
    return found


def _third(shape: Shape, tables: tuple[Table, ...], known: Forward, j: Array, size: Array) -> Array:
    """sup |ς_j'''| where z_j can be, moved or not."""
    lo, hi = known.z[j] - known.reach[j] - size, known.z[j] + known.reach[j] + size
    return jnp.stack([t.supremum(3, lo, hi) for t in tables])[jnp.asarray(shape.kinds, int)[j]]


def through_layers(
    budget: Budget, paths: Paths, change: Moved, carried: Array, bent: Array
) -> Array:
    """Growths (l, K + 1) of ‖Σ_i Y_i X_i P̃_{i−1,l}‖, i = 1..k, where ‖Y_i‖ ≤ carried (k) and
    ‖Y_iW_iδD_i‖ ≤ bent (k, K + 1): Y_iX_iP̃_{i−1,l} = Y_iĒ_iT̃_il + (Y_iW_iδD_i)P̃_{i−1,l}."""
    own = budget.own()[1:]
    linear = (carried[:, None] * paths.thinned)[..., None] * own[:, None]
    linear = linear + bent[:, None] * paths.sizes[: len(carried), :, None]
    grown = jnp.concatenate([carried[:, None] * own, bent])  # (2k, K + 1)
    others = jnp.concatenate([change.thinned, change.paths[: len(carried)]])  # (2k, l, K + 1)
    return jnp.sum(linear, 0) + budget.products(grown, jnp.swapaxes(others, 0, 1))


def scaled_columns(matrices: Array, away: Array, scales: Diagonals) -> Array:
    """Growths (…, i, K + 1) of ‖M_i diag(d_i)‖: see `scaled_rows`; matrices (…, i, a, n)."""
    return scaled_rows(jnp.swapaxes(matrices, -1, -2), away, scales)


def scaled_rows(matrices: Array, away: Array, scales: Diagonals) -> Array:
    """Growths (…, i, K + 1) of ‖diag(d_i) M_i‖, M_i about the centres `matrices` (…, i, n, a) up to
    `away` (…, i); `scales` without an axis i are the same for all.

    As ‖v ∘ y‖ ≤ ‖v‖ max|y_a|, ‖diag(w ∘ v) M‖ is at most ‖v‖ times the longest row of diag(w) M.
    """
    rows = jnp.swapaxes(scales.entries, -1, -2)  # (…, i, K + 1, n)
    near = matrix_norm(rows[..., None] * matrices[..., None, :, :])
    near = near + away[..., None] * jnp.max(rows, -1)
    longest = vector_norm(matrices) + away[..., None]  # (…, i, n)
    longest = jnp.max(scales.weights * longest[..., None, :], -1)
    return jnp.fmin(near, jnp.sum(longest[..., None] * scales.lengths, -2)) * WIDER


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

"""How far the second derivative can move with the parameters, over a cell of inputs."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .assembly import Sizes
from .backward import Backward
from .budget import Budget, plus
from .forward import Forward
from .network import Layers, Shape
from .perturbation import Diagonals, Moved, Paths, scaled_columns, through_layers, times_weights
from .sizes import WIDER, U, frobenius, matrix_norm, vector_norm

_EXACT = jax.lax.Precision.HIGHEST


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
    r"""Growths of the blocks of H_u as `hessian_blocks` has them, for every unit u.

    With κ_j = ς_j''∘W_jᵀb_j, Q_il = Σ_j P_{j−1,i}ᵀ diag(κ_j) P_{j−1,l} over j > max(i, l), and the
    X_m of `moved`,

        A_il = Σ_{j>i} P_{j−1,i}ᵀ diag(κ_j) δP_{j−1,l} = Σ_{m>l} Q_im X_m P̃_{m−1,l},
        Q̃_il − Q_il = A_il + A_liᵀ + Σ_{m>i} (X_mP̃_{m−1,i})ᵀA_ml + Σ_{j>i} P̃ᵀ diag(δκ_j) P̃,

    as P_{j−1,i} = 0 for j ≤ i, and δP_{j−1,i} = Σ_{m=i+1..j−1} P_{j−1,m}X_mP̃_{m−1,i}.
    """
    k, count = shape.hidden, shape.hidden + 1
    every = jnp.sum(s.norms, 0) + s.error
    ends, backs = paths.sizes[-1], change.paths[-1]  # B_l and how it moves
    times = budget.of_product
    both = times(paths.thinned, change.thinned, every[None], change.outputs[None])
    first = times(ends[1:, None], backs[1:, None], paths.thinned * every[None], both)

    stacked = curved.Q.reshape((*curved.Q.shape[:3], -1, shape.width))
    norms = matrix_norm(stacked)
    q = jnp.sum(norms, 2) + curved.error
    one_sided = _one_sided(layers, budget, curved, norms, change, paths)
    local = _local(layers, budget, change, paths)
    left, right = jnp.swapaxes(local, 0, 1), jnp.swapaxes(one_sided[1:], 0, 1)  # (i, m), (l, m)
    two_sided = budget.products(left[:k, None], right)
    q_moved = one_sided.at[:, :k].add(jnp.swapaxes(one_sided[:, :k], 0, 1))
    q_moved = q_moved + two_sided
    kappa = _kappa(shape, layers, budget, known, change, paths)
    q_moved = q_moved + _bent_more(budget, kappa, change, paths)

    both = times(q, q_moved, every[None], change.outputs[None])
    second = times(every[:k, None], change.outputs[:k, None], q * every[None], both)
    row, column = jnp.arange(count)[:, None], jnp.arange(count)
    first = jnp.pad(first, ((1, 0), (0, 0), (0, 0)))
    second = jnp.pad(second, ((0, 1), (0, 0), (0, 0)))
    lower = jnp.where((row > column)[..., None], first + second, 0.0)
    own = jnp.where((row == column)[..., None], second, 0.0)
    return (lower + jnp.swapaxes(lower, 0, 1) + own) * WIDER


def _one_sided(
    layers: Layers, budget: Budget, curved: Backward, norms: Array, change: Moved, paths: Paths
) -> Array:
    """Growths (k, K, K + 1) of the A_il; `norms` (k, K, c) of the coefficients of Q, outputs below
    each other."""
    k, n = layers.weights.shape[:2]

    def both_ways(x: Array, turned: Array) -> Array:
        """(i, m) for i = 0..k − 1, m = 1..k − 1 from (i, l) with l ≤ i."""
        stages = jnp.arange(k)
        below = (stages[:, None] >= stages).reshape((k, k, *(1,) * (x.ndim - 2)))
        return jnp.where(below, x[:, :k], jnp.swapaxes(turned[:, :k], 0, 1))[:, 1:]

    centre = curved.Q[:, :, 0]  # (i, l, m, n, n)
    rows = curved.Q.shape[3] * n  # for k = 1 it does not follow from the rest
    centre = both_ways(centre, jnp.swapaxes(centre, -1, -2)).reshape((k, k - 1, rows, n))
    away = jnp.sum(norms[:, :, 1:], 2) + curved.error
    away = both_ways(away, away)
    sizes = matrix_norm(centre) + away
    weighted, lost = times_weights(centre, away, layers.weights[: k - 1])
    slope = Diagonals(*(x[: k - 1] for x in change.slope))
    bent = scaled_columns(weighted, lost, slope)
    # Q_ik is 0.
    sizes = jnp.pad(sizes, ((0, 0), (0, 1)))
    bent = jnp.pad(bent, ((0, 0), (0, 1), (0, 0)))
    return jax.vmap(lambda y, z: through_layers(budget, paths, change, y, z))(sizes, bent) * WIDER


def _local(layers: Layers, budget: Budget, change: Moved, paths: Paths) -> Array:
    """Growths (m, i, K + 1) of ‖X_mP̃_{m−1,i}‖ = ‖Ē_mT̃_mi + W_mδD_mP̃_{m−1,i}‖, m = 1..k − 1."""
    k = len(layers.weights)
    bent = scaled_columns(layers.weights, jnp.zeros(k), change.slope)
    own, bent = budget.own()[1:, None], bent[:, None]
    found = own * paths.thinned[..., None] + budget.product(own, change.thinned)
    found = found + bent * paths.sizes[:k, :, None] + budget.product(bent, change.paths[:k])
    return found[: k - 1] * WIDER


def _kappa(
    shape: Shape, layers: Layers, budget: Budget, known: Forward, change: Moved, paths: Paths
) -> Diagonals:
    """Of the κ_j (k, …), for every unit u."""
    k, m = shape.hidden, shape.outputs
    b = known.B[1:, :, :m].at[-1, 0].set(jnp.eye(m, shape.width))
    y = jnp.einsum("jba,jcob->jcao", layers.weights, b, precision=_EXACT)
    columns = vector_norm(jnp.swapaxes(layers.weights, 1, 2))
    rounding = 2 * (shape.width + 8) * U * jnp.sum(frobenius(b), 1)
    y = jnp.sum(vector_norm(y), 1) + columns * (known.B_error[1:] + rounding)[:, None]

    # y_j = Ṽ_jᵀP̃_kjᵀu moves by the transpose of Σ_{m>j} P_kmX_mP̃_{m−1,j}W_j + P̃_kjĒ_j: column by
    # column, and in length.
    met = vector_norm(jnp.swapaxes(paths.weighted[:k], -1, -2)) + paths.away[:k, :, None]
    most = matrix_norm(paths.weighted[:k]) + paths.away[:k]
    later = jnp.arange(k)[:, None] > jnp.arange(k)  # m − 1 and j − 1
    met, most = jnp.where(later[..., None], met, 0.0), jnp.where(later, most, 0.0)
    away = jnp.where(later[..., None], change.paths[:k, 1:], 0.0)
    away = budget.products(change.passed, jnp.swapaxes(away, 0, 1))  # (j, K + 1)
    own = budget.own()[1:]
    own = paths.sizes[-1, 1:, None] * own + budget.product(own, change.paths[-1, 1:])
    moved = jnp.einsum("mt,mjn->jnt", change.passed, met)
    moved = moved + columns[..., None] * away[:, None] + own[:, None]
    length = jnp.einsum("mt,mj->jt", change.passed, most)
    length = length + matrix_norm(layers.weights)[:, None] * away + own

    # δς''∘y, ς''∘δy, and their product, of which only the rest is known.
    both = change.third * budget.total(change.z)
    entries = (change.third * y)[..., None] * change.z + change.bend[..., None] * moved
    rest = plus(jnp.zeros_like(length), budget.total(length))
    return Diagonals(
        plus(entries, change.third * budget.total(budget.product(change.z, moved))) * WIDER,
        jnp.stack([change.third * y, change.bend, both], 1) * WIDER,
        jnp.stack([change.length[:k], length, rest], 1) * WIDER,
    )


def _bent_more(budget: Budget, kappa: Diagonals, change: Moved, paths: Paths) -> Array:
    """Growths (k, K, K + 1) of ‖Σ_{j>i} P̃_{j−1,i}ᵀ diag(δκ_j) P̃_{j−1,l}‖."""
    k = len(kappa.entries)
    p, moved = paths.sizes[:k], change.paths[:k]
    near = _between(kappa, paths.centre[:k], paths.deviation[:k], p)
    outer = budget.of_product(p[:, :, None], moved[:, :, None], p[:, None], moved[:, None])
    most = jnp.max(kappa.entries, 1)[:, None, None]
    later = jnp.arange(k)[:, None] >= jnp.arange(k + 1)  # j = 1..k, i = 0..k: i < j
    later = (later[:, :, None] & later[:, None])[..., None]
    near, most, outer = (jnp.moveaxis(jnp.where(later, x, 0.0), 0, 2) for x in (near, most, outer))
    return (jnp.sum(near, 2) + budget.products(most, outer))[:k]


def _between(kappa: Diagonals, centre: Array, deviation: Array, sizes: Array) -> Array:
    """Growths (k, K, K, K + 1) of ‖P_iᵀ diag(δκ) P_l‖, at most the norms of √|δκ| P, or of one P
    times that of diag(δκ) times the other."""
    roots = jnp.sqrt(jnp.swapaxes(kappa.entries, 1, 2))[:, None]  # (k, 1, K + 1, n)
    near = matrix_norm(roots[..., None] * centre[:, :, None])
    near = near + deviation[..., None] * jnp.max(roots, -1)
    longest = vector_norm(centre) + deviation[..., None]
    longest = jnp.max(kappa.weights[:, None] * longest[:, :, None], -1)  # (k, K, w)
    apart = jnp.einsum("jiw,jwt->jit", longest, kappa.lengths)
    apart = apart[:, :, None] * sizes[:, None, :, None]
    apart = jnp.fmin(apart, jnp.swapaxes(apart, 1, 2))
    return jnp.fmin(near[:, :, None] * near[:, None], apart) * WIDER

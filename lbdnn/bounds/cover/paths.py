"""Norms of the paths P_ti = ∂Φ_t/∂Φ_i over each cell, and of what the cell adds to them."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from ..expansion.sizes import WIDER, U
from .forward import Forward
from .network import Layers, Shape
from .norms import length, matrix_norm, product


class Paths(NamedTuple):
    """Of nodes t, i = 0..L, cells along the last axis; 0 where i > t.

    whole (L + 1, L + 1, c) ≥ ‖P_ti‖ anywhere; away ≥ ‖P_ti − R_{t−1,i} D_i‖; rest ≥ the same with
    the actual slopes instead of D_i in its last factor. steep (L, n, c) ≥ |ς_t'|. columns (L, n, c)
    ≥ the columns of ∂Φ_L/∂s_j, columns_away those of what it differs from R_{L−1,j} by.
    """

    whole: Array
    away: Array
    rest: Array
    steep: Array
    columns: Array
    columns_away: Array


def paths(shape: Shape, layers: Layers, known: Forward) -> Paths:
    r"""Telescoping over the layers, with Δ_l = ς_l' − D_l and E_l wherever in their sets,

        ∂Φ_{t+1}/∂Φ_i = R_ti D_i + Σ_{l=i..t} P°_{t+1,l+1} (W_l Δ_l + Ē_l ς_l') ∂Φ_l/∂Φ_i,

    where P°_{t+1,l+1} W_l = R_tl has the slopes D: norms of the *products* R_tl Δ_l multiply, not
    those of their factors. Where that is large, ‖P_ti‖ ≤ ‖P_tl‖‖P_li‖ is smaller. The E_l share
    one radius: Σ_l ρ_l x_l ≤ r‖x‖.
    """
    count, cells = shape.layers, known.s.shape[-1]
    last, first = np.tril_indices(count)
    R, lost = known.R[last, :, first], known.R_error[last, first]
    steep = (jnp.abs(known.slope) + known.spread) * WIDER
    reach = matrix_norm(R * known.spread[first][:, None])
    reach = reach + product(lost, jnp.max(known.spread, 1)[first])
    through = matrix_norm(R * steep[first][:, None]) + product(lost, jnp.max(steep, 1)[first])
    empty = jnp.zeros((count, count, cells))
    reach, through = (empty.at[last, first].set(x * WIDER) for x in (reach, through))
    columns = jnp.zeros((count, count, shape.width, cells))
    columns = columns.at[last, first].set(length(R, 1) + lost[:, None])

    radii = jnp.asarray(layers.radius)
    steepest = jnp.max(steep, 1)  # (L, c)
    rounding = product(known.R_error + 4 * U * known.R_size, steepest)

    def shared(x: Array) -> Array:
        """≥ Σ_l ρ_l x_l, x (L, …)."""
        weights = radii.reshape(-1, *[1] * (x.ndim - 1))
        return (
            jnp.fmin(
                jnp.sum(product(weights, x), 0), product(jnp.asarray(layers.shared), length(x, 0))
            )
            * WIDER
        )

    def layer(carry: tuple[Array, Array], row: tuple) -> tuple[tuple[Array, Array], tuple]:
        table, stale = carry  # ‖P_li‖ for l ≤ t (L + 1, L + 1, c); columns of R_{l−1,j} (L + 1, …)
        t, reach, through, columns, rounding, norm, radius = row
        at = jnp.arange(count)
        after = jnp.where((at == t)[:, None], 1.0, jnp.roll(through, -1, 0))
        after = product(jnp.where((at <= t)[:, None], after, 0.0), steepest)  # (l, c)
        before = table[:count, :count]
        strict = jnp.where((at[:, None] > at)[..., None], before, 0.0)  # l > i
        rest = jnp.sum(product(reach[:, None], strict), 0)
        if shape.moving:
            rest = rest + shared(product(after[:, None], before))
        rest = jnp.asarray(jnp.where((at <= t)[:, None], rest + rounding, 0.0)) * WIDER
        own = through + rest
        last = product(norm + radius, steepest[t])
        own = jnp.asarray(jnp.where((at == t)[:, None], jnp.fmin(own, last), own))
        own = jnp.asarray(jnp.where((at <= t)[:, None], own, jnp.inf))
        # P_{t+1,i} = P_{t+1,l} P_{li}, i < l ≤ t.
        splits = jnp.where(
            ((at[:, None] > at) & (at[:, None] <= t))[..., None],
            product(own[:, None], before),
            jnp.inf,
        )
        own = jnp.fmin(own, jnp.min(splits, 0)) * WIDER
        own = jnp.where((at <= t)[:, None], own, 0.0)
        own = jnp.concatenate([own, jnp.zeros((1, cells))])
        own = jnp.where((jnp.arange(count + 1) == t + 1)[:, None], 1.0, own)
        # Columns of R_{t,j}: the same sums, with the columns of R_{l−1,j}, l > j.
        away = jnp.sum(product(reach[:, None, None], stale[:count]), 0)
        if shape.moving:
            away = away + shared(product(after[:, None, None], stale[:count]))
        away = jnp.where((at <= t)[:, None, None], away * WIDER, 0.0)
        new = (table.at[t + 1].set(own), stale.at[t + 1].set(columns + away))
        return new, (rest, away)

    table = jnp.zeros((count + 1, count + 1, cells)).at[0, 0].set(1.0)
    stale = jnp.zeros((count + 1, count, shape.width, cells))
    rows = (
        jnp.arange(count),
        reach,
        through,
        columns,
        rounding,
        jnp.asarray(layers.norm),
        radii,
    )
    (table, stale), (rest, away) = jax.lax.scan(layer, (table, stale), rows)
    pad = [(1, 0), (0, 1), (0, 0)]
    moved = product(radii[:, None, None], table[count, 1:, None])  # P_{L,j+1} E_j
    return Paths(
        table,
        jnp.pad((rest + reach) * WIDER, pad),
        jnp.pad(rest, pad),
        steep,
        (stale[count] + moved) * WIDER,
        (away[count - 1] + moved + known.R_error[count - 1][:, None]) * WIDER,
    )

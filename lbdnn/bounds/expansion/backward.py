"""Curvature of the rest of the network, times paths, over a cell."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array

from .forward import Forward, truncated
from .monomials import Monomials
from .network import Layers, Shape
from .sizes import WIDER, U, frobenius, matrix_norm, vector_norm

_EXACT = jax.lax.Precision.HIGHEST


class Backward(NamedTuple):
    """Q (k, l, c, m, n, n): K_i P_il for i = 0..k − 1, each output o apart; error (k, l) bounds
    the norm of what Σ_o u_o Q_o leaves out, for every unit u."""

    Q: Array
    error: Array


def backward(shape: Shape, layers: Layers, monomials: Monomials, known: Forward) -> Backward:
    r"""With K_i = ∇²(uᵀΦ_k) in Φ_i, b_i = P_kiᵀu and κ_i = ς''(Φ_{i−1}) ∘ W_iᵀb_i,

        K_k = 0,   K_{i−1} = D_i W_iᵀ K_i W_i D_i + diag κ_i,

    so that Q_il = K_i P_il obeys Q_{i−1,l} = D_i W_iᵀ Q_il + diag(κ_i) P_{i−1,l} for l < i: only
    products of a diagonal and a matrix. Errors obey Err Q_{i−1,l} = D_i W_iᵀ Err Q_il + F_il, and
    with P_ji at the centre, as (D_i W_iᵀ ⋯ D_j W_jᵀ) = P_{j,i−1}ᵀ, unroll to

        ‖Err Q_{i−1,l}‖ ≤ Σ_{j≥i} ‖P_{j−1,i−1}‖ ‖F_jl‖ + ‖W_j diag(δ_j) P_{j−1,i−1}‖ ‖Err Q_jl‖.

    For a unit u, ‖Σ u_o X_o‖ is at most the norm of the X_o below each other.
    """
    k, n, m, c = shape.hidden, shape.width, shape.outputs, monomials.size
    centre = known.P[:, :-1, 0]  # (j, i, n, n): P_{j−1,i} with i < j
    away = known.P_away[:, :-1]
    paths = matrix_norm(centre) + away
    scaled = layers.weights * known.spread[:, None, :]
    bent = jnp.einsum("jab,jibc->jiac", scaled, centre, precision=_EXACT)
    size = frobenius(scaled)[:, None]
    bent = matrix_norm(bent) + size * (away + 2 * (n + 8) * U * frobenius(centre))
    # Here Φ_k itself is what u weighs: the output's scale is in W_k already.
    b = known.B[1:, :, :m].at[-1, 0].set(jnp.eye(m, n))
    start = (
        jnp.zeros((k + 1, c, m, n, n)),
        jnp.zeros(k + 1),
        jnp.zeros((k, k + 1)),
        jnp.zeros((k, k + 1)),
    )
    rows = (
        jnp.arange(k),
        layers.weights,
        known.slope,
        known.slope_error,
        known.curvature,
        known.curvature_error,
        known.P,
        known.P_lost,
        known.R,
        known.R_error,
        b,
        known.B_error[1:],
        paths.T,
        bent.T,
    )
    _, (q, error) = jax.lax.scan(partial(_step, monomials, known), start, rows, reverse=True)
    return Backward(q, error)


def _step(monomials: Monomials, known: Forward, carry: tuple, row: tuple) -> tuple[tuple, tuple]:
    q, q_error, past, table = carry
    i, weight, slope, slope_error, curvature, curvature_error, p, p_lost = row[:8]
    r, r_error, b, b_error, paths, bent = row[8:]
    inner = (len(weight) + 8) * U
    split = monomials.grades
    d0, d1, d2 = split(jnp.abs(slope))
    largest = jnp.max(d0 + d1 + d2 + slope_error)

    # κ = ς'' ∘ W_iᵀB_i, entry by entry, for every unit u.
    y = jnp.einsum("ba,cob->coa", weight, b, precision=_EXACT)
    y_error = vector_norm(weight.T) * (b_error + 2 * inner * jnp.sum(frobenius(b)))
    kappa = monomials.product(curvature[:, None, :], y)
    c0, c1, c2 = split(jnp.abs(curvature))
    y0, y1, y2 = split(vector_norm(jnp.swapaxes(y, 1, 2)))
    bend = c0 + c1 + c2 + curvature_error
    kappa_error = c1 * y2 + c2 * (y1 + y2) + curvature_error * (y0 + y1 + y2) + bend * y_error
    kappa_error = kappa_error + 64 * U * bend * (y0 + y1 + y2)
    k0, k1, k2 = split(vector_norm(jnp.swapaxes(kappa, 1, 2)))
    most = k0 + k1 + k2 + kappa_error
    strongest = jnp.max(most)
    # diag(κ) Err P_{i−1,l}, from what the error is made of.
    r = most[:, None] * r
    p_error = matrix_norm(r * known.spread[:, None, :]) @ known.past
    p_error = p_error + matrix_norm(r) @ known.fresh + strongest * p_lost
    r_error = strongest * r_error * (1 + jnp.max(known.spread, 1))
    p_error = p_error + r_error @ (known.past + known.fresh)

    x = jnp.einsum("ba,lcobe->lcoae", weight, q, precision=_EXACT)
    lost = 2 * inner * frobenius(weight) * jnp.sum(frobenius(_stacked(q)), 1)
    moved = jax.vmap(lambda one: monomials.product(slope[:, None, :, None], one))(x)
    added = jax.vmap(lambda one: monomials.product(kappa[:, :, :, None], one[:, None]))(p)
    before = jnp.arange(q.shape[0]) <= i  # starts l ≤ i, where i counts from 0: l < i + 1
    fresh = _truncated_stack(monomials, (d0, d1, d2, slope_error), x)
    fresh = fresh + truncated(monomials, (k0, k1, k2, kappa_error), p) + p_error
    sizes = jnp.sum(frobenius(_stacked(x)), 1) * largest
    sizes = sizes + jnp.sum(frobenius(p), 1) * strongest
    sizes: Array = fresh + 64 * U * sizes + largest * lost
    fresh = WIDER * jnp.where(before, sizes, 0.0)
    here = (jnp.arange(past.shape[0]) == i)[:, None]
    past = jnp.where(here, q_error, past)
    table = jnp.where(here, fresh, table)
    error: Array = paths @ table + bent @ past
    error = WIDER * jnp.where(before, error, 0.0)
    q = jnp.where(before[:, None, None, None, None], moved + added, 0.0)
    return (q, error, past, table), (q, error)


def _truncated_stack(monomials: Monomials, diagonal: tuple, x: Array) -> Array:
    m = x.shape[2]
    tiled = tuple(jnp.tile(part, m) for part in diagonal)
    return truncated(monomials, tiled, _stacked(x))


def _stacked(x: Array) -> Array:
    """(…, m, n, n) to (…, m·n, n)."""
    return x.reshape((*x.shape[:-3], x.shape[-3] * x.shape[-2], x.shape[-1]))

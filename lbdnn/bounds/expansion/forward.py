"""Paths ∂Φ_j/∂Φ_i and layer outputs over a cell, to second order with a bound of the rest."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .activation_jets import expand
from .activation_tables import Table
from .monomials import Monomials
from .network import Layers, Shape
from .sizes import WIDER, U, frobenius, matrix_norm, vector_norm

_EXACT = jax.lax.Precision.HIGHEST


class Forward(NamedTuple):
    """What the pass finds, hidden layers j = 1..k along the first axis, starts l = 0..k.

    s (k, c, n), the expansions of ς_j, with errors s_error (k, n); slope, curvature alike, with
    `spread` (k, n) ≥ |D_j(t) − D_j(0)|. P (k, l, c, n, n) are the paths P_{j−1,l}, P_error (k, l)
    bounds the norm of what they leave out, P_away (k, l) the rounding of their first coefficient;
    T (k, l, c, n, n) are T_jl = D_j P_{j−1,l}, alike.
    R (k, i, n, n) holds, in row j, the R_{j−1,i}, to R_error (k, i); past and fresh (i, l) are the
    ‖Err P_{i−1,l}‖ and ‖F_il‖ that P_error is made of, and P_lost (k, l) rounding in P_{j−1,l}.
    z (k, n) are the pre-activations at the centre, reach (k, n) how far they move from there.
    B (l, c, n, n) are the P_kl. output (c, n) is Φ_k, with output_error (n).
    """

    s: Array
    s_error: Array
    slope: Array
    slope_error: Array
    curvature: Array
    curvature_error: Array
    spread: Array
    P: Array
    P_error: Array
    P_away: Array
    T: Array
    T_error: Array
    P_lost: Array
    R: Array
    R_error: Array
    z: Array
    reach: Array
    past: Array
    fresh: Array
    B: Array
    B_error: Array
    output: Array
    output_error: Array


class _Carry(NamedTuple):
    z: Array  # (c, n)
    error: Array  # (n)
    rounding: Array  # (n): the part of `error` made in computing z
    P: Array  # (l, c, n, n)
    P_error: Array  # (l)
    P_lost: Array  # (l): the part of P_error made in computing P
    P_away: Array  # (l): what rounding has done to P at the centre, from the start
    R: Array  # (i, n, n): W_j D_j ⋯ D_{i+1} W_i at the centre
    R_error: Array  # (i)
    past: Array  # (i, l): P_error of P_{i−1,l}
    fresh: Array  # (i, l): what T_il adds
    spread: Array  # (i, n)
    fresh_s: Array  # (i, n)


def forward(
    shape: Shape,
    layers: Layers,
    tables: tuple[Table, ...],
    monomials: Monomials,
    centre: Float[Array, " d"],
    half: Float[Array, " d"],
) -> Forward:
    r"""Expansions over the cell σ = centre + half ∘ t, |t| ≤ 1 (`monomials` of no variables: the
    point itself, and the errors are those of rounding).

    Each object X(t) is a polynomial of degree 2 plus a remainder. Products are truncated and what
    is cut off is bounded. The errors of P_jl obey

        Err P_jl = W_j (D_j Err P_{j−1,l} + F_jl),   F_jl what truncation adds in D_j P_{j−1,l},

    which with D_j = D_j(0) + Δ_j, |Δ_j| ≤ δ_j and R_ji = W_j D_j(0) ⋯ D_{i+1}(0) W_i unrolls to

        ‖Err P_jl‖ ≤ Σ_{i=l+1..j} ‖R_ji diag δ_i‖ ‖Err P_{i−1,l}‖ + ‖R_ji‖ ‖F_il‖:

    products of matrices at the centre propagate errors, not products of norms. In the same way, for
    the pre-activations, |Err z_j| ≤ Σ_i |R_ji| (fresh error of s_i), entry by entry.
    """
    k, n, c = shape.hidden, shape.width, monomials.size
    d = monomials.variables
    eye = jnp.eye(n)
    s = layers.scale * centre + layers.offset
    z = jnp.zeros((c, n)).at[0].set(jnp.matmul(layers.first, s, precision=_EXACT))
    z = z.at[0].add(layers.biases[0])
    if d:
        z = z.at[1 : 1 + d].set((layers.first * (layers.scale * half)).T)
    size = jnp.abs(layers.scale * centre) + jnp.abs(layers.offset) + jnp.abs(layers.scale * half)
    operations = (shape.inputs + 8) * U
    error = operations * (jnp.abs(layers.first) @ size + jnp.abs(layers.biases[0])) * 2

    start = _Carry(
        z,
        error,
        error,
        jnp.zeros((k + 1, c, n, n)).at[0, 0].set(eye * layers.own[0]),
        jnp.zeros(k + 1),
        jnp.zeros(k + 1),
        jnp.zeros(k + 1),
        jnp.zeros((k, n, n)),
        jnp.zeros(k),
        jnp.zeros((k, k + 1)),
        jnp.zeros((k, k + 1)),
        jnp.zeros((k, n)),
        jnp.zeros((k, n)),
    )
    step = partial(_step, shape, tables, monomials)
    rows = (
        jnp.arange(k),
        jnp.asarray(shape.kinds, int),
        layers.weights,
        layers.biases[1:],
        (layers.own[:-1] != 0).astype(z.dtype),
        layers.own[1:],
    )
    last, found = jax.lax.scan(step, start, rows)
    ends = (last.past, last.fresh, last.P, last.P_error, last.z, last.error)
    return Forward._make((*found, *ends))


def _step(
    shape: Shape,
    tables: tuple[Table, ...],
    monomials: Monomials,
    carry: _Carry,
    row: tuple[Array, ...],
) -> tuple[_Carry, tuple]:
    j, kind, weight, bias, real, own = row  # j counts from 0: hidden layer j + 1
    n = shape.width
    s, slope, curvature = (
        type(x)(*(part * real for part in x))
        for x in expand(shape.activations, tables, kind, monomials, carry.z, carry.error)
    )
    d0, d1, d2 = monomials.grades(jnp.abs(slope.coefficients))
    delta = (d1 + d2 + slope.error) * (1 + 64 * U)
    largest = jnp.max(d0 + delta)

    T = jax.vmap(lambda p: monomials.product(slope.coefficients[:, :, None], p))(carry.P)
    fresh = truncated(monomials, (d0, d1, d2, slope.error), carry.P)
    sizes = jnp.sum(frobenius(carry.P), 1)
    fresh = (fresh + 64 * U * largest * sizes) * WIDER
    T_error = (fresh + largest * carry.P_error) * WIDER
    # Rounding made in computing P_{j−1,l} and z_j travels on like what is new here.
    fresh = fresh + largest * carry.P_lost
    fresh_here = s.fresh + d0 * carry.rounding

    weight_size = frobenius(weight)
    inner = (n + 8) * U
    here = jnp.arange(shape.hidden) == j
    R = jnp.einsum(
        "ab,ibc->iac", weight, slope.coefficients[0][:, None] * carry.R, precision=_EXACT
    )
    R_error = weight_size * largest * (carry.R_error + 2 * inner * frobenius(carry.R))
    R = jnp.where(here[:, None, None], weight, R)
    past = jnp.where(here[:, None], carry.P_error, carry.past)
    table = jnp.where(here[:, None], fresh, carry.fresh)
    spread = jnp.where(here[:, None], delta, carry.spread)
    fresh_s = jnp.where(here[:, None], fresh_here, carry.fresh_s)

    first = matrix_norm(R * spread[:, None, :]) + R_error * jnp.max(spread, 1)
    second = matrix_norm(R) + R_error
    P_error = first @ past + second @ table
    P = jnp.einsum("ab,lcbe->lcae", weight, T, precision=_EXACT)
    lost = 2 * inner * weight_size * jnp.sum(frobenius(T), 1)
    P_error = (P_error + lost) * WIDER
    away = weight_size * largest * (carry.P_away + 64 * U * sizes) + lost
    starting = (jnp.arange(shape.hidden + 1) == j + 1)[:, None, None]
    P = P.at[:, 0].set(jnp.where(starting, jnp.eye(n) * own, P[:, 0]))

    z = jnp.einsum("ab,cb->ca", weight, s.coefficients, precision=_EXACT)
    z = z.at[0].add(bias)
    error = jnp.einsum("iab,ib->a", jnp.abs(R), fresh_s)
    error = error + R_error @ vector_norm(fresh_s)
    magnitude = jnp.sum(jnp.abs(s.coefficients), 0)
    rounding = 2 * inner * (jnp.abs(weight) @ magnitude + jnp.abs(bias))
    error = (error + rounding) * WIDER
    found = (
        s.coefficients,
        s.error,
        slope.coefficients,
        slope.error,
        curvature.coefficients,
        curvature.error,
        delta,
        carry.P,
        carry.P_error,
        carry.P_away,
        T,
        T_error,
        carry.P_lost,
        carry.R,
        carry.R_error,
        carry.z[0],
        (jnp.sum(jnp.abs(carry.z[1:]), 0) + carry.error) * WIDER,
    )
    return _Carry(
        z, error, rounding, P, P_error, lost, away, R, R_error, past, table, spread, fresh_s
    ), found


def truncated(monomials: Monomials, diagonal: tuple, matrices: Array) -> Array:
    """‖diag(x) M − (its part of degree ≤ 2)‖ where x has parts |x₀|, |x₁|, |x₂| and an error, each
    (n,), and M is a polynomial, (…, c, n, …): terms of degree 3 and 4, and the error times all."""
    _, x1, x2, error = diagonal
    rows = [error] + [x2 + error] * monomials.variables
    rows += [x1 + x2 + error] * len(monomials.first)
    return jnp.sum(matrix_norm(jnp.stack(rows)[..., None] * matrices), -1)

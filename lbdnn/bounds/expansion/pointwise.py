"""The norm of ∇²_θ(uᵀΦ) at a point, from a small matrix, with a verified bound."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ...intervals import definite
from .backward import Backward
from .forward import Forward
from .network import Layers, Shape
from .sizes import U

_EXACT = jax.lax.Precision.HIGHEST


def reduced(
    shape: Shape, layers: Layers, known: Forward, curved: Backward, sigma: Array, u: Array
) -> tuple[Array, Array, Array]:
    r"""A (N, N), G (r, N) and how far rounding in their assembly may be off, N = kn + 1.

    b_i = P_kiᵀu. A perturbation E_j acts only through E_j = a_j ŝ_jᵀ + b̂_j c_jᵀ with ŝ_j = [s_j; 1]
    normalised, b̂_j = b_j normalised and c_j ⊥ s_j (a_k only along b_k; c_0 not at all): these maps
    are isometries, and ∇²_θ(uᵀΦ) vanishes on the rest. In the coordinates (a_0, …, a_{k−1},
    b̂_kᵀa_k; c_1, …, c_k) it is [[A, Gᵀ], [G, 0]] with, for l < i,

        A_il = ‖s_i‖‖s_l‖ Q_il + ‖s_l‖ b_i (ŝ_iᵀT_il),   A_ii = ‖s_i‖² Q_ii,
        G_il = ‖b_i‖‖s_l‖ (I − ŝ_iŝ_iᵀ) T_il,

    where T_il has a row of zeros for the constant 1; for i = k, A has the row ‖b_k‖‖s_l‖ ŝ_kᵀT_kl.
    """
    k, n, m = shape.hidden, shape.width, shape.outputs
    entry = layers.scale * sigma + layers.offset
    s = known.s[:, 0]
    lengths = jnp.sqrt(jnp.append(jnp.sum(entry**2), jnp.sum(s**2, 1)) + layers.ones)
    safe = jnp.where(lengths > 0, lengths, 1.0)
    unit = jnp.concatenate([s, layers.ones[1:, None]], 1) / safe[1:, None]
    t = known.T[:, :k, 0] * lengths[:k, None, None]  # (i, l, n, n), layers i = 1..k, l = 0..k−1
    t = jnp.concatenate([t, jnp.zeros((k, k, 1, n))], 2)
    along = jnp.einsum("ia,ilab->ilb", unit, t, precision=_EXACT)
    across = t - unit[:, None, :, None] * along[:, :, None, :]
    b = jnp.einsum("loa,o->la", known.B[:, 0, :m], u)  # (k + 1, n)
    norms = jnp.sqrt(jnp.sum(b**2, 1))
    g = norms[1:, None, None, None] * across
    g = jnp.moveaxis(g, 1, 2).reshape(k * (n + 1), k * n)
    g = jnp.pad(g, ((0, 0), (0, 1)))
    q = jnp.einsum("ilocd,o->ilcd", curved.Q[:, :k, 0], u)  # (i, l), i = 0..k−1
    q = q * lengths[:k, None, None, None] * lengths[None, :k, None, None]
    mixed = b[1:k, None, :, None] * along[: k - 1, :, None, :]
    mixed = jnp.pad(mixed, ((1, 0), (0, 0), (0, 0), (0, 0)))
    later = (jnp.arange(k)[:, None] > jnp.arange(k))[:, :, None, None]
    same = jnp.eye(k, dtype=bool)[:, :, None, None]
    lower = jnp.where(later, q + mixed, 0.0)
    blocks = lower + jnp.swapaxes(jnp.swapaxes(lower, 0, 1), 2, 3)
    blocks = blocks + jnp.where(same, (q + jnp.swapaxes(q, 2, 3)) / 2, 0.0)
    a = jnp.moveaxis(blocks, 1, 2).reshape(k * n, k * n)
    last = norms[k] * along[k - 1].reshape(k * n)
    a = jnp.zeros((k * n + 1, k * n + 1)).at[: k * n, : k * n].set(a)
    a = a.at[k * n, : k * n].set(last).at[: k * n, k * n].set(last)
    size = jnp.sqrt(jnp.sum(q**2) + jnp.sum(b**2) * jnp.sum(t**2)) + jnp.sqrt(jnp.sum(last**2))
    size = size + jnp.sqrt(jnp.sum(g**2)) + jnp.sum(norms) * jnp.sqrt(jnp.sum(t**2))
    return a, g, 8 * (n + m + 16) * U * size


def verified_norm(
    a: Float[Array, "N N"], g: Float[Array, "r N"], error: Array
) -> tuple[Array, Array]:
    r"""(lower, upper) bounds of ‖[[A + δA, (G + δG)ᵀ], [G + δG, 0]]‖, ‖δ‖ ≤ error together.

    The lower one is ‖Hx‖/‖x‖ for the x found by power iteration, less the error; the upper one is
    the least t of a growing sequence with t I ∓ A − GᵀG/t proved positive definite (by Schur's
    complement that is ‖H‖ < t), plus the error.
    """
    rows, n = g.shape
    gram = jnp.matmul(g.T, g, precision=_EXACT)
    x = jnp.cos(jnp.arange(n) * 1.7) + 0.1
    y = jnp.sin(jnp.arange(rows) * 2.3)

    def iterate(_: int, state: tuple) -> tuple:
        x, y, _ = state
        size = jnp.sqrt(jnp.sum(x**2) + jnp.sum(y**2)) + 1e-150
        x, y = x / size, y / size
        x, y = a @ x + g.T @ y, g @ x
        return x, y, jnp.sqrt(jnp.sum(x**2) + jnp.sum(y**2))

    _, _, found = jax.lax.fori_loop(0, 80, iterate, (x, y, jnp.zeros(())))
    eye = jnp.eye(n)
    lost = 4 * (rows + n + 8) * U * jnp.trace(gram)

    both = jnp.stack([a, -a])

    def grow(state: tuple) -> tuple:
        t, step, _ = state
        t = t * (1 + step)
        # Entries of the differences carry a rounding of their own.
        shift = 16 * n * U * (t + jnp.max(jnp.abs(a)) + jnp.max(jnp.abs(gram)) / t)
        middle = ((t - 2 * lost / t) * (1 - 4 * U) - shift) * eye - gram / t
        return t, 2 * step, jnp.all(definite(middle - both))

    t: Array
    t, _, good = jax.lax.while_loop(
        lambda state: ~state[2] & (state[1] < 64),
        grow,
        (found + 1e-100, jnp.asarray(1e-3), jnp.asarray(False)),
    )
    upper = jnp.where(good, t, jnp.inf)
    return jnp.maximum(found * (1 - 1e-12) - 2 * error, 0.0), upper + 2 * error

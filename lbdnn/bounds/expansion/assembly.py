"""From expansions of the blocks to what a cell adds to the values at its vertices."""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from .backward import Backward
from .forward import Forward
from .monomials import Monomials
from .network import Layers, Shape
from .sizes import WIDER, U, matrix_norm, vector_norm


class Sizes(NamedTuple):
    """Norms of the coefficients of an expansion, (c, …), and of its error, (…)."""

    norms: Array
    error: Array


class Blocks(NamedTuple):
    """Per pair (j, l) of layers, or per layer: nothing here is an expansion any more.

    centre (…): size at the centre; linear, pure (d, …): sizes of the coefficients of t_a and of
    t_a²; rest (…): of what is above degree 2; whole (…): of all, anywhere in the cell.
    """

    centre: Array
    linear: Array
    pure: Array
    rest: Array
    whole: Array


def sizes_of_outputs(
    shape: Shape, layers: Layers, monomials: Monomials, known: Forward, centre: Array, half: Array
) -> Sizes:
    """Of [s_l; 1], l = 0..k: norms (c, k + 1)."""
    hidden = vector_norm(known.s)  # (k, c)
    entry = jnp.zeros(monomials.size)
    start = layers.scale * centre + layers.offset
    entry = entry.at[0].set(vector_norm(start))
    entry = entry.at[1 : 1 + monomials.variables].set(
        jnp.abs(layers.scale * half)[: monomials.variables]
    )
    norms = jnp.concatenate([entry[None], hidden]).T
    norms = norms.at[0].set(jnp.hypot(norms[0], layers.ones) * (1 + 1e-15))
    rounding = 4 * U * (norms[0, 0] + vector_norm(layers.offset))
    return Sizes(norms, jnp.append(rounding, vector_norm(known.s_error)))


def product_blocks(monomials: Monomials, *factors: Sizes) -> Blocks:
    r"""Of X⊗Y⊗… with coefficients of these sizes (broadcast).

    The norm of a product of blocks is at most the product of their norms; so the coefficients of
    t_a² are at most Σ over the ways to make it, and the rest is Π(total + error) less the part of
    degree ≤ 2 of the polynomials, computed without cancellation.
    """
    norms, error = factors[0]
    constant, linear, quadratic = monomials.split(norms)
    pure = norms[monomials.squares] if monomials.variables else norms[:0]
    grade1, grade2, rest = jnp.sum(linear, 0), jnp.sum(quadratic, 0), error
    for other in factors[1:]:
        n0, n1, n2 = monomials.split(other.norms)
        squares = other.norms[monomials.squares] if monomials.variables else n1
        g1, g2 = jnp.sum(n1, 0), jnp.sum(n2, 0)
        total = constant + grade1 + grade2
        rest = (
            rest * (n0 + g1 + g2 + other.error)
            + total * other.error
            + grade1 * g2
            + grade2 * (g1 + g2)
        )
        pure = constant * squares + linear * n1 + pure * n0
        grade1, grade2 = constant * g1 + grade1 * n0, constant * g2 + grade1 * g1 + grade2 * n0
        linear, constant = constant * n1 + linear * n0, constant * n0
    whole = constant + grade1 + grade2 + rest
    return Blocks(*(x * WIDER for x in (constant, linear, pure, rest, whole)))


def hessian_blocks(
    shape: Shape, monomials: Monomials, s: Sizes, known: Forward, curved: Backward
) -> Blocks:
    r"""(k + 1, k + 1) symmetric, of H_u = ∇²_θ(uᵀΦ) for every unit u:

        H[E_i, E_l] = b_iᵀ E_i T_il E_l s_l + (E_i s_i)ᵀ Q_il (E_l s_l)   (l < i),
        H[E_i, E_i] = (E_i s_i)ᵀ K_i (E_i s_i),

    as mappings of (E_i, E_l) of norm ‖b_i‖‖T_il‖‖s_l‖ and ‖s_i‖‖Q_il‖‖s_l‖ at most: a matrix is
    bounded by the largest eigenvalue of the matrix of the norms of its blocks.
    """
    k, m = shape.hidden, shape.outputs
    b = Sizes(matrix_norm(known.B[1:, :, :m]).T[:, :, None], known.B_error[1:, None])
    t = Sizes(jnp.moveaxis(matrix_norm(known.T), 2, 0), known.T_error)
    first = product_blocks(monomials, b, t, Sizes(s.norms[:, None], s.error[None]))
    stacked = curved.Q.reshape((*curved.Q.shape[:3], m * shape.width, shape.width))
    q = Sizes(jnp.moveaxis(matrix_norm(stacked), 2, 0), curved.error)
    own = Sizes(s.norms[:, :k, None], s.error[:k, None])
    second = product_blocks(monomials, own, q, Sizes(s.norms[:, None], s.error[None]))
    later = jnp.arange(k + 1)[:, None] > jnp.arange(k + 1)
    same = jnp.arange(k + 1)[:, None] == jnp.arange(k + 1)

    def whole(x: Array, y: Array) -> Array:
        # Row i of x is layer i + 1, row i of y is layer i.
        pad = [(0, 0)] * (x.ndim - 2)
        x, y = jnp.pad(x, [*pad, (1, 0), (0, 0)]), jnp.pad(y, [*pad, (0, 1), (0, 0)])
        both = jnp.where(later, x + y, jnp.where(same, y, 0.0))
        return both + jnp.where(later.T, jnp.swapaxes(both, -1, -2), 0.0)

    return Blocks(*(whole(x, y) for x, y in zip(first, second, strict=True)))


def jacobian_blocks(shape: Shape, monomials: Monomials, s: Sizes, known: Forward) -> Blocks:
    """(k + 1), of ∂Φ/∂V_j = B_j ⊗ s_jᵀ: the norm of all is at most √Σ(norms)²."""
    b = Sizes(matrix_norm(known.B[:, :, : shape.outputs]).T, known.B_error)
    return product_blocks(monomials, b, s)


def largest_of_nonnegative(m: Float[Array, "n n"]) -> tuple[Array, Array]:
    """≥ the largest eigenvalue of M ≥ 0, and a positive vector near its eigenvector.

    For every x > 0 it is at most max_i (Mx)_i/x_i (Collatz, Wielandt).
    """
    n = m.shape[0]
    p = m / (jnp.max(m) + 1e-200) + 0.05 * jnp.eye(n)
    for _ in range(6):
        p = p @ p
        p = p / jnp.max(p)
    x = jnp.sum(p, 1) + 1e-12
    x = x / jnp.max(x)
    return jnp.max((m @ x) / x) * WIDER, x

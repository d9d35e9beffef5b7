"""What a cell adds to the values at its vertices, and the values at points, per quantity."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ...compilation import MODERATE
from ...intervals import largest_eigenvalue, spectral_norm
from .activation_tables import Table
from .assembly import (
    Blocks,
    Sizes,
    hessian_blocks,
    jacobian_blocks,
    largest_of_nonnegative,
    product_blocks,
    sizes_of_outputs,
)
from .backward import Backward, backward
from .budget import Budget
from .curvature_growth import hessian_growth
from .directions import Directions
from .forward import Forward, forward
from .monomials import Monomials, monomials
from .network import Layers, Shape
from .perturbation import input_jacobian_growth, jacobian_growth, moved, paths_of
from .pointwise import reduced, verified_norm
from .sizes import WIDER, U, matrix_norm, vector_norm


class Growth(NamedTuple):
    """How far a quantity moves at most with any perturbation E of the parameters, and in the mean
    over those τE with 0 ≤ τ ≤ 1."""

    most: Array
    mean: Array


class CellBound(NamedTuple):
    """Per cell: `added` to the largest value at its vertices bounds the quantity, `whole` bounds
    it at once; `gain` (d) is about what halving each side takes away from `added`. `growth` is what
    a perturbation of the parameters adds to either."""

    added: Array
    whole: Array
    gain: Array
    growth: Growth


@partial(jax.jit, static_argnums=(0, 1), compiler_options=MODERATE)
def cells(
    shape: Shape,
    quantity: str,
    layers: Layers,
    tables: tuple[Table, ...],
    budget: Budget | None,
    centre: Float[Array, "b d"],
    half: Float[Array, "b d"],
) -> CellBound:
    r"""For X(t) = polynomial of degree 2 + R, ‖R‖ ≤ ρ, and I its multilinear interpolant from the
    vertices of a box in |t| ≤ 1,

        X − IX = Σ_a X_aa (t_a − lo_a)(t_a − hi_a) + R − IR,   so ‖X‖ ≤ max_v ‖X(v)‖ + Σ‖X_aa‖ + 2ρ:

    monomials t_a t_b are reproduced, t_a² up to |(t_a − lo_a)(t_a − hi_a)| ≤ 1, and an interpolant
    is a mean of the vertices' values.
    """
    return jax.vmap(partial(_cell, shape, quantity, layers, tables, budget))(centre, half)


@partial(jax.jit, static_argnums=(0, 1), compiler_options=MODERATE)
def points(
    shape: Shape,
    quantity: str,
    layers: Layers,
    tables: tuple[Table, ...],
    directions: Float[Array, "N m"],
    sigma: Float[Array, "b d"],
) -> tuple[Array, Array]:
    """(lower, upper) bounds of the norm at points, (b, N) with one direction each for the Hessian,
    else (b, 1)."""
    return jax.vmap(partial(_point, shape, quantity, layers, tables, directions))(sigma)


def _passes(
    shape: Shape,
    quantity: str,
    layers: Layers,
    tables: tuple[Table, ...],
    variables: Monomials,
    centre: Array,
    half: Array,
) -> tuple[Forward, Backward | None]:
    known = forward(shape, layers, tables, variables, centre, half)
    if quantity != "hessian":
        return known, None
    return known, backward(shape, layers, variables, known)


def _blocks(
    shape: Shape,
    quantity: str,
    layers: Layers,
    variables: Monomials,
    known: Forward,
    curved: Backward | None,
    centre: Array,
    half: Array,
) -> Blocks:
    m = shape.outputs
    if quantity == "value":
        shifted = known.output[:, :m].at[0].add(layers.shift)
        error = vector_norm(known.output_error[:m])
        error = error + 4 * U * (vector_norm(layers.shift) + vector_norm(known.output[0]))
        return product_blocks(variables, Sizes(vector_norm(shifted), error))
    if quantity == "input_jacobian":
        entry = layers.first * layers.scale
        matrix = jnp.einsum("coa,ab->cob", known.B[0, :, :m], entry, precision="highest")
        size = matrix_norm(entry)
        error = known.B_error[0] + 4 * shape.width * U * jnp.sum(matrix_norm(known.B[0]))
        return product_blocks(variables, Sizes(matrix_norm(matrix), error * size))
    s = sizes_of_outputs(shape, layers, variables, known, centre, half)
    if curved is None:
        return jacobian_blocks(shape, variables, s, known)
    return hessian_blocks(shape, variables, s, known, curved)


def _norm(quantity: str, sizes: Array) -> tuple[Array, Array]:
    """≥ the norm from the norms of blocks, and how much each block weighs in it."""
    if quantity == "hessian":
        return largest_of_nonnegative(sizes)
    if quantity == "jacobian":
        norm = vector_norm(sizes)
        return norm, sizes / (norm + 1e-200)
    return sizes, jnp.ones(())


def _weighed(quantity: str, sizes: Array, x: Array) -> Array:
    if quantity == "hessian":
        return jnp.einsum("...ij,i,j->...", sizes, x, x)
    return jnp.sum(sizes * x, -1) if quantity == "jacobian" else sizes


def _cell(
    shape: Shape,
    quantity: str,
    layers: Layers,
    tables: tuple[Table, ...],
    budget: Budget | None,
    centre: Array,
    half: Array,
) -> CellBound:
    variables = monomials(shape.inputs)
    passes = _passes(shape, quantity, layers, tables, variables, centre, half)
    known = _blocks(shape, quantity, layers, variables, *passes, centre, half)
    added, x = _norm(quantity, jnp.sum(known.pure, 0) + 2 * known.rest)
    whole, _ = _norm(quantity, known.whole)
    x = x / (jnp.linalg.norm(x) + 1e-200)
    pure, linear, rest = (
        _weighed(quantity, part, x) for part in (known.pure, known.linear, known.rest)
    )
    share = linear / (jnp.sum(linear) + 1e-200)
    gain = 0.75 * pure + 2 * rest * (1 - (1 - share / 2) ** 3)
    # Where nothing is known yet, the side along which Φ_0 moves most.
    entry: Array = half * jnp.linalg.norm(layers.first * layers.scale, axis=0)
    gain = jnp.where(jnp.all(jnp.isfinite(gain)) & (added < 1e6), gain, entry)
    growth = Growth(jnp.zeros(()), jnp.zeros(()))
    if budget is not None:
        growth = _growth(shape, quantity, layers, tables, budget, variables, *passes, centre, half)
    return CellBound(added * WIDER, whole, gain, growth)


def _growth(
    shape: Shape,
    quantity: str,
    layers: Layers,
    tables: tuple[Table, ...],
    budget: Budget,
    variables: Monomials,
    known: Forward,
    curved: Backward | None,
    centre: Array,
    half: Array,
) -> Growth:
    """Anywhere in the cell."""
    s = sizes_of_outputs(shape, layers, variables, known, centre, half)
    paths = paths_of(layers, known)
    change = moved(shape, layers, tables, budget, known, s, paths)
    if curved is not None:
        growth = hessian_growth(shape, layers, budget, known, curved, s, change, paths)
        _, x = largest_of_nonnegative(budget.total(growth))
        # Collatz and Wielandt's bound for each choice of what the layers get.
        rows = jnp.einsum("ilt,l->it", growth, x) / x[:, None]
        linear, rest = budget.parts(rows)
        return _grown(jnp.max(linear + rest), jnp.max(linear), jnp.max(rest))
    if quantity == "value":
        growth = change.length[-1:]
    elif quantity == "input_jacobian":
        growth = input_jacobian_growth(layers, budget, change, paths)[None]
    else:
        growth = jacobian_growth(budget, s, change, paths)
    linear, rest = budget.parts(growth)
    return _grown(vector_norm(linear + rest), vector_norm(linear), vector_norm(rest))


def _grown(most: Array, linear: Array, rest: Array) -> Growth:
    """The rest is made of products of at least two moves, and shrinks with τ² at least."""
    return Growth(most * WIDER, (linear / 2 + rest / 3) * WIDER)


def _point(
    shape: Shape,
    quantity: str,
    layers: Layers,
    tables: tuple[Table, ...],
    directions: Array,
    sigma: Array,
) -> tuple[Array, Array]:
    none = monomials(0)
    still = jnp.zeros_like(sigma)
    known, curved = _passes(shape, quantity, layers, tables, none, sigma, still)
    lost = _blocks(shape, quantity, layers, none, known, curved, sigma, still).rest
    rounding, _ = _norm(quantity, lost)
    m = shape.outputs
    if curved is not None:
        with_direction = partial(reduced, shape, layers, known, curved, sigma)
        lower, upper = jax.lax.map(lambda u: verified_norm(*with_direction(u)), directions)
        return jnp.maximum(lower - rounding, 0.0), upper + rounding
    if quantity == "value":
        value = vector_norm(known.output[0, :m] + layers.shift)
        near = value
    elif quantity == "input_jacobian":
        matrix = jnp.matmul(known.B[0, 0, :m], layers.first * layers.scale, precision="highest")
        value, near = spectral_norm(matrix), jnp.linalg.norm(matrix, 2)
    else:
        entry = layers.scale * sigma + layers.offset
        squares = jnp.append(jnp.sum(entry**2), jnp.sum(known.s[:, 0] ** 2, 1)) + layers.ones
        b = known.B[:, 0, :m] * jnp.sqrt(squares)[:, None, None]
        gram = jnp.einsum("jab,jcb->ac", b, b, precision="highest")
        size = 8 * ((shape.hidden + 1) * shape.width + 16) * U * jnp.trace(gram)
        value = jnp.sqrt(largest_eigenvalue(gram) + size) * (1 + 1e-15)
        near = jnp.sqrt(jnp.linalg.eigvalsh(gram)[-1])
    return jnp.maximum(near * (1 - 1e-10) - rounding, 0.0)[None], (value + rounding)[None]


def supremum_over_directions(directions: Directions, values: Array) -> Array:
    return values[..., 0] if values.shape[-1] == 1 else directions.supremum(values)

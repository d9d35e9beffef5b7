"""Bounds of all quantities over each cell."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ...compilation import OPTIMIZED
from ..expansion.sizes import WIDER
from .curvature import curved
from .forward import Forward, forward
from .network import Layers, Shape
from .norms import largest_eigenvalue, length, matrix_norm, product
from .paths import Paths, paths


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
        upper["jacobian"] = _jacobian(shape, layers, known, way)
    if "input_jacobian_max" in quantities:
        upper["input_jacobian_max"] = _largest_row(shape, known, way)
    if {"hessian", "input_hessian", "mixed_hessian"} & set(quantities):
        first = 1 if set(quantities) <= {"hessian", *upper} else 0
        bent, turned = curved(shape, layers, known, way, first)
        back = _back(shape, layers, known, way)
        own = bent[1 - first :, 1 - first :], turned[:, 1 - first :]
        upper["hessian"] = _hessian(layers, known, back, *own)
        if first == 0:
            upper["input_hessian"] = bent[0, 0]
            upper["mixed_hessian"] = _mixed(layers, known, back, bent, turned)
    return {q: upper[q] for q in quantities}


def _jacobian(shape: Shape, layers: Layers, known: Forward, way: Paths) -> Array:
    r"""‖∂Φ/∂θ‖² = ‖Σ_j ‖s_j‖² P_{L,j+1} P_{L,j+1}ᵀ‖, one matrix of the P_{L,j+1} side by side."""
    last = _last(shape, layers, known, way)
    beside = (last * known.s[:-1, None]).reshape(shape.outputs, -1, known.s.shape[-1])
    own = jnp.eye(shape.outputs)[:, :, None] * known.s[-1]
    norm = matrix_norm(jnp.concatenate([beside, own], 1), squarings=2)
    return (norm + length(product(way.rest[-1, 1:-1], known.s[:-1]), 0)) * WIDER


def _last(shape: Shape, layers: Layers, known: Forward, way: Paths) -> Array:
    """R_{L−1,i} ς_i' of nodes i = 1..L − 1 where E_{i−1} acts, (m, L − 1, n, c)."""
    last = known.R[-1, : shape.outputs, 1:] * way.steep[1:]
    return last * jnp.asarray(layers.acts)[1:, :, None] if shape.shortcuts else last


def _back(shape: Shape, layers: Layers, known: Forward, way: Paths) -> Array:
    """(L, c) ≥ ‖P_{L,a+1}‖ where E_a acts."""
    whole = way.whole[-1, 1:]
    if not shape.shortcuts or shape.layers < 2:
        return whole
    last = matrix_norm(jnp.swapaxes(_last(shape, layers, known, way), 0, 1))
    return whole.at[:-1].min((last + way.rest[-1, 1:-1]) * WIDER)


def _hessian(layers: Layers, known: Forward, back: Array, bent: Array, turned: Array) -> Array:
    r"""λ_max of the norms of the blocks of H_u = ∇²_θ(uᵀΦ), for every unit u:

        H[E_a, E_b] = b_aᵀ Ē_a T_ab E_b s_b + (E_a s_a)ᵀ Q_{a+1,b+1} (E_b s_b)   (b < a),
        H[E_a, E_a] = (E_a s_a)ᵀ K_{a+1} (E_a s_a),

    b_a = P_{L,a+1}ᵀu, T_ab = ς_a' P_{a,b+1}, K_i = ∇²_{Φ_i}(uᵀΦ_L), Q_il = K_i P_il.
    """
    s = known.s
    count = len(s)
    m = product(
        product(s[:-1, None], bent), s[None, :-1]
    )  # rows a, columns b of nodes a + 1, b + 1 ≤ L − 1
    first = product(back[:, None], turned)  # (L, L − 1, c): layer a, node b + 1
    first = product(first, s[None, :-1]) * jnp.asarray(layers.owned)[:, None, None]
    full = jnp.zeros((count, count, s.shape[-1]))
    full = full.at[: count - 1, : count - 1].set(m).at[:, : count - 1].add(first)
    below = jnp.arange(count)[:, None] > jnp.arange(count)
    full = jnp.where(below[..., None], full, 0.0)
    both = full + jnp.swapaxes(full, 0, 1)
    at = jnp.arange(count - 1)
    return largest_eigenvalue(both.at[at, at].add(m[at, at]) * WIDER)


def _largest_row(shape: Shape, known: Forward, way: Paths) -> Array:
    """The largest sum of a row of |∂Φ/∂σ|, which is at most √d times its length."""
    inputs, root = shape.inputs, math.sqrt(shape.inputs) * WIDER
    entries = jnp.abs(known.R[-1, : shape.outputs, 0, :inputs]) * way.steep[0, :inputs]
    sums = jnp.max(jnp.sum(entries, 1), 0) + root * way.rest[-1, 0]
    return jnp.fmin(sums, root * way.whole[-1, 0]) * WIDER


def _mixed(layers: Layers, known: Forward, back: Array, bent: Array, turned: Array) -> Array:
    r"""∂²(uᵀΦ)/∂V_a∂σ[E_a, v] = b_aᵀ Ē_a ς_a' P_a0 v + (E_a s_a)ᵀ Q_{a+1,0} v, as in `_hessian`."""
    blocks = product(back, turned[:, 0])
    blocks = blocks * jnp.asarray(layers.owned)[:, None]
    blocks = blocks.at[:-1].add(product(known.s[:-1], bent[1:, 0]))
    return length(blocks, 0)


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

"""Bounds from the norms of the actual layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..intervals import euclidean, perron, spectral_norm
from ..networks import Chain
from ..sets import InputRegion, ParameterRegion
from .budget import between, budget, prefix
from .layers import Enclosure, enclose
from .method import QUANTITIES, compiled, widened
from .products import matrix_product, product


@dataclass(frozen=True)
class Layerwise:
    r"""One pass over the layers: norms of the actual weights, slopes and curvatures enclosed.

    **Paths.** P_ti = ∂Φ_t/∂Φ_i is split as N + R, where N has the weights of the centre and the
    actual slopes, so that |N| ≤ A = |W_t| diag(d_t) ⋯ |W_{i+1}| diag(d_{i+1}) entrywise, and R
    collects the perturbations of the weights: one layer further ‖R‖ becomes at most
    ‖W‖‖D‖‖R‖ + ρ(‖DA‖ + ‖D‖‖R‖). So ‖P_ti‖ ≤ ‖A‖₂ + ‖R‖, and ‖P_ti‖ ≤ ‖P_tl‖‖P_li‖ for every l;
    π_ti is the smallest of these.

    **Hessian.** With m_i ≥ ‖s_i‖ (the appended 1 included) and e_i = ‖E_i‖_F, a unit direction
    has ‖δΦ_{j−1}‖ ≤ Σ_{i<j} π_{j−1,i} m_i e_i, and
    δ²Φ = Σ_j B_j [2 Ē_j D_j δΦ_{j−1} + W_j C_j (δΦ_{j−1})²] gives ‖δ²Φ‖ ≤ eᵀMe,

        M_ji = M_ij = π_kj ‖D_j‖ π_{j−1,i} m_i  (i < j),   plus   Σ_j g_j x_j x_jᵀ,
        (x_j)_i = π_{j−1,i} m_i,   g_j = max_n |C_j|_n ‖column n of B_j W_j‖,

    where column norms suffice because ‖A(v∘v)‖ ≤ Σ_n ‖A_n‖ v_n² ≤ max_n ‖A_n‖ ‖v‖². As
    Σ e_j² = 1, the bound of ‖∂²Φ/∂θ²‖ (operator norm) is λ_max(M).

    **Jacobian.** Φ'Φ'ᵀ = Σ_j ‖s_j‖² B_j B_jᵀ gives ‖∂Φ/∂θ‖² ≤ Σ_j π_kj² m_j².

    **Shared radius.** On a ball the layers cannot all be perturbed by r at once. Each term of M is
    also a product of norms, ‖P_ti‖ ≤ Π_l ‖D_l‖(‖W_l‖ + ρ_l), capped over Σ ρ_l² ≤ r²
    (`Budget`); M takes the smaller value, term by term.

    **Arithmetic.** Enclosures and spectral norms are rounded outward, λ_max(M) is bounded by
    Collatz and Wielandt's quotients; between them stand sums and products of numbers ≥ 0 only,
    whose rounding errors `widened` covers.
    """

    def bounds(
        self,
        net: Chain,
        inputs: InputRegion,
        parameters: ParameterRegion,
        quantities: Sequence[str] = QUANTITIES,
    ) -> dict[str, np.ndarray]:
        """See `Method.bounds`."""
        with jax.enable_x64(True):
            return widened(compiled(self, net, inputs, parameters))

    def upper(
        self, net: Chain, inputs: InputRegion, parameters: ParameterRegion
    ) -> dict[str, Float[Array, ""]]:
        """Bounds of value, jacobian, hessian and input_jacobian; pure: jit, vmap over regions.

        Infinite where none exists (a Hessian over a set that crosses a kink).

        Raises ValueError for an operation that has no bound yet.
        """
        known = enclose(net, inputs, parameters)
        terms = _smaller(_path_terms(known), _budget_terms(known, parameters.radius))
        m = terms.mixed + terms.mixed.T + jnp.sum(terms.curved, 0)
        upper: dict[str, Array] = {
            "value": known.value,
            "jacobian": euclidean(terms.first),
            "hessian": perron(m),
            "input_jacobian": terms.inputs,
        }
        # inf·0 and inf − inf: no bound.
        return {name: jnp.where(jnp.isnan(v), jnp.inf, v) for name, v in upper.items()}


class Terms(NamedTuple):
    """What the bounds are made of; i, j, l number the K layers that have parameters.

    first (K): ‖B_j‖m_j. mixed (K, K): the first part of M, i < j at [j, i]. curved (J, K, K): the
    second part, one matrix for each place between layers. inputs: ‖∂Φ/∂σ‖.
    """

    first: Float[Array, " k"]
    mixed: Float[Array, "k k"]
    curved: Float[Array, "j k k"]
    inputs: Float[Array, ""]


def _smaller(a: Terms, b: Terms) -> Terms:
    return Terms(*(jnp.fmin(x, y) for x, y in zip(a, b, strict=True)))


class _Stack(NamedTuple):
    """Layers 1..K and, last, what follows the network as a layer of weight I; zero-padded.

    weight (K, n, n), slope and curvature (K, n), radius (K,), grown (K,): m_0 .. m_{K−1}.
    """

    weight: Array
    slope: Array
    curvature: Array
    radius: Array
    grown: Array


def _stack(known: Enclosure) -> _Stack:
    later = known.layers[1:]
    m = known.bend.low.size
    n = max([m, known.layers[0].weight.shape[0], *(max(x.weight.shape) for x in later)])

    def padded(x: Array) -> Array:
        return jnp.pad(x, [(0, n - size) for size in x.shape])

    return _Stack(
        jnp.stack([*(padded(x.weight) for x in later), padded(jnp.eye(m))]),
        jnp.stack([*(padded(x.bend.slope) for x in later), padded(known.bend.slope)]),
        jnp.stack([*(padded(x.bend.curvature) for x in later), padded(known.bend.curvature)]),
        jnp.stack([*(x.radius for x in later), jnp.zeros(())]),
        jnp.stack([x.norm for x in known.layers]),
    )


def _path_terms(known: Enclosure) -> Terms:
    stack = _stack(known)
    count, n = stack.slope.shape
    starts = jnp.arange(count + 1)
    identity = jnp.eye(n)  # padded entries of Φ are zero, with or without ones here

    def one_layer(carry: tuple[Array, ...], layer: tuple[Array, ...]) -> tuple[tuple, Array]:
        # For every start i ≤ t at once: A, ‖R‖ of the path from Φ_i to Φ_t; π so far.
        a, r, table = carry
        t, w, d, rho, norm = layer
        da = product(d[:, None], a)
        largest = jnp.max(d)
        size = jnp.minimum(spectral_norm(da) + product(largest, r), product(largest, table[t]))
        size = jnp.where(starts <= t, size, 0.0)
        r = product(norm, product(largest, r)) + product(rho, size)
        a = matrix_product(jnp.abs(w), da)
        own: Array = spectral_norm(a) + r
        own = jnp.where(starts <= t, own, jnp.inf)
        # ‖P_ti‖ ≤ ‖P_tl‖‖P_li‖: the last piece is a whole path or this layer alone.
        last = own.at[t].min(product(largest, norm + rho))
        reached = (starts[:, None] <= t) & (starts <= starts[:, None])
        pieces = product(last[:, None], jnp.where(reached, table, 0.0))
        pieces = jnp.where(reached, pieces, jnp.inf)
        own = jnp.minimum(last, jnp.min(pieces, 0))
        own = jnp.where(starts <= t, own, jnp.where(starts == t + 1, 1.0, jnp.inf))
        a = jnp.where((starts == t + 1)[:, None, None], identity, a)
        r = jnp.where(starts == t + 1, 0.0, r)
        return (a, r, table.at[t + 1].set(own)), own

    start = (
        jnp.where((starts == 0)[:, None, None], identity, 0.0),
        jnp.zeros(count + 1),
        jnp.full((count + 1, count + 1), jnp.inf).at[0, 0].set(1.0),
    )
    norms = spectral_norm(stack.weight)
    layers = (jnp.arange(count), stack.weight, stack.slope, stack.radius, norms)
    (a, r, table), _ = jax.lax.scan(one_layer, start, layers)

    # table[t, i] = π_ti, t the number of layers passed; after the last come K = count of them.
    to_end = table[count, 1:]
    columns = (
        euclidean(matrix_product(a[1:], jnp.abs(stack.weight)), 1)
        + product(r[1:, None], euclidean(stack.weight, 1))
        + product(stack.radius, to_end)[:, None]
    )
    single = euclidean(stack.weight, 1) + stack.radius[:, None]
    columns = jnp.minimum(columns, product(to_end[:, None], single))
    c = stack.curvature
    bent = product(jnp.where(jnp.isinf(c), 0.0, c), columns)
    g = jnp.max(jnp.where(jnp.isinf(c), jnp.inf, bent), 1)

    before = jnp.where(starts[None, :count] <= jnp.arange(count)[:, None], table[:count, :count], 0)
    x = product(before, stack.grown)
    largest = jnp.max(stack.slope, 1)
    mixed = product(product(to_end, largest)[:, None], x)
    first_layer = known.layers[0]
    size = spectral_norm(first_layer.weight)
    entry = matrix_product(
        a[0], _rows(product(jnp.abs(first_layer.weight), first_layer.bend.slope), n)
    )
    rest = product(r[0], size) + product(table[count, 0], first_layer.radius)
    steepest = jnp.max(first_layer.bend.slope)
    split = spectral_norm(entry) + product(steepest, rest)
    whole = product(table[count, 0], product(steepest, size + first_layer.radius))
    return Terms(
        product(table[count, :count], stack.grown),
        # Row j of `mixed` is layer j + 1; the last is no layer of parameters.
        jnp.pad(mixed[: count - 1], ((1, 0), (0, 0))),
        product(g[:, None, None], product(x[:, :, None], x[:, None, :])),
        jnp.minimum(whole, split),
    )


def _rows(x: Array, n: int) -> Array:
    return jnp.pad(x, ((0, n - x.shape[0]), (0, 0)))


def _budget_terms(known: Enclosure, radius: Array) -> Terms:
    stack = _stack(known)
    count = len(known.layers)
    front = known.layers[0]
    tiny = jnp.finfo(stack.slope.dtype).tiny
    norms = spectral_norm(stack.weight)
    columns = jnp.max(euclidean(stack.weight, 1), 1)
    shared = budget(jnp.append(norms, spectral_norm(front.weight)), radius)
    slopes = jnp.log(jnp.maximum(jnp.max(stack.slope, 1), tiny))

    once = prefix(shared.brackets(norms, stack.radius) + slopes)
    twice = prefix(shared.brackets(norms, stack.radius, 2) + 2 * slopes)
    bent = shared.brackets(columns, stack.radius)
    grown = jnp.log(jnp.maximum(stack.grown, tiny))
    at = jnp.arange(count)

    first = shared.cap(between(once, at, jnp.full(count, count)) + grown)
    # Layer j: everything after it, the slope before it, the path from Φ_i to Φ_{j−1}.
    j, i = at[:, None], at[None, :]
    to_end = between(once, at, jnp.full(count, count))[:, :, None]
    before = jnp.roll(slopes, 1)[None, :, None]
    whole = to_end + before + between(once, i, j - 1) + grown[None, None, :]
    mixed = jnp.where(i < j, shared.cap(whole), 0.0)

    def curved(t: Array) -> Array:
        low, high = jnp.minimum(j, i), jnp.maximum(j, i)
        end = (once[:, count] - once[:, t + 1] + bent[:, t])[:, None, None]
        whole = end + between(once, low, high) + between(twice, high, t)
        bend = jnp.log(jnp.maximum(jnp.max(stack.curvature[t]), tiny))
        return jnp.where(high <= t, shared.cap(whole + grown[:, None] + grown[None, :] + bend), 0)

    entry = shared.brackets(spectral_norm(front.weight)[None], front.radius[None])[:, 0]
    reach = product(jnp.max(front.bend.slope), shared.cap(once[:, count] + entry))
    return Terms(first, mixed, jax.lax.map(curved, at), reach)

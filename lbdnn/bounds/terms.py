"""What layerwise bounds are made of: norms of paths, of columns, and their caps over a ball."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..intervals import euclidean, spectral_norm
from .budget import between, budget, prefix
from .layers import Enclosure
from .products import matrix_product, product


class Terms(NamedTuple):
    """What the bounds are made of; i, j, l number the K layers that have parameters.

    first (K): ‖B_j‖m_j. mixed (K, K): the first part of M, i < j at [j, i]. curved (J, K, K): the
    second part, one matrix for each place between layers. inputs: ‖∂Φ/∂σ‖.
    """

    first: Float[Array, " k"]
    mixed: Float[Array, "k k"]
    curved: Float[Array, "j k k"]
    inputs: Float[Array, ""]

    def hessian(self) -> Float[Array, "k k"]:
        """M, the bounds of the blocks of ∂²Φ/∂θ²."""
        return self.mixed + self.mixed.T + jnp.sum(self.curved, 0)


class Curves(NamedTuple):
    """What directions of σ give: ‖∂²Φ/∂σ²‖, the blocks ‖∂²Φ/∂V_i∂σ‖ (K,), the largest row sum of
    |∂Φ/∂σ|."""

    inputs: Float[Array, ""]
    mixed: Float[Array, " k"]
    rows: Float[Array, ""]


def terms_of(known: Enclosure, radius: Float[Array, ""]) -> tuple[Terms, Curves]:
    """See `Layerwise`; `radius` is what the layers share."""
    paths, curves = _path_terms(known)
    return _smaller(paths, _budget_terms(known, radius)), curves


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


def _path_terms(known: Enclosure) -> tuple[Terms, Curves]:
    stack = _stack(known)
    count, n = stack.slope.shape
    starts = jnp.arange(count + 1)
    identity = jnp.eye(n)  # padded entries of Φ are zero, with or without ones here

    def one_layer(carry: tuple[Array, ...], layer: tuple[Array, ...]) -> tuple[tuple, tuple]:
        # For every start i ≤ t at once: A, ‖R‖ of the path from Φ_i to Φ_t; π so far.
        a, r, table = carry
        entering = a[0], r[0]
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
        return (a, r, table.at[t + 1].set(own)), entering

    start = (
        jnp.where((starts == 0)[:, None, None], identity, 0.0),
        jnp.zeros(count + 1),
        jnp.full((count + 1, count + 1), jnp.inf).at[0, 0].set(1.0),
    )
    norms = spectral_norm(stack.weight)
    layers = (jnp.arange(count), stack.weight, stack.slope, stack.radius, norms)
    (a, r, table), entering = jax.lax.scan(one_layer, start, layers)

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
    curved = product(g[:, None, None], product(x[:, :, None], x[:, None, :]))

    # From σ to Φ_t, t = 0 .. count; the last is Φ with what follows the network.
    front = known.layers[0]
    weight = product(jnp.abs(front.weight), front.bend.slope)
    weight = jnp.pad(weight, ((0, n - weight.shape[0]), (0, 0)))
    size, steepest = spectral_norm(front.weight), jnp.max(front.bend.slope)
    ends, errors = (
        jnp.concatenate([each, last[:1]]) for each, last in zip(entering, (a, r), strict=True)
    )
    rest = product(steepest, product(errors, size) + product(table[:, 0], front.radius))
    entry = matrix_product(ends, weight)
    y = jnp.minimum(
        spectral_norm(entry) + rest, product(table[:, 0], product(steepest, size + front.radius))
    )
    sums = jnp.max(jnp.sum(entry[-1], 1)) + product(jnp.sqrt(weight.shape[1]), rest[-1])
    y, inputs = y[:count], y[count]
    bent = jnp.max(front.bend.curvature)
    single = jnp.max(euclidean(front.weight, 0)) + front.radius
    at_entry = product(table[count, 0], product(bent, single))
    crossed = product(g[:, None], product(y[:, None], x))
    own = product(to_end[:-1], product(largest[:-1], y[:-1]))
    own = jnp.append(product(table[count, 0], steepest), own)
    curves = Curves(
        jnp.sum(product(g, product(y, y))) + at_entry,
        own * jnp.asarray([layer.holds for layer in known.layers]) + jnp.sum(crossed, 0),
        jnp.minimum(sums, product(jnp.sqrt(weight.shape[1]), inputs)),
    )
    return (
        Terms(
            product(table[count, :count], stack.grown),
            # Row j of `mixed` is layer j + 1; the last is no layer of parameters.
            jnp.pad(mixed[: count - 1], ((1, 0), (0, 0))),
            curved,
            inputs,
        ),
        curves,
    )


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

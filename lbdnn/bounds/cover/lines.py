"""Activations over intervals: their ranges, slopes and curvatures, and lines near them."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array

from ...activations import Activation
from ...intervals import Interval
from ..expansion.sizes import WIDER, U
from .norms import TINY


class Local(NamedTuple):
    """What one layer's activations do over each cell, (n, c) each."""

    ranges: Interval
    middle: Array
    half: Array
    slope: Array
    spread: Array
    bend: Array
    bend_spread: Array
    line: Array
    noise: Array


def local_lines(
    activations: tuple[Activation, ...],
    kind: Array,
    real: Array,
    kept: Array | None,
    low: Array,
    high: Array,
) -> Local:
    """For layers whose activation is the one that `kind` chooses.

    `real` masks padding; where `kept` is 1 the identity stands in place of the activation.
    """
    n, cells = low.shape

    def half_of_the_cells(box: tuple[Array, Array]) -> Local:
        low, high = box
        ranges, ends, slopes, bends = _known(activations, kind, low, high, real, kept)
        slope, spread = _middle(slopes)
        bend, bend_spread = _middle(bends)
        middle = low / 2 + high / 2
        half = jnp.maximum(high - middle, middle - low) * WIDER
        line, noise = _line(ends, bends, slope, spread, half, low, high)
        return Local(ranges, middle, half, slope, spread, bend, bend_spread, line, noise)

    # The compiler would compute an expression anew for each use. What a loop gives it keeps.
    halves = tuple(jnp.moveaxis(x.reshape(n, 2, cells // 2), 1, 0) for x in (low, high))
    found = jax.lax.map(half_of_the_cells, halves)
    return jax.tree.map(lambda x: jnp.moveaxis(x, 0, 1).reshape(n, cells), found)


def _known(
    activations: tuple[Activation, ...],
    kind: Array,
    low: Array,
    high: Array,
    real: Array,
    kept: Array | None,
) -> tuple[Interval, Interval, Interval, Interval]:
    """ς over [low, high], ς at the two ends (n, 2, c), ς' and ς'' over [low, high]."""
    ends = jnp.stack([low, high], 1)
    results = []
    for activation in activations:
        pairs = [activation.enclose(0, low, high), activation.enclose(0, ends, ends)]
        pairs += [activation.enclose(order, low, high) for order in (1, 2)]
        results.append(pairs)
    chosen = results[0]
    for place, pairs in enumerate(results[1:], 1):
        chosen = jax.tree.map(lambda x, y, p=place: jnp.where(kind == p, y, x), chosen, pairs)
    if kept is not None:
        stays, one = kept[:, None] > 0, jnp.ones_like(low)
        same = [(low, high), (ends, ends), (one, one), (0 * one, 0 * one)]
        for place, (pair, shown) in enumerate(zip(chosen, same, strict=True)):
            mask = stays[:, None] if place == 1 else stays
            chosen[place] = tuple(jnp.where(mask, x, y) for x, y in zip(shown, pair, strict=True))
    exists = real[:, None] > 0
    masks = (exists, exists[:, None], exists, exists)
    ranges, at_ends, slopes, bends = (
        Interval(*(jnp.asarray(jnp.where(mask, end, 0.0)) for end in pair))
        for mask, pair in zip(masks, chosen, strict=True)
    )
    return ranges, at_ends, slopes, bends


def _middle(x: Interval) -> tuple[Array, Array]:
    """A number and how far the interval reaches from it; 0 and inf where it is unbounded."""
    known = jnp.isfinite(x.lo) & jnp.isfinite(x.hi)
    middle = jnp.where(known, jnp.where(x.lo == x.hi, x.lo, x.lo / 2 + x.hi / 2), 0.0)
    reach = jnp.maximum(x.hi - middle, middle - x.lo) * WIDER + TINY
    return middle, jnp.where(known, jnp.where(x.lo == x.hi, 0.0, reach), jnp.inf)


def _line(
    ends: Interval,
    bends: Interval,
    slope: Array,
    spread: Array,
    half: Array,
    low: Array,
    high: Array,
) -> tuple[Array, Array]:
    r"""(s̄, noise): |ς(z) − s̄ − D(z − μ)| ≤ noise on [low, high], with D = slope, μ its middle.

    With g(z) = ς(z) − D(z − μ) and w = `half`: the chord of g rises by 2η in all, and g leaves it
    by −½ς''(·)(z − low)(high − z), which lies in [−½w² max ς'', −½w² min ς''] or between one of
    these and 0. Or, as |g'| ≤ spread, g leaves the mean of its two ends by at most spread·w.
    """
    left, right = (ends.lo[:, i] / 2 + ends.hi[:, i] / 2 for i in (0, 1))
    lost = jnp.max(ends.hi - ends.lo, 1)
    sizes = jnp.abs(left) + jnp.abs(right) + jnp.abs(slope) * (jnp.abs(low) + jnp.abs(high))
    lost = lost + 16 * U * sizes + 4 * TINY
    above, below = jnp.maximum(-bends.lo, 0.0), jnp.maximum(bends.hi, 0.0)
    rise = jnp.abs(right - left - slope * (high - low)) / 2
    curved = rise + (above + below) * (half * half / 4)
    straight = spread * half
    middle = left / 2 + right / 2
    smaller = curved < straight
    lift = jnp.where(smaller, (above - below) * (half * half / 4), 0.0)
    return middle + lift, (
        jnp.where(smaller, curved, straight) + lost + 4 * U * jnp.abs(lift)
    ) * WIDER

"""One pass over the layers for many cells: ranges, slopes, curvatures, and the linear map of each
layer's noise to each later one."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ...intervals import gamma, interval
from ..expansion.sizes import WIDER, U
from .lines import local_lines
from .network import Layers, Shape
from .norms import TINY, length

_EXACT = jax.lax.Precision.HIGHEST


class Forward(NamedTuple):
    """Of layers t = 0..L − 1, over each of c cells (last axis).

    The slopes ς_t'(Φ_t) lie within `spread` of `slope`, ς_t''(Φ_t) within `bend_spread` of `bend`,
    (L, n, c). R[t, :, l] (L, n, L, n, c) is near R_tl = W_t D_t ⋯ D_{l+1} W_l with D = diag(slope),
    ‖R − R_tl‖ ≤ R_error (L, L, c); R_size bounds ‖R‖_F. s (L, c) bounds ‖[s_t; 1]‖ (without the 1
    if it is no parameter's, and without what shortcuts carry), 0 for layers without parameters.
    low, high (n, c) enclose Φ_L.
    """

    slope: Array
    spread: Array
    bend: Array
    bend_spread: Array
    R: Array
    R_error: Array
    R_size: Array
    s: Array
    low: Array
    high: Array


class _Carry(NamedTuple):
    low: Array  # (n, c), of Φ_t
    high: Array
    near: Array  # (n, c): Φ_t is within A h + Σ R·noise of it
    fresh: Array  # (n, c): rounding made in computing `near`
    R: Array  # (n, L, n, c): R_{t−1,l}
    error: Array  # (L, c)
    size: Array  # (L, c)
    noise: Array  # (L, n, c)
    slopes: Array  # (L, n, c)
    pushes: Array  # (L, c): ‖[s_l; 1]‖


def forward(
    shape: Shape, layers: Layers, low: Float[Array, "d c"], high: Float[Array, "d c"]
) -> Forward:
    r"""With D_t the middle of the slopes over the cell and μ_t that of Φ_t,

        s_t = s̄_t + D_t (Φ_t − μ_t) + ν_t,   |ν_t| ≤ noise_t   (`lines`),

    so that Φ_{t+1} = Φ̄_{t+1} + Σ_l R_tl ν_l + Σ_l P_{t+1,l+1} E_l[s_l; 1], where Φ̄ has the inputs'
    half-widths for ν_0 beside its own, and P_{t+1,l+1} = R_{t,l+1} D_{l+1}: affine arithmetic, in
    which the noise of a layer passes through products of the following ones, not of their norms.
    What it encloses is met with what interval arithmetic through the last layer does.
    """
    n, count = shape.width, shape.layers
    cells = low.shape[-1]
    box = interval(low, high)
    pad = [(0, n - shape.inputs), (0, 0)]
    low, high = (jnp.pad(x, pad) for x in (box.lo, box.hi))
    none = jnp.zeros((n, cells))
    start = _Carry(
        low,
        high,
        low / 2 + high / 2,
        none,
        jnp.zeros((n, count, n, cells)),
        jnp.zeros((count, cells)),
        jnp.zeros((count, cells)),
        jnp.zeros((count, n, cells)),
        jnp.zeros((count, n, cells)),
        jnp.zeros((count, cells)),
    )
    rows = (jnp.arange(count), jnp.asarray(shape.kinds), *map(jnp.asarray, layers))
    rows = tuple(x for x in rows if x.ndim)
    last, found = jax.lax.scan(partial(_step, shape, layers), start, rows)
    return Forward._make((*found, last.low, last.high))


def _step(shape: Shape, layers: Layers, carry: _Carry, row: tuple) -> tuple[_Carry, tuple]:
    t, kind, weight, bias, real, _, lengths, owned, one, _, weight_size, kept, _ = row
    n = shape.width
    low, high = carry.low, carry.high
    local = local_lines(shape.activations, kind, real, kept if shape.shortcuts else None, low, high)
    ranges, middle, half, slope, spread, bend, bend_spread, line, noise = local

    # R_{t,l} for all l at once: one product of matrices.
    steepest = jnp.max(jnp.abs(slope), 0)
    product = jnp.matmul(weight, (slope[:, None, None] * carry.R).reshape(n, -1), precision=_EXACT)
    here = jnp.arange(shape.layers) == t
    R = jnp.asarray(
        jnp.where(here[:, None, None], weight[:, None, :, None], product.reshape(carry.R.shape))
    )
    inner = 2 * gamma(n + 4, R.dtype)
    new_error = weight_size * (steepest * (carry.error + inner * carry.size) + n * TINY)
    own_error = jnp.asarray(jnp.where(here[:, None], 0.0, (new_error + n * n * TINY) * WIDER))
    error = jnp.asarray(jnp.where(jnp.arange(shape.layers)[:, None] > t, 0.0, own_error))
    size = length(R, (0, 2))

    moved = jnp.abs(carry.near - middle)
    rounding = 8 * U * (jnp.abs(line) + jnp.abs(slope) * (moved + jnp.abs(middle))) + 4 * TINY
    own_noise = noise + jnp.abs(slope) * carry.fresh + rounding
    own_noise = own_noise + jnp.where(t == 0, 1.0, 0.0) * jnp.abs(slope) * half
    own_noise = own_noise * real[:, None] * WIDER
    noise = jnp.asarray(jnp.where(here[:, None, None], own_noise, carry.noise))
    line = (line + slope * (carry.near - middle)) * real[:, None]

    acted_on = ranges.magnitude()
    if shape.shortcuts:
        acted_on = jnp.where(kept[:, None] > 0, 0.0, acted_on)
    size_of_s = length(jnp.concatenate([acted_on, one * jnp.ones_like(low[:1])]), 0)
    push = size_of_s * owned
    s_middle, s_radius = ranges.midpoint(), ranges.radius()
    both = jnp.matmul(weight, jnp.stack([s_middle, line], 1).reshape(n, -1), precision=_EXACT)
    both = both.reshape(n, 2, -1) + bias[:, None, None]
    # In the products of sizes: rounding of the products above.
    sizes = jnp.stack([s_radius + inner * jnp.abs(s_middle), inner * jnp.abs(line)], 1)
    sizes = jnp.matmul(jnp.abs(weight), sizes.reshape(n, -1), precision=_EXACT)
    sizes = sizes.reshape(n, 2, -1) + inner * jnp.abs(bias)[:, None, None] + 4 * n * TINY
    interval_radius, fresh = sizes[:, 0] * WIDER, sizes[:, 1] * WIDER
    total = jnp.sum(jnp.abs(R) * noise, (1, 2)) + jnp.sum(error * length(noise, 1), 0) + fresh
    slopes_so_far = jnp.asarray(jnp.where(here[:, None, None], slope, carry.slopes))
    pushes = jnp.asarray(jnp.where(here[:, None], push, carry.pushes))
    if shape.moving:
        own = lengths[:, None] * push
        interval_radius = interval_radius + own * WIDER
        paths = R * slopes_so_far[None]
        if shape.shortcuts:
            paths = paths * jnp.asarray(layers.acts)[None, :, :, None]
        lost = error * jnp.max(jnp.abs(slopes_so_far), 1)
        total = total + _pushed(layers, t, paths, lost, carry.pushes, own, push)
    total = total * WIDER
    lows = both - jnp.stack([interval_radius, total], 1)
    highs = both + jnp.stack([interval_radius, total], 1)
    slack = 4 * U * jnp.maximum(jnp.abs(lows), jnp.abs(highs)) + 2 * TINY
    lows, highs = lows - slack, highs + slack
    # NaN is no knowledge.
    new_low = jnp.fmax(lows[:, 0], lows[:, 1])
    new_high = jnp.fmin(highs[:, 0], highs[:, 1])
    found = (slope, spread, bend, bend_spread, R, error, size, push)
    new = _Carry(
        new_low,
        new_high,
        both[:, 1],
        fresh,
        R,
        error,
        size,
        noise,
        slopes_so_far,
        pushes,
    )
    return new, found


def _pushed(
    layers: Layers, t: Array, paths: Array, error: Array, pushes: Array, own: Array, push: Array
) -> Array:
    """≥ |Σ_l P_{t+1,l+1} E_l[s_l; 1]|, entry by entry: Σ_l ρ_l x_l at most, and r‖x‖."""
    reach = length(paths, 2) + error  # (n, L, c): rows of R_tl D_l = P_{t+1,l}
    reach = jnp.where((jnp.arange(paths.shape[1]) <= t)[:, None], reach, 0.0)[:, 1:]
    moved = reach * pushes[None, :-1]
    apart = own + jnp.sum(moved * jnp.asarray(layers.radius)[:-1, None], 1)
    here = jnp.where(own > 0, push, 0.0)
    together = length(jnp.concatenate([moved, here[:, None]], 1), 1)
    return jnp.fmin(apart, layers.shared * together) * WIDER

"""Enclosures of the secants of a network: matrices S with Φ(x) − Φ(y) = S(x − y)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from ...activations import Activation
from ...compilation import QUICK
from ...intervals import Interval, euclidean, interval, spectral_norm, up
from ...intervals.constants import ends, stands_for
from ...networks import Affine, Chain, Operation, Pointwise, Residual, Scaling, Theta
from ...networks.operations import Parameters

Form = Literal["origin", "incremental"]


class Region(NamedTuple):
    """{centre + axes·y} with ‖y‖₂ ≤ 1 if `round`, else with |y| ≤ half; within the box `hull`.

    `centre`, `half` (n,); `axes` encloses an (n, n) matrix: the identity unless `round`.
    """

    hull: Interval
    centre: Float[Array, " n"]
    axes: Interval
    half: Float[Array, " n"]
    round: Bool[Array, ""]


class Secants(NamedTuple):
    """What one pass knows over a region.

    - `matrix` (m, n) encloses every S·axes; `image` (m,) encloses Φ over the region, `middle` (m,)
      Φ at its centre.
    - `slopes`: of each activation in turn, (width,), intervals of d.
    - `norms`: products of norms of the layers, ≥ ‖S‖_p for p = 1, 2, ∞ where the axes are the
      identity.
    """

    matrix: Interval
    image: Interval
    middle: Interval
    norms: Float[Array, "3"]
    slopes: tuple[Interval, ...]


def whole_space(n: int) -> Region:
    """R^n."""
    everywhere = jnp.full(n, jnp.inf)
    hull = Interval(-everywhere, everywhere)
    return Region(hull, jnp.zeros(n), interval(jnp.eye(n)), everywhere, jnp.asarray(False))


def box(x: Interval) -> Region:
    """A box; it may be unbounded."""
    n = x.shape[0]
    return Region(x, x.midpoint(), interval(jnp.eye(n)), x.radius(), jnp.asarray(False))


def ellipsoid(centre: Float[Array, " n"], axes: Interval) -> Region:
    """{centre + axes·y : ‖y‖₂ ≤ 1}."""
    reach = euclidean(axes.magnitude(), 1)
    half = jnp.zeros_like(centre)
    return Region(centre + Interval(-reach, reach), centre, axes, half, jnp.asarray(True))


@partial(jax.jit, static_argnames="net", compiler_options=QUICK)
def secants(net: Chain, theta: Theta, region: Region, origin: Bool[Array, ""]) -> Secants:
    r"""One pass over the operations, in float64, rounded outward.

    For any x, y of a convex region the mean value theorem, neuron by neuron, gives
    ς(u) − ς(v) = d(u − v) with d between the least and the greatest slope on the interval that
    contains u and v (ς is Lipschitz there; a finite enclosure of ς' excludes jumps). So
    Φ(x) − Φ(y) = S(x − y), S = A_L D_L ⋯ D_1 A_0 with *some* diagonal D_i between these ends, and
    an interval matrix that contains all such products contains S.

    `origin` asks for y = 0 only, for networks with Φ_i(0) = 0 in every layer (`keeps_origin`):
    then d = ς(u)/u, which lies between the slopes on the hull of u and 0, and within ±a₁ where
    |ς(z)| ≤ a₁|z| for every z.

    Pre-activations are enclosed by intervals, and about their values at the centre: u − u₀ = T·y
    with T the secants so far times the axes, |u − u₀|_i ≤ Σ_k |T_ik| half_k, or ‖row i of T‖₂.
    """
    centre = interval(region.centre)
    start = _State(region.hull, centre, region.axes, jnp.ones(3), ())
    # The secants from 0 say nothing about differences from the value at the centre.
    region = region._replace(half=jnp.where(origin, jnp.inf, region.half))
    end = _in_turn(net.steps(theta), start, region, origin)
    return Secants(end.matrix, end.x, end.middle, end.norms, end.slopes)


class _State(NamedTuple):
    x: Interval
    middle: Interval
    matrix: Interval
    norms: Array
    slopes: tuple[Interval, ...]


def _in_turn(
    steps: Sequence[tuple[Operation, Parameters]], state: _State, region: Region, origin: Array
) -> _State:
    for operation, own in steps:
        state = _after(operation, own, state, region, origin)
    return state


def _after(
    operation: Operation, own: Parameters, state: _State, region: Region, origin: Array
) -> _State:
    x, middle, matrix, norms, known = state
    match operation:
        case Affine():
            weight = operation.weight(own)
            sizes = jnp.abs(weight)
            sums = [jnp.max(interval(sizes).sum(axis).hi) for axis in (0, 1)]
            of_layer = jnp.stack([sums[0], spectral_norm(weight), sums[1]])
            x, middle, matrix = weight @ x, weight @ middle, weight @ matrix
            if operation.bias:
                x, middle = x + own[:, -1], middle + own[:, -1]
            grown = up(norms * of_layer)
            return _centred(_State(x, middle, matrix, grown, known), region)
        case Scaling(scale, shift):
            by, plus = (stands_for(np.asarray(part), x.dtype) for part in (scale, shift))
            largest = jnp.max(by.magnitude())
            grown = up(norms * largest)
            return _State(x * by + plus, middle * by + plus, matrix * by[:, None], grown, known)
        case Pointwise(activation):
            both = jnp.stack([x.lo, middle.lo]), jnp.stack([x.hi, middle.hi])
            values = Interval(*activation.enclose(0, *both))
            slopes = _slopes(activation, x, origin)
            steepest = jnp.max(slopes.magnitude())
            return _State(
                values[0],
                values[1],
                matrix * slopes[:, None],
                _product(norms, steepest),
                (*known, slopes),
            )
        case Residual(operations):
            steps = list(zip(operations, own, strict=True))
            inner = _in_turn(steps, state._replace(norms=jnp.ones(3)), region, origin)
            end = _State(
                x + inner.x,
                middle + inner.middle,
                matrix + inner.matrix,
                up(norms * up(1 + inner.norms)),
                inner.slopes,
            )
            return _centred(end, region)
    raise ValueError(f"no secants of {type(operation).__name__} are known")


def _slopes(activation: Activation, x: Interval, origin: Array) -> Interval:
    low = jnp.where(origin, jnp.minimum(x.lo, 0.0), x.lo)
    high = jnp.where(origin, jnp.maximum(x.hi, 0.0), x.hi)
    lo, hi = activation.enclose(1, low, high)
    slope, constant = activation.growth
    if constant == 0 and activation.domain == (-np.inf, np.inf):
        _, most = ends(slope, x.dtype)
        most = jnp.where(origin, most, jnp.inf)
        lo, hi = jnp.maximum(lo, -most), jnp.minimum(hi, most)
    return Interval(lo, hi)


def _centred(state: _State, region: Region) -> _State:
    """The enclosure about the value at the centre, where it is the narrower."""
    sizes = state.matrix.magnitude()
    sums, lengths = _row_sums(_product(sizes, region.half)), euclidean(sizes, 1)
    # An ellipsoid's half is 0, or infinite where nothing is to be concluded.
    reach: Array = jnp.where(region.round, jnp.maximum(sums, lengths), sums)
    about = state.middle + Interval(-reach, reach)
    return state._replace(x=state.x.intersection(about))


def _row_sums(sizes: Array) -> Array:
    return interval(jnp.zeros_like(sizes), sizes).sum(1).hi


def _product(a: Array, b: Array) -> Array:
    """≥ ab for a, b ≥ 0, inf where one is."""
    return up(jnp.where(jnp.isinf(a) | jnp.isinf(b), jnp.inf, a * b))


def keeps_origin(net: Chain, theta: Theta) -> bool:
    """Whether every operation maps 0 to 0: no bias, no offset, ς(0) = 0."""
    return all(_keeps(operation, own) for operation, own in net.steps(theta))


def _keeps(operation: Operation, own: Parameters) -> bool:
    match operation:
        case Affine():
            return not operation.bias or bool(np.all(np.asarray(own)[:, -1] == 0))
        case Scaling(_, shift):
            return not any(shift)
        case Pointwise(activation):
            return activation.value_at_zero == 0
        case Residual(operations):
            return all(_keeps(one, part) for one, part in zip(operations, own, strict=True))
    return False

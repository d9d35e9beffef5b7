"""Which kind of attractor x ↦ Φ(x) has, by definitions, horizons and thresholds stated here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal, NamedTuple, get_args

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from ..networks import Chain, Theta
from .affine_maps import checked_points
from .orbits import check_iterable, following

Attractor = Literal[
    "single point",
    "several points",
    "line",
    "limit cycle",
    "chaos",
    "unbounded",
    "undecided",
]
ATTRACTORS: tuple[Attractor, ...] = get_args(Attractor)


@dataclass(frozen=True)
class Observation:
    """How long orbits are watched, and from when on a number counts as 0, as 1, as infinite.

    An orbit runs `settle` steps, then `watch` more, and beside it for these one that starts
    1e-6·(1 + ‖x‖_∞) off. It is

    - *escaped* if ‖x‖_∞ exceeds `escape` at any step;
    - *fixed* if after `settle` steps ‖Φ(x) − x‖_∞ ≤ `tolerance`·(1 + ‖x‖_∞), *periodic* if the
      same holds of the p-th iterate, 2 ≤ p ≤ `periods`; but *repelled* if the orbit beside it then
      gets farther than `apart`·(1 + ‖x‖_∞) from it and its largest Lyapunov exponent is positive:
      it sits on an unstable point by its start, or by rounding (as every orbit of x ↦ 1 − 2|x| in
      the end);
    - else *chaotic* if its largest Lyapunov exponent over the `watch` steps is above `exponent`
      and its extents in the two halves of these steps (see below) differ by at most half;
    - *turning* (it fills an invariant curve) if that exponent is within ±`exponent`, the orbit
      goes away from where it was after `settle` steps, farther than 1e-3·(1 + ‖x‖_∞), and then,
      within the `watch` steps, comes back to `recurrence` of that distance, and neither shrinks nor
      grows: its extents (largest − least of each entry) in the two halves of the `watch` steps
      differ by at most `steady` of the largest;
    - else *unsettled*: it may still converge.

    Of the orbits of all starts that are not repelled (with none left: "undecided"), in this order:
    one escapes: "unbounded"; one is unsettled: "undecided"; one is chaotic: "chaos"; one is
    periodic or turns: "limit cycle". Otherwise all end at fixed points, which are one if within
    `apart`·(1 + ‖x‖_∞) of each other: one in all is a "single point", and many are "several
    points", unless there are more than `several` and the derivative at most of them has an
    eigenvalue within `apart` of 1: a "line" (a continuum).
    """

    settle: int = 2000
    watch: int = 1000
    periods: int = 64
    escape: float = 1e6
    tolerance: float = 1e-9
    exponent: float = 0.005
    recurrence: float = 0.05
    steady: float = 0.01
    apart: float = 1e-3
    several: int = 8

    def __post_init__(self) -> None:
        if self.settle < 1 or not 2 <= self.periods <= self.watch:
            raise ValueError("an observation needs settle >= 1 and 2 <= periods <= watch")


class Orbits(NamedTuple):
    """What was seen of each orbit, arrays with one entry an orbit."""

    last: Float[Array, "b n"]  # after `settle` steps
    escaped: Array
    period: Array  # the least, 0 if none
    exponent: Array  # largest Lyapunov exponent
    turning: Array
    repelled: Array
    contained: Array  # extents of both halves differ by at most half
    slopes: Float[Array, "b n n"]  # Φ' at `last`


class ObservedAttractor(NamedTuple):
    """The kind of attractor, and the evidence: how many orbits did what, and where they ended."""

    kind: Attractor
    counts: Mapping[str, int]
    points: Float[np.ndarray, "k n"]  # fixed points and points of cycles, one an orbit's end
    largest_exponent: float


def attractor(
    net: Chain,
    theta: Theta,
    starts: Float[ArrayLike, "b n"],
    observation: Observation | None = None,
) -> ObservedAttractor:
    """The kind of attractor that orbits from the given starts show (`Observation` defines it).

    Evidence, not proof: of the starts given, in float64, for the steps given.

    **Raises:** ValueError if the network does not map its inputs to as many outputs, and for no
    starts or starts that are not finite.
    """
    observation = Observation() if observation is None else observation
    with jax.enable_x64(True):
        theta, points = checked_starts(net, theta, starts)
        seen = observe(net, theta, points, observation)
    return classify(jax.tree.map(np.asarray, seen), observation)


def checked_starts(
    net: Chain, theta: Theta, starts: Float[ArrayLike, "*batch n"]
) -> tuple[Theta, Float[Array, "b n"]]:
    """θ and the starts in float64; ValueError for none, or for NaN or infinity among them."""
    check_iterable(net)
    theta = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float64), theta)
    points = checked_points(net, theta, jnp.asarray(starts, jnp.float64))
    points = points.reshape(-1, net.inputs)
    if not len(points) or not np.all(np.isfinite(np.asarray(points))):
        raise ValueError("orbits need at least one start, of finite numbers")
    return theta, points


@partial(jax.jit, static_argnames=("net", "observation"))
def observe(
    net: Chain, theta: Theta, starts: Float[Array, "b n"], observation: Observation
) -> Orbits:
    """The orbits from the given starts; map it over θ for many networks."""

    def advance(x: Array) -> tuple[Array, Array]:
        beyond: Array = ~(jnp.max(jnp.abs(x), -1) <= observation.escape)  # NaN too
        after: Array = jnp.where(beyond[:, None], x, following(net, theta, x))
        return after, beyond

    def settle(state: Array, _: None) -> tuple[Array, None]:
        return advance(state)[0], None

    def push(x: Array, direction: Array) -> Array:
        return jax.jvp(partial(net, theta), (x,), (direction,))[1]

    def watch(state: _Watched, step: Array) -> tuple[_Watched, None]:
        x, beside, direction, growth, period, nearest, reach, least, greatest, parted = state
        direction = jax.vmap(push)(x, direction)
        length = jnp.linalg.norm(direction, axis=-1)
        growth += jnp.log(length)
        direction /= jnp.expand_dims(jnp.maximum(length, 1e-300), 1)
        x, _ = advance(x)
        beside, _ = advance(beside)
        parted = jnp.maximum(parted, jnp.max(jnp.abs(beside - x), -1))
        distance = jnp.max(jnp.abs(x - last), -1)
        half = (jnp.arange(2) == (2 * step > observation.watch))[:, None, None]
        # By so much, that an orbit which fills a curve does not go on setting records.
        farther = distance > 1.01 * reach
        closed = (distance <= observation.tolerance * size) & (step <= observation.periods)
        period = jnp.where((period == 0) & closed, step, period)
        return _Watched(
            x,
            beside,
            direction,
            growth,
            period,
            jnp.where(farther, distance, jnp.minimum(nearest, distance)),
            jnp.where(farther, distance, reach),
            jnp.where(half, jnp.minimum(least, x), least),
            jnp.where(half, jnp.maximum(greatest, x), greatest),
            parted,
        ), None

    last, _ = jax.lax.scan(settle, starts, None, length=observation.settle)
    size = 1 + jnp.max(jnp.abs(last), -1)
    count, n = starts.shape
    direction = jnp.full((count, n), n**-0.5, starts.dtype)
    # No direction is special: one that the derivative keeps invariant would hide the others.
    direction *= jnp.linspace(1, 2, n, dtype=starts.dtype)
    direction /= jnp.linalg.norm(direction[0])
    none = jnp.zeros(count, starts.dtype)
    beyond = jnp.full((2, count, n), jnp.inf, starts.dtype)
    beside = last + 1e-6 * size[:, None] * direction
    start = _Watched(
        last,
        beside,
        direction,
        none,
        none.astype(int),
        none + jnp.inf,
        none,
        beyond,
        -beyond,
        none,
    )
    steps = jnp.arange(1, observation.watch + 1)
    seen, _ = jax.lax.scan(watch, start, steps)
    exponent = seen.growth / observation.watch
    first, second = seen.greatest - seen.least
    change, extent = jnp.max(jnp.abs(second - first), -1), jnp.max(first, -1)
    steady, contained = change <= observation.steady * extent, change <= 0.5 * extent
    repelled = ~(seen.parted <= observation.apart * size) & (exponent > 0)
    turning = (
        (jnp.abs(exponent) <= observation.exponent)
        & (seen.nearest <= observation.recurrence * seen.reach)
        & (seen.reach > 1e-3 * size)
        & steady
    )
    slopes = jax.vmap(jax.jacfwd(partial(net, theta)))(last)
    escaped = ~(jnp.max(jnp.abs(seen.x), -1) <= observation.escape)
    return Orbits(last, escaped, seen.period, exponent, turning, repelled, contained, slopes)


class _Watched(NamedTuple):
    x: Array
    beside: Array
    direction: Array
    growth: Array
    period: Array
    nearest: Array
    reach: Array
    # Of the entries of x, in the first and in the second half.
    least: Float[Array, "2 b n"]
    greatest: Float[Array, "2 b n"]
    parted: Array


def classify(seen: Orbits, observation: Observation) -> ObservedAttractor:
    """The kind of attractor of one network, from NumPy arrays of what `observe` saw."""
    escaped = np.asarray(seen.escaped)
    ended = ~escaped & (seen.period > 0)
    repelled = ended & np.asarray(seen.repelled)
    fixed, periodic = ended & (seen.period == 1), ended & (seen.period > 1)
    fixed, periodic = fixed & ~repelled, periodic & ~repelled
    free = ~escaped & (seen.period == 0)
    chaotic = free & (seen.exponent > observation.exponent) & seen.contained
    turning = free & ~chaotic & seen.turning
    unsettled = free & ~chaotic & ~turning
    masks = {
        "escaped": escaped,
        "unsettled": unsettled,
        "chaotic": chaotic,
        "turning": turning,
        "periodic": periodic,
        "fixed": fixed,
        "repelled": repelled,
    }
    counts = {name: int(mask.sum()) for name, mask in masks.items()}
    bounded = seen.exponent[~escaped]
    exponent = float(bounded.max()) if bounded.size else float("nan")
    ends = _apart(np.asarray(seen.last)[fixed | periodic], observation.apart)
    rules: list[tuple[Attractor, bool]] = [
        ("unbounded", counts["escaped"] > 0),
        ("undecided", counts["unsettled"] > 0 or counts["repelled"] == len(escaped)),
        ("chaos", counts["chaotic"] > 0),
        ("limit cycle", counts["turning"] + counts["periodic"] > 0),
        ("single point", len(ends) == 1),
        ("line", _continuum(len(ends), np.asarray(seen.slopes)[fixed], observation)),
        ("several points", True),
    ]
    kind: Attractor = next(name for name, holds in rules if holds)
    return ObservedAttractor(kind, counts, ends, exponent)


def _continuum(count: int, slopes: Float[np.ndarray, "k n n"], observation: Observation) -> bool:
    # In NumPy: not every device has general eigenvalues.
    if count <= observation.several:
        return False
    unit = np.abs(np.linalg.eigvals(slopes) - 1).min(-1)
    return bool(np.mean(unit <= observation.apart) > 0.5)


def _apart(points: np.ndarray, tolerance: float) -> np.ndarray:
    """The points without those near an earlier one."""
    kept: list[np.ndarray] = []
    for point in points:
        size = tolerance * (1 + np.abs(point).max())
        if all(np.abs(point - other).max() > size for other in kept):
            kept.append(point)
    return np.array(kept).reshape(-1, points.shape[-1])

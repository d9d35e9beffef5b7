"""Descent of a classifier's margin within a ball around an image."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ..sets import InputRegion

Norm = Literal["2", "maximum"]
# A pure function of one image, flattened here.
Logits = Callable[[Float[Array, " n"]], Float[Array, " k"]]

# Halvings of a perturbation, and of what is left to the nearest point of ball and box.
_HALVINGS = 20
_OF_PROJECTION = 12


class Problem(NamedTuple):
    """A label, where perturbations of its image may lie, their radius, and where to begin.

    From each start (s, n) the label's lead over its target is descended; over all other classes
    where the target is −1.
    """

    label: Int[Array, ""]
    region: InputRegion
    radius: Float[Array, ""]
    starts: Float[Array, "s n"]
    targets: Int[Array, " s"]


def margin(logits: Float[Array, " k"], label: Int[Array, ""]) -> Float[Array, ""]:
    """logits[label] − max of the others."""
    others = jnp.where(jnp.arange(logits.size) == label, -jnp.inf, logits)
    return logits[label] - jnp.max(others)


@eqx.filter_jit
def evaluated(logits: Logits, points: Float[Array, "b n"]) -> Float[Array, "b k"]:
    """The logits of each."""
    return jax.vmap(logits)(points)


@eqx.filter_jit
def shrunk(
    logits: Logits,
    images: Float[Array, "b n"],
    points: Float[Array, "b n"],
    labels: Int[Array, " b"],
) -> Float[Array, "b n"]:
    """On each segment from image to point, a point without positive margin near where it ends."""

    def one(image: Array, point: Array, label: Array) -> Array:
        def halved(_: int, shares: tuple[Array, Array]) -> tuple[Array, Array]:
            low, high = shares
            middle = (low + high) / 2
            wrong = margin(logits(image + middle * (point - image)), label) <= 0
            return jnp.where(wrong, low, middle), jnp.where(wrong, middle, high)

        ends = (jnp.zeros((), image.dtype), jnp.ones((), image.dtype))
        share: Array = jax.lax.fori_loop(0, _HALVINGS, halved, ends)[1]
        return jnp.where(share == 1, point, image + share * (point - image))

    return jax.vmap(one)(images, points, labels)


@eqx.filter_jit
def descended(
    logits: Logits, problems: Problem, norm: Norm, steps: Int[Array, ""]
) -> Float[Array, "b n"]:
    """For each problem the point of least margin among all that the descents pass."""

    def each(problem: Problem) -> Array:
        descend = partial(_descent, logits, problem, norm, steps)
        margins, points = jax.vmap(descend)(problem.starts, problem.targets)
        return points[jnp.argmin(margins)]

    return jax.vmap(each)(problems)


def _descent(
    logits: Logits,
    problem: Problem,
    norm: Norm,
    steps: Int[Array, ""],
    start: Float[Array, " n"],
    target: Int[Array, ""],
) -> tuple[Float[Array, ""], Float[Array, " n"]]:
    """The least margin that is passed, and where."""
    lo, hi = problem.region.lo, problem.region.hi
    start = _nearest(problem.region, start)

    def loss(x: Array) -> tuple[Array, Array]:
        values = logits(x)
        own = margin(values, problem.label)
        towards = values[problem.label] - values[jnp.maximum(target, 0)]
        return jnp.where(target < 0, own, towards), own

    def step(i: Array, state: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        x, least, best = state
        slope: Array
        own: Array
        slope, own = jax.grad(loss, has_aux=True)(x)
        own = own.astype(x.dtype)
        better = own < least
        # What pushes against the ends of the box would take up the length of the step.
        held = ((x <= lo) & (slope > 0)) | ((x >= hi) & (slope < 0))
        slope = jnp.where(held, 0.0, slope)
        direction = jnp.sign(slope) if norm == "maximum" else _unit(slope)
        length = problem.radius * (1 - i / steps).astype(x.dtype)
        moved = _nearest(problem.region, x - length * direction)
        return moved, jnp.where(better, own, least), jnp.where(better, x, best)

    state = (start, jnp.full((), jnp.inf, start.dtype), start)
    _, least, best = jax.lax.fori_loop(0, steps + 1, step, state)
    return least, best


def _nearest(region: InputRegion, x: Float[Array, " n"]) -> Float[Array, " n"]:
    """The nearest point of ball and box, c + clip(t·(x − c)), t ≤ 1 as large as the ball allows.

    These are the conditions of Karush, Kuhn and Tucker. To shrink a clipped point, as
    `region.project` does, is the nearest for either set alone: a descent would stop too early.
    """
    shift, lo, hi = x - region.center, region.lo - region.center, region.hi - region.center

    def halved(_: int, shares: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = shares
        middle = (low + high) / 2
        inside = jnp.linalg.norm(jnp.clip(middle * shift, lo, hi)) <= region.radius
        return jnp.where(inside, middle, low), jnp.where(inside, high, middle)

    one = jnp.ones((), x.dtype)
    low = jnp.minimum(one, region.radius / _positive(jnp.linalg.norm(shift)))
    whole = jnp.linalg.norm(jnp.clip(shift, lo, hi)) <= region.radius
    share: Array = jax.lax.fori_loop(0, _OF_PROJECTION, halved, (low, one))[0]
    return region.center + jnp.clip(jnp.where(whole, one, share) * shift, lo, hi)


def _unit(v: Array) -> Array:
    # Scaled first: squares of small slopes would vanish.
    v = v / _positive(jnp.max(jnp.abs(v)))
    return v / _positive(jnp.linalg.norm(v))


def _positive(x: Array) -> Array:
    return jnp.where(x > 0, x, 1.0)

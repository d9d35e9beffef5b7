"""What `natural` does with each operation: on numbers, on comparisons, on their outcomes."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Bool

from . import elementary
from .interval import Interval


@dataclass(frozen=True)
class Truth:
    """Whether a statement about numbers in intervals can be false, and whether it can be true."""

    false: Bool[Array, "*s"]
    true: Bool[Array, "*s"]


def select(which: Truth, cases: list[Interval]) -> Interval:
    """The hull of the cases that are possible."""
    first, second = cases
    shape = jnp.broadcast_shapes(which.true.shape, first.shape, second.shape)
    lows = [jnp.broadcast_to(case.lo, shape) for case in cases]
    highs = [jnp.broadcast_to(case.hi, shape) for case in cases]
    lo = jnp.minimum(
        jnp.where(which.false, lows[0], jnp.inf), jnp.where(which.true, lows[1], jnp.inf)
    )
    hi = jnp.maximum(
        jnp.where(which.false, highs[0], -jnp.inf), jnp.where(which.true, highs[1], -jnp.inf)
    )
    return Interval(lo, hi)


def _less(x: Interval, y: Interval) -> Truth:
    return Truth(x.hi >= y.lo, x.lo < y.hi)


def _at_most(x: Interval, y: Interval) -> Truth:
    return Truth(x.hi > y.lo, x.lo <= y.hi)


def _equal(x: Interval, y: Interval) -> Truth:
    points = (x.lo == x.hi) & (y.lo == y.hi)
    return Truth(~(points & (x.lo == y.lo)), (x.lo <= y.hi) & (y.lo <= x.hi))


def _power(x: Interval, y: Interval) -> Interval:
    """exp(y·log x) for x > 0."""
    power = elementary.exp(elementary.log(x) * y)
    return Interval(jnp.where(x.lo > 0, power.lo, -jnp.inf), jnp.where(x.lo > 0, power.hi, jnp.inf))


LOGIC: dict[str, Callable[..., Truth]] = {
    "not": lambda x: Truth(x.true, x.false),
    "and": lambda x, y: Truth(x.false | y.false, x.true & y.true),
    "or": lambda x, y: Truth(x.false & y.false, x.true | y.true),
}
COMPARISONS: dict[str, Callable[[Interval, Interval], Truth]] = {
    "lt": _less,
    "le": _at_most,
    "gt": lambda x, y: _less(y, x),
    "ge": lambda x, y: _at_most(y, x),
    "eq": _equal,
    "ne": lambda x, y: LOGIC["not"](_equal(x, y)),
}
ARITHMETIC: dict[str, Callable[..., Interval]] = {
    "add": operator.add,
    "add_any": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "div": operator.truediv,
}
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": abs,
    "atan": elementary.arctan,
    "clamp": lambda low, x, high: x.maximum(low).minimum(high),
    "cos": elementary.cos,
    "cosh": elementary.cosh,
    "erf": elementary.erf,
    "erfc": elementary.erfc,
    "exp": elementary.exp,
    "expm1": elementary.expm1,
    "log": elementary.log,
    "log1p": elementary.log1p,
    "logistic": elementary.logistic,
    "max": Interval.maximum,
    "min": Interval.minimum,
    "neg": operator.neg,
    "pow": _power,
    "rsqrt": lambda x: 1 / x.sqrt(),
    "sign": lambda x: Interval(jnp.sign(x.lo), jnp.sign(x.hi)),
    "sin": elementary.sin,
    "sqrt": Interval.sqrt,
    "square": Interval.square,
    "tanh": elementary.tanh,
}

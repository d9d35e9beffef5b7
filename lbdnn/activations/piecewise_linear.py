"""Activations made of straight lines: all constants follow from the knots and the slopes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import jax.numpy as jnp
from jaxtyping import Array

from .activation import Activation
from .constants import parameter, scale

_INF = math.inf


@dataclass(frozen=True)
class Steps:
    """A step function: slopes[i] between knots[i − 1] and knots[i]; at a knot, its left value."""

    knots: tuple[float, ...]
    slopes: tuple[float, ...]

    def __call__(self, x: Array, *parameters: float) -> Array:
        value = jnp.full_like(x, self.slopes[0])
        for knot, slope in zip(self.knots, self.slopes[1:], strict=True):
            value = jnp.where(x > knot, slope, value)
        return value


@dataclass(frozen=True)
class Lines:
    """The continuous function through the knots (z, value), with the slopes between them."""

    knots: tuple[tuple[float, float], ...]
    slopes: tuple[float, ...]

    def __call__(self, x: Array, *parameters: float) -> Array:
        z, value = self.knots[0]
        result = value + self.slopes[0] * (x - z)
        for (z, value), slope in zip(self.knots, self.slopes[1:], strict=True):
            result = jnp.where(x > z, value + slope * (x - z), result)
        return result


def piecewise_linear(
    name: str,
    function: Callable[..., Array],
    knots: Sequence[tuple[float, float]],
    slopes: Sequence[float],
    parameters: tuple[float, ...] = (),
    formula: str = "",
) -> Activation:
    """A continuous ς made of lines, from its knots (z, ς(z)), in order, and the slopes between.

    `slopes` has one entry more than `knots`; one knot at least, though it may be no kink.
    """
    corners = [(z, a, b) for (z, _), a, b in zip(knots, slopes, slopes[1:], strict=False) if a != b]
    undefined = tuple((z, v) for z, _, _ in corners for v in (-_INF, _INF))
    (z_first, first), (z_last, last) = knots[0], knots[-1]
    left, right = slopes[0], slopes[-1]
    steepest = max(abs(left), abs(right))
    at_zero = next(
        (v - slope * z for (z, v), slope in zip(knots, slopes, strict=False) if z >= 0),
        last - right * z_last,
    )
    # |ς| − a1|z| is greatest at 0, at a knot, or in the limit along an outer line of slope ±a1.
    excess = [abs(v) - steepest * abs(z) for z, v in [(0.0, at_zero), *knots]]
    if abs(left) == steepest > 0:
        excess.append(-math.copysign(1, left) * (first - left * z_first))
    if abs(right) == steepest > 0:
        excess.append(math.copysign(1, right) * (last - right * z_last))
    return Activation(
        name,
        function,
        extremes=(
            tuple(knots),
            tuple((z, slope) for z, a, b in corners for slope in (a, b)),
            undefined,
            undefined,
        ),
        limits=(
            (-left * _INF if left else first, right * _INF if right else last),
            (left, right),
            (0.0, 0.0),
            (0.0, 0.0),
        ),
        growth=(steepest, max(excess)),
        parameters=parameters,
        derivatives=(Steps(tuple(z for z, _ in knots), tuple(slopes)), _zero, _zero),
        formula=formula,
    )


def _zero(x: Array, *parameters: float) -> Array:
    return jnp.zeros_like(x)


def _identity(x: Array) -> Array:
    return x


def _relu(x: Array) -> Array:
    return jnp.maximum(x, 0)


def _leaky(x: Array, slope: float) -> Array:
    return jnp.where(x < 0, slope * x, x)


def _randomised(x: Array, lower: float, upper: float) -> Array:
    return _leaky(x, (lower + upper) / 2)


def _clip(x: Array, lower: float, upper: float) -> Array:
    return jnp.clip(x, lower, upper)


def _relu6(x: Array) -> Array:
    return jnp.clip(x, 0, 6)


def _hardsigmoid(x: Array, slope: float, offset: float) -> Array:
    return jnp.clip(slope * x + offset, 0, 1)


def _softshrink(x: Array, threshold: float) -> Array:
    return x - jnp.clip(x, -threshold, threshold)


identity = piecewise_linear("identity", _identity, [(0.0, 0.0)], (1.0, 1.0), formula="z")
relu = piecewise_linear("relu", _relu, [(0.0, 0.0)], (0.0, 1.0), formula=r"\max(z, 0)")
relu6 = piecewise_linear(
    "relu6", _relu6, [(0.0, 0.0), (6.0, 6.0)], (0.0, 1.0, 0.0), formula=r"\min(\max(z, 0), 6)"
)
_LEAKY = r"\max(z, 0) + a \min(z, 0)"


@cache
def leaky_relu(slope: float = 0.01) -> Activation:
    """z for z > 0, slope·z else (Maas et al. 2013)."""
    slope = parameter("leaky_relu", "slope", slope)
    return piecewise_linear(
        "leaky_relu", _leaky, [(0.0, 0.0)], (slope, 1.0), (slope,), formula=_LEAKY
    )


@cache
def prelu(slope: float = 0.25) -> Activation:
    """Leaky ReLU with a learned slope, by default the one that learning starts from (He 2015)."""
    slope = parameter("prelu", "slope", slope)
    return piecewise_linear("prelu", _leaky, [(0.0, 0.0)], (slope, 1.0), (slope,), formula=_LEAKY)


@cache
def rrelu(lower: float = 1 / 8, upper: float = 1 / 3) -> Activation:
    """Leaky ReLU with a slope drawn from U(lower, upper) in training (Xu et al. 2015); in use,
    which is meant here, the slope is (lower + upper)/2."""
    lower = parameter("rrelu", "lower", lower)
    upper = parameter("rrelu", "upper", upper, lowest=lower)
    slopes = ((lower + upper) / 2, 1.0)
    return piecewise_linear(
        "rrelu", _randomised, [(0.0, 0.0)], slopes, (lower, upper), formula=_LEAKY
    )


@cache
def hardtanh(lower: float = -1.0, upper: float = 1.0) -> Activation:
    """z clipped to [lower, upper]."""
    lower = parameter("hardtanh", "lower", lower)
    upper = parameter("hardtanh", "upper", upper, lowest=lower)
    knots = [(lower, lower), (upper, upper)] if lower < upper else [(lower, lower)]
    slopes = (0.0, 1.0, 0.0) if lower < upper else (0.0, 0.0)
    return piecewise_linear(
        "hardtanh", _clip, knots, slopes, (lower, upper), formula=r"\min(\max(z, l), u)"
    )


@cache
def hardsigmoid(slope: float = 1 / 6, offset: float = 0.5) -> Activation:
    """slope·z + offset clipped to [0, 1], slope > 0."""
    slope = scale("hardsigmoid", "slope", slope)
    offset = parameter("hardsigmoid", "offset", offset)
    knots = [(-offset / slope, 0.0), ((1 - offset) / slope, 1.0)]
    return piecewise_linear(
        "hardsigmoid",
        _hardsigmoid,
        knots,
        (0.0, slope, 0.0),
        (slope, offset),
        formula=r"\min(\max(a z + b, 0), 1)",
    )


@cache
def softshrink(threshold: float = 0.5) -> Activation:
    """0 on [−threshold, threshold], lines of slope 1 outside; threshold ≥ 0."""
    threshold = parameter("softshrink", "threshold", threshold, lowest=0)
    knots = [(-threshold, 0.0), (threshold, 0.0)] if threshold else [(0.0, 0.0)]
    return piecewise_linear(
        "softshrink",
        _softshrink,
        knots,
        (1.0, 0.0, 1.0) if threshold else (1.0, 1.0),
        (threshold,),
        formula=r"z - \min(\max(z, -\lambda), \lambda)",
    )


@cache
def aplu(*parameters: float) -> Activation:
    """max(0, z) + Σ a_s·max(0, b_s − z) with learned (a_1, b_1, a_2, b_2, …) (Agostinelli et al.
    2015); by default one hinge (0.5, 0.5)."""
    numbers = [parameter("aplu", f"{i + 1}", v) for i, v in enumerate(parameters or (0.5, 0.5))]
    if len(numbers) % 2:
        raise ValueError(f"aplu takes pairs a_1, b_1, a_2, b_2, …; got {len(numbers)} parameters")
    hinges = list(zip(numbers[::2], numbers[1::2], strict=True))
    points = sorted({0.0, *(b for _, b in hinges)})
    knots = [
        (z, math.fsum([max(z, 0.0), *(a * max(b - z, 0.0) for a, b in hinges)])) for z in points
    ]
    slopes = [
        math.fsum([float(z >= 0), *(-a for a, b in hinges if b > z)]) for z in [-_INF, *points]
    ]
    return piecewise_linear(
        "aplu",
        Lines(tuple(knots), tuple(slopes)),
        knots,
        slopes,
        tuple(numbers),
        formula=r"\max(z, 0) + \textstyle\sum_s a_s \max(b_s - z, 0)",
    )

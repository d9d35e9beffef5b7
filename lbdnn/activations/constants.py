"""The form of an activation's constants and parameters."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from .activation import Activation

Pairs: TypeAlias = tuple[tuple[float, float], ...]
Limits: TypeAlias = tuple[tuple[float, float], ...]
Growth: TypeAlias = tuple[float, float]

# Reciprocals of scale parameters up to the third power then stay far inside float32.
SMALLEST_SCALE, LARGEST_SCALE = 1e-6, 1e6


def validated(activation: Activation) -> dict[str, Any]:
    """The constants of an activation as tuples of floats; ValueError where the form is wrong."""
    name = activation.name
    extremes = tuple(_pairs(name, "extremes", group) for group in activation.extremes)
    limits = _pairs(name, "limits", activation.limits)
    (growth,) = _pairs(name, "growth", (activation.growth,))
    (domain,) = _pairs(name, "domain", (activation.domain,))
    if len(extremes) != 4 or len(limits) != 4:
        raise ValueError(
            f"{name}: extremes and limits need four entries, for ς, ς', ς'', ς'''; "
            f"got {len(extremes)} and {len(limits)}"
        )
    if not all(math.isfinite(point) for group in extremes for point, _ in group):
        raise ValueError(f"{name}: points in extremes must be finite; infinite ends are in limits")
    if min(growth) < 0:
        raise ValueError(f"{name}: growth must be two numbers >= 0; got {growth}")
    if not domain[0] < domain[1]:
        raise ValueError(f"{name}: domain must be an interval (left, right); got {domain}")
    period = activation.period
    if period is not None and not (math.isfinite(period) and period > 0):
        raise ValueError(f"{name}: period must be a finite number > 0 or None; got {period}")
    return {
        "extremes": extremes,
        "limits": limits,
        "growth": growth,
        "domain": domain,
        "parameters": tuple(map(float, activation.parameters)),
        "derivatives": tuple(activation.derivatives),
    }


def _pairs(name: str, field: str, pairs: Iterable[Any]) -> Pairs:
    try:
        result = tuple((float(a), float(b)) for a, b in pairs)
    except (TypeError, ValueError):
        raise ValueError(f"{name}: {field} must be made of pairs of numbers; got {pairs}") from None
    if any(math.isnan(v) for pair in result for v in pair):
        raise ValueError(f"{name}: {field} contains NaN")
    return result


def parameter(
    activation: str, name: str, value: Any, lowest: float = -1e30, highest: float = 1e30
) -> float:
    """The value as a float; ValueError unless lowest ≤ value ≤ highest (and so, if NaN)."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not lowest <= number <= highest:
        raise ValueError(
            f"the parameter {name} of {activation} must be a number from {lowest:g} to "
            f"{highest:g}; got {value!r}"
        )
    return number


def scale(activation: str, name: str, value: Any) -> float:
    """The value as a float; ValueError unless it is positive and of moderate size."""
    return parameter(activation, name, value, SMALLEST_SCALE, LARGEST_SCALE)

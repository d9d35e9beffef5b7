"""Flows to compare with, by steps of high order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def runge_kutta(field: Callable[[Any], Any], x: Any, time: Any, steps: int = 1) -> Any:
    """x(time) of ẋ = field(x), by the classical method of order 4.

    For NumPy and JAX alike; `field` maps arrays of the shape of x to such.
    """
    h = time / steps
    for _ in range(steps):
        first = field(x)
        second = field(x + h / 2 * first)
        third = field(x + h / 2 * second)
        x = x + h / 6 * (first + 2 * second + 2 * third + field(x + h * third))
    return x

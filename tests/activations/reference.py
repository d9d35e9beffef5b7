"""What the tests compare with: every activation at several parameters, in ball arithmetic."""

from __future__ import annotations

from fractions import Fraction
from functools import cache

import numpy as np
import pytest
from flint import arb

from lbdnn.activations import Activation, get, names

from . import definitions
from .pieces import Piece, precision

# The library at its usual parameters, and others.
PARAMETERS = {
    "aplu": [(), (0.3, -1.25), (0.2, 0.0), (0.5, 1.0, -0.75, -2.0), (-1.5, 0.7, 2.0, 0.7)],
    "blu": [(), (0.7,), (-0.3,), (1.0,), (-1.0,)],
    "celu": [(), (0.4,), (3.0,)],
    "elu": [(), (0.6,), (2.5,), (-0.5,), (0.0,)],
    "hardshrink": [(), (2.0,), (0.0,)],
    "hardsigmoid": [(), (0.2,), (0.7, -0.4)],
    "hardtanh": [(), (-0.3, 2.0), (1.0, 1.5), (0.5, 0.5)],
    "leaky_relu": [(), (0.2,), (-0.5,), (1.0,), (3.0,)],
    "pelu": [(), (2.0, 0.7), (0.3, 5.0)],
    "prelu": [()],
    "rrelu": [(), (0.2, 0.6)],
    "soft_exponential": [(), (0.5,), (2.0,), (-0.5,), (-2.0,)],
    "softshrink": [(), (1.5,), (0.0,)],
}


def exact(activation: Activation, z: float, number: int = 4) -> list[arb]:
    """ς and its derivatives at z to at least 80 bits (or to 1e-400, where they underflow)."""
    piece = next(p for p in pieces(activation) if p.periodic or p.left <= z <= p.right)
    for bits in (128, 512, 2600, 12000):
        with precision(bits):
            values = piece.derivatives(arb(z), number)
            if all(v.rel_accuracy_bits() > 80 or v.rad() < arb("1e-400") for v in values):
                return values
    raise AssertionError(f"{activation} at {z}: 12000 bits do not suffice")


def cases() -> list[tuple[str, tuple[float, ...]]]:
    """(name, parameters) of every test."""
    return [(name, p) for name in names() for p in PARAMETERS.get(name, [()])]


def one_of_each() -> list[Activation]:
    """Every name once, at other parameters than the usual ones where it has some."""
    return [get(name, *PARAMETERS.get(name, [()])[-1]) for name in names()]


# Formulas, roundings and tails of every kind.
OF_EVERY_KIND = {"aplu", "gelu", "leaky_relu", "logistic", "mish", "sin", "softsign", "tanh"}


def typed_cases(*, some_slow: bool = False) -> list:
    """Test parameters (activation, dtype): all cases in float64, one of each name in float32.

    With `some_slow` those are left to the slow tests that are neither one of each name in float64
    nor `OF_EVERY_KIND` in float32.
    """
    double = [(get(name, *p), np.float64) for name, p in cases()]
    single = [(activation, np.float32) for activation in one_of_each()]
    once, found = one_of_each(), []
    for a, t in double + single:
        quick = a in once and (t is np.float64 or a.name in OF_EVERY_KIND)
        marks = pytest.mark.slow if some_slow and not quick else ()
        found.append(pytest.param(a, t, id=f"{a}-{t.__name__}", marks=marks))
    return found


@cache
def pieces(activation: Activation) -> list[Piece]:
    """The pieces of that name and those parameters, from left to right."""
    parameters = tuple(Fraction(p) for p in activation.parameters)
    return getattr(definitions, activation.name)(*parameters)

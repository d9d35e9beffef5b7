"""Constants known from both sides, and how Lipschitz constants compose."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Constant:
    """A number proved to lie in [lower, upper], 0 ≤ lower ≤ upper; both in float64.

    A norm, or the Lipschitz constant of a map in Euclidean norms. `lower` is 0 where nothing is
    proved from below, `upper` inf where nothing is from above.

    **Raises:** ValueError unless 0 ≤ lower ≤ upper and lower is finite.
    """

    lower: float
    upper: float

    def __post_init__(self) -> None:
        if not (0 <= self.lower <= self.upper and math.isfinite(self.lower)):
            raise ValueError(
                f"a constant needs 0 <= lower <= upper, lower finite; got {self.lower!r} and "
                f"{self.upper!r}"
            )

    def times(self, factor: float) -> Constant:
        """|factor| times the number, rounded outward: the constant of factor · f.

        **Raises:** ValueError where the factor is infinite or NaN.
        """
        if not math.isfinite(factor):
            raise ValueError(f"a factor must be finite; got {factor!r}")
        size = abs(factor)
        return Constant(product_below(self.lower, size), product_above(self.upper, size))

    def square(self) -> Constant:
        """The square of the number, rounded outward."""
        return Constant(
            product_below(self.lower, self.lower), product_above(self.upper, self.upper)
        )


def exactly(value: float) -> Constant:
    """A number that is known."""
    return Constant(float(value), float(value))


def composition(*constants: Constant) -> Constant:
    """Of f_k ∘ … ∘ f_1: at most the product of theirs. From below, nothing follows of two."""
    if len(constants) == 1:
        return constants[0]
    upper = 1.0
    for constant in constants:
        upper = product_above(upper, constant.upper)
    return Constant(0.0 if constants else 1.0, upper)


def residual(branch: Constant) -> Constant:
    """Of x + f(x), f with the given constant c: between |1 − c| and 1 + c.

    For ‖x − y + f(x) − f(y)‖ ≥ ‖f(x) − f(y)‖ − ‖x − y‖ and ≥ ‖x − y‖ − ‖f(x) − f(y)‖.
    """
    if branch.upper == 0:
        return exactly(1.0)
    lower = max(below(1 - branch.upper), below(branch.lower - 1), 0.0)
    return Constant(lower, sum_above(1.0, branch.upper))


def above(x: float) -> float:
    """The next number."""
    return math.nextafter(x, math.inf)


def below(x: float) -> float:
    """The previous number."""
    return math.nextafter(x, -math.inf)


def sum_above(a: float, b: float) -> float:
    """≥ a + b; a itself where b is 0."""
    return a if b == 0 else above(a + b)


def product_above(a: float, b: float) -> float:
    """≥ ab for a, b ≥ 0, exact for factors 0 and 1; 0 · inf is 0: inf is an unknown number."""
    if 0 in (a, b):
        return 0.0
    if 1 in (a, b):
        return a * b
    return above(a * b)


def product_below(a: float, b: float) -> float:
    """≤ ab for finite a, b ≥ 0, exact for factors 0 and 1."""
    if 0 in (a, b):
        return 0.0
    if 1 in (a, b):
        return a * b
    return max(below(a * b), 0.0)

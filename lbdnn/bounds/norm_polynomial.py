"""A polynomial bound in the norms of the input and of the parameters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

_TINY = np.finfo(float).tiny
_EPSILON = np.finfo(float).eps


@dataclass(frozen=True, eq=False)
class NormPolynomial:
    r"""Σ_{i,d} c[i, d] ‖σ‖ⁱ θ̄ᵈ with c ≥ 0: it bounds a quantity wherever ‖θ‖ ≤ θ̄.

    It grows with both norms, so upper bounds of ‖σ‖ and ‖θ‖ can stand for them. A coefficient
    beyond the largest float is inf; nothing is ever nan.

    **Arguments:**

    - `coefficients`: c, shape (degree in ‖σ‖ + 1, degree in θ̄ + 1), non-negative.

    **Raises:** ValueError for coefficients of another shape, negative or nan.
    """

    coefficients: Float[np.ndarray, "i d"]

    def __post_init__(self) -> None:
        c = np.array(self.coefficients, float)
        if c.ndim != 2 or c.size == 0:
            raise ValueError(f"coefficients are a matrix c[i, d]; got the shape {c.shape}")
        if not np.all(c >= 0):
            raise ValueError("the coefficients of a bound are non-negative numbers")
        c.setflags(write=False)
        object.__setattr__(self, "coefficients", c)

    def __call__(
        self, input_norm: Float[np.ndarray, "*s"] | float, parameter_norm: np.ndarray | float
    ) -> Float[np.ndarray, "*s"]:
        """Its value at ‖σ‖ and θ̄, broadcast against each other; not below the exact value."""
        t, θ = _norm("input_norm", input_norm), _norm("parameter_norm", parameter_norm)
        return _horner([_horner(list(row), θ) for row in self.coefficients], t)

    def in_input(self, parameter_norm: float) -> Float[np.ndarray, " i"]:
        """(a₀, a₁, …) of a₀ + a₁‖σ‖ + …, the polynomial in ‖σ‖ for this θ̄; shape (rows of c,)."""
        θ = _norm("parameter_norm", parameter_norm)
        if θ.ndim:
            raise ValueError(f"in_input takes one parameter_norm; got the shape {θ.shape}")
        return np.array([_horner(list(row), θ) for row in self.coefficients])

    def __rmul__(self, factor: float) -> NormPolynomial:
        """factor · polynomial, for factor ≥ 0."""
        return NormPolynomial(times(float(factor), self.coefficients))

    def latex(self, digits: int = 4) -> str:
        """LaTeX source, collected by powers of ‖σ‖; coefficients rounded to nearest for display."""
        return self._written(
            (r"\|\sigma\|", r"\bar{\theta}"),
            power=lambda symbol, n: f"{symbol}^{{{n}}}",
            number=lambda value: _latex_number(value, digits),
            brackets=(r"\left(", r"\right)"),
            space=r"\,",
        )

    def __str__(self) -> str:
        return self._written(
            ("‖σ‖", "θ̄"),
            power=lambda symbol, n: f"{symbol}^{n}",
            number=lambda value: f"{value:.4g}",
            brackets=("(", ")"),
            space=" ",
        )

    def _written(
        self,
        symbols: tuple[str, str],
        *,
        power: Callable[[str, int], str],
        number: Callable[[float], str],
        brackets: tuple[str, str],
        space: str,
    ) -> str:
        def product(*factors: str) -> str:
            kept = [f for f in factors if f not in ("", "1")]
            return space.join(kept) or "1"

        def monomial(symbol: str, exponent: int) -> str:
            return ("", symbol)[exponent] if exponent < 2 else power(symbol, exponent)

        groups: list[str] = []
        for i in reversed(range(len(self.coefficients))):
            row = self.coefficients[i]
            degrees = reversed(np.flatnonzero(row).tolist())
            terms = [product(number(float(row[d])), monomial(symbols[1], d)) for d in degrees]
            if terms:
                whole = " + ".join(terms)
                if len(terms) > 1 and i:
                    whole = brackets[0] + whole + brackets[1]
                groups.append(product(whole, monomial(symbols[0], i)))
        return " + ".join(groups) or "0"


def _latex_number(value: float, digits: int) -> str:
    if np.isinf(value):
        return r"\infty"
    mantissa, _, exponent = f"{value:.{digits}g}".partition("e")
    return rf"{mantissa} \times 10^{{{int(exponent)}}}" if exponent else mantissa


def times(
    x: Float[np.ndarray, "*s"] | float, y: Float[np.ndarray, "*s"] | float
) -> Float[np.ndarray, "*s"]:
    """x y for x, y ≥ 0, where what overflowed times zero is zero and what is positive stays so."""
    x, y = np.asarray(x, float), np.asarray(y, float)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        return np.where((x == 0) | (y == 0), 0.0, np.maximum(x * y, _TINY))


def _horner(coefficients: list[np.ndarray], x: np.ndarray) -> np.ndarray:
    # Horner's order overflows only where the value or a coefficient does; a term of degree d has
    # passed at most 2d + 1 roundings to nearest, each of them a factor ≥ 1/(1 + ε/2).
    value = np.zeros(())
    with np.errstate(over="ignore"):
        for c in reversed(coefficients):
            value = times(value, x) + c
        return value * (1 + 2 * (len(coefficients) + 1) * _EPSILON)


def _norm(name: str, value: np.ndarray | float) -> np.ndarray:
    norm = np.asarray(value, float)
    if not np.all(norm >= 0):
        raise ValueError(f"{name} must be numbers >= 0; got {value}")
    return norm

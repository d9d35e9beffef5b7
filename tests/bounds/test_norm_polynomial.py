"""The polynomial object: values, arithmetic at the limits of floats, and how it is written."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from lbdnn.bounds.norm_polynomial import NormPolynomial

RHO = NormPolynomial(np.array([[4.0, 0.0, 1.0], [2.0, 0.5, 0.0], [0.0, 0.0, 3.0]]))
norms = st.floats(0, 1e3)
coefficients = st.lists(st.floats(0, 1e6), min_size=6, max_size=6)


@settings(max_examples=100, deadline=None)
@given(coefficients, norms, norms)
def test_value_is_the_sum_of_its_terms_and_never_below(c: list[float], t: float, θ: float) -> None:
    matrix = np.array(c).reshape(2, 3)
    exact = sum(
        Fraction(matrix[i, d]) * Fraction(t) ** i * Fraction(θ) ** d
        for i in range(2)
        for d in range(3)
    )
    value = float(NormPolynomial(matrix)(t, θ))
    assert Fraction(value) >= exact
    assert value <= float(exact) * (1 + 1e-13) + 1e-300


def test_norms_broadcast() -> None:
    t, θ = np.linspace(0, 2, 4)[:, None], np.linspace(0, 3, 5)
    values = RHO(t, θ)
    assert values.shape == (4, 5)
    np.testing.assert_allclose(values, 4 + θ**2 + (2 + 0.5 * θ) * t + 3 * θ**2 * t**2, rtol=1e-13)


def test_in_input_gives_the_polynomial_in_the_input_norm() -> None:
    np.testing.assert_allclose(RHO.in_input(2.0), [8.0, 3.0, 12.0], rtol=1e-13)
    a0, a1, a2 = RHO.in_input(0.7)
    np.testing.assert_allclose(a0 + a1 * 1.3 + a2 * 1.3**2, RHO(1.3, 0.7), rtol=1e-13)


def test_a_factor_scales_every_coefficient() -> None:
    np.testing.assert_array_equal((0.5 * RHO).coefficients, 0.5 * RHO.coefficients)


@settings(max_examples=100, deadline=None)
@given(*[st.sampled_from([0.0, 5e-324, 1e-200, 1.0, 1e200, np.inf])] * 2, coefficients)
def test_extreme_norms_never_give_nan_nor_lose_a_positive_term(
    t: float, θ: float, c: list[float]
) -> None:
    matrix = np.array(c).reshape(3, 2)
    matrix[0, 0] = np.inf if c[0] > 5e5 else c[0]
    value = float(NormPolynomial(matrix)(t, θ))
    assert not np.isnan(value)
    reached = matrix[: 3 if t > 0 else 1, : 2 if θ > 0 else 1]
    assert (value > 0) == bool(np.any(reached > 0))


def test_an_overflowed_coefficient_gives_infinity_except_at_a_zero_norm() -> None:
    p = NormPolynomial(np.array([[1.0, 0.0], [0.0, np.inf]]))
    assert p(1.0, 1.0) == np.inf
    assert p(0.0, 1.0) == pytest.approx(1.0)
    assert p(1.0, 0.0) == pytest.approx(1.0)


def test_latex_and_text() -> None:
    assert RHO.latex() == (
        r"3\,\bar{\theta}^{2}\,\|\sigma\|^{2} + \left(0.5\,\bar{\theta} + 2\right)\,\|\sigma\|"
        r" + \bar{\theta}^{2} + 4"
    )
    assert str(RHO) == "3 θ̄^2 ‖σ‖^2 + (0.5 θ̄ + 2) ‖σ‖ + θ̄^2 + 4"


@pytest.mark.parametrize(
    ("matrix", "latex"),
    [
        ([[0.0, 0.0]], "0"),
        ([[1.0], [1.0]], r"\|\sigma\| + 1"),
        ([[0.0, 1.23456e-7]], r"1.235 \times 10^{-7}\,\bar{\theta}"),
        ([[0.0], [np.inf]], r"\infty\,\|\sigma\|"),
    ],
)
def test_latex_of_special_coefficients(matrix: list[list[float]], latex: str) -> None:
    assert NormPolynomial(np.array(matrix)).latex() == latex


def test_it_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="read-only"):
        RHO.coefficients[0, 0] = 1.0


@pytest.mark.parametrize("bad", [[[-1.0]], [[np.nan]], [1.0], [[]]])
def test_what_is_not_a_bound_is_refused(bad: list) -> None:
    with pytest.raises(ValueError, match=r"coefficients"):
        NormPolynomial(np.array(bad))


@pytest.mark.parametrize("arguments", [(-1.0, 1.0), (1.0, np.nan), (1.0, [0.0, -2.0])])
def test_a_negative_or_undefined_norm_is_refused(arguments: tuple) -> None:
    with pytest.raises(ValueError, match=r"_norm must be numbers >= 0"):
        RHO(*arguments)

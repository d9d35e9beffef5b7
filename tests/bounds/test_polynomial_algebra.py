"""The polynomials themselves: equal to hand algebra and to their expansion, over all chains."""

import itertools
import math
from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from lbdnn.activations import Activation, get
from lbdnn.bounds.norm_recursion import capped
from lbdnn.bounds.polynomial import Polynomial, polynomials, remainder
from lbdnn.networks import Affine, Chain, FullyConnected, Pointwise, Repeat, Scaling

C0 = 4 / (3 * math.sqrt(3))
FORMS = (False, True)
QUANTITIES = ("value", "jacobian", "hessian", "input_jacobian")
# Only its constants matter here: |ς(z)| ≤ |z| + 0.7, and the slope and curvature of tanh.
LINEAR_GROWTH = replace(get("tanh"), growth=(1.0, 0.7))


# ---------------------------------------------------------------- algebra


@pytest.mark.parametrize("budgeted", FORMS)
def test_no_hidden_layer_by_hand(budgeted: bool) -> None:
    # Φ = V₀ᵀ[σ; 1]: ‖Φ‖ ≤ θ̄(1 + t), ‖∂Φ/∂θ‖ ≤ 1 + t.
    p = polynomials(FullyConnected((4, 2)), budgeted)
    np.testing.assert_allclose(p["value"].coefficients, [[0, 1], [0, 1]])
    np.testing.assert_allclose(p["jacobian"].coefficients, [[1], [1]])
    np.testing.assert_array_equal(p["hessian"].coefficients, [[0], [0], [0]])
    np.testing.assert_allclose(p["input_jacobian"].coefficients, [[0, 1]])


@pytest.mark.parametrize("budgeted", FORMS)
def test_one_hidden_layer_of_tanh_by_hand(budgeted: bool) -> None:
    # ‖s₁‖ ≤ √(L+1) = 2. ‖∂Φ/∂θ‖ ≤ w₁(1 + t) + 2. ‖∂²Φ/∂θ²‖ ≤ c₀ w₁(1 + t²) + 2·(1 + t)·e₀e₁.
    p = polynomials(FullyConnected((4, 3, 2), "tanh"), budgeted)
    mixed = 1 if budgeted else 2
    np.testing.assert_allclose(p["value"].coefficients, [[0, 2], [0, 0]])
    np.testing.assert_allclose(p["jacobian"].coefficients, [[2, 1], [0, 1]])
    np.testing.assert_allclose(p["hessian"].coefficients, [[mixed, C0], [mixed, 0], [0, C0]])
    np.testing.assert_allclose(p["input_jacobian"].coefficients, [[0, 0, 0.5 if budgeted else 1]])
    np.testing.assert_array_equal(
        remainder(FullyConnected((4, 3, 2), "tanh"), budgeted).coefficients,
        0.5 * p["hessian"].coefficients,
    )


@pytest.mark.parametrize("budgeted", FORMS)
def test_one_hidden_layer_of_linear_growth_by_hand(budgeted: bool) -> None:
    # ‖s₁‖ ≤ w₀(1 + t) + √(0.7² L + 1).
    p = polynomials(FullyConnected((4, 3, 2), LINEAR_GROWTH), budgeted)
    a0, half = math.sqrt(3 * 0.7**2 + 1), 0.5 if budgeted else 1.0
    np.testing.assert_allclose(p["value"].coefficients, [[0, a0, half], [0, 0, half]])
    np.testing.assert_allclose(p["jacobian"].coefficients, [[a0, 2], [0, 2]])


def test_latex_of_one_hidden_layer() -> None:
    hessian = polynomials(FullyConnected((4, 3, 2), "tanh"), False)["hessian"]
    assert hessian.latex() == (
        r"0.7698\,\bar{\theta}\,\|\sigma\|^{2} + 2\,\|\sigma\| + 0.7698\,\bar{\theta} + 2"
    )


def expansion(activation: Activation, widths: tuple[int, ...], bias: bool, budgeted: bool):
    """Every product written out, an exponent for ‖s₀‖ and for each layer; c[i, d] of the Hessian.

    For activations that are bounded, or networks without bias: else ‖s‖² ≤ ‖x‖² + 1 is sharper
    than the square of ‖s‖ ≤ u + const that is expanded here.
    """
    layers = len(widths) + 1

    def add(*terms: dict) -> dict:
        total: dict = defaultdict(float)
        for key, value in itertools.chain(*(term.items() for term in terms)):
            total[key] += value
        return total

    def multiply(a: dict, b: dict) -> dict:
        product: dict = defaultdict(float)
        for (x, p), (y, q) in itertools.product(a.items(), b.items()):
            product[tuple(np.add(x, y))] += p * q
        return product

    def number(value: float) -> dict:
        return {(0,) * (layers + 1): value}

    def symbol(place: int) -> dict:
        return {tuple(int(place == i) for i in range(layers + 1)): 1.0}

    α1, α0 = activation.growth
    b0, c0 = activation.bound(1), activation.bound(2)
    s, blocks, H = symbol(0), [], {}
    for j in range(layers):
        w = symbol(j + 1)
        H = add(multiply(number(1.0 if budgeted else 2.0), add(*blocks)), multiply(w, H))
        blocks = [multiply(w, p) for p in blocks] + [s]
        if j == layers - 1:
            break
        pairs = itertools.product(blocks, blocks)
        squares = add(*(multiply(p, q) for p, q in pairs if p is q or not budgeted))
        H = add(multiply(number(c0), squares), multiply(number(b0), H))
        constant = math.sqrt(α0**2 * widths[j] + bias)
        s = add(multiply(number(α1), multiply(w, s)), number(constant))
        blocks = [multiply(number(b0), p) for p in blocks]

    # ‖s₀‖ ≤ ‖σ‖ + 1 and ‖s₀‖² = ‖σ‖² + 1 with bias.
    powers = {0: [1, 0, 0], 1: [bias, 1, 0], 2: [bias, 0, 1]}
    coefficients = np.zeros((3, 2 * layers + 1))
    for (s0, *exponents), value in H.items():
        n, total = np.array(exponents), sum(exponents)
        cap = np.prod((n / max(total, 1)) ** (n / 2)) if budgeted else 1.0
        coefficients[:, total] += value * cap * np.array(powers[s0])
    return coefficients


@pytest.mark.parametrize("budgeted", FORMS)
@pytest.mark.parametrize(
    ("growth", "bias"), [((0, 1), True), ((0, 1), False), ((0.7, 0), False), ((0.7, 0.4), False)]
)
def test_hessian_equals_its_expansion(growth: tuple, bias: bool, budgeted: bool) -> None:
    activation = replace(get("tanh"), growth=growth)
    widths = (2, 3, 1, 4)
    expected = expansion(activation, widths, bias, budgeted)
    net = FullyConnected((3, *widths, 2), activation, bias=bias)
    found = polynomials(net, budgeted)["hessian"].coefficients
    found = np.pad(found, ((0, 0), (0, expected.shape[1] - found.shape[1])))
    np.testing.assert_allclose(found, expected, rtol=1e-12)


# ---------------------------------------------------------------- the gain of budgeting


@pytest.mark.parametrize("hidden", range(1, 11))
def test_gain_of_the_longest_products_is_its_formula(hidden: int) -> None:
    # The Jacobian's product has m = k distinct layers: (√m)^m. The Hessian's has k − 1 squares and
    # one more layer, N = 2k − 1: N^{N/2}/2^{k−1}.
    net = FullyConnected((4, *(10,) * hidden, 2), "tanh")
    loose, budgeted = (polynomials(net, form) for form in FORMS)
    gain = loose["jacobian"].coefficients[1, hidden] / budgeted["jacobian"].coefficients[1, hidden]
    assert gain == pytest.approx(math.sqrt(hidden) ** hidden, rel=1e-12)
    N = 2 * hidden - 1
    gain = loose["hessian"].coefficients[2, N] / budgeted["hessian"].coefficients[2, N]
    assert gain == pytest.approx(N ** (N / 2) / 2 ** (hidden - 1), rel=1e-12)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 6), st.integers(0, 6), st.integers(0, 2**32 - 1))
def test_the_cap_of_a_product_is_its_maximum_on_the_sphere(n1: int, n2: int, seed: int) -> None:
    counts = np.zeros((1, 7, 7))
    counts[0, n1, n2] = 1.0
    degree = n1 + 2 * n2
    cap = capped(counts, True, roundings=0).coefficients
    assert cap.shape == (1, degree + 1)
    exponents = np.array([1] * n1 + [2] * n2)
    attained = np.prod(np.sqrt(exponents / max(degree, 1)) ** exponents)
    assert cap[0, degree] == pytest.approx(attained, rel=1e-13)
    w = np.abs(np.random.default_rng(seed).standard_normal((50, n1 + n2)))
    w /= np.maximum(np.linalg.norm(w, axis=1, keepdims=True), 1e-300)
    assert np.all(np.prod(w**exponents, axis=1) <= cap[0, degree] * (1 + 1e-12))


def test_a_cap_below_the_smallest_float_stays_a_bound() -> None:
    counts = np.zeros((1, 401, 301))
    counts[0, 400, 0] = counts[0, 0, 300] = 1.0  # 400⁻²⁰⁰ and 300⁻³⁰⁰
    cap = capped(counts, True, roundings=0).coefficients[0]
    assert np.all(cap[[400, 600]] > 0)
    assert np.all(cap <= 1)


# ---------------------------------------------------------------- chains


@pytest.mark.parametrize("budgeted", FORMS)
def test_scalings_scale(budgeted: bool) -> None:
    sizes, t, θ = (2, 3, 2), 0.8, 1.3
    method = Polynomial(budgeted)
    plain = method.upper(FullyConnected(sizes, "tanh"), t, θ)
    out = method.upper(
        FullyConnected(sizes, "tanh", output_scaling=([3.0, -2.0], [0.0, 0.0])), t, θ
    )
    for name in QUANTITIES:
        assert out[name] == pytest.approx(3 * plain[name])
    scaled = FullyConnected(sizes, "tanh", input_scaling=([-4.0, 1.0], [0.0, 0.0]))
    inside, outside = method.upper(scaled, t, θ), method.upper(FullyConnected(sizes), 4 * t, θ)
    for name in QUANTITIES:
        factor = 4 if name == "input_jacobian" else 1
        assert inside[name] == pytest.approx(factor * outside[name])
    shifted = FullyConnected((2, 1), input_scaling=([1.0, 1.0], [3.0, 4.0]))
    # ‖[σ + o; 1]‖ ≤ t + √(25 + 1).
    assert method.upper(shifted, t, θ)["jacobian"] == pytest.approx(t + math.sqrt(26))


def test_a_repetition_is_its_operations_written_out() -> None:
    block = (Pointwise(get("tanh")), Affine(3, 3))
    first, last = Affine(2, 3), Pointwise(LINEAR_GROWTH)
    repeated = Chain((first, Repeat(block, 4), last), 2)
    written = Chain((first, *block * 4, last), 2)
    for budgeted in FORMS:
        a, b = polynomials(repeated, budgeted), polynomials(written, budgeted)
        for name in QUANTITIES:
            np.testing.assert_array_equal(a[name].coefficients, b[name].coefficients)


def test_a_chain_without_parameters() -> None:
    p = polynomials(Chain((Scaling((2.0, -3.0), (0.0, 4.0)), Pointwise(LINEAR_GROWTH)), 2))
    # |ς(z)| ≤ |z| + 0.7: ‖Φ‖ ≤ 3t + ‖(0.7, 4 + 0.7)‖.
    constant = math.hypot(0.7, 4 + 0.7)
    np.testing.assert_allclose(p["value"].coefficients, [[constant], [3]])
    np.testing.assert_allclose(p["input_jacobian"].coefficients, [[3]])
    assert not p["jacobian"].coefficients.any()
    assert not p["hessian"].coefficients.any()


def test_fifty_hidden_layers() -> None:
    for activation in ("tanh", "identity"):
        net = FullyConnected((12, *(100,) * 50, 6), activation)
        norms = np.array([0.0, 1e-200, 1.0, 1e300, math.inf])
        for budgeted in FORMS:
            found = polynomials(net, budgeted)
            assert found["hessian"].coefficients.size < 1000
            assert found["input_jacobian"].coefficients[0, 51] == pytest.approx(
                51**-25.5 if budgeted else 1.0, rel=1e-12
            )
            for values in Polynomial(budgeted).upper(net, 1.0, norms).values():
                assert np.all(np.diff(values[:-1]) >= 0)
                assert not np.any(np.isnan(values))


@pytest.mark.parametrize("budgeted", FORMS)
def test_overflow_is_infinite_and_never_nan(budgeted: bool) -> None:
    huge = ([1e300], [1e300])
    net = FullyConnected((1, 1, 1), "tanh", input_scaling=huge, output_scaling=huge)
    for p in polynomials(net, budgeted).values():
        assert not np.any(np.isnan(p.coefficients))
    bound = Polynomial(budgeted).upper(net, 1.0, 2.0)
    assert bound["hessian"] == math.inf
    assert bound["value"] == pytest.approx(1e300 * (1 + 2 * math.sqrt(2)))


def test_products_that_underflow_stay_positive() -> None:
    small = ([1e-200], [0.0])
    net = FullyConnected(
        (1, 1), bias=False, output="tanh", input_scaling=small, output_scaling=small
    )
    assert 0 < Polynomial().upper(net, 1.0, 1.0)["jacobian"] <= 1e-300

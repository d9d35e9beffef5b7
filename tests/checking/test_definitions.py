"""The checker's activations, ranges and parabolas, against the library's and against samples."""

import flint
import jax
import numpy as np
import pytest
from flint import arb

from lbdnn.activations import Activation, get, names
from lbdnn.checking.definitions import definition, square
from lbdnn.checking.spans import NotShown, Span, coefficients, parabola_above, range_of

UNKNOWN = {"aplu", "blu", "hardshrink", "soft_exponential"}
KNOWN = sorted(set(names()) - UNKNOWN)
POINTS = np.asarray([-30.0, -4.3, -2.7, -1.1, -0.3, -1e-9, 1e-3, 0.2, 0.7, 1.9, 3.4, 5.0, 40.0])


@pytest.fixture(autouse=True)
def bits():
    with flint.ctx.workprec(128):
        yield


def test_which_are_known() -> None:
    assert {name for name in names() if definition(get(name)) is None} == UNKNOWN
    own = Activation(
        "tanh",
        lambda z: z,
        extremes=((), (), (), ()),
        limits=((-1.0, 1.0), (0.0, 0.0), (0.0, 0.0), (0.0, 0.0)),
        growth=(0.0, 1.0),
    )
    assert definition(own) is None


@pytest.mark.parametrize("name", ["tanh", "logistic"])
def test_squares_fall_with_the_slope(name: str) -> None:
    known, pieces = square(get(name)), definition(get(name))
    assert known is not None and pieces is not None
    a, b = known
    for z in POINTS.tolist():
        value, slope = coefficients(pieces[0].formula, arb(z), 2)
        assert not a - b * slope - value * value < 0
    assert square(get("arctan")) is None


@pytest.mark.parametrize("name", KNOWN)
def test_values_and_derivatives_are_those_of_the_library(name: str) -> None:
    activation = get(name)
    pieces = definition(activation)
    assert pieces is not None
    with jax.enable_x64(True):
        expected = [np.asarray(activation.derivative(d, POINTS)) for d in range(3)]
    for i, z in enumerate(POINTS.tolist()):
        (piece,) = [
            p for p in pieces if (p.left is None or p.left < z) and (p.right is None or z < p.right)
        ]
        series = coefficients(piece.formula, arb(z), 3)
        found = [float(series[d] * arb(d).fac()) for d in range(3)]
        assert found == pytest.approx([e[i] for e in expected], rel=1e-11, abs=1e-14)


@pytest.mark.parametrize("name", KNOWN)
@pytest.mark.parametrize(
    "ends", [(-0.4, 1.3), (-3.1, -2.9), (-20.0, 50.0), (0.7, 0.7), (-2e6, -1e5)]
)
def test_ranges_contain_samples_and_are_tight(name: str, ends: tuple[float, float]) -> None:
    activation = get(name)
    pieces = definition(activation)
    assert pieces is not None
    samples = np.linspace(*ends, 997)
    for order in (0, 1):
        lo, hi = range_of(pieces, order, Span(arb(ends[0]), arb(ends[1])))
        with jax.enable_x64(True):
            values = np.asarray(activation.derivative(order, samples))
            tight = [float(x) for x in activation.enclose(order, *map(np.float64, ends))]
        slack = 1e-12 * max(1, *map(abs, tight))
        assert np.all(float(lo) - slack <= values) and np.all(values <= float(hi) + slack)
        assert [float(lo), float(hi)] == pytest.approx(tight, abs=slack)


def test_a_range_that_is_not_finite_is_not_shown() -> None:
    pieces = definition(get("softplus"))
    assert pieces is not None
    with pytest.raises(NotShown):
        range_of(pieces, 0, Span(arb(0), arb("inf")))
    with pytest.raises(NotShown):
        range_of(pieces, 0, Span(arb(0), arb("nan")))


@pytest.mark.parametrize("name", ["tanh", "gelu", "silu", "softplus", "sin", "logistic"])
@pytest.mark.parametrize("ends", [(-0.4, 1.3), (-300.0, 300.0)])
def test_curvature_below_its_greatest_value(name: str, ends: tuple[float, float]) -> None:
    activation = get(name)
    pieces = definition(activation)
    assert pieces is not None
    with jax.enable_x64(True):
        worst = max(abs(float(x)) for x in activation.enclose(2, *map(np.float64, ends)))
    span, zero, one = Span(*map(arb, ends)), arb(0), arb(1)
    for factor, expected in ((1 + 1e-9, True), (1 - 1e-9, False)):
        for scale in (one, arb(-3)):
            parabola = (arb(worst) * factor * abs(scale), zero, zero)
            assert parabola_above(pieces[0], span, one, scale, parabola) == expected


def test_the_parabolas_of_tanh() -> None:
    # |ς''| = 2ς'√(1 − ς') ≤ (ε + 1/ε)ς' − ς'²/ε, with equality at ς' = 1 − ε².
    pieces = definition(get("tanh"))
    assert pieces is not None
    span, one = Span(arb(-5), arb(4)), arb(1)
    for ε in (0.2, 0.5, 0.9):
        for slack, expected in ((1e-9, True), (-1e-9, False)):
            parabola = (arb(slack), arb(ε + 1 / ε), arb(1 / ε))
            assert parabola_above(pieces[0], span, one, one, parabola) == expected
    # With slopes and curvatures scaled: |β²ας''| under a + b(αβς') − c(αβς')².
    α, β, ε = 3.0, 0.5, 0.5
    scaled = (arb(1e-9), arb((ε + 1 / ε) * β), arb(1 / (ε * α)))
    assert parabola_above(pieces[0], span, arb(α * β), arb(α * β * β), scaled)
    assert not parabola_above(pieces[0], span, arb(α * β), arb(α * β * β * 1.01), scaled)

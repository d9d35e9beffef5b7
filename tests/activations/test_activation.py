"""The protocol: construction, enclosures at the edges of what exists, derived properties."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from lbdnn.activations import Activation, get

INF = math.inf


def enclosed(activation, order, lo, hi):
    with jax.enable_x64(True):
        lower, upper = activation.enclose(order, jnp.asarray(lo, float), jnp.asarray(hi, float))
    return float(lower), float(upper)


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("extremes", ((), (), ()), "four entries"),
        ("extremes", ((), (), (), ((0.0, math.nan),)), "NaN"),
        ("extremes", ((), (), (), ((INF, 0.0),)), "finite"),
        ("extremes", ((), (), (), (0.0, 1.0)), "pairs"),
        ("limits", ((0.0, 1.0),), "four entries"),
        ("limits", ((0.0, 1.0), (0.0, 0.0), (0.0, 0.0), (0.0, 0.0, 0.0)), "pairs"),
        ("growth", (-1.0, 0.0), "growth"),
        ("growth", 1.0, "growth"),
        ("domain", (1.0, 1.0), "domain"),
        ("period", 0.0, "period"),
        ("period", INF, "period"),
    ],
)
def test_malformed_constants_are_refused(field, value, text):
    with pytest.raises(ValueError, match=text):
        replace(get("tanh"), **{field: value})


def test_lists_are_taken():
    """Constants may come as lists; the activation is hashable all the same."""
    tanh = get("tanh")
    same = replace(
        tanh, extremes=[list(map(list, group)) for group in tanh.extremes], growth=[0, 1]
    )
    assert same == tanh and hash(same) == hash(tanh)


def test_plain_numbers_are_taken():
    lower, upper = get("tanh").enclose(1, -1, 2)
    assert float(lower) == pytest.approx(np.cosh(2.0) ** -2, rel=1e-5) and float(upper) == 1.0
    assert float(get("logistic")(0)) == 0.5


@pytest.mark.parametrize("order", [-1, 4, "1"])
def test_orders_without_constants(order):
    for question in (get("tanh").range, get("tanh").bound, get("tanh").pieces):
        with pytest.raises(ValueError, match="orders 0, 1, 2 and 3"):
            question(order)


def test_nothing_is_claimed_where_a_derivative_does_not_exist():
    relu, shrink = get("relu"), get("hardshrink", 0.5)
    assert enclosed(relu, 1, -1.0, 0.0) == (0.0, 1.0)
    assert enclosed(relu, 2, 0.0, 1.0) == (-INF, INF)
    assert enclosed(relu, 2, 1.0, 2.0) == (0.0, 0.0)
    assert enclosed(shrink, 0, 0.2, 0.7) == (0.0, 0.7)
    assert enclosed(shrink, 1, 0.2, 0.7) == enclosed(shrink, 2, 0.5, 0.7) == (-INF, INF)
    assert shrink.jumps == shrink.kinks == (-0.5, 0.5) and not shrink.smooth
    assert relu.jumps == () and relu.kinks == (0.0,)
    softsign = get("softsign")  # ς'' jumps, so that ς' is Lipschitz but ς'' is not
    assert softsign.smooth and softsign.bound(2) == 2 and softsign.bound(3) == INF
    assert not get("elu", 2.0).smooth and get("elu").smooth and not get("selu").smooth


def test_nothing_is_claimed_outside_the_domain():
    logarithm = get("soft_exponential", -0.5)  # defined for z > −1.5
    assert logarithm.domain == (-1.5, INF)
    for order in range(4):
        assert enclosed(logarithm, order, -1.5, 0.0) == (-INF, INF)
        assert enclosed(logarithm, order, -INF, 0.0) == (-INF, INF)
    assert enclosed(logarithm, 1, -1.0, INF) == (0.0, pytest.approx(4.0, rel=1e-14))
    assert math.isnan(float(logarithm(jnp.asarray(-2.0))))
    assert math.isnan(get("soft_exponential", -2.0).value_at_zero)


def test_infinite_ends():
    assert enclosed(get("tanh"), 0, -INF, INF) == (-1.0, 1.0)
    assert enclosed(get("tanh"), 1, 0.0, INF) == (0.0, 1.0)
    assert enclosed(get("tanh"), 0, INF, INF) == (1.0, 1.0)
    assert enclosed(get("sin"), 0, -INF, 0.0) == (-1.0, 1.0)
    assert enclosed(get("identity"), 0, -INF, 2.0) == (-INF, 2.0)
    assert np.isnan(enclosed(get("gelu"), 0, math.nan, 1.0)).all()


def test_overflow_is_rounded_outward():
    """Where ς exceeds every float, the lower end must not be inf."""
    largest = float(np.finfo(np.float64).max)
    lower, upper = enclosed(get("soft_exponential", 2.0), 0, 1000.0, 2000.0)
    assert largest / 3 < lower <= largest and upper == INF


@cache
def waves(period: float) -> Activation:
    """cos(2πz/T) with the constants of that."""
    w = math.tau / period
    peaks = [((0.0, w**d), (period / 2, -(w**d))) for d in range(4)]
    quarters = [((period / 4, w**d), (-period / 4, -(w**d))) for d in range(4)]
    signs = [1, -1, -1, 1]
    groups = [peaks[0], quarters[1], peaks[2], quarters[3]]
    return Activation(
        f"waves{period}",
        lambda z: jnp.cos(w * z),
        extremes=tuple(
            tuple((z, s * v) for z, v in group) for s, group in zip(signs, groups, strict=True)
        ),
        limits=((0.0, 0.0),) * 4,
        growth=(0.0, 1.0),
        period=period,
    )


@settings(max_examples=30, deadline=None)
@given(st.sampled_from([1.0, 2.5, math.tau]), st.floats(-2e5, 2e5), st.floats(1e-3, 10))
def test_any_period(period, lo, width):
    """Enclosures of a periodic activation contain samples and are no larger than they."""
    own, z = waves(period), lo + width * np.linspace(0, 1, 2001)
    for order in range(4):
        with jax.enable_x64(True):
            values = np.asarray(own.derivative(order, jnp.asarray(z)))
        lower, upper = enclosed(own, order, z[0], z[-1])
        size = own.bound(order)
        # Between samples h apart, an extreme is missed by up to (2πh/T)²/8 of the size.
        slack = size * ((math.tau * width / 2000 / period) ** 2 / 8 + 1e-8)
        assert lower - 1e-8 * size <= values.min() <= lower + slack
        assert upper - slack <= values.max() <= upper + 1e-8 * size


def test_where_a_rounded_period_says_nothing_the_whole_range_is_claimed():
    assert enclosed(waves(1.0), 0, 1e16, 1e16 + 2) == (-1.0, 1.0)
    assert enclosed(get("sin"), 0, 1e22, 1e22) == (-1.0, 1.0)
    assert enclosed(get("sin"), 0, 1e6, 1e6) == pytest.approx((math.sin(1e6),) * 2, rel=1e-14)


def test_properties_inside_compiled_code():
    """Constants are numbers even while a function is being traced."""
    softplus = replace(get("softplus"), name="fresh")

    @jax.jit
    def scaled(x):
        assert isinstance(softplus.slope_at_zero, float)
        return x * softplus.value_at_zero + sum(sign for *_, sign in softplus.pieces(0))

    assert float(scaled(1.0)) == pytest.approx(math.log(2) + 1)


def test_pieces():
    assert get("tanh").pieces(1) == ((-INF, 0.0, 1), (0.0, INF, -1))
    assert get("relu").pieces(0) == ((-INF, 0.0, 0), (0.0, INF, 1))
    (rise, fall) = get("sin").pieces(0)
    assert rise[2] == 1 and fall[2] == -1
    assert fall[1] - rise[0] == pytest.approx(math.tau)


def test_static_argument():
    """An activation chooses compiled code: equal ones share it."""
    traces = []

    def apply(activation, x):
        traces.append(activation)
        return activation(x)

    compiled = jax.jit(apply, static_argnums=0)
    compiled(get("leaky_relu", 0.2), 1.0)
    compiled(replace(get("leaky_relu", 0.2)), 1.0)
    assert len(traces) == 1
    compiled(get("leaky_relu", 0.3), 1.0)
    assert len(traces) == 2

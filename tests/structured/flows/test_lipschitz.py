"""Lipschitz constants by construction: bounds, and that no smaller ones hold."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given, settings, strategies as st

from lbdnn.structured import flows
from lbdnn.structured.weights import NormBounded, Orthogonal, SkewSymmetric

from .families import GRADIENTS, label, parameters

few = settings(max_examples=25, deadline=None)
X = np.array([0.3, 0.1])


@jax.jit(static_argnums=0)
def steepest(layer, own, x, y):
    """The largest ratios found for given parameters, then for ones trained to make them large."""

    def ratios(p, steps):
        def one(x, y):
            return flows.lipschitz_ratio(lambda z: layer(p, z), x, y, steps=steps)

        return jax.vmap(one)(x, y)

    adam = optax.adam(0.1)

    def step(state, _):
        own, memory = state
        updates, memory = adam.update(jax.grad(lambda p: -jnp.mean(ratios(p, 0)))(own), memory)
        return (optax.apply_updates(own, updates), memory), None

    def trained(p):
        return jax.lax.scan(step, (p, adam.init(p)), length=30)[0][0]

    every = jax.tree.map(lambda *v: jnp.concatenate(v), own, jax.vmap(trained)(own))
    return jnp.max(jax.vmap(lambda p: ratios(p, 30))(every), 1).reshape(2, -1)


@pytest.mark.parametrize(
    "layer",
    [
        flows.alternating(2, 1),
        pytest.param(GRADIENTS[1], marks=pytest.mark.slow),
        pytest.param(GRADIENTS[0], marks=pytest.mark.slow),
        pytest.param(GRADIENTS[2], marks=pytest.mark.slow),
        pytest.param(flows.alternating(2, 2), marks=pytest.mark.slow),
    ],
    ids=["pair", "bounded", "orthogonal", "svd", "two pairs"],
)
def test_no_attack_exceeds_the_constant(layer):
    x, y = np.random.default_rng(0).normal(size=(2, 4, layer.n))
    with jax.enable_x64(True):
        given = parameters(layer, 1, (0.0, 1.0, 100.0))
        found, later = np.asarray(steepest(layer, given, x, x + 0.1 * y))
    # Values up to 100 and pairs 0.1 apart: three digits of each ratio are rounding.
    assert np.all(np.maximum(found, later) <= layer.lipschitz * (1 + 1e-11))
    # The attack is worth something.
    assert np.max(later) > 0.8 * layer.lipschitz


@jax.jit(static_argnums=0)
def ratio(layer, own, x, y):
    return flows.lipschitz_ratio(lambda z: layer(own, z), x, y)


def test_the_constant_of_a_gradient_step_is_attained():
    for step in (0.5, 4 / 3, 2.0):
        layer = flows.Layer(flows.GradientFlow(Orthogonal(2, 2)), step=step)
        assert layer.lipschitz == max(1 - step / 2, step - 1)
        with jax.enable_x64(True):
            ratios = [
                float(ratio(layer, flows.WeightAndBias(np.ones(1), b), X, 0 * X))
                for b in (np.full(2, 9.0), np.full(2, -9.0))
            ]
        np.testing.assert_allclose(max(ratios), layer.lipschitz, rtol=1e-13)


def test_steps_outside_the_proved_range_are_refused_and_may_expand():
    field = flows.GradientFlow(Orthogonal(2, 2))
    for step in (2.1, -0.1):
        with pytest.raises(ValueError, match="proved for steps from 0 to 2 with these weights"):
            flows.Layer(field, step=step)
        with jax.enable_x64(True):
            own = flows.WeightAndBias(np.zeros(1), np.full(2, 9.0))
            moved = np.asarray([x + step * field(own, x) for x in (X, 0 * X)])
        assert np.linalg.norm(moved[0] - moved[1]) > 1.09 * np.linalg.norm(X)
    wide = flows.GradientFlow(NormBounded(3, 2, bound=0.5))
    assert wide.steps == (0, 8) and flows.Layer(wide, step=8.0).lipschitz == 1


def test_a_wide_weight_contracts_nothing():
    layer = flows.Layer(flows.GradientFlow(Orthogonal(1, 2)), step=1.0)
    assert layer.lipschitz == 1
    with jax.enable_x64(True):
        own = flows.WeightAndBias(np.zeros(1), np.zeros(1))  # A = [1, 0]
        found = ratio(layer, own, np.array([0.0, 1.0]), np.zeros(2))
    assert float(found) == pytest.approx(1, rel=1e-14)


@few
@given(st.floats(0, 3), st.floats(0, 1), st.floats(0.01, 2))
def test_sharp_constants_are_at_most_the_published_ones(step, share, beta):
    slopes = (share * beta, beta)
    sharp = flows.contraction_constant(step, slopes=slopes)
    published = flows.contraction_constant(step, slopes=slopes, constants="published")
    assert sharp <= published * (1 + 1e-12) + 1e-12
    best = flows.most_contractive_step(slopes=slopes)
    assert flows.contraction_constant(best, slopes=slopes) <= sharp + 1e-12
    least = flows.contraction_constant(
        flows.most_contractive_step(slopes=slopes, constants="published"),
        slopes=slopes,
        constants="published",
    )
    assert least <= published + 1e-7  # a root of a difference near 0


def test_numbers_of_the_source_and_the_sharp_ones():
    both = [flows.contraction_constant(0.5, constants=name) for name in ("published", "sharp")]
    assert both == [pytest.approx(math.sqrt(0.75)), 0.75]
    published = flows.alternating(2, 1, constants="published")
    sharp = flows.alternating(2, 1)
    assert [layer.step for layer in published.layers] == [pytest.approx(2 / math.sqrt(3) - 1), 0.5]
    assert [layer.step for layer in sharp.layers] == [pytest.approx(2), pytest.approx(4 / 3)]
    # A pair with the published steps never reaches the constant 1 that it is allowed.
    assert published.lipschitz == pytest.approx(math.sqrt(0.75))
    assert sharp.lipschitz == pytest.approx(1)


def test_no_larger_expansive_step_is_possible():
    # W = A = I, and biases for the slope 1 and then 1/2: a translation.
    flow = flows.alternating(2, 1)
    own = (
        flows.WeightAndBias(np.zeros(1), np.full(2, 99.0)),
        flows.WeightAndBias(np.zeros(1), np.full(2, -999.0)),
    )
    with jax.enable_x64(True):
        found = ratio(flow, own, np.ones(2), np.zeros(2))
    assert float(found) == pytest.approx(1, rel=1e-12)


def test_one_neuron_and_huge_weights():
    layer = flows.Layer(flows.GradientFlow(NormBounded(1, 1), "relu"), step=2.0)
    with jax.enable_x64(True):
        own = flows.WeightAndBias(np.full((1, 1), 1e12), np.array([1e6]))
        found = ratio(layer, own, np.ones(1), np.zeros(1))
    assert float(found) <= 1 + 1e-9


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: flows.GradientFlow(Orthogonal(2, 2), "gelu"), "an increasing activation; gelu"),
        (lambda: flows.GradientFlow(SkewSymmetric(2)), "bounded singular values: pass Orthogonal"),
        (lambda: flows.GradientFlow(Orthogonal(2, 2), "hardshrink"), "Lipschitz everywhere"),
        (lambda: flows.Expansive(Orthogonal(3, 2)), r"must be square; got the shape \(3, 2\)"),
        (lambda: flows.alternating(2, 1, activation="relu"), "leaves no room"),
        (lambda: flows.alternating(2, 1, contraction_step=2.5), "leaves no room"),
        (lambda: flows.contraction_constant(1.0, slopes=(2.0, 1.0)), "0 <= least <= greatest"),
        (lambda: flows.contraction_constant(-1.0), "a step must be finite and >= 0"),
        (lambda: flows.most_contractive_step(constants="best"), '"sharp" or "published"'),
    ],
)
def test_what_has_no_constant_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_layers_are_hashable_and_equal_by_value():
    one, other = (flows.Layer(flows.GradientFlow(Orthogonal(2, 2)), step=1.0) for _ in range(2))
    assert one == other and hash(one) == hash(other) and label(one) == "GradientFlow-2-euler"

"""Constants of residual layers and flows as stored: above every derivative, exact where known."""

import math
from itertools import product

import jax
import numpy as np
import pytest

from lbdnn.structured import flows
from lbdnn.structured.flows import Flow, Layer, alternating
from lbdnn.structured.lipschitz import (
    euler_step,
    exactly,
    flow_constant,
    least_singular_value,
)
from lbdnn.structured.weights import Orthogonal

ROUNDING = 1e-12
SHAPES = [(1, 1), (4, 3), (3, 4)]


def largest(a, b, step, slopes):
    """The largest ‖I + hBDA‖ over all D: convex in D, it is attained at a corner."""
    corners = product(*[slopes] * len(a))
    return max(np.linalg.norm(np.eye(a.shape[1]) + step * b * d @ a, 2) for d in corners)


@pytest.mark.parametrize("slopes", [(0.0, 1.0), (0.5, 1.0), (-0.2, 1.1), (0.7, 0.7), (-1.0, -0.5)])
def test_no_slopes_stretch_a_residual_layer_beyond_its_constant(slopes):
    steepest = max(map(abs, slopes))
    for seed, (m, n) in product(range(4), SHAPES):
        draw = np.random.default_rng(seed)
        a, b, step = draw.normal(size=(m, n)), draw.normal(size=(n, m)), draw.normal()
        relative = 1.3 / np.linalg.norm(a, 2) ** 2
        for outer, h in [(b, step), (-a.T, relative), (a.T, relative), (-a.T + 0.01 * b, relative)]:
            found, truth = euler_step(a, outer, h, slopes=slopes), largest(a, outer, h, slopes)
            naive = 1 + abs(h) * steepest * np.linalg.norm(a, 2) * np.linalg.norm(outer, 2)
            assert found.lower <= truth * (1 + ROUNDING)
            assert truth * (1 - ROUNDING) <= found.upper <= naive * (1 + ROUNDING)
            if slopes[0] == slopes[1] or (outer is not b and slopes[0] >= 0):
                assert found.upper <= truth * 1.05


def test_steps_of_a_gradient_are_known_exactly_however_their_weights_are_rounded():
    a = np.random.default_rng(0).normal(size=(5, 4))
    step = float(2 / np.linalg.norm(a, 2) ** 2 * (1 - ROUNDING))
    assert euler_step(a, -a.T, step).upper == 1
    rounded = (-step * a.T).astype(np.float32)
    assert 1 <= euler_step(a, rounded).upper <= 1 + 1e-5
    assert euler_step(a, rounded, 2.0).upper == pytest.approx(3, rel=1e-5)
    q = np.linalg.qr(a)[0]
    contraction = euler_step(q, -q.T, 4 / 3, slopes=(0.5, 1.0)).upper
    assert contraction == pytest.approx(1 / 3, rel=1e-9)


def test_shears_stretch_by_less_than_one_and_their_branch():
    a = np.zeros((2, 4))
    a[:, 2:] = 3 * np.eye(2)
    b = np.eye(4)[:, :2]
    found, truth = euler_step(a, b, 0.5), largest(a, b, 0.5, (0, 1))
    assert truth == pytest.approx(2)  # (c + √(c² + 4))/2, c = 3/2
    assert truth <= found.upper <= truth * (1 + ROUNDING)


@pytest.mark.parametrize("size", [1e300, 1e160, 1e-160, 1e-300, 5e-310, 0.0])
def test_huge_and_tiny_weights(size):
    a, b = np.random.default_rng(0).normal(size=(2, 3, 2))
    product = size * np.linalg.norm(a, 2) * np.linalg.norm(b, 2)
    found = euler_step(size * a, b.T).upper
    assert max(1.0, 0.1 * product) <= found <= (1 + product) * (1 + ROUNDING)
    truth = max(1.0, size * np.linalg.norm(a, 2) ** 2 - 1)
    assert truth * (1 - ROUNDING) <= euler_step(size * a, -a.T).upper <= truth * (1 + 1e-8)
    if size > 1e-300:
        balanced = euler_step(size * a, b.T / size).upper
        assert largest(a, b.T, 1.0, (0, 1)) * (1 - ROUNDING) <= balanced
        assert balanced <= euler_step(a, b.T).upper * (1 + ROUNDING)
    if size == 0:
        assert euler_step(size * a, a.T) == exactly(1.0)


def test_the_least_singular_value_is_below_the_true_one():
    for seed, (m, n) in product(range(5), SHAPES):
        a = np.random.default_rng(seed).normal(size=(m, n))
        truth = np.linalg.svd(a, compute_uv=False)[-1] if m >= n else 0.0
        found = least_singular_value(a)
        assert truth * (1 - 1e-9) <= found <= truth * (1 + 1e-15)
    assert least_singular_value(np.ones((3, 2))) == 0


FAMILIES = (
    Layer(flows.GradientFlow(Orthogonal(2, 2)), step=4 / 3),
    Layer(flows.VolumePreserving(2), step=-0.7, integrator="strang"),
    Layer(flows.Hamiltonian(2, 2), step=0.5, integrator="lie"),
    Layer(flows.SpherePreserving(2), step=1.0),
    Layer(flows.Isometric(2), step=0.5),
    Layer(flows.Expansive(Orthogonal(2, 2)), step=0.5),
    Layer(flows.Residual(2, 2), step=0.5),
)


@pytest.mark.parametrize("layer", FAMILIES, ids=lambda layer: type(layer.field).__name__)
def test_the_constant_of_a_layer_is_above_its_derivatives(layer):
    shapes, draw = jax.eval_shape(layer.init, jax.random.key(0)), np.random.default_rng(0)
    parameters = jax.tree.map(lambda x: 1.5 * draw.normal(size=x.shape), shapes)
    found = flow_constant(layer, parameters)
    x = draw.normal(size=(200, 2))
    with jax.enable_x64(True):
        slopes = jax.jit(jax.vmap(jax.jacobian(lambda x: layer(parameters, x))))(x)
    stretched = np.linalg.norm(slopes, 2, (-2, -1)).max()
    assert stretched <= found.upper * (1 + ROUNDING)
    assert found.upper <= max(layer.lipschitz, 1) * (1 + 1e-9)  # that of the family; inf for some
    assert found.lower <= stretched * (1 + ROUNDING)
    assert math.isfinite(found.upper) or isinstance(layer.field, flows.SpherePreserving)


def test_the_constant_of_a_flow_is_of_the_weights_in_their_precision():
    flow = alternating(3, 2, method="householder")
    parameters = flow.init(jax.random.key(1))
    found = flow_constant(flow, parameters)
    each = math.prod(
        flow_constant(layer, own).upper for layer, own in zip(flow.layers, parameters, strict=True)
    )
    assert found.upper == pytest.approx(each, rel=ROUNDING)
    # Weights in float32 are orthogonal to their rounding only, and that is counted.
    double = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), parameters)
    assert 0 < abs(found.upper - flow_constant(flow, double).upper) < 1e-5


def test_what_is_no_layer_is_refused():
    a = np.ones((3, 2))
    for arguments, options, message in [
        ((a, a), {}, "outer one of shape"),
        ((a, a.T, math.inf), {}, "step must be finite"),
        ((a, None), {}, "outer one of shape"),
        ((a, a.T), {"slopes": (1.0, 0.0)}, "least <= greatest"),
        ((np.nan * a, a.T), {}, "NaN"),
        ((np.ones(3), None), {}, "2 axes"),
    ]:
        with pytest.raises(ValueError, match=message):
            euler_step(*arguments, **options)
    flow = Flow((Layer(flows.Isometric(2), step=1.0),))
    with pytest.raises(ValueError, match="tuple of 1 entries"):
        flow_constant(flow, ())
    with pytest.raises(ValueError, match="NaN"):
        flow_constant(flow, (np.array([np.nan]),))


def test_integers_do_not_wrap():
    assert euler_step(np.uint8([[1]]), np.uint8([[255]])).upper >= 256
    assert euler_step(np.int8([[-128]]), np.int8([[-128]]), 1e-4).upper >= 2.638

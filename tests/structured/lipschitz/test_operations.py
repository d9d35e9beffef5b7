"""Constants of operations, for weights as stored, beside the exact ones of small blocks."""

import itertools

import jax
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from lbdnn.activations import get
from lbdnn.networks import Affine, Chain, FullyConnected, Pointwise, Residual, Scaling
from lbdnn.structured import flows
from lbdnn.structured.lipschitz import least_singular_value, operation_constants
from lbdnn.structured.weights import NormBounded, Orthogonal

few = settings(max_examples=10, deadline=None)


def block(inner, outer, activation):
    m, n = inner.shape
    operation = Residual((Affine(n, m, False), Pointwise(get(activation)), Affine(m, n, False)))
    (constant,) = operation_constants(Chain((operation,), n), ((inner, None, outer),))
    return constant.upper


def steepest(inner, outer, slopes):
    """max ‖I + BDA‖ over diagonal D with entries in [α, β]: convex in D, so at a corner."""
    n, m = outer.shape
    corners = itertools.product(slopes, repeat=m)
    return max(np.linalg.norm(np.eye(n) + outer @ np.diag(d) @ inner, 2) for d in corners)


@few
@given(st.integers(0, 10**6), st.floats(0, 3), st.sampled_from([0.0, 1e-7, 0.1, 1.0]))
def test_no_block_is_steeper_than_its_constant(seed, step, noise):
    rng = np.random.default_rng(seed)
    inner = rng.normal(size=(3, 2))
    outer = -step * inner.T + noise * rng.normal(size=(2, 3))
    for activation, slopes in (("relu", (0, 1)), ("leaky_relu(0.5)", (0.5, 1))):
        assert block(inner, outer, activation) >= steepest(inner, outer, slopes) * (1 - 1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("step", [0.5, 4 / 3, 2.5])
def test_steps_of_gradient_flows_have_their_sharp_constant(dtype, step):
    q = np.asarray(np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0], dtype)
    found = block(q, (-step * q.T).astype(dtype), "leaky_relu(0.5)")
    assert found == pytest.approx(max(1 - step / 2, step - 1), abs=200 * float(np.finfo(dtype).eps))
    assert found >= steepest(q, (-step * q.T).astype(dtype), (0.5, 1)) * (1 - 1e-14)


@pytest.mark.slow
def test_a_flow_has_the_constants_of_its_layers():
    field = flows.GradientFlow(NormBounded(3, 2, bound=2.0), "relu")
    flow = flows.Flow((*flows.alternating(2, 1).layers, flows.Layer(field, step=0.5)))
    found = operation_constants(*flow.unrolled(flow.init(jax.random.key(0))))
    for constant, layer in zip(found, flow.layers, strict=True):
        assert constant.upper == pytest.approx(layer.lipschitz, rel=1e-5)


def test_networks_of_other_operations():
    net = Chain((Scaling((2.0, -3.0), (0.0, 1.0)), *FullyConnected((2, 2), "tanh").operations), 2)
    found = operation_constants(net, (None, np.array([[3.0, 0, 7], [0, 4, 7]])))
    assert [constant.upper for constant in found] == pytest.approx([3, 4])
    skip = Chain((Residual((Affine(2, 2, False), Pointwise(get("tanh")))),), 2)
    (constant,) = operation_constants(skip, ((2 * np.eye(2), None),))
    assert constant.upper == pytest.approx(3)
    jump = Chain((Pointwise(get("hardshrink")),), 1)
    with pytest.raises(ValueError, match="Lipschitz everywhere"):
        operation_constants(jump, (None,))


@few
@given(st.integers(0, 10**6), st.sampled_from([1e-200, 1.0, 1e200]))
def test_least_singular_values_are_proved_and_close(seed, scale):
    rng = np.random.default_rng(seed)
    weight = scale * rng.normal(size=(6, 3))
    true = np.linalg.svd(weight, compute_uv=False)[-1]
    assert 0.999 * true <= least_singular_value(weight) <= true * (1 + 1e-13)


def test_no_matrix_with_a_kernel_has_a_least_singular_value():
    wide, flat = np.ones((1, 2)), np.array([[1.0, 1.0], [1.0, 1.0], [0.0, 0.0]])
    nearly = np.diag([1.0, 1e-17])
    assert [least_singular_value(w) for w in (wide, flat, 0 * flat)] == [0, 0, 0]
    assert least_singular_value(nearly) <= 1e-17
    # Orthogonal weights, whose rounding is what makes the value less than 1.
    q = np.asarray(Orthogonal(4, 4)(Orthogonal(4, 4).init(jax.random.key(0))))
    assert 1 - 1e-5 < least_singular_value(q) <= np.linalg.svd(q.astype(float))[1][-1]

"""Derivatives of residual networks, against the dense ones of formulas written out, and by hand."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from lbdnn.activations import get
from lbdnn.derivatives import (
    compressed_hessian,
    hessian,
    hessian_norm,
    hessian_norm_bounds,
    input_hessian,
    input_jacobian,
    input_jacobian_norm,
    jacobian,
    jacobian_norm,
    mixed_hessian,
    taylor_remainder,
)
from lbdnn.networks import Affine, Chain, Pointwise, Repeat, Residual, ResidualNetwork

from .networks import RESIDUAL, TANH, places


def with_preactivation(v, σ):
    """(2, 3, 2), two blocks of one hidden layer: 9 + 2·24 + 8 parameters, rows of V_jᵀ in turn."""

    def layer(start, rows, x):
        columns = x.size + 1
        weight = v[start : start + rows * columns].reshape(rows, columns)
        return weight @ jnp.append(x, 1.0)

    η = layer(0, 3, σ)
    for start in (9, 33):
        η = η + layer(start + 12, 3, jnp.tanh(layer(start, 3, jnp.tanh(η))))
    return layer(57, 2, jnp.tanh(η))


def without_preactivation(v, σ):
    """(2,), two blocks of three hidden neurons, no biases: 2·12 parameters."""
    η = σ
    for start in (0, 12):
        first, second = v[start : start + 6].reshape(3, 2), v[start + 6 : start + 12].reshape(2, 3)
        η = η + second @ jnp.tanh(first @ η)
    return η


def one_wide(v, σ):
    """(1, 1), two blocks η + w tanh(η) + b."""
    η = v[0] * σ + v[1]
    for w, b in ((v[2], v[3]), (v[4], v[5])):
        η = η + w * jnp.tanh(η) + b
    return η


FORMULAS = {
    with_preactivation: ResidualNetwork((2, 3, 2), blocks=2),
    without_preactivation: ResidualNetwork(
        (2,), blocks=2, hidden=(3,), preactivation=False, bias=False
    ),
    one_wide: ResidualNetwork((1, 1), blocks=2, hidden=()),
}


@cache
def by_formula(formula):
    return jax.jit(
        lambda v, σ: (
            jax.jacfwd(formula)(v, σ),
            jax.hessian(formula)(v, σ),
            jax.jacfwd(formula, 1)(v, σ),
            jax.hessian(formula, 1)(v, σ),
            jax.jacfwd(jax.jacrev(formula, 1), 0)(v, σ),
        )
    )


@pytest.mark.parametrize("scale", [0.0, 1.0, 3.0])
@pytest.mark.parametrize("formula", FORMULAS)
def test_all_derivatives_are_those_of_the_formula(formula, scale):
    net = FORMULAS[formula]
    rng = np.random.default_rng(1)
    with jax.enable_x64(True):
        v, σ = (
            jnp.asarray(scale * rng.uniform(-1, 1, net.size)),
            jnp.asarray(rng.normal(size=net.inputs)),
        )
        theta = net.unravel(v)

        slope, curvature, *_ = expected = by_formula(formula)(v, σ)
        found = [
            jax.jit(f, static_argnums=0)(net, theta, σ)
            for f in (jacobian, hessian, input_jacobian, input_hessian, mixed_hessian)
        ]
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-12)
        for norm, array in ((jacobian_norm, slope), (input_jacobian_norm, expected[2])):
            np.testing.assert_allclose(
                jax.jit(norm, static_argnums=0)(net, theta, σ),
                np.linalg.norm(array, 2),
                rtol=1e-10,
            )
        step = jnp.asarray(rng.normal(size=net.size))
        compiled = jax.jit(formula)
        np.testing.assert_allclose(
            jax.jit(taylor_remainder, static_argnums=0)(net, theta, σ, step),
            compiled(v + step, σ) - compiled(v, σ) - slope @ step,
            rtol=1e-8,
            atol=1e-12,
        )
    check_hessian_norms(net, theta, σ, np.asarray(curvature))


def check_hessian_norms(net, theta, σ, tensor):
    unfolded, frobenius = np.linalg.norm(tensor.reshape(-1, net.size), 2), np.linalg.norm(tensor)
    lower, upper = hessian_norm_bounds(net, theta, σ)
    angle = np.linspace(0, np.pi, 200) if net.outputs == 2 else np.zeros(1)
    u = np.stack([np.cos(angle), np.sin(angle)])[: net.outputs]
    seen = np.abs(np.linalg.eigvalsh(np.einsum("ik,ipq->kpq", u, tensor))).max()
    # Half a step of the grid from the best direction loses 1 − cos of it.
    assert seen * (1 - 1e-9) <= upper and lower * np.cos(np.pi / 398) <= seen * (1 + 1e-9)
    assert upper <= 1.01 * lower * (1 + 1e-9)
    for norm, value in (("unfolded", unfolded), ("frobenius", frobenius)):
        np.testing.assert_allclose(hessian_norm(net, theta, σ, norm), value, rtol=1e-9)


@given(places(st.sampled_from((RESIDUAL[1], RESIDUAL[2]))))
@settings(max_examples=8, deadline=None)
def test_norms_are_those_of_the_dense_arrays(place):
    with jax.enable_x64(True):
        slope, tensor = (jax.jit(f, static_argnums=0)(*place) for f in (jacobian, hessian))
        found = jax.jit(jacobian_norm, static_argnums=0)(*place)
        np.testing.assert_allclose(found, np.linalg.norm(slope, 2), rtol=1e-7, atol=1e-150)
    check_hessian_norms(*place, np.asarray(tensor))


@pytest.mark.parametrize("net", RESIDUAL)
def test_compressed_hessian_has_the_eigenvalues_of_every_combination(net):
    with jax.enable_x64(True):
        theta = net.init(jax.random.key(3))
        sigma = jax.random.normal(jax.random.key(4), (net.inputs,))
        u = np.random.default_rng(0).standard_normal(net.outputs)
        large = np.tensordot(u, jax.jit(hessian, static_argnums=0)(net, theta, sigma), 1)
        small = np.tensordot(u, jax.jit(compressed_hessian, static_argnums=0)(net, theta, sigma), 1)
    values = [np.linalg.eigvalsh(matrix) for matrix in (small, large)]
    count = max(map(len, values))
    found, expected = (np.sort(np.append(v, np.zeros(count - len(v)))) for v in values)
    np.testing.assert_allclose(found, expected, atol=1e-9 * np.abs(expected).max())


def test_two_linear_blocks_by_hand():
    """Φ = (1 + w₂)(1 + w₁)σ: ∂Φ/∂θ = σ(1 + w₂, 1 + w₁), and ‖∂²Φ/∂θ²‖ = |σ|."""
    block = Residual((Affine(1, 1, bias=False),))
    net = Chain((block, block), 1)
    with jax.enable_x64(True):
        theta, sigma = net.unravel(jnp.array([2.0, 3.0])), jnp.array([-1.5])
        np.testing.assert_allclose(net(theta, sigma), [-18.0])
        np.testing.assert_allclose(jacobian(net, theta, sigma), [[-6.0, -4.5]])
        np.testing.assert_allclose(jacobian_norm(net, theta, sigma), 7.5, rtol=1e-15)
        np.testing.assert_allclose(input_jacobian(net, theta, sigma), [[12.0]])
    np.testing.assert_allclose(hessian_norm(net, theta, sigma), 1.5, rtol=1e-15)


@pytest.mark.parametrize("times", [2, 25])
@pytest.mark.parametrize("name", ["softplus", "logsigmoid", "tanh"])
def test_where_the_code_of_an_activation_has_a_tie(name, times):
    """η_{p+1} = η_p + w_p ς(v_p η_p) at θ = 0: the only second derivatives are ς'(0)σ in w_p, v_p.

    The code of the softplus takes a maximum and |·|, both at a tie at 0, where it is smooth.
    """
    block = Residual((Affine(1, 1, bias=False), Pointwise(get(name)), Affine(1, 1, bias=False)))
    net = Chain((Repeat((block,), times),), 1)
    expected = 3.0 * (1.0 if name == "tanh" else 0.5)
    with jax.enable_x64(True):
        theta, sigma = net.unravel(jnp.zeros(net.size)), jnp.array([3.0])
        tensor = jax.jit(hessian, static_argnums=0)(net, theta, sigma)[0]
    by_hand = np.kron(np.eye(times), [[0, expected], [expected, 0]])
    np.testing.assert_allclose(tensor, by_hand, rtol=1e-14, atol=1e-14)
    np.testing.assert_allclose(hessian_norm(net, theta, sigma), expected, rtol=1e-12)
    found = hessian_norm(net, theta, sigma, "frobenius")
    np.testing.assert_allclose(found, expected * np.sqrt(2 * times), rtol=1e-12)


def test_points_of_another_precision():
    """The first operation repeats: the type of its value must not change on the way."""
    net = ResidualNetwork((2,), blocks=3)
    with jax.enable_x64(True):
        theta = net.init(jax.random.key(0))
        for kind in (np.float32, np.int32):
            sigma = np.array([1, -2], kind)
            expected = jacobian_norm(net, theta, np.float64(sigma))
            np.testing.assert_allclose(jacobian_norm(net, theta, sigma), expected, rtol=1e-6)


def test_a_chain_without_parameters():
    net = Chain((Repeat((Residual((TANH,)),), 2),), 2)
    theta, sigma = net.unravel(jnp.zeros(0)), jnp.array([0.3, -0.4])
    once = sigma + jnp.tanh(sigma)
    np.testing.assert_allclose(net(theta, sigma), once + jnp.tanh(once), rtol=1e-6)
    assert float(jacobian_norm(net, theta, sigma)) == 0.0

"""Constants of chains: above every attack, exact where the truth is known."""

import math

import jax
import numpy as np
import pytest

from lbdnn import Box, Chain, FullyConnected
from lbdnn.activations import get
from lbdnn.networks import Affine, Pointwise, Residual
from lbdnn.structured.lipschitz import lipschitz_constant, semidefinite


def clarabel():
    pytest.importorskip("clarabel", reason="needs the lmi extra")


def stretched(net, theta, scale, points=2000):
    x = np.random.default_rng(0).normal(size=(points, net.inputs)) * scale
    with jax.enable_x64(True):
        jacobians = jax.jit(jax.vmap(jax.jacobian(lambda x: net(theta, x))))(x)
    return float(np.linalg.norm(jacobians, 2, (-2, -1)).max())


def drawn(net, seed):
    return net.with_weights([
        np.random.default_rng((seed, j)).normal(size=a.shape) for j, a in enumerate(net.affine)
    ])  # fmt: skip


NET = FullyConnected((3, 5, 2), "tanh")


def test_the_program_lies_between_attack_and_product(monkeypatch):
    clarabel()
    theta = drawn(NET, 1)
    product = lipschitz_constant(NET, theta).upper
    found = lipschitz_constant(NET, theta, method="semidefinite").upper
    weights = [np.linalg.norm(w[:, :-1], 2) for w in NET.weights(theta)]
    assert product == pytest.approx(math.prod(weights), rel=1e-9)
    assert stretched(NET, theta, 0.3) <= found <= 0.95 * product

    # A smaller answer of the solver is not believed.
    solved = semidefinite._solved
    for factor in (0.9, 1 - 1e-4):
        monkeypatch.setattr(
            semidefinite, "_solved", lambda *a, f=factor: (f * solved(*a)[0], solved(*a)[1])
        )
        assert lipschitz_constant(NET, theta, method="semidefinite").upper >= found * (1 - 1e-6)


@pytest.mark.slow
def test_in_a_box_slopes_are_smaller():
    clarabel()
    theta = drawn(NET, 1)
    for method in ("product", "semidefinite"):
        everywhere = lipschitz_constant(NET, theta, method=method).upper
        inside = lipschitz_constant(NET, theta, inputs=Box(3.0, 3.3), method=method).upper
        x = np.random.default_rng(0).uniform(3.0, 3.3, (500, 3))
        with jax.enable_x64(True):
            jacobians = jax.vmap(jax.jacobian(lambda x: NET(theta, x)))(x)
        assert np.linalg.norm(jacobians, 2, (-2, -1)).max() <= inside < 0.9 * everywhere


@pytest.mark.slow
def test_a_gradient_step_as_a_chain():
    """x − τAᵀrelu(Ax): the product gives 1 + τ‖A‖², the program knows max(1, τ‖A‖² − 1)."""
    clarabel()
    a = np.random.default_rng(2).normal(size=(4, 3))
    net = Chain((Residual((Affine(3, 4, False), Pointwise(get("relu")), Affine(4, 3, False))),), 3)
    for relative, constant in [(1.5, 1.0), (3.0, 2.0)]:
        step = relative / np.linalg.norm(a, 2) ** 2
        theta = ((a, None, -step * a.T),)
        assert lipschitz_constant(net, theta).upper == pytest.approx(1 + relative, rel=1e-9)
        found = lipschitz_constant(net, theta, method="semidefinite").upper
        assert constant <= found * (1 + 1e-12) and found <= constant * (1 + 1e-3)


def test_a_constant_network_does_not_move():
    theta = NET.with_weights([np.zeros(a.shape) for a in NET.affine])
    assert lipschitz_constant(NET, theta).upper < 1e-300


def test_another_method_is_refused():
    net = FullyConnected((2, 3, 1), "relu")
    with pytest.raises(ValueError, match="method must be one of"):
        lipschitz_constant(net, drawn(net, 0), method="guess")
    with pytest.raises(ValueError, match="NaN"):
        lipschitz_constant(net, net.with_weights([np.full(a.shape, np.nan) for a in net.affine]))

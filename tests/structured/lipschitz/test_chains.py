"""Constants of chains: above every attack, exact where the truth is known."""

import math

import jax
import numpy as np
import pytest
from scipy.optimize import minimize

from lbdnn import Box, Chain, FullyConnected
from lbdnn.activations import get
from lbdnn.networks import Affine, Pointwise, Residual
from lbdnn.structured.lipschitz import lipschitz_constant
from lbdnn.structured.lipschitz.barrier import Point, Program


def stretched(net, theta, scale, middle=0.0, points=500):
    x = middle + scale * np.random.default_rng(0).uniform(-1, 1, size=(points, net.inputs))
    with jax.enable_x64(True):
        jacobians = jax.jit(jax.vmap(jax.jacobian(lambda x: net(theta, x))))(x)
    return float(np.linalg.norm(jacobians, 2, (-2, -1)).max())


def drawn(net, seed):
    return net.with_weights([
        np.random.default_rng((seed, j)).normal(size=a.shape) for j, a in enumerate(net.affine)
    ])  # fmt: skip


NET = FullyConnected((3, 5, 2), "tanh")


def test_the_program_lies_between_attack_and_product(monkeypatch):
    theta = drawn(NET, 1)
    product = lipschitz_constant(NET, theta).upper
    found = lipschitz_constant(NET, theta, method="semidefinite").upper
    weights = [np.linalg.norm(w[:, :-1], 2) for w in NET.weights(theta)]
    assert product == pytest.approx(math.prod(weights), rel=1e-9)
    assert stretched(NET, theta, 1.0) <= found <= 0.95 * product

    # Between maximum norms, the largest sums of rows.
    rows = [np.abs(w[:, :-1]).sum(1).max() for w in NET.weights(theta)]
    assert lipschitz_constant(NET, theta, norm="maximum").upper == pytest.approx(math.prod(rows))

    # A smaller answer of the solver is not believed.
    solved = Program.solved
    for factor in (0.9, 1 - 1e-3):
        monkeypatch.setattr(
            Program,
            "solved",
            lambda *a, f=factor: [p._replace(square=f * p.square) for p in solved(*a)[-1:]],
        )
        assert lipschitz_constant(NET, theta, method="semidefinite").upper == product
    # Nor are multipliers that prove nothing.
    monkeypatch.setattr(Program, "solved", lambda *a: [Point(np.zeros(5), 9.0)])
    assert lipschitz_constant(NET, theta, method="semidefinite").upper == product


@pytest.mark.slow
def test_in_a_box_slopes_are_smaller():
    theta = drawn(NET, 1)
    for method in ("product", "semidefinite"):
        everywhere = lipschitz_constant(NET, theta, method=method).upper
        inside = lipschitz_constant(NET, theta, inputs=Box(3.0, 3.3), method=method).upper
        assert stretched(NET, theta, 0.15, 3.15) <= inside < 0.9 * everywhere


@pytest.mark.slow
def test_where_every_neuron_is_on_or_off_the_program_knows_the_matrix():
    net = FullyConnected((3, 5, 2), "relu")
    theta = drawn(net, 5)
    inside = lipschitz_constant(net, theta, inputs=Box(0.5, 0.5), method="semidefinite").upper
    weights = net.weights(theta)
    on = weights[0] @ np.array([0.5, 0.5, 0.5, 1.0]) > 0
    exact = np.linalg.norm(weights[1][:, :-1] * on @ weights[0][:, :-1], 2)
    assert exact <= inside <= exact * (1 + 1e-3)


@pytest.mark.slow
def test_a_gradient_step_as_a_chain():
    """x − τAᵀrelu(Ax): the product gives 1 + τ‖A‖², the program knows max(1, τ‖A‖² − 1)."""
    a = np.random.default_rng(2).normal(size=(4, 3))
    net = Chain((Residual((Affine(3, 4, False), Pointwise(get("relu")), Affine(4, 3, False))),), 3)
    for relative, constant in [(1.5, 1.0), (3.0, 2.0)]:
        step = relative / np.linalg.norm(a, 2) ** 2
        theta = ((a, None, -step * a.T),)
        assert lipschitz_constant(net, theta).upper == pytest.approx(1 + relative, rel=1e-9)
        found = lipschitz_constant(net, theta, method="semidefinite").upper
        assert constant <= found * (1 + 1e-12) and found <= constant * (1 + 1e-3)


def test_the_program_finds_the_least_multipliers():
    """Two dense layers: no multipliers found by another method give less."""
    draw = np.random.default_rng(4)
    below, z = np.eye(10)[2:], np.zeros((8, 10))
    z[:4, :2], z[4:, 2:6] = draw.normal(size=(4, 2)), draw.normal(size=(4, 4))
    output = np.zeros((1, 10))
    output[:, 6:] = draw.normal(size=(1, 4))
    program = Program(below, z - below, output, (4, 4))
    *_, found = program.solved(1e-6)
    assert np.linalg.eigvalsh(program.matrix(found))[0] > 0

    def least(logarithms):
        n = program.matrix(Point(np.exp(logarithms), 0.0))
        if np.linalg.eigvalsh(n[2:, 2:])[0] <= 0:
            return np.inf
        return -np.linalg.eigvalsh(n[:2, :2] - n[:2, 2:] @ np.linalg.solve(n[2:, 2:], n[2:, :2]))[0]

    start = np.log(program.start().multipliers)
    other = minimize(least, start, method="Nelder-Mead", options={"maxfev": 4000}).fun
    assert found.square <= other * (1 + 1e-5)
    assert found.square < 0.9 * least(start)


@pytest.mark.parametrize("scale", [1e150, 1e8, 1e-8, 1e-150, 0.0])
def test_huge_and_tiny_layers(scale):
    for scaled in (0, 1):
        weights = NET.weights(drawn(NET, 2))
        weights = [
            np.concatenate([w[:, :-1], 0 * w[:, -1:]], 1) * (scale if i == scaled else 1.0)
            for i, w in enumerate(weights)
        ]
        theta = NET.with_weights(weights)
        at_zero = np.linalg.norm(weights[1][:, :-1] @ weights[0][:, :-1], 2)  # tanh'(0) = 1
        found = lipschitz_constant(NET, theta, method="semidefinite").upper
        product = lipschitz_constant(NET, theta).upper
        assert at_zero * (1 - 1e-12) <= found <= product <= 10 * at_zero + 1e-300


def test_a_constant_network_does_not_move():
    theta = NET.with_weights([np.zeros(a.shape) for a in NET.affine])
    assert lipschitz_constant(NET, theta).upper < 1e-300


def test_another_method_is_refused():
    net = FullyConnected((2, 3, 1), "relu")
    with pytest.raises(ValueError, match="method must be one of"):
        lipschitz_constant(net, drawn(net, 0), method="guess")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="bounds Euclidean norms; pass method='product'"):
        lipschitz_constant(NET, drawn(NET, 1), method="semidefinite", norm="maximum")
    with pytest.raises(ValueError, match="NaN"):
        lipschitz_constant(net, net.with_weights([np.full(a.shape, np.nan) for a in net.affine]))

"""The kinds of attractors, on maps whose attractor is known."""

import jax
import numpy as np
import pytest

from lbdnn import FullyConnected
from lbdnn.spectra import (
    Observation,
    attractor,
    basins,
    fixed_points,
    lyapunov_exponents,
    periodic_orbits,
    trajectory,
)

STARTS = np.random.default_rng(0).uniform(-6, 6, (30, 2))
TURN = np.array([[np.cos(1.0), -np.sin(1.0)], [np.sin(1.0), np.cos(1.0)]])


def layer(weight, activation):
    """x ↦ ς(Wx)."""
    net = FullyConnected((2, 2), output=activation, bias=False)
    return net, (np.array(weight, float), None)


@pytest.mark.parametrize(
    ("weight", "activation", "kind", "points"),
    [
        ([[0.5, 10.0], [0, 0.5]], "tanh", "single point", 1),
        ([[1.5, 0], [0, 1.5]], "tanh", "several points", 4),
        ([[1.5, 0], [0, -1.5]], "tanh", "limit cycle", 4),
        (1.3 * TURN, "tanh", "limit cycle", 0),
        (0.9985 * TURN, "tanh", "undecided", None),  # a spiral that shrinks slowly
        (1.0002 * TURN, "relu", "single point", 1),  # turned into the quadrant where it is 0
        ([[0.5, 0.5], [0.3, 0.7]], "relu", "line", None),  # row-stochastic: x̄ ∝ (1, 1) is fixed
        ([[1.5, 0], [0, 1.5]], "relu", "unbounded", None),
        ([[3.0, 0], [0, 0.5]], "sin", "chaos", None),  # the sine map beyond its cascade
        ([[1.0, 0], [0, 0.5]], "tanh", "undecided", None),  # x − x³/3: slower than any power
    ],
)
def test_known_attractors(weight, activation, kind, points):
    found = attractor(*layer(weight, activation), STARTS)
    assert found.kind == kind, found.counts
    assert sum(found.counts.values()) == len(STARTS)
    if points is not None:
        assert len(found.points) == points


def test_one_fixed_point_of_an_affine_map():
    net = FullyConnected((2, 2))
    theta = (np.array([[0.2, 0.5, 1.0], [-0.5, 0.2, 2.0]]),)
    true = np.linalg.solve(np.eye(2) - theta[0][:, :2], theta[0][:, 2])
    (found,) = fixed_points(net, theta, STARTS)
    np.testing.assert_allclose(found.points[0], true, atol=1e-12)
    np.testing.assert_allclose(np.abs(found.multipliers), np.hypot(0.2, 0.5), atol=1e-12)
    assert found.stability == "stable"
    np.testing.assert_allclose(attractor(net, theta, STARTS).points[0], true, atol=1e-6)


def test_fixed_points_and_cycles_of_a_pitchfork_and_a_flip():
    net, theta = layer([[1.5, 0], [0, -1.5]], "tanh")
    fixed, cycles = (periodic_orbits(net, theta, p, STARTS) for p in (1, 2))
    assert {orbit.stability for orbit in fixed} == {"unstable"}
    stable = [orbit for orbit in cycles if orbit.stability == "stable"]
    assert len(stable) == 2
    for orbit in fixed + cycles:
        again = trajectory(net, theta, orbit.points[0], len(orbit.points))[-1]
        np.testing.assert_allclose(again, orbit.points[0], atol=1e-6)


def test_exponents_of_a_linear_map_and_of_the_sine_map():
    net = FullyConnected((2, 2), bias=False)
    exponents = lyapunov_exponents(net, (np.diag([0.5, 0.25]),), np.ones(2), 50, settle=0)
    np.testing.assert_allclose(exponents, np.log([0.5, 0.25]), rtol=1e-5)
    net, theta = layer([[np.pi, 0], [0, 0.5]], "sin")  # x ↦ π·sin has a positive exponent
    with jax.enable_x64(True):
        found = np.asarray(lyapunov_exponents(net, theta, STARTS, 2000))
    assert np.all(found[:, 0] > 0.1)
    np.testing.assert_allclose(found[:, 1], np.log(0.5), atol=0.02)


def test_refusals():
    net = FullyConnected((2, 3))
    theta = net.init(jax.random.key(0))
    for refused in (
        lambda: trajectory(net, theta, np.ones(2), 3),
        lambda: attractor(net, theta, STARTS),
        lambda: fixed_points(net, theta, STARTS),
    ):
        with pytest.raises(ValueError, match="as many outputs as inputs"):
            refused()
    square, own = layer(np.eye(2), "tanh")
    with pytest.raises(ValueError, match="a period is at least 1"):
        periodic_orbits(square, own, 0, STARTS)
    with pytest.raises(ValueError, match="at least one step"):
        lyapunov_exponents(square, own, np.ones(2), 0)
    with pytest.raises(ValueError, match="settle >= 1"):
        Observation(settle=0)


def test_basins_of_a_flip_and_of_what_escapes():
    net, theta = layer([[1.5, 0], [0, -1.5]], "tanh")  # two cycles, told apart by the sign of x₁
    found = basins(net, theta, STARTS)
    assert [len(cycle) for cycle in found.attractors] == [2, 2]
    signs = [np.sign(cycle[0, 0]) for cycle in found.attractors]
    np.testing.assert_array_equal(np.take(signs, found.label), np.sign(STARTS[:, 0]))
    assert np.sum(found.label == 0) >= np.sum(found.label == 1)
    net, theta = layer([[1.5, 0], [0, 1.5]], "relu")
    found = basins(net, theta, STARTS)
    np.testing.assert_array_equal(found.label == -2, STARTS.max(1) > 0)


def test_what_sits_on_an_unstable_point_is_no_attractor():
    tent = FullyConnected((1, 2, 1), "relu")  # x ↦ 1 − 2|x|: dyadic rounding ends every orbit at −1
    weights = (np.array([[1.0, 0], [-1.0, 0]]), np.array([[-2.0, -2.0, 1.0]]))
    own = tent.with_weights(list(weights))
    starts = np.random.default_rng(0).uniform(-1, 1, (20, 1))
    found = attractor(tent, own, starts)
    assert (found.kind, found.counts["repelled"]) == ("undecided", 20)
    assert np.all(basins(tent, own, starts).label == -1)
    net, theta = layer(2 * np.eye(2), "tanh")
    found = attractor(net, theta, np.concatenate([STARTS, np.zeros((1, 2))]))
    assert (found.kind, found.counts["repelled"], len(found.points)) == ("several points", 1, 4)


def test_exponents_slow_divergence_and_isolated_points_near_a_shear():
    net = FullyConnected((3, 3), bias=False)
    found = attractor(net, (0.5 * np.eye(3),), np.ones((1, 3)))
    assert found.largest_exponent == pytest.approx(np.log(0.5), abs=1e-12)
    slow = FullyConnected((1, 1), bias=False)
    assert attractor(slow, (np.array([[1.0055]]),), [[0.01], [0.02]]).kind == "undecided"
    wide = FullyConnected((6, 6), output="tanh", bias=False)
    weight = np.diag([1.5, 1.5, 1.5, 1.5, 0.5, 0.5])
    weight[4, 5] = 2000.0  # Φ' − I has a singular value near 0, and no eigenvalue
    starts = np.random.default_rng(0).uniform(-1, 1, (100, 6))
    assert attractor(wide, (weight, None), starts).kind == "several points"
    with pytest.raises(ValueError, match="at least one start"):
        attractor(net, (0.5 * np.eye(3),), np.zeros((0, 3)))
    with pytest.raises(ValueError, match="finite numbers"):
        basins(net, (0.5 * np.eye(3),), np.full((1, 3), np.nan))

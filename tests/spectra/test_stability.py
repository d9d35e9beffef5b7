"""Proofs of global stability: never of what is not stable, and the numbers that come with them."""

from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra.numpy import arrays

from lbdnn import Chain
from lbdnn.activations import get
from lbdnn.networks import Affine, Pointwise, Residual
from lbdnn.spectra import stability, trajectory

TURN = np.array([[np.cos(0.8), -np.sin(0.8)], [np.sin(0.8), np.cos(0.8)]])


def layers(activation, *weights, biases=None):
    """x ↦ ς(A_L ς(⋯ς(A_0 x + b_0)⋯) + b_L)."""
    operations, theta = [], []
    for i, weight in enumerate(weights):
        weight = np.array(weight, float)
        own = weight if biases is None else np.column_stack([weight, biases[i]])
        operations += [Affine(weight.shape[1], len(weight), biases is not None)]
        operations += [Pointwise(get(activation))]
        theta += [own, None]
    return Chain(tuple(operations), np.shape(weights[0])[1]), tuple(theta)


def silu_with_cycle():
    """x ↦ −0.95 SiLU(x) + 4.49."""
    net = Chain((Pointwise(get("silu")), Affine(1, 1)), 1)
    return net, (None, np.array([[-0.95, 4.49]]))


@pytest.mark.parametrize(
    ("net", "theta"),
    [
        # Spectral radii .5 and .5, that of the product is 100.
        layers("tanh", [[0.5, 10], [0, 0.5]], [[0.5, 0], [10, 0.5]]),
        layers("tanh", [[2, -0.5], [8, -2]]),  # nilpotent, with a stable point away from 0
        silu_with_cycle(),
        pytest.param(*layers("relu", np.eye(2)), marks=pytest.mark.slow),  # every x ≥ 0 is fixed
        layers("tanh", [[2.0]], biases=[[0.1]]),  # three fixed points
        layers("tanh", [[-2.0]], biases=[[0.1]]),  # a cycle
        pytest.param(
            *layers("softplus", [[1.0]], biases=[[0.0]]), marks=pytest.mark.slow
        ),  # softplus(x) > x: no fixed point
    ],
)
def test_what_is_not_stable_is_not_proved(net, theta):
    verdict = stability(net, theta)
    assert verdict.stable is None
    assert verdict.proofs == () and verdict.equilibrium is None
    assert verdict.conditions


def test_the_cycle_of_silu_is_one():
    net, theta = silu_with_cycle()
    with jax.enable_x64(True):
        orbit = np.ravel(trajectory(net, theta, np.array([3.9969]), 1001))
    np.testing.assert_allclose(sorted(orbit[-2:]), [0.7615, 3.9969], atol=1e-4)


def proved(case):
    verdict = stability(*case)
    assert verdict.stable is True
    return {(c.form, c.source, c.norm) for c in verdict.proofs}, verdict


def test_comparison_matrix_where_no_common_norm_is_below_one():
    found, verdict = proved(layers("tanh", [[0.5, 10], [0, 0.5]]))
    assert found == {(form, "secants", "weighted maximum") for form in ("origin", "incremental")}
    for condition in verdict.proofs:
        assert 0.5 < condition.factor < 0.501  # ρ of a triangular matrix
        v = condition.weights
        assert (np.array([[0.5, 10], [0, 0.5]]) @ v <= condition.factor * v).all()
    assert all(np.array_equal(end, [0, 0]) for end in verdict.equilibrium)


def test_euclidean_norm_where_the_comparison_matrix_fails():
    found, verdict = proved(layers("tanh", 0.9 * TURN))
    assert {norm for _, _, norm in found} == {"2"}
    assert verdict.proofs[0].factor == pytest.approx(0.9, rel=1e-9)
    assert verdict.proofs[0].factor >= 0.9


def test_ratios_prove_more_than_slopes_from_the_origin():
    found, _ = proved(layers("silu", [[0.95]]))
    assert {form for form, _, _ in found} == {"origin"}
    assert all(c.form == "incremental" for c in stability(*silu_with_cycle()).conditions)


@pytest.mark.slow
def test_signs_of_the_weights_cancel_in_the_secants():
    # (1, −1)·diag(d)·(1, 1)ᵀ·1.2 lies in ±1.2; the product of absolute values is 2.4.
    found, verdict = proved(layers("relu", [[0.8], [0.8]], [[1.0, -1.0]], biases=[[0, 0.1], [0.2]]))
    assert {source for _, source, _ in found} == {"secants"}
    assert verdict.proofs[0].factor == pytest.approx(0.8, rel=1e-4)


def test_bounded_networks_are_looked_at_where_they_end():
    case = layers("tanh", [[2.0]], biases=[[3.0]])
    _, verdict = proved(case)
    assert all(c.factor > 1 for c in verdict.conditions if c.box is None)
    for condition in verdict.proofs:
        lo, hi = condition.box
        assert lo >= np.tanh(1.0) - 1e-12 and hi <= 1  # after one step, or more
        assert condition.steps >= 1


def test_residual_blocks():
    net = Chain((Residual((Affine(2, 2, False),)),), 2)
    assert stability(net, ((np.diag([-0.5, -1.5]),),)).proofs[0].factor == pytest.approx(0.5)
    assert stability(net, ((np.diag([-0.5, 0.0]),),)).stable is None


def test_gated_activations_with_biases():
    # Slopes go up to 1.0998, |SiLU(z)| ≤ |z|: orbits end where the slopes are smaller.
    net = Chain((Pointwise(get("silu")), Affine(1, 1)), 1)
    verdict = stability(net, (None, np.array([[0.95, 0.1]])))
    assert verdict.stable is True
    assert all(c.box is not None and c.steps is None for c in verdict.proofs)
    lo, hi = verdict.equilibrium
    x = (lo + hi) / 2
    np.testing.assert_allclose(0.95 * x / (1 + np.exp(-x)) + 0.1, x, rtol=1e-12)
    assert (hi - lo).max() < 1e-12


@pytest.mark.slow
def test_orbits_that_leave_the_domain_are_not_absorbed():
    logarithm = get("soft_exponential", -1.0)
    assert logarithm.domain[0] > -np.inf
    # Where tanh ends, 0.1x + 2 is in the domain; far to the left it is not.
    layers = Affine(1, 1), Pointwise(logarithm), Affine(1, 1), Pointwise(get("tanh"))
    theta = (np.array([[0.1, 2.0]]), None, np.array([[0.1, 0.0]]), None)
    assert stability(Chain(layers, 1), theta).stable is None


def test_equilibrium_is_enclosed():
    net = Chain((Affine(2, 2),), 2)
    matrix = np.array([[0.5, 0.25], [-0.25, 0.5]])  # exact, as is the solution
    verdict = stability(net, (np.column_stack([matrix, [5 / 16, 5 / 16]]),))
    lo, hi = verdict.equilibrium
    assert (lo <= [0.75, 0.25]).all() and (hi >= [0.75, 0.25]).all()
    assert (hi - lo).max() < 1e-12


def test_bound_along_an_orbit():
    net, theta = layers("tanh", [[0.3, -0.5], [0.6, 0.2]], biases=[[0.3, -0.2]])
    verdict = stability(net, theta)
    condition = next(c for c in verdict.proofs if c.norm == "weighted maximum")
    with jax.enable_x64(True):
        orbit = np.asarray(trajectory(net, theta, np.array([5.0, -4.0]), 60))
    v, q, limit = condition.weights, condition.factor, np.mean(verdict.equilibrium, 0)
    first = np.max(np.abs(orbit[1] - orbit[0]) / v)
    distances = np.max(np.abs(orbit - limit) / v, -1)
    assert (distances <= q ** np.arange(61) / (1 - q) * first + 1e-12).all()


STRUCTURES = [
    (1, 1, 1, "silu", False),
    (2, 2, 1, "tanh", True),
    pytest.param((2, 3, 2, "gelu", True), marks=pytest.mark.slow),
    pytest.param((3, 3, 1, "relu", True), marks=pytest.mark.slow),
    pytest.param((2, 2, 3, "logistic", True), marks=pytest.mark.slow),
]


@settings(max_examples=15, deadline=None)
@given(data=st.data(), scale=st.sampled_from([0.4, 0.8, 1.5, 4.0]))
@pytest.mark.parametrize("structure", STRUCTURES, ids=str)
def test_orbits_of_what_is_proved_meet(structure, data, scale):
    n, width, depth, activation, biased = structure
    sizes = [n, *[width] * (depth - 1), n]
    entry = st.floats(-1, 1, width=32)
    weights = [scale * data.draw(arrays(float, (m, k), elements=entry)) for k, m in pairwise(sizes)]
    biases = [data.draw(arrays(float, m, elements=entry)) for m in sizes[1:]] if biased else None
    net, theta = layers(activation, *weights, biases=biases)
    verdict = stability(net, theta)
    if not verdict.stable:
        return
    starts = (
        np.random.default_rng(0).normal(size=(20, n)) * 10.0 ** np.arange(-10, 10)[:, None] / 1e5
    )
    with jax.enable_x64(True):
        ends = np.asarray(trajectory(net, theta, jnp.asarray(starts), 4000))[-1]
    lo, hi = verdict.equilibrium
    if min(c.factor for c in verdict.proofs) < 0.99:
        assert (ends >= lo - 1e-9).all() and (ends <= hi + 1e-9).all()
    assert np.ptp(ends, 0).max() < 1e-3 or verdict.proofs[0].factor > 0.99


def test_refusals():
    net = Chain((Affine(2, 1),), 2)
    with pytest.raises(ValueError, match="as many outputs as inputs"):
        stability(net, (np.ones((1, 3)),))
    with pytest.raises(ValueError, match="NaN"):
        stability(Chain((Affine(1, 1),), 1), (np.array([[np.nan, 0.0]]),))

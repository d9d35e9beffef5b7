"""Quadratic norms from linear matrix inequalities, where no simpler norm proves stability."""

import jax
import numpy as np
import pytest

from lbdnn import Chain
from lbdnn.activations import get
from lbdnn.networks import Affine, Pointwise, Residual
from lbdnn.spectra import stability, trajectory

pytest.importorskip("clarabel", reason="needs the lmi extra")

TURN = np.array([[np.cos(0.8), -np.sin(0.8)], [np.sin(0.8), np.cos(0.8)]])
SKEWED = 0.9 * TURN * np.array([[1, 30], [1 / 30, 1]])


def test_a_diagonal_multiplier_is_found():
    net = Chain((Affine(2, 2, False), Pointwise(get("tanh"))), 2)
    theta = (SKEWED, None)
    assert stability(net, theta).stable is None
    verdict = stability(net, theta, inequality=True)
    assert verdict.stable is True
    for condition in verdict.proofs:
        assert (condition.source, condition.norm) == ("inequality", "quadratic")
        assert 0.9 <= condition.factor < 0.92  # ρ of the matrix, which is Φ'(0)


@pytest.mark.slow
def test_two_layers_with_biases():
    net = Chain((Affine(2, 2), Pointwise(get("relu"))) * 2, 2)
    theta = (
        np.column_stack([SKEWED, [0.1, 0.2]]), None,
        np.column_stack([SKEWED.T[::-1, ::-1], [0.0, 1.0]]), None,
    )  # fmt: skip
    verdict = stability(net, theta, inequality=True)
    assert verdict.stable is True
    assert all(c.source == "inequality" for c in verdict.proofs)
    starts = np.random.default_rng(0).normal(size=(50, 2)) * 100
    with jax.enable_x64(True):
        orbits = np.asarray(trajectory(net, theta, starts, 200))
    lo, hi = verdict.equilibrium
    assert (hi - lo).max() < 1e-9
    np.testing.assert_allclose(orbits[-1], np.broadcast_to((lo + hi) / 2, (50, 2)), atol=1e-9)
    root, q = verdict.proofs[0].root, verdict.proofs[0].factor
    gaps = np.linalg.norm((orbits - orbits[:, :1]) @ root.T, axis=-1)
    assert (gaps[1:] <= q * gaps[:-1] * (1 + 1e-9) + 1e-9).all()


@pytest.mark.slow
def test_a_slope_on_both_sides_of_a_shortcut():
    # x − 1.5 d x with d in [0.01, 1]: between −0.5 x and 0.985 x.
    net = Chain((Residual((Affine(1, 1), Pointwise(get("leaky_relu")), Affine(1, 1, False))),), 1)
    theta = ((np.array([[1.0, 0.3]]), None, np.array([[-1.5]])),)
    verdict = stability(net, theta, inequality=True)
    assert verdict.stable is True


@pytest.mark.parametrize("weight", [[[2, -0.5], [8, -2]], [[1.0, 0], [0, 0.5]]])
def test_what_is_not_stable_is_not_proved(weight):
    net = Chain((Affine(2, 2, False), Pointwise(get("tanh"))), 2)
    # The second is stable, but not at a geometric rate: no quadratic norm contracts.
    assert stability(net, (np.array(weight, float), None), inequality=True).stable is None

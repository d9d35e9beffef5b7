"""|ς''| ≤ a + b ς' − c ς'² and ς² ≤ a − b ς', for all z."""

import jax
import numpy as np
import pytest

from lbdnn import activations
from lbdnn.bounds.majorants import majorants, square_majorant


@pytest.mark.parametrize("name", ["tanh", "softplus", "silu", "sin", "softsign", "elu"])
def test_curvature_lies_below_every_parabola_in_the_slope(name):
    activation = activations.get(name)
    z = np.concatenate([np.linspace(-30, 30, 20_011), 10.0 ** np.linspace(-8, 5, 500)])
    with jax.enable_x64(True):
        slope, bend = (np.asarray(activation.derivative(order, z)) for order in (1, 2))
    for a, b, c in majorants(activation):
        assert np.all(np.abs(bend) <= a + b * slope - c * slope**2 + 1e-15)


def test_a_steep_tanh_neuron_is_hardly_bent():
    # 2ς'√(1 − ς') vanishes at both ends of [0, 1]: a parabola that nearly does exists.
    rows = majorants(activations.get("tanh"))
    at_one = rows @ [1.0, 1.0, -1.0]
    assert np.min(at_one) < 0.5 < 4 / (3 * np.sqrt(3))
    assert np.min(rows[:, 0]) < 1e-2


def test_without_second_derivative_there_is_none():
    assert np.all(np.isinf(majorants(activations.get("relu"))[:, 0]))


@pytest.mark.parametrize("name", activations.names())
def test_a_steep_neuron_is_not_large(name):
    known = square_majorant(activations.get(name))
    if known is None:
        assert name not in ("tanh", "logistic")
        return
    z = np.linspace(-30, 30, 20_011)
    with jax.enable_x64(True):
        value, slope = (np.asarray(activations.get(name).derivative(order, z)) for order in (0, 1))
    left = known[0] - known[1] * slope - value**2
    assert np.all(left >= -1e-14) and np.min(left) < 1e-12

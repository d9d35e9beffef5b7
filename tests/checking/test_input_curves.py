"""The checker's own bounds of derivatives in the input, where they are exact."""

import math

import flint
import numpy as np
import pytest

from lbdnn import Ball, Box, Chain, FullyConnected, LayerBalls
from lbdnn.checking.enclosure import enclose
from lbdnn.checking.input_curves import InputCurves
from lbdnn.checking.layer_norms import LayerNorms
from lbdnn.checking.regions import inputs_of, parameters_of
from lbdnn.checking.spans import NotShown


def bounds(net: Chain, weights: list[float], inputs: Box, parameters) -> dict[str, float]:
    with flint.ctx.workprec(128):
        region = parameters_of(parameters, net, net.unravel(np.array(weights)))
        own = InputCurves(LayerNorms(enclose(net, inputs_of(inputs, net), region), region))
        names = ("input_jacobian_max", "input_hessian", "mixed_hessian")
        return {name: float(getattr(own, name)) for name in names}


@pytest.mark.parametrize("radii", [[0.0, 0.0, 0.0], [0.5, 0.25, 2.0]])
def test_of_a_product_of_three_weights(radii: list[float]) -> None:
    net = FullyConnected((1, 1, 1, 1), "identity", bias=False)
    weights = [2.0, -1.0, 0.5]
    a, b, c = (abs(w) + r for w, r in zip(weights, radii, strict=True))
    found = bounds(net, weights, Box(-3, 3), LayerBalls(radii))
    mixed = math.hypot(a * b, b * c, a * c)
    truth = {"input_jacobian_max": a * b * c, "input_hessian": 0.0, "mixed_hessian": mixed}
    assert found == pytest.approx(truth, rel=1e-12, abs=1e-300)


def test_of_one_neuron_at_a_point() -> None:
    # Φ = vς(wσ), all of v, w, σ, ς', ς'' positive: every inequality is equality.
    net = FullyConnected((1, 1, 1), "softplus", bias=False)
    w, v, sigma = 2.0, 3.0, 0.5
    slope = 1 / (1 + math.exp(-w * sigma))
    bend = slope * (1 - slope)
    found = bounds(net, [w, v], Box(sigma, sigma), Ball(0.0))
    truth = {
        "input_jacobian_max": v * slope * w,
        "input_hessian": v * bend * w**2,
        "mixed_hessian": math.hypot(v * (slope + w * sigma * bend), w * slope),
    }
    assert found == pytest.approx(truth, rel=1e-12)


def test_the_largest_sum_of_a_row() -> None:
    net = FullyConnected((2, 2), bias=False)
    found = bounds(net, [1.0, -2.0, 0.5, 0.25], Box(-1, 1), Ball(0.0))
    assert found["input_jacobian_max"] == pytest.approx(3.0, rel=1e-12)
    assert found["mixed_hessian"] == pytest.approx(1.0, rel=1e-12)


def test_a_slope_that_jumps_has_no_second_derivative() -> None:
    net = FullyConnected((1, 1, 1), "relu", bias=False)
    with pytest.raises(NotShown, match="jump"):
        bounds(net, [1.0, 1.0], Box(-1, 1), Ball(0.0))

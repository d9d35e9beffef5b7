"""The checker's own bounds, against values at points of the sets."""

import flint
import jax
import numpy as np
import pytest
from flint import arb

from lbdnn import Ball, Box, FullyConnected, LayerBalls, derivatives
from lbdnn.checking.enclosure import enclose
from lbdnn.checking.layer_norms import LayerNorms
from lbdnn.checking.regions import inputs_of, parameters_of
from lbdnn.checking.shared_radius import Factor, Term, capped
from lbdnn.checking.spans import NotShown
from lbdnn.sets import batch


@pytest.fixture(autouse=True)
def bits():
    with flint.ctx.workprec(128):
        yield


def samples(net, theta, inputs, parameters, count: int):
    """Random points of the sets, on their boundary mostly."""
    rng = np.random.default_rng(0)
    with jax.enable_x64(True):
        box, region = inputs.input_region(net), parameters.parameter_region(net, theta)
        for _ in range(count):
            far = [c + 9 * rng.standard_normal(c.shape) for c in region.center]
            weights = [np.asarray(w) for w in region.project(far)]
            sigma = np.asarray(box.project(9 * rng.standard_normal(net.inputs)))
            yield net.with_weights(weights), sigma


CASES = {
    "ball": (FullyConnected((2, 3, 3, 2), "tanh"), Box(-1, 1), Ball(0.5)),
    "layers": (FullyConnected((2, 3, 1), "gelu", output="sin"), Ball(1.0), LayerBalls([0.3, 1])),
    "box": (FullyConnected((2, 2, 1), "silu", bias=False), Box(0, [1, 2]), Box(-1.5, 0.5)),
    "point": (FullyConnected((3, 4, 2), "logistic"), Box(-2, 1), Ball(0.0)),
    "affine": (FullyConnected((3, 2)), Box(-2, 1), Ball(1.0)),
}


@pytest.mark.parametrize("name", CASES)
def test_no_point_of_the_sets_exceeds_a_bound(name: str) -> None:
    net, inputs, parameters = CASES[name]
    theta = net.unravel(np.random.default_rng(1).uniform(-1, 0.5, net.size))
    known = enclose(net, inputs_of(inputs, net), parameters_of(parameters, net, theta))
    own = LayerNorms(known, parameters_of(parameters, net, theta))
    points = list(samples(net, theta, inputs, parameters, 40))
    with jax.enable_x64(True):
        thetas, sigmas = batch([p for p, _ in points]), np.stack([s for _, s in points])
        value = np.linalg.norm(jax.vmap(net)(thetas, sigmas), axis=1)
        jacobian = jax.vmap(lambda t, s: derivatives.jacobian_norm(net, t, s))(thetas, sigmas)
        slope = jax.vmap(lambda t, s: derivatives.input_jacobian_norm(net, t, s))(thetas, sigmas)
        value, jacobian, slope = map(np.asarray, (value, jacobian, slope))
        hessian = max(derivatives.hessian_norm(net, t, s) for t, s in points[:5])
    assert np.max(value) <= float(known.value) < 20 * np.max(value)
    assert np.max(jacobian) <= float(own.jacobian) < 20 * np.max(jacobian)
    assert np.max(slope) <= float(own.input_jacobian) < 20 * np.max(slope)
    assert not own.hessian_at_most(arb(hessian * (1 - 1e-9))) or hessian == 0
    assert own.hessian_at_most(arb(100 * hessian + 1e-9))


def test_a_slope_that_jumps_in_the_set_has_no_curvature() -> None:
    net = FullyConnected((1, 1, 1), "relu", bias=False)
    theta = net.unravel(np.ones(2))
    for box, exists in ((Box(-1, 1), False), (Box(1, 2), True)):
        known = enclose(net, inputs_of(box, net), parameters_of(Ball(0.0), net, theta))
        own = LayerNorms(known, parameters_of(Ball(0.0), net, theta))
        assert own.jacobian <= 5
        if exists:  # Φ = w₂w₁σ, with second derivative σ
            assert own.hessian_at_most(arb(2 + 1e-12)) and not own.hessian_at_most(arb(1.99))
        else:
            with pytest.raises(NotShown, match="jump"):
                own.hessian_at_most(arb(1e9))


@pytest.mark.parametrize("seed", range(5))
def test_caps_of_products_over_a_shared_radius(seed: int) -> None:
    rng = np.random.default_rng(seed)
    norms, powers = rng.uniform(0, 2, 4), rng.integers(1, 3, 4)
    limits, radius = np.full(4, 0.8), 1.0
    factors = [
        Factor(arb(n), arb(limit), int(p))
        for n, limit, p in zip(norms, limits, powers, strict=True)
    ]
    (cap,) = capped([Term(arb(3), factors)], arb(radius))
    shifts = np.abs(rng.standard_normal((20_000, 4)))
    shifts *= radius / np.linalg.norm(shifts, axis=1, keepdims=True)
    shifts = np.minimum(shifts, limits)
    best = np.max(3 * np.prod((norms + shifts) ** powers, axis=1))
    # The logarithm is concave: there is no duality gap.
    assert best <= float(cap) <= 1.02 * best


def test_caps_of_factors_that_vanish() -> None:
    zero, one = Factor(arb(0), arb(0), 1), Factor(arb(1), arb(0), 2)
    assert capped([Term(arb(3), [zero, one])], arb(1))[0] == 0
    assert 3 <= capped([Term(arb(3), [one])], arb(1))[0] < 3 + 1e-9
    assert capped([Term(arb(3), [Factor(arb(0), arb(2), 1)])], arb(2))[0] < 6 + 1e-9

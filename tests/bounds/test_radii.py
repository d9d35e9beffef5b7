"""Bounds as functions of the radius, and the radius for a wanted bound."""

import math
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import pytest

from lbdnn import (
    Ball,
    BoundsByRadius,
    Box,
    FullyConnected,
    bounds_by_radius,
    certify,
    derivatives,
    largest_radius,
)
from lbdnn.networks import Chain

QUANTITIES = ("value", "jacobian", "hessian", "input_jacobian")
NET = FullyConnected((1, 2, 1), "tanh")
THETA = NET.unravel(np.linspace(-1, 1, NET.size))
WEIGHT = FullyConnected((1, 1), bias=False)  # Φ = wσ, here with w = 2
TWO = WEIGHT.unravel(np.array([2.0]))
BOX = Box(-1, 1)
RADII = np.linspace(0, 1, 16)


def curve(radii: Any = RADII, net: Chain = NET, theta: Any = THETA, **options: Any):
    return bounds_by_radius(net, theta, radii, **{"inputs": BOX} | options)


def largest(quantity: str, wanted: float, net: Chain = NET, theta: Any = THETA, **options: Any):
    return largest_radius(net, theta, quantity, wanted, **{"inputs": BOX} | options)


# ----------------------------------------------------------------------------- the curves


def test_curves_do_not_decrease_and_are_not_above_certificates() -> None:
    found = curve(method="polynomial")
    options: dict[str, Any] = {"method": "polynomial", "attack": None}
    for r, place in ((0.0, 0), (RADII[7], 7), (1.0, 15)):
        cert = certify(NET, THETA, inputs=BOX, parameters=Ball(float(r)), **options)
        for quantity in QUANTITIES:
            assert found[quantity].shape == RADII.shape
            assert np.all(np.diff(found[quantity]) >= 0)
            assert found[quantity][place] <= cert[quantity].upper * (1 + 1e-12)
    assert np.all(found["hessian"][1:] > found["hessian"][0])


class Wavering:
    """A method whose bound at one radius is larger than at the next."""

    def bounds(self, net, inputs, parameters, quantities=()):
        return {q: np.where(parameters.radius == 0.5, 9.0, parameters.radius) for q in QUANTITIES}


def test_a_bound_on_a_ball_serves_the_balls_in_it() -> None:
    found = curve([0.0, 0.5, 1.0], method=Wavering())
    assert found["value"].tolist() == [0, 1, 1]


def test_only_the_quantities_asked_for() -> None:
    assert list(curve(quantities="hessian").upper) == ["hessian"]
    assert list(curve(quantities=("value", "jacobian")).upper) == ["value", "jacobian"]


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_the_remainder_bounds_remainders(activation: str) -> None:
    net = FullyConnected((1, 2, 1), activation)
    found = curve(net=net, method="layerwise" if activation == "tanh" else "polynomial")
    assert np.isfinite(found["hessian"][0]) == (activation == "tanh")
    rng = np.random.default_rng(0)
    with jax.enable_x64(True):
        exact = jax.jit(jax.vmap(lambda s, d: derivatives.taylor_remainder(net, THETA, s, d)[0]))
        for length in (0.0, 1e-3, 0.37, 1.0):
            steps = rng.standard_normal((300, net.size))
            steps *= length / np.linalg.norm(steps, axis=1, keepdims=True)
            sizes = np.abs(exact(rng.uniform(-1, 1, (300, 1)), steps))
            assert np.max(sizes) <= found.remainder(length) + 1e-15


def test_the_remainder_is_not_above_that_of_a_certificate() -> None:
    found = curve()
    bounds = found.remainder(RADII)
    assert bounds.shape == RADII.shape and bounds[0] == 0
    assert np.all(np.diff(bounds) > 0)
    simple = np.minimum(found["hessian"] * RADII**2 / 2, 2 * found["jacobian"] * RADII)
    assert np.all(bounds <= simple * (1 + 1e-8))
    assert bounds[-1] < 0.8 * simple[-1]


def test_the_remainder_is_the_integral_of_its_derivative() -> None:
    radii = np.linspace(0, 2, 4001)
    # H(u) = u: ∫₀ʳ (r − u) u du = r³/6; J(s) = 1 + s: ∫₀ʳ (J(s) + 1) ds = 2r + r²/2.
    second = BoundsByRadius(radii, {"hessian": radii}, "")
    first = BoundsByRadius(radii, {"jacobian": 1 + radii}, "")
    assert second.remainder(2.0) == pytest.approx(8 / 6, rel=1e-3)
    assert first.remainder(2.0) == pytest.approx(6, rel=1e-3)
    assert second.remainder(2.0) >= 8 / 6 and first.remainder(2.0) >= 6
    # Between radii those at the next larger one: here H = 1 throughout.
    assert BoundsByRadius(np.array([1.0]), {"hessian": np.ones(1)}, "").remainder(
        0.5
    ) == pytest.approx(1 / 8)


# ----------------------------------------------------------------------------- the inverse


@pytest.mark.parametrize("quantity", ["value", "hessian"])
def test_the_inverse_inverts(quantity: str) -> None:
    wanted = 3 * float(curve()[quantity][0])
    found = largest(quantity, wanted)
    assert found.upper <= wanted and found.quantity == quantity
    assert found.radius < found.beyond <= found.radius * (1 + 1e-3)
    at = curve(np.linspace(found.radius, found.beyond, 16))[quantity]
    # Two calls differ by roundings only.
    assert at[0] <= wanted * (1 + 1e-12)
    assert at[-1] > wanted * (1 - 1e-12)


@pytest.mark.parametrize("accuracy", [0.3, 1e-3, 1e-9])
def test_the_radius_of_a_weight(accuracy: float) -> None:
    # |wσ| ≤ 2 + r on the ball of radius r.
    found = largest("value", 5.0, WEIGHT, TWO, accuracy=accuracy)
    assert found.radius <= 3 <= found.beyond * (1 + 1e-8)
    assert found.beyond - found.radius <= accuracy * found.radius


def test_a_quantity_that_is_bounded_over_all_parameters() -> None:
    net = FullyConnected((1, 1), bias=False, output="tanh")
    theta = net.unravel(np.array([2.0]))
    assert largest("value", 1.5, net, theta).beyond == math.inf
    found = largest("value", 1.5, net, theta, limit=7.0)
    assert (found.radius, found.beyond) == (7.0, math.inf)


def test_a_radius_too_small_to_try_is_zero() -> None:
    at_zero = float(curve(RADII, WEIGHT, TWO)["value"][0])
    found = largest("value", at_zero, WEIGHT, TWO, limit=1e18)
    assert found.radius == 0 and found.upper == at_zero and 0 < found.beyond <= 1


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "descending radii": (lambda: curve([1.0, 0.5]), "ascending"),
    "a negative radius": (lambda: curve([-1.0]), "ascending"),
    "NaN": (lambda: curve([0.0, math.nan]), "ascending"),
    "no radii": (lambda: curve([]), "ascending"),
    "one number": (lambda: curve(1.0), "ascending"),
    "infinity": (lambda: curve([0.0, math.inf]), "finite"),
    "inputs": (lambda: curve(inputs=(-1, 1)), "set of inputs"),
    "inputs of another size": (lambda: curve(inputs=Box([0, 0], [1, 1])), "1 input"),
    "a quantity": (lambda: curve(quantities=["hess"]), "'hess'"),
    "a method": (lambda: curve(method="quick"), "'quick'"),
    "weights with NaN": (lambda: curve(theta=NET.unravel(np.full(NET.size, np.nan))), "NaN"),
    "a step beyond the radii": (lambda: curve().remainder(1.1), "up to 1"),
    "a negative step": (lambda: curve().remainder([0.1, -0.1]), "from 0"),
    "no derivative": (lambda: curve(quantities="value").remainder(0.1), "'hessian' or 'jacobian'"),
    "the inverse of a quantity": (lambda: largest("hess", 1.0), "'hess'"),
    "too small a bound": (lambda: largest("value", 1.9, WEIGHT, TWO), "2 at radius 0 already"),
    "no bound at all": (
        lambda: largest("hessian", 9.0, FullyConnected((1, 2, 1), "relu"), method="polynomial"),
        "no fi",
    ),
    "NaN for a bound": (lambda: largest("value", math.nan), "wanted must be"),
    "an infinite limit": (lambda: largest("value", 9.0, limit=math.inf), "limit must be"),
    "too high an accuracy": (lambda: largest("value", 9.0, accuracy=0.0), "accuracy must be"),
    "no parameters": (lambda: largest("value", 9.0, Chain((), 1), ()), "no parameters"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_arguments_are_refused_in_one_sentence(name: str) -> None:
    call, words = REFUSED[name]
    with pytest.raises(ValueError, match=words) as caught:
        call()
    assert "\n" not in str(caught.value)

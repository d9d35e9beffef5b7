"""From a network and two sets to a certificate."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import numpy as np
import pytest

import lbdnn
from lbdnn import (
    Attack,
    Ball,
    Box,
    Certificate,
    FullyConnected,
    LayerBalls,
    Layerwise,
    Polynomial,
    certify,
    derivatives,
    load_certificate,
)
from lbdnn.certificate import fingerprint
from lbdnn.networks import Affine, Chain

QUANTITIES = ("value", "jacobian", "hessian", "input_jacobian")
NET = FullyConnected((1, 2, 1), "tanh")
THETA = NET.unravel(np.linspace(-1, 1, NET.size))
QUICK = Attack(starts=6, steps=30)
WEIGHT = FullyConnected((1, 1), bias=False)  # Φ = wσ


def certificate(net: Any = NET, theta: Any = THETA, **options: Any) -> Certificate:
    return certify(net, theta, **{"inputs": Box(-1, 1), "attack": None} | options)


def norms(net: Chain, theta: tuple, sigma: np.ndarray) -> dict[str, float]:
    """The norms at a point, by the exact derivatives."""
    with jax.enable_x64(True):
        found = {name: float(norm) for name, norm in first_norms(net, theta, sigma).items()}
        return found | {"hessian": derivatives.hessian_norm(net, theta, sigma)}


@partial(jax.jit, static_argnums=0)
def first_norms(net: Chain, theta: tuple, sigma: jax.Array) -> dict[str, jax.Array]:
    return {
        "value": jax.numpy.linalg.norm(net(theta, sigma)),
        "jacobian": derivatives.jacobian_norm(net, theta, sigma),
        "input_jacobian": derivatives.input_jacobian_norm(net, theta, sigma),
    }


# ------------------------------------------------------------------------ what it says


def test_bound_above_attack_above_samples() -> None:
    found = certificate(parameters=Ball(0.2), attack=QUICK)
    assert set(found) == set(QUANTITIES)
    rng = np.random.default_rng(0)
    center = np.asarray(NET.ravel(THETA))
    samples = []
    for _ in range(8):
        shift = rng.standard_normal(NET.size)
        theta = NET.unravel(center + 0.2 * shift / np.linalg.norm(shift))
        samples.append(norms(NET, theta, rng.uniform(-1, 1, 1)))
    for quantity, bound in found.items():
        assert bound.quantity == quantity
        assert bound.norm == ("euclidean" if quantity == "value" else "operator")
        assert max(s[quantity] for s in samples) <= bound.lower <= bound.upper, quantity


def test_the_witness_shows_the_lower_bound(tmp_path) -> None:
    found = certificate(parameters=Ball(0.2), attack=QUICK)
    found.save(tmp_path / "c.json")
    for quantity, bound in load_certificate(tmp_path / "c.json").items():
        witness = bound.witness
        assert witness is not None
        sigma, theta = np.array(witness["sigma"]), np.array(witness["theta"])
        assert np.all(np.abs(sigma) <= 1 + 1e-12)
        assert math.dist(theta, np.asarray(NET.ravel(THETA))) <= 0.2 * (1 + 1e-12)
        # A norm is at least what the directions give, so that it shows the lower bound.
        assert norms(NET, NET.unravel(theta), sigma)[quantity] >= bound.lower * (1 - 1e-9)


def test_the_remainder_bounds_remainders() -> None:
    radius = 0.3
    found = certificate(parameters=Ball(radius))
    rng = np.random.default_rng(0)
    with jax.enable_x64(True):
        remainder = jax.jit(
            jax.vmap(lambda s, d: derivatives.taylor_remainder(NET, THETA, s, d)[0])
        )
        for size in (1e-3, 0.1, radius):
            steps = rng.standard_normal((200, NET.size))
            steps *= size / np.linalg.norm(steps, axis=1, keepdims=True)
            sizes = np.abs(remainder(rng.uniform(-1, 1, (200, 1)), steps))
            assert np.max(sizes) <= found.remainder(size)
    with pytest.raises(ValueError, match="larger set"):
        found.remainder(1.1 * radius)


def test_without_parameters_the_set_is_the_point() -> None:
    alone, ball = certificate(), certificate(parameters=Ball(0.0))
    assert alone.radius == 0
    assert {q: b.upper for q, b in alone.items()} == {q: b.upper for q, b in ball.items()}


def test_it_names_the_network_the_sets_and_the_method() -> None:
    found = certificate(parameters=LayerBalls((0.3, 0.4)), method=Polynomial(budgeted=False))
    assert found.network == fingerprint(NET, THETA)
    assert found.inputs == "Box(lo=-1, hi=1)" and "0.3, 0.4" in found.parameters
    assert found.radius == pytest.approx(0.5)
    assert {b.method for b in found.values()} == {"Polynomial(budgeted=False)"}
    assert all(b.lower == 0 and b.witness is None for b in found.values())
    assert found.versions["lbdnn"] == lbdnn.__version__


@pytest.mark.parametrize("method", ["layerwise", "polynomial"])
def test_a_name_is_the_method_with_its_defaults(method: str) -> None:
    default = {"layerwise": Layerwise(), "polynomial": Polynomial()}[method]
    first, second = certificate(method=method), certificate(method=default)
    assert {q: b.upper for q, b in first.items()} == {q: b.upper for q, b in second.items()}
    assert {b.method for b in first.values()} == {repr(default)}


def test_only_what_was_asked_for() -> None:
    assert list(certificate(quantities=["hessian", "value"])) == ["hessian", "value"]


# ------------------------------------------------------------------------- precision


def test_stored_weights_are_not_rounded() -> None:
    inputs = {"inputs": Box(1, 1), "quantities": ["value"]}
    fine, third = 1 + 2.0**-40, np.float32(1 / 3)
    # Widening is by 1e-9 of the value; the difference between the two is 1e-12.
    one, other = (certificate(WEIGHT, (np.array([[w]]),), **inputs)["value"] for w in (1.0, fine))
    assert other.upper / one.upper == pytest.approx(fine, rel=1e-15)
    single = certificate(WEIGHT, (np.array([[third]]),), **inputs)["value"].upper
    same = certificate(WEIGHT, (np.array([[float(third)]]),), **inputs)["value"].upper
    double = certificate(WEIGHT, (np.array([[1 / 3]]),), **inputs)["value"].upper
    assert single == same != double


def test_it_works_in_either_precision_and_leaves_the_flag_alone() -> None:
    found = []
    for x64 in (False, True):
        with jax.enable_x64(x64):
            assert jax.config.jax_enable_x64 == x64
            found.append(certificate(parameters=Ball(0.1)))
            with pytest.raises(ValueError):
                certificate(parameters=Ball(0.1, center=0))
            assert jax.config.jax_enable_x64 == x64
    first, second = found
    assert {q: b.upper for q, b in first.items()} == {q: b.upper for q, b in second.items()}
    assert first.network == second.network


def test_jax_and_numpy_weights_give_the_same_certificate() -> None:
    theta = NET.init(jax.random.key(1))
    ours = jax.tree.map(np.asarray, theta)
    first, second = (certificate(theta=t, parameters=Ball(0.1)) for t in (theta, ours))
    assert {q: b.upper for q, b in first.items()} == {q: b.upper for q, b in second.items()}
    assert first.network == second.network


# ------------------------------------------------------------------- where none exists

KINKED = FullyConnected((1, 2, 1), "relu")


def test_a_hessian_that_does_not_exist_is_left_out_with_its_reason() -> None:
    found = certificate(KINKED, parameters=Ball(0.1))
    assert set(found) == {"value", "jacobian", "input_jacobian"}
    assert "relu has no second derivative" in found.missing["hessian"]
    assert "relu has no second derivative" in str(found)
    # The mean value theorem is left.
    assert found.remainder(0.1) == 2 * found["jacobian"].upper * 0.1
    with pytest.raises(KeyError, match="relu"):
        found["hessian"]


@pytest.mark.parametrize("method", ["layerwise", "polynomial"])
def test_a_hessian_asked_for_by_name_that_does_not_exist_is_an_error(method: str) -> None:
    with pytest.raises(ValueError, match="relu") as caught:
        certificate(KINKED, quantities=["jacobian", "hessian"], method=method)
    assert "\n" not in str(caught.value)


# ---------------------------------------------------------------------- bad arguments

REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "NaN weights": (lambda: certificate(theta=NET.unravel(np.full(7, math.nan))), "NaN"),
    "integer weights": (lambda: certificate(theta=NET.unravel(np.arange(7))), "floating-point"),
    "no weights": (lambda: certificate(theta=None), "tuple of 3 entries"),
    "another network's": (lambda: certificate(FullyConnected((1, 3, 1))), "needs a parameter"),
    "inputs": (lambda: certificate(inputs=Box([0, 0], [1, 1])), "1 inputs.*2"),
    "inverted box": (lambda: certificate(inputs=Box(1, -1)), "lo <= hi"),
    "radius": (lambda: certificate(parameters=Ball(-1)), "radius"),
    "layers": (lambda: certificate(parameters=LayerBalls([1, 1, 1])), "2 layers.*3"),
    "parameters": (lambda: certificate(parameters=Box([0] * 3, 1)), "7 parameters.*3"),
    "quantity": (lambda: certificate(quantities=["hess"]), "value, jacobian.*'hess'"),
    "method": (lambda: certificate(method="exact"), "polynomial, layerwise.*'exact'"),
    "outside a ball": (lambda: certificate(parameters=Ball(0.1, center=0)), "outside"),
    "outside a box": (lambda: certificate(parameters=Box(-0.9, 1)), "outside"),
    "outside a layer": (
        lambda: certificate(parameters=LayerBalls([9, 0.1], center=0)),
        "outside",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_arguments_are_refused_in_one_sentence(name: str) -> None:
    call, words = REFUSED[name]
    with pytest.raises(ValueError, match=words) as caught:
        call()
    assert "\n" not in str(caught.value)


MISUSED: dict[str, Callable[[], Any]] = {
    "a class for a method": lambda: certificate(method=Layerwise),
    "no method": lambda: certificate(method=None),
    "inputs that are a tuple": lambda: certificate(inputs=(-1, 1)),
    "a set of parameters for inputs": lambda: certificate(inputs=LayerBalls([1.0])),
    "a number for parameters": lambda: certificate(parameters=0.1),
    "one radius for all layers": lambda: LayerBalls(0.1),  # pyright: ignore
    "a word for a radius": lambda: Ball("a"),  # pyright: ignore
    "a folder for a certificate": lambda: load_certificate("."),
    "NaN in a centre": lambda: Ball(0.1, center=[math.nan]).input_region(NET),
    "no layers": lambda: certificate(Chain((), 1), ()),
}


@pytest.mark.parametrize("name", MISUSED)
def test_misuse_is_refused_in_one_sentence(name: str) -> None:
    with pytest.raises(ValueError, match="; ") as caught:
        MISUSED[name]()
    assert "\n" not in str(caught.value)


def test_the_ends_of_a_box_and_the_sphere_belong_to_the_set() -> None:
    vector = np.asarray(NET.ravel(THETA))
    for parameters in (Box(vector, 1), Box(-1, vector), Ball(np.linalg.norm(vector), center=0)):
        assert certificate(parameters=parameters)["value"].upper > 0


# --------------------------------------------------------------------- trained networks


def check_order(net: Chain, theta: tuple, inputs: Box, radius: float) -> None:
    """bound ≥ attack ≥ samples for every quantity that exists.

    ∂Φ/∂σ of a network with kinks is constant between them: so short an ascent has no slope to
    follow there, and samples may find more; never more than the bound.
    """
    kinked = any(activation.kinks for activation in net.activations)
    found = certify(net, theta, inputs=inputs, parameters=Ball(radius), attack=Attack(8, 40))
    assert set(QUANTITIES) == set(found) | set(found.missing)
    rng = np.random.default_rng(0)
    lo, hi = inputs.ends(net.inputs)
    vector = np.asarray(net.ravel(theta), np.float64)

    def exact(vector: jax.Array, sigma: jax.Array) -> dict[str, jax.Array]:
        return first_norms(net, net.unravel(vector), sigma)

    with jax.enable_x64(True):
        shifts = rng.standard_normal((64, net.size))
        shifts *= radius / np.linalg.norm(shifts, axis=1, keepdims=True)
        samples = jax.jit(jax.vmap(exact))(vector + shifts, rng.uniform(lo, hi, (64, net.inputs)))
    for quantity, bound in found.items():
        assert 0 < bound.lower <= bound.upper < math.inf, quantity
        if quantity in samples:
            most = np.max(np.asarray(samples[quantity]))
            assert most <= bound.upper, quantity
            if not (kinked and quantity == "input_jacobian"):
                assert most <= bound.lower * (1 + 1e-9), quantity


CONTROLLERS = {
    "acc_5x20.onnx": ((30.0, 1.4, 20.0, 60.0, -5.0), (30.0, 1.4, 35.0, 110.0, 5.0)),
    "tora_relu_3x100.onnx": (-2.0, 2.0),
    "tora_sigmoid_3x20.txt": (-2.0, 2.0),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CONTROLLERS)
def test_trained_controllers(name: str, data) -> None:
    model = lbdnn.read(data / "controllers" / name)
    size = float(np.linalg.norm(model.net.ravel(model.theta)))
    check_order(model.net, model.theta, Box(*CONTROLLERS[name]), 0.01 * size)


@pytest.mark.slow
def test_a_controller_of_our_own() -> None:
    # The chain of tora_sigmoid_3x20, for which all is compiled already.
    net = FullyConnected(
        (4, 20, 20, 20, 1), "logistic", output="logistic", output_scaling=((22.0,), (-11.0,))
    )
    theta = net.init(jax.random.key(0))
    check_order(net, theta, Box(-2, 2), 0.3)


def test_affine_layers_need_no_activation() -> None:
    net = Chain((Affine(1, 2), Affine(2, 1, bias=False)), 1)
    found = certificate(net, (np.ones((2, 2)), np.ones((1, 2))), inputs=Box(1, 1))
    assert found["value"].upper == pytest.approx(4, rel=1e-8)

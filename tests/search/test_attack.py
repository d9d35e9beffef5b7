"""The attack: it finds the global maximum where that can be enumerated, and can prove it."""

import itertools
import math
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lbdnn import Attack, Ball, Box, Chain, FullyConnected, LayerBalls, ResidualNetwork
from lbdnn.activations import get
from lbdnn.networks import Affine, Pointwise, Repeat, Residual
from lbdnn.search import Witness
from lbdnn.sets import batch

DEFAULT = Attack()


def attacked(
    net: Chain,
    quantity: str,
    problems: list[tuple[np.ndarray, Any, Any]],
    attack: Attack = DEFAULT,
) -> Witness:
    """The witnesses of several problems (θ, set of inputs, set of parameters) on one network."""
    with jax.enable_x64(True):
        inputs = batch([box.input_region(net) for _, box, _ in problems])
        parameters = batch([s.parameter_region(net, net.unravel(θ)) for θ, _, s in problems])
        return jax.tree.map(np.asarray, attack(net, quantity, inputs, parameters))


def is_attained(net: Chain, quantity: str, found: Witness, problem: tuple) -> bool:
    """Whether the witness has its value, by an independent evaluation, and lies in its sets."""
    theta, inputs, parameters = problem
    with jax.enable_x64(True):
        vector = np.asarray(net.ravel(net.with_weights(found.weights)))

        def phi(weights: jax.Array, point: jax.Array) -> jax.Array:
            return net(net.unravel(weights), point)

        match quantity:
            case "value":
                tensor = phi(vector, found.sigma)
            case "jacobian":
                tensor = jax.jacfwd(phi)(vector, found.sigma)
            case "hessian":
                tensor = jax.hessian(phi)(vector, found.sigma)
            case _:
                tensor = jax.jacfwd(phi, 1)(vector, found.sigma)
        flat = [
            np.asarray(net.ravel(net.with_weights(d))) if isinstance(d, list) else np.asarray(d)
            for d in found.directions
        ]
        tensor = np.asarray(tensor)
    for direction in reversed(flat):
        assert np.linalg.norm(direction) <= 1 + 1e-12
        tensor = tensor @ direction
    assert np.linalg.norm(tensor) == pytest.approx(float(found.value), rel=1e-10, abs=1e-13)
    return inside(inputs, found.sigma) and inside_parameters(net, parameters, vector, theta)


def inside(chosen: Any, point: np.ndarray) -> bool:
    slack = 1e-12 * (1 + np.max(np.abs(point)))
    if isinstance(chosen, Ball):
        return math.dist(point, np.broadcast_to(chosen.center or 0, point.shape)) <= (
            chosen.radius + slack
        )
    return bool(np.all(point >= chosen.lo - slack) and np.all(point <= chosen.hi + slack))


def inside_parameters(net: Chain, chosen: Any, vector: np.ndarray, theta: np.ndarray) -> bool:
    if isinstance(chosen, Box):
        return inside(chosen, vector)
    shift = vector - (theta if chosen.center is None else 0)
    if isinstance(chosen, Ball):
        return np.linalg.norm(shift) <= chosen.radius * (1 + 1e-12) + 1e-13
    ends = np.cumsum([math.prod(a.shape) for a in net.affine])[:-1]
    return all(
        np.linalg.norm(piece) <= radius * (1 + 1e-12) + 1e-13
        for piece, radius in zip(np.split(shift, ends), chosen.radii, strict=True)
    )


def at(found: Witness, i: int) -> Witness:
    return jax.tree.map(lambda leaf: leaf[i], found)


# -------------------------------------------------------- one neuron, a ball of parameters

NEURON = FullyConnected((1, 1, 1), "tanh")  # θ = (w, b, v, a): v·tanh(wσ + b) + a


@cache
def neuron_problems() -> list[tuple[np.ndarray, Any, Any]]:
    rng = np.random.default_rng(3)
    return [
        (1.5 * rng.standard_normal(4), Box(-half, half), Ball(radius))
        for radius in (0.0, 0.3, 1.0, 4.0)
        for half in (0.5, 3.0)
    ]


def neuron_maximum(quantity: str, theta: np.ndarray, half: float, radius: float) -> float:
    """On a grid over σ and z = wσ + b; the radius that z leaves is for v, and the rest is v's."""
    w, b, v, _ = theta
    sigma = np.linspace(-half, half, 241)[:, None]
    length = np.sqrt(sigma**2 + 1)  # a shift of (w, b) by ρ moves z by ρ‖[σ; 1]‖ at most
    z = w * sigma + b + radius * length * np.linspace(-1, 1, 801)
    left = np.sqrt(np.maximum(radius**2 - ((z - w * sigma - b) / length) ** 2, 0))
    t = np.tanh(z)
    slope, curvature = 1 - t**2, -2 * t * (1 - t**2)
    best = 0.0
    for gain in (v - left, v + left):  # every norm is convex in v
        if quantity == "jacobian":
            norms = np.sqrt((gain * slope * length) ** 2 + t**2 + 1)
        else:
            # In the directions (w, b) ∥ [σ; 1] and v: [[gς''‖s‖², ς'‖s‖], [ς'‖s‖, 0]].
            p, q = gain * curvature * length**2, slope * length
            norms = np.abs(p) / 2 + np.hypot(p / 2, q)
        best = max(best, float(np.max(norms)))
    return best


@pytest.mark.parametrize("quantity", ["jacobian", "hessian"])
def test_the_global_maximum_of_one_neuron_over_a_ball(quantity: str) -> None:
    problems = neuron_problems()
    found = attacked(NEURON, quantity, problems)
    for i, problem in enumerate(problems):
        theta, box, ball = problem
        truth = neuron_maximum(quantity, theta, box.hi, ball.radius)
        assert found.value[i] >= truth * (1 - 1e-4), (i, truth)
        assert found.value[i] <= truth * (1 + 1e-3)  # the grid's own error
        assert is_attained(NEURON, quantity, at(found, i), problem)


# -------------------------------------------------------------- one input, on a fine grid

CURVE = FullyConnected((1, 5, 1), "sin")


@pytest.mark.slow
def test_the_global_maximum_over_one_input() -> None:
    rng = np.random.default_rng(5)
    problems = [(2 * rng.standard_normal(CURVE.size), Box(-4, 4), Ball(0.0)) for _ in range(6)]
    found = attacked(CURVE, "hessian", problems)

    def norm(theta: jax.Array, sigma: jax.Array) -> jax.Array:
        def phi(vector: jax.Array) -> jax.Array:
            return CURVE(CURVE.unravel(vector), sigma)[0]

        return jnp.max(jnp.abs(jnp.linalg.eigvalsh(jax.hessian(phi)(theta))))

    with jax.enable_x64(True):
        grid = np.linspace(-4, 4, 1601)[:, None]
        over_grid = jax.jit(jax.vmap(norm, (None, 0)))
        truth = [float(jnp.max(over_grid(theta, grid))) for theta, _, _ in problems]
    for i, problem in enumerate(problems):
        assert found.value[i] >= truth[i] * (1 - 1e-6), i
        assert is_attained(CURVE, "hessian", at(found, i), problem)


# ----------------------------------------------------------------------- closed forms

LINEAR = FullyConnected((2, 2))


def linear_problems() -> list[tuple[np.ndarray, Any, Any]]:
    rng = np.random.default_rng(7)
    return [
        (rng.standard_normal(6), Box(rng.uniform(-2, 0, 2), rng.uniform(0, 2, 2)), Ball(radius))
        for radius in (0.0, 0.5, 3.0)
        for _ in range(2)
    ]


@pytest.mark.parametrize("quantity", ["value", "jacobian", "input_jacobian"])
def test_one_layer_in_closed_form(quantity: str) -> None:
    problems = linear_problems()
    found = attacked(LINEAR, quantity, problems)
    for i, problem in enumerate(problems):
        theta, box, ball = problem
        with jax.enable_x64(True):
            matrix = np.asarray(LINEAR.unravel(theta)[0])
        corners = [
            np.array([*c, 1.0]) for c in itertools.product(*zip(box.lo, box.hi, strict=True))
        ]
        truth = {
            "value": max(
                np.linalg.norm(matrix @ s) + ball.radius * np.linalg.norm(s) for s in corners
            ),
            "jacobian": max(map(np.linalg.norm, corners)),
            "input_jacobian": np.linalg.norm(matrix[:, :2], 2) + ball.radius,
        }[quantity]
        # The power method is slow where two singular values are close.
        assert found.value[i] == pytest.approx(truth, rel=1e-4)
        assert is_attained(LINEAR, quantity, at(found, i), problem)


PRODUCT = FullyConnected((2, 3, 2), "identity", bias=False)


def test_the_hessian_of_two_layers_without_activation() -> None:
    # δ²Φ = 2 E₁E₀σ with ‖E₀‖² + ‖E₁‖² = 1: the largest norm is ‖σ‖, whatever θ is.
    rng = np.random.default_rng(11)
    theta = rng.standard_normal(PRODUCT.size)
    problems = [
        (theta, Box(-1, 2), Ball(0.5)),
        (theta, Box((-3, 0), (1, 1)), LayerBalls([0.1, 1.0])),
        (theta, Ball(2.0), Box(theta - 0.1, theta + 0.2)),
        (theta, Ball(0.5), Ball(1.0, center=0)),
    ]
    found = attacked(PRODUCT, "hessian", problems)
    for i, truth in enumerate([2 * math.sqrt(2), math.sqrt(10), 2.0, 0.5]):
        assert found.value[i] == pytest.approx(truth, rel=1e-6)
        assert is_attained(PRODUCT, "hessian", at(found, i), problems[i])


# ------------------------------------------------------------------- residual networks

TANH = Pointwise(get("tanh"))
RESIDUAL = (
    ResidualNetwork((2, 3, 2), blocks=2),
    ResidualNetwork((2,), blocks=2, hidden=(1,), preactivation=False, bias=False),
    Chain((Residual((Repeat((TANH, Affine(1, 1)), 2), Residual((Affine(1, 1),)))),), 1),
)


@pytest.mark.slow
@pytest.mark.parametrize(
    "net, quantity",
    [
        (RESIDUAL[0], "hessian"),
        (RESIDUAL[1], "value"),
        (RESIDUAL[1], "input_jacobian"),
        (RESIDUAL[2], "jacobian"),
        (RESIDUAL[2], "hessian"),
    ],
)
def test_what_is_found_on_a_residual_network_is_attained(net: Chain, quantity: str) -> None:
    rng = np.random.default_rng(13)
    theta = rng.uniform(-1, 1, net.size)
    radii = np.linspace(0.5, 1, len(net.affine))
    problems = [
        (theta, Box(-1, 1), Ball(0.0)),
        (theta, Ball(1.0), Ball(2.0)),
        (0 * theta, Box(-1, 2), LayerBalls(radii)),
    ]
    found, again = (attacked(net, quantity, problems, Attack(6, 20)) for _ in range(2))
    jax.tree.map(np.testing.assert_array_equal, found, again)
    for i, problem in enumerate(problems):
        assert found.value[i] > 0
        assert is_attained(net, quantity, at(found, i), problem)


@pytest.mark.slow
def test_two_linear_residual_blocks_in_closed_form() -> None:
    """Φ = (1 + w₂)(1 + w₁)σ over |σ| ≤ 2, |w_j − 1| ≤ 0.5."""
    block = Residual((Affine(1, 1, bias=False),))
    net = Chain((block, block), 1)
    problem = (np.ones(2), Box(-2, 1), LayerBalls([0.5, 0.5]))
    truth = {"value": 12.5, "jacobian": 5 * math.sqrt(2), "hessian": 2.0, "input_jacobian": 6.25}
    for quantity, largest in truth.items():
        found = attacked(net, quantity, [problem])
        assert found.value[0] == pytest.approx(largest, rel=1e-6)
        assert is_attained(net, quantity, at(found, 0), problem)


# ---------------------------------------------------------------- amplification in depth


@pytest.mark.slow
@pytest.mark.parametrize("center", [0.0, 0.1])
def test_a_deep_network_is_made_to_amplify(center: float) -> None:
    """At least what one neuron a layer reaches, all others 0: widths do not matter.

    With zero biases and first matrix, w between five hidden layers (four times), the last neuron at
    z where |tanh''| is largest, and v behind it, the direction E along [σ; 1] in the first layer
    gives Φ''[E, E] = v tanh''(z) w⁸ ‖[σ; 1]‖², since tanh is linear to second order at 0.
    """
    net = FullyConnected((2, *[3] * 5, 1), "tanh")
    z = math.atanh(1 / math.sqrt(3))
    left = 25 - z**2
    w, v = math.sqrt(2 * left / 9), math.sqrt(left / 9)
    reached = v * (4 / 3**1.5) * w**8 * 3
    theta = np.full(net.size, center)
    # θ shifted by `center` needs no more than that much more of the radius.
    problem = (theta, Box(-1, 1), Ball(5.0 + float(np.linalg.norm(theta))))
    found = attacked(net, "hessian", [problem])
    assert found.value[0] >= reached
    assert is_attained(net, "hessian", at(found, 0), problem)


# -------------------------------------------------------------------------- behaviour


def test_the_seed_alone_decides() -> None:
    problems = neuron_problems()
    first, again, other = (
        attacked(NEURON, "jacobian", problems, Attack(seed=seed)) for seed in (0, 0, 1)
    )
    jax.tree.map(np.testing.assert_array_equal, first, again)
    assert any(np.any(a != b) for a, b in zip(first.weights, other.weights, strict=True))


def test_one_problem_alone_has_the_shapes_of_the_network() -> None:
    net = FullyConnected((2, 2))
    theta = np.arange(6.0)
    with jax.enable_x64(True):
        regions = Box(-1, 1).input_region(net), Ball(0.5).parameter_region(net, net.unravel(theta))
        found = Attack()(net, "value", *regions)
    assert found.value.shape == () and found.sigma.shape == (2,)
    assert [w.shape for w in found.weights] == [(2, 3)]

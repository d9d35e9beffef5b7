"""How far second derivatives move with the parameters, and norms over all output directions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lbdnn import Ball, Box, Chain, FullyConnected
from lbdnn.activations import get
from lbdnn.checking.cell_growths import Growths, most_growth, shrunk
from lbdnn.checking.output_directions import every_direction
from lbdnn.networks import Affine, Pointwise, Scaling

from .test_boxes import UNEQUAL, ball_points, boxes_of, exact, second_derivative


def test_of_one_neuron_a_layer_the_third_derivative_is_found() -> None:
    # Of softplus(z − 3), z < 3, all derivatives are positive: no terms cancel, no norm is larger.
    step = (Scaling((1.0,), (-3.0,)), Pointwise(get("softplus")), Affine(1, 1, bias=False))
    net = Chain((Affine(1, 1, bias=False), *step * 3), 1)
    theta, sigma = np.array([1.1, 2.7, 3.3, 1.9]), jnp.array([1.5])
    boxes = boxes_of(net, theta, Box(sigma.tolist(), sigma.tolist()), Ball(1e-8))
    found = Growths(boxes.known("hessian", boxes.low[None], boxes.high[None])).hessian()
    with jax.enable_x64(True):
        third = jax.jit(jax.jacfwd(jax.hessian(lambda v: net(net.unravel(v), sigma)[0])))(theta)
    assert found[0] == pytest.approx(np.asarray(third), rel=1e-5)


@pytest.mark.parametrize("radius", [1e-3, 0.05])
def test_no_second_derivative_moves_further(radius: float) -> None:
    net, rng = UNEQUAL, np.random.default_rng(2)
    angles = np.linspace(0, np.pi, 60, endpoint=False)
    units = np.stack([np.cos(angles), np.sin(angles)], 1)
    for size in (0.5, 1.5):
        center, sigma = rng.uniform(-size, size, net.size), rng.uniform(-1, 1, 2)
        boxes = boxes_of(net, center, Box(sigma.tolist(), sigma.tolist()), Ball(radius))
        (_, apart), (_, moved) = boxes.at_points(sigma[None])
        assert moved[0] < apart[0]
        # The steps along which it moves most, to first order, are among these.
        near = second_derivative(net, center, sigma)
        steps = ball_points(rng, (20, net.size))
        for _ in range(3):
            found = [second_derivative(net, center + radius * e, sigma) - near for e in steps]
            forms = [np.linalg.eigvalsh(np.tensordot(units, x, 1)) for x in found]
            sizes = np.array([np.abs(values).max() for values in forms])
            assert sizes.max() <= moved[0]
            best = steps[np.argmax(sizes)]
            steps = best + rng.standard_normal(steps.shape) * 0.3 / np.sqrt(net.size)
            steps /= np.linalg.norm(steps, axis=1, keepdims=True)


@pytest.mark.parametrize("quantity", ["value", "jacobian"])
def test_first_derivatives_move_no_further_along_segments(quantity: str) -> None:
    net, rng, radius = UNEQUAL, np.random.default_rng(6), 0.02
    center, sigma = rng.uniform(-1, 1, net.size), rng.uniform(-1, 1, 2)
    boxes = boxes_of(net, center, Box(sigma.tolist(), sigma.tolist()), Ball(radius))
    bound = float(boxes._along_segments(quantity, sigma[None], sigma[None])[0])
    sigmas = np.tile(sigma, (200, 1))
    still = float(exact(net, sigmas, np.tile(center, (200, 1)))[quantity][0])
    steps = rng.standard_normal((200, net.size))
    for _ in range(6):
        steps /= np.linalg.norm(steps, axis=1, keepdims=True)
        found = exact(net, sigmas, center + radius * steps)[quantity]
        assert found.max() <= bound
        best = steps[np.argmax(found)]
        steps = best + rng.standard_normal(steps.shape) * 0.3 / np.sqrt(net.size)
    # Of what is added a good part is needed: climbing by chance finds not quite all of it.
    assert still < found.max() and bound - still <= 5 * (found.max() - still)


def test_a_part_of_the_segment_is_over_a_part_of_the_set() -> None:
    center = np.random.default_rng(3).uniform(-1, 1, UNEQUAL.size)
    boxes = boxes_of(UNEQUAL, center, Box([0.1, 0.2], [0.1, 0.2]), Ball(0.1))
    half, small = shrunk(boxes.stack, 0.5), boxes_of(UNEQUAL, center, Box(0.1, 0.2), Ball(0.05))
    assert half.shared == pytest.approx(small.stack.shared)
    assert [x.radius for x in half.layers] == pytest.approx([x.radius for x in small.stack.layers])
    # Each part counts by its length, and what the layers get is that of the whole set.
    one = np.zeros((1, 4, 4, 4))
    one[0, 1, 1, 2] = 3.0
    assert most_growth(boxes.stack, [one, 0 * one]) == pytest.approx(0.1 * 1.5, rel=1e-6)


@pytest.mark.parametrize("outputs", [1, 2, 3, 4])
def test_all_directions_are_looked_at(outputs: int) -> None:
    rng = np.random.default_rng(outputs)
    for _ in range(5):
        m = rng.standard_normal((outputs, outputs)) * rng.choice([0.1, 1.0], outputs)
        truth = float(np.linalg.norm(m, 2))

        def below(u: np.ndarray, t: float, m: np.ndarray = m) -> bool:
            return bool(np.all(np.linalg.norm(u @ m, axis=1) <= t))

        assert not every_direction(outputs, truth * (1 - 1e-3), below)
        assert every_direction(outputs, truth * (1.001 if outputs < 3 else 1.02), below)


def test_three_outputs_are_verified_nearer_than_by_blocks() -> None:
    net = FullyConnected((1, 2, 3), "tanh")
    center = np.random.default_rng(4).uniform(-1, 1, net.size)
    boxes = boxes_of(net, center, Box([0.4], [0.5]), Ball(0.0))
    tensors = [second_derivative(net, center, np.array([x])) for x in (0.4, 0.45, 0.5)]
    units = np.random.default_rng(5).standard_normal((400, 3))
    units /= np.linalg.norm(units, axis=1, keepdims=True)
    forms = [np.linalg.eigvalsh(np.tensordot(units, tensor, 1)) for tensor in tensors]
    largest = float(max(np.abs(values).max() for values in forms))
    assert boxes.show("hessian", largest * 1.02, 200) >= 1
    with pytest.raises(Exception, match="own bound"):
        boxes.show("hessian", largest * (1 - 1e-7), 20)

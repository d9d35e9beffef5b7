"""How far derivatives move with the parameters: at least as far as any perturbation moves them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lbdnn import Ball, Box, FullyConnected, LayerBalls
from lbdnn.bounds.expansion import sup_over_inputs
from lbdnn.bounds.expansion.activation_tables import table
from lbdnn.bounds.expansion.budget import Budget, plus
from lbdnn.bounds.expansion.network import read
from lbdnn.bounds.expansion.perturbation import (
    Diagonals,
    Moved,
    Paths,
    scaled_columns,
    scaled_rows,
    through_layers,
)
from lbdnn.bounds.expansion.quantities import cells

from .networks import NETWORKS, norm, parameters

CELLS, BATCH = 4, 8
QUANTITIES = ("hessian", "jacobian", "input_jacobian")


def derivatives(net, quantity):
    """(vector θ, σ) ↦ the array, and the gradient in a step of how far it moves; both compiled."""

    def array(vector, sigma):
        def value(v, sigma):
            return net(net.unravel(v), sigma)

        return {
            "value": value,
            "jacobian": jax.jacfwd(value),
            "hessian": jax.hessian(value),
            "input_jacobian": jax.jacfwd(value, 1),
        }[quantity](vector, sigma)

    def distance(step, vector, sigma):
        return jnp.linalg.norm(array(vector + step, sigma) - array(vector, sigma))

    return jax.jit(array), jax.jit(jax.grad(distance))


def perturbations(net, vector, uphill, sigma, budget, rng):
    """Within the budget, random ones and then uphill."""
    sizes = [a.shape[0] * a.shape[1] for a in net.affine]
    limits = np.asarray(budget.limits)

    def within(step):
        parts = np.split(np.asarray(step), np.cumsum(sizes)[:-1])
        shares = np.array([np.linalg.norm(p) for p in parts])
        over = shares[limits > 0] / limits[limits > 0]
        return np.asarray(step) / max(np.linalg.norm(shares) / budget.radius, *over) * (1 - 1e-12)

    for mask in (np.ones(len(sizes)), *np.eye(len(sizes))):
        weights = np.repeat(mask * (limits > 0), sizes)
        if np.any(weights):
            step = within(weights * rng.normal(size=sum(sizes)))
            for _ in range(3):
                step = within(weights * np.asarray(uphill(step, vector, sigma)))
                yield step


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "quantity"),
    [*(("scaled", quantity) for quantity in QUANTITIES), ("unbiased", "hessian")],
)
def test_no_perturbation_moves_a_derivative_further(name, quantity):
    net, rng = NETWORKS[name], np.random.default_rng(7)
    with jax.enable_x64(True):
        theta = parameters(net)
        shape, layers = read(net, theta)
        tables = tuple(table(a, 40.0) for a in shape.activations)
        centre = rng.uniform(-0.5, 0.5, (CELLS, net.inputs))
        half = np.array([[0.2], [0.02], [0.0], [0.0]]) * np.ones(net.inputs)
        # As many at once as the search has, for which it is compiled as well.
        centre, half = (
            np.vstack([x, np.tile(x[:1], (BATCH + 1 - CELLS, 1))]) for x in (centre, half)
        )
        k, vector = shape.hidden + 1, net.ravel(theta)
        array, uphill = derivatives(net, quantity)
        for radius, limits in ((1e-3, np.full(k, 1e-3)), (0.1, np.arange(k) * 0.1 / k)):
            budget = Budget(jnp.asarray(radius), jnp.asarray(np.minimum(limits, radius)))
            found = cells(shape, quantity, layers, tables, budget, centre, half)
            for c, h, moved, mean in list(zip(centre, half, *found.growth, strict=True))[:CELLS]:
                sigma = jnp.asarray(c + h * rng.uniform(-1, 1, net.inputs))
                still, largest = np.asarray(array(vector, sigma)), 0.0
                for step in perturbations(net, vector, uphill, sigma, budget, rng):
                    largest = max(largest, norm(np.asarray(array(vector + step, sigma)) - still))
                parts = [np.asarray(array(vector + t * step, sigma)) for t in (1 / 6, 0.5, 5 / 6)]
                assert np.mean([norm(part - still) for part in parts]) <= mean < moved
                assert largest <= moved
            # Not by far more than the longest way through the network: not vacuous.
            if radius == 1e-3:
                assert moved <= 12 * largest


def allowed(rng, radius, limits):
    """Shares of the radius for the layers, at its limit."""
    rho = np.abs(rng.normal(size=len(limits)))
    return np.minimum(rho * radius / np.linalg.norm(rho), limits)


@pytest.mark.parametrize("limits", [[np.inf] * 3, [0.5, 0.0, 2.0]])
def test_growths_of_products_bound_the_products(limits):
    rng = np.random.default_rng(8)
    with jax.enable_x64(True):
        budget = Budget(jnp.asarray(1.5), jnp.asarray(limits))
        a, b = rng.uniform(0, 2, 2)
        one, other = np.abs(rng.normal(size=(2, 4)))
        grown = budget.of_product(jnp.asarray(a), one, jnp.asarray(b), other)
        top = 0.0
        for _ in range(200):
            rho = allowed(rng, 1.5, limits)
            x, y = one[:3] @ rho + one[3], other[:3] @ rho + other[3]
            assert (a + x) * (b + y) - a * b <= grown[:3] @ rho + grown[3] + 1e-12
            top = max(top, float(grown[:3] @ rho + grown[3]))
        assert top <= budget.total(grown) <= 1.6 * top
        raised = np.asarray(plus(grown, jnp.asarray(1.0)) - grown)
        assert raised.tolist() == pytest.approx([0, 0, 0, 1])


@pytest.mark.parametrize("limits", [[np.inf] * 3, [0.5, 0.0, 2.0]])
def test_products_of_growths_reach_their_suprema(limits):
    """A product of what two layers get is at most half the square of the radius, not all of it."""
    rng = np.random.default_rng(10)
    ones, others = np.abs(rng.normal(size=(2, 4, 4))) * (rng.random((2, 4, 4)) > 0.3)
    ones[0, :], others[0, :] = [2.0, 0, 0, 0], [0, 0, 3.0, 0]
    with jax.enable_x64(True):
        budget = Budget(jnp.asarray(1.5), jnp.asarray(limits))
        apart = np.asarray(budget.total(budget.product(jnp.asarray(ones), jnp.asarray(others))))
        summed = float(budget.total(budget.products(jnp.asarray(ones), jnp.asarray(others))))
    tops, top = np.zeros(4), 0.0
    for _ in range(2000):
        rho = allowed(rng, 1.5, limits)
        found = (ones[:, :3] @ rho + ones[:, 3]) * (others[:, :3] @ rho + others[:, 3])
        tops, top = np.maximum(tops, found), max(top, found.sum())
    assert np.all(tops <= apart * (1 + 1e-12))
    assert top <= summed <= 1.4 * top
    if limits[0] > 1.5:
        assert apart[0] == pytest.approx(6 * 1.5**2 / 2)


def test_products_with_moved_diagonals_are_bounded_both_ways():
    """d = w ∘ v with |d| ≤ ρ e entry by entry and ‖v‖ ≤ ρ c: one bound from each of the two."""
    rng = np.random.default_rng(11)
    n, ways = 5, []
    for c in (0.3, 30.0):
        entries, weights = rng.uniform(0.2, 1, (2, n))
        matrix = rng.normal(size=(1, 3, n))
        with jax.enable_x64(True):
            numbers = entries[:, None] * [0, 1], weights[None], [[0.0, c]]
            scales = Diagonals(*(jnp.asarray(x) for x in numbers))
            away = jnp.asarray([0.01])
            bound = float(scaled_columns(jnp.asarray(matrix), away, scales)[0, 1])
            turned = jnp.asarray(np.swapaxes(matrix, 1, 2))
            assert float(scaled_rows(turned, away, scales)[0, 1]) == pytest.approx(bound)
        most = 0.0
        for _ in range(500):
            v = rng.normal(size=n) * (rng.random(n) > 0.5) + 1e-9
            v *= min(c / np.linalg.norm(v), np.min(entries / np.abs(weights * v)))
            off = rng.normal(size=(3, n))
            off *= 0.01 / np.linalg.norm(off, 2)
            most = max(most, np.linalg.norm((matrix[0] + off) * (weights * v), 2))
        assert most <= bound
        ways.append(most / bound)
    assert min(ways) > 0.5


def test_what_passes_moved_layers_is_attained_by_positive_numbers():
    """Of one neuron a layer, with all moved as far as they may be, Y(ĒT̃ + WδD P̃) is the bound."""
    rng = np.random.default_rng(5)
    k, count = 2, 3
    p, t, p_moved, t_moved = rng.uniform(0.5, 2, (4, k, count))
    y, e, bent = rng.uniform(0.5, 2, (3, k))
    growths = np.zeros((2, count, count, count + 1))
    growths[0, :k, :, -1], growths[1, :k, :, -1] = p_moved, t_moved
    own = np.zeros((k, count + 1))
    own[[0, 1], [1, 2]] = bent / e  # what layer i gets of the radius bends ς' there
    with jax.enable_x64(True):
        budget = Budget(jnp.asarray(1e3), jnp.asarray([0.0, *e]))
        paths = Paths(*[None] * 2, jnp.asarray(p), *[None] * 3, jnp.asarray(t), None, None)
        change = Moved(jnp.asarray(growths[0]), jnp.asarray(growths[1][:k]), *[None] * 9)
        found = budget.total(through_layers(budget, paths, change, jnp.asarray(y), own))
        moved = (y * e)[:, None] * (t + t_moved) + bent[:, None] * (p + p_moved)
    assert np.asarray(found) == pytest.approx(moved.sum(0), rel=1e-9)


@pytest.mark.parametrize(
    "quantity",
    [
        pytest.param("value", marks=pytest.mark.slow),
        pytest.param("jacobian", marks=pytest.mark.slow),
        pytest.param("hessian", marks=pytest.mark.slow),
        "input_jacobian",
    ],
)
def test_one_hidden_layer(quantity):
    net = FullyConnected((1, 2, 1), "tanh")
    point, rng = Box([0.4], [0.4]), np.random.default_rng(3)
    with jax.enable_x64(True):
        theta = parameters(net)
        found = sup_over_inputs(net, theta, quantity, point, parameters=Ball(0.05))
        array, _ = derivatives(net, quantity)
        vector, most = net.ravel(theta), 0.0
        for _ in range(200):
            step = rng.normal(size=net.size)
            moved = vector + 0.05 * step / np.linalg.norm(step)
            most = max(most, norm(array(moved, jnp.array([0.4]))))
    assert found.lower < most <= found.upper < 1.3 * most


@pytest.mark.slow
@pytest.mark.parametrize(
    ("quantity", "parameters_of"),
    [
        ("jacobian", lambda size: Ball(0.01)),
        ("jacobian", lambda size: LayerBalls([0.0, 0.01, 0.0])),
        ("hessian", lambda size: Ball(0.01)),
        ("hessian", lambda size: LayerBalls([0.0, 0.01, 0.0])),
        ("hessian", lambda size: Ball(0.02, center=np.full(size, 0.1))),
    ],
)
def test_the_supremum_over_both_sets(quantity, parameters_of):
    net, rng = NETWORKS["scaled"], np.random.default_rng(9)
    inputs = Box([-1.0, -0.2], [0.5, 0.3])
    with jax.enable_x64(True):
        theta = parameters(net, 1)
        chosen = parameters_of(net.size)
        result = sup_over_inputs(
            net, theta, quantity, inputs, parameters=chosen, gap=0.1, max_cells=2000, batch=BATCH
        )
        region = chosen.parameter_region(net, theta)
        array, _ = derivatives(net, quantity)
        for _ in range(10):
            steps = [rng.normal(size=c.shape) for c in region.center]
            scale = min(region.radius / np.sqrt(sum(np.sum(s**2) for s in steps)), 1e9)
            steps = [
                s * min(scale, m / np.linalg.norm(s))
                for s, m in zip(steps, region.layers, strict=True)
            ]
            shifted = [c + s for c, s in zip(region.center, steps, strict=True)]
            sigma = jnp.asarray(rng.uniform(*inputs.ends(2)))
            moved = net.ravel(net.with_weights(shifted))
            assert norm(array(moved, sigma)) <= result.upper
    assert result.lower < result.upper < 2 * result.lower

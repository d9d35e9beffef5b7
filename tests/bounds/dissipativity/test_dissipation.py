"""Proved bounds: above what is attained, and refused where the proof fails."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lbdnn import (
    Attack,
    Ball,
    Box,
    Dissipation,
    FullyConnected,
    Layerwise,
    ResidualNetwork,
)
from lbdnn.bounds.dissipativity.assembly import stages_of
from lbdnn.bounds.dissipativity.budget_levels import levels
from lbdnn.bounds.dissipativity.multipliers import hessian_start, jacobian_start
from lbdnn.bounds.dissipativity.reach import enclosures, images
from lbdnn.bounds.dissipativity.storage import hessian_chain, jacobian_chain
from lbdnn.bounds.dissipativity.verification import (
    proved_hessian,
    proved_jacobian,
    proved_reach,
)
from lbdnn.compilation import QUICK
from lbdnn.sets import LayerBalls, batch

NET = FullyConnected((2, 3, 3, 2), "tanh")
BOX = Box(-1.0, 1.0)
QUANTITIES = ("value", "jacobian", "hessian", "input_jacobian")

# Stages of the same shapes as NET's: the descent is compiled once for all of them.
SILU = FullyConnected((2, 3, 2), "silu", output="tanh")
RESIDUAL = ResidualNetwork((2, 2, 1), "tanh", blocks=1)
KINKED = FullyConnected((2, 3, 3, 2), "relu")
NASTY = Dissipation(steps=40)
SCALES = (0.0, 1e-6, 0.5, 5.0, 1e6, 1e-160)
RADII = (0.0, 0.01, 1.0, 30.0)


def nasty_regions(net):
    """Zero, tiny, ordinary and huge weights, each on balls of several radii."""
    rng = np.random.default_rng(0)
    regions = []
    for scale in SCALES:
        weights = [scale * rng.uniform(-1, 1, a.shape) for a in net.affine]
        theta = net.with_weights(weights)
        regions += [Ball(r).parameter_region(net, theta) for r in RADII]
        radii = [0.1, 0.0, 2.0][-len(weights) :]
        regions.append(LayerBalls(radii).parameter_region(net, theta))
    return batch([BOX.input_region(net)] * len(regions)), batch(regions)


# As the library compiles what runs once.
quick = partial(jax.jit, compiler_options=QUICK)


@pytest.fixture(scope="module", params=["corners", "whole boxes"])
def solved(request):
    """A few multipliers for one network, and both chains with them."""
    with jax.enable_x64(True):
        theta = NET.init(jax.random.key(1))
        inputs, parameters = BOX.input_region(NET), Ball(0.3).parameter_region(NET, theta)
        layers = assembled(inputs, parameters)
        if request.param == "whole boxes":
            layers = layers.with_whole_boxes()
        return layers, *chains(layers)


@quick
def assembled(inputs, parameters):
    return stages_of(NET, enclosures(NET, inputs, parameters, 2), parameters)


@quick
def chains(layers):
    grid, (count, _, bends, _) = levels(2), layers.stages.bends.shape
    return (
        hessian_chain(grid, layers, hessian_start(grid, layers.corners, count, bends)),
        jacobian_chain(grid, layers, jacobian_start(grid, layers.corners, count)),
    )


@quick
def reach(layers, chain):
    return proved_reach(levels(2), layers, chain)


@quick
def known_by_share(inputs, parameters, far):
    known = images(NET, inputs, parameters, 16), *far
    return enclosures(NET, inputs, parameters, 2, known)


@quick
def hessian_bound(layers, chain):
    return proved_hessian(levels(2), layers, chain)


@quick
def jacobian_bound(layers, chain):
    return proved_jacobian(levels(2), layers, chain)


@pytest.mark.slow
@pytest.mark.parametrize("net", [NET, SILU], ids=["tanh", "silu"])
def test_no_attack_exceeds_a_bound_of_nasty_networks(net):
    inputs, parameters = nasty_regions(net)
    bounds = NASTY.bounds(net, inputs, parameters)
    assert set(bounds) == set(QUANTITIES)
    ordinary = SCALES.index(0.5) * (len(RADII) + 1) + RADII.index(0.01)
    for quantity in QUANTITIES:
        found = np.asarray(Attack(starts=8, steps=30)(net, quantity, inputs, parameters).value)
        assert np.all(found <= bounds[quantity]), quantity
        # The bounds are not all infinite, nor out of all proportion.
        assert np.mean(np.isfinite(bounds[quantity])) > 0.5, quantity
        assert bounds[quantity][ordinary] < 5 * found[ordinary], quantity


@pytest.mark.slow
def test_kinks_leave_first_derivatives():
    bounds = NASTY.bounds(KINKED, *nasty_regions(KINKED))
    assert np.all(np.isinf(bounds["hessian"]))
    for quantity in ("jacobian", "input_jacobian"):
        assert np.mean(np.isfinite(bounds[quantity])) > 0.5, quantity


@pytest.mark.slow
def test_deep_networks_gain_most():
    # The shapes of the stages are those of RESIDUAL's.
    net = FullyConnected((2, *[4] * 5, 2), "tanh")
    theta = net.init(jax.random.key(0))
    with jax.enable_x64(True):
        regions = BOX.input_region(net), Ball(0.3).parameter_region(net, theta)
    methods = Dissipation(steps=150), Layerwise()
    joint, separate = (m.bounds(net, *regions, ("hessian",))["hessian"] for m in methods)
    assert joint < 0.7 * separate


@pytest.mark.slow
def test_what_is_proved_is_what_the_chain_says(solved):
    layers, hessian, jacobian = solved
    with jax.enable_x64(True):
        bound = hessian_bound(layers, hessian)
        slope = jacobian_bound(layers, jacobian)
        approximate = jnp.max(hessian.costs), jnp.sqrt(jnp.max(jacobian.costs))
    # The chain's own estimate of a largest eigenvalue is up to n^(1/32) too large.
    assert 0.9 * approximate[0] < bound <= approximate[0] * (1 + 1e-6)
    assert 0.9 * approximate[1] < slope <= approximate[1] * (1 + 1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(
    "damage",
    [
        lambda c: c._replace(curved=c.curved._replace(nodes=0.9 * c.curved.nodes)),
        lambda c: c._replace(curved=c.curved._replace(exchange=1.001 * c.curved.exchange)),
        lambda c: c._replace(
            curved=c.curved._replace(sector=-1 - c.curved.sector, mix=-c.curved.mix)
        ),
        lambda c: c._replace(curved=c.curved._replace(size=0.5 * c.curved.size)),
        lambda c: c._replace(curved=c.curved._replace(pivot=0.5 * c.curved.pivot)),
        lambda c: c._replace(paths=c.paths._replace(columns=0.999 * c.paths.columns)),
        lambda c: c._replace(paths=c.paths._replace(nodes=0.999 * c.paths.nodes)),
        lambda c: c._replace(paths=c.paths._replace(stiffness=1e6 * c.paths.stiffness)),
    ],
)
def test_false_inequalities_are_not_proved(solved, damage):
    layers, hessian, _ = solved
    with jax.enable_x64(True):
        damaged = damage(hessian)
        if damaged.curved.exchange is not hessian.curved.exchange:
            # A larger exchange is allowed but costs more: the bound must grow.
            assert hessian_bound(layers, damaged) > hessian_bound(layers, hessian)
        else:
            assert hessian_bound(layers, damaged) == jnp.inf


@pytest.mark.slow
def test_limits_hold_for_parameters_with_a_share_of_the_radius(solved):
    """At V = 0, ½, 1: sampled weights within r√V of the centre, and inputs, mostly at corners."""
    layers, _, jacobian = solved
    rng = np.random.default_rng(0)
    with jax.enable_x64(True):
        theta = NET.init(jax.random.key(1))
        inputs, parameters = BOX.input_region(NET), Ball(0.3).parameter_region(NET, theta)
        far, each = reach(layers, jacobian)
        known = known_by_share(inputs, parameters, (far, each))
        plain = enclosures(NET, inputs, parameters, 2)
    assert np.all(np.isfinite(far)) and np.all(far[:, 0] == 0)
    centre = np.asarray(NET.ravel(theta), float)
    step = rng.standard_normal((3000, NET.size))
    # Some of one layer alone, which take the layers behind it furthest.
    owner = np.repeat(np.arange(3), [a.shape[0] * a.shape[1] for a in NET.affine])
    step[:1500] *= owner == rng.integers(3, size=1500)[:, None]
    step /= np.linalg.norm(step, axis=1, keepdims=True)
    sigma = np.clip(rng.uniform(-3, 3, (3000, 2)), -1, 1)
    closest = np.zeros(3)
    for node in range(3):
        s, still, closest_here = sigma, sigma, []
        moved = centre + 0.3 * np.sqrt(node / 2) * step
        split = np.cumsum([a.shape[0] * a.shape[1] for a in NET.affine])[:-1]
        for j, (vs, v) in enumerate(
            zip(np.split(moved, split, 1), np.split(centre, split), strict=True)
        ):
            shape = NET.affine[j].shape
            layer = jax.tree.map(lambda leaf, i=node: np.asarray(leaf)[i], known.layers[j])
            ones = np.ones((3000, 1))
            norm = np.linalg.norm(np.hstack([s, ones]), axis=1)
            assert np.all(norm <= layer.norm)
            slope = 1 - s**2 if j else np.ones_like(s)
            assert np.all(layer.bend.low <= slope) and np.all(slope <= layer.bend.high)
            assert layer.norm <= plain.layers[j].norm[node]
            z = np.einsum("bij,bj->bi", vs.reshape(-1, *shape), np.hstack([s, ones]))
            fixed = np.hstack([still, ones]) @ v.reshape(shape).T
            shift = np.abs(z - fixed)
            assert np.all(np.linalg.norm(shift, axis=1) <= far[j, node] + 1e-12)
            assert np.all(shift <= np.asarray(each)[j, node, : shape[0]] + 1e-12)
            if node:
                closest_here.append(np.max(np.linalg.norm(shift, axis=1)) / far[j, node])
            s, still = np.tanh(z), np.tanh(fixed)
        if node:
            closest = np.maximum(closest, closest_here)
    # And they are not far away.
    assert np.all(closest > 0.3), closest


@pytest.mark.slow
@pytest.mark.parametrize("node", [0, 1, 2])
def test_what_is_stored_counts_whatever_share_the_first_layer_takes(solved, node):
    layers, hessian, _ = solved
    with jax.enable_x64(True):
        # Larger than it needs to be: the inequalities hold, but the bound cannot be what it was.
        nodes = hessian.curved.nodes.at[0, node].multiply(1e3)
        larger = hessian._replace(curved=hessian.curved._replace(nodes=nodes))
        least = layers.norm**2 * np.linalg.norm(nodes[0, node], 2)
        assert hessian_bound(layers, larger) >= 0.999 * least > hessian_bound(layers, hessian)


@pytest.mark.slow
def test_a_reach_that_claims_too_little_is_not_proved(solved):
    layers, _, jacobian = solved
    with jax.enable_x64(True):
        steps = jacobian.steps._replace(nodes=0.999 * jacobian.steps.nodes)
        far, each = reach(layers, jacobian._replace(steps=steps))
        assert np.all(np.isinf(far)) and np.all(np.isinf(each))
        # Nothing is known then, and nothing is lost.
        regions = (
            BOX.input_region(NET),
            Ball(0.3).parameter_region(NET, NET.init(jax.random.key(1))),
        )
        known, plain = known_by_share(*regions, (far, each)), enclosures(NET, *regions, 2)
        for a, b in zip(jax.tree.leaves(known.layers), jax.tree.leaves(plain.layers), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12)


@pytest.mark.slow
def test_a_reach_is_of_no_use_where_layers_have_radii_of_their_own():
    zero = np.zeros((3, 3)), np.zeros((3, 3, 3))
    with jax.enable_x64(True):
        theta = NET.init(jax.random.key(1))
        own = LayerBalls([0.1, 0.2, 0.1]).parameter_region(NET, theta)
        inputs = BOX.input_region(NET)
        known, plain = known_by_share(inputs, own, zero), enclosures(NET, inputs, own, 2)
        shared = known_by_share(inputs, Ball(0.2).parameter_region(NET, theta), zero)
    for a, b, c in zip(known.layers, plain.layers, shared.layers, strict=True):
        np.testing.assert_allclose(a.norm, b.norm, rtol=1e-12)
        np.testing.assert_allclose(a.bend.low, b.bend.low, rtol=1e-12)
        assert np.all(c.norm <= b.norm)


@pytest.mark.slow
def test_a_jacobian_chain_that_claims_too_little_is_not_proved(solved):
    layers, _, jacobian = solved
    with jax.enable_x64(True):
        damaged = jacobian._replace(
            steps=jacobian.steps._replace(nodes=0.999 * jacobian.steps.nodes)
        )
        assert jacobian_bound(layers, damaged) == jnp.inf


@pytest.mark.parametrize("wrong", [{"levels": 0}, {"steps": 0}, {"cells": 0}])
def test_choices_are_checked(wrong):
    with pytest.raises(ValueError, match="at least 1"):
        Dissipation(**wrong)


@pytest.mark.slow
def test_residual_networks_are_bounded_and_gain():
    net = RESIDUAL
    with jax.enable_x64(True):
        theta = net.init(jax.random.key(0))
        inputs, parameters = BOX.input_region(net), Ball(0.1).parameter_region(net, theta)
    found, proofs = Dissipation(steps=150).proved(net, inputs, parameters)
    layers = Layerwise().bounds(net, inputs, parameters)
    assert set(proofs) == {"jacobian", "hessian", "input_jacobian"}
    for quantity in ("jacobian", "hessian", "input_jacobian"):
        attained = Attack(starts=8, steps=60)(net, quantity, inputs, parameters).value
        assert float(attained) <= found[quantity] < layers[quantity], quantity

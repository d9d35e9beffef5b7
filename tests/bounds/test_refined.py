"""The smallest of all bounds, and branch and bound where the parameters are fixed."""

from functools import cache

import jax
import numpy as np
import pytest

from lbdnn import Attack, Ball, Box, FullyConnected, Layerwise, Refined, certify, check
from lbdnn.bounds import Dissipation
from lbdnn.sets import batch

NET = FullyConnected((2, 3, 2), "tanh")
# Where branch and bound has lost to dissipation.
LARGE = 0.5
REFINED = Refined(gap=0.05, levels=(1,), steps=60)


@cache
def theta():
    return NET.init(jax.random.key(0))


@cache
def certified(radius, method=REFINED):
    return certify(
        NET,
        theta(),
        inputs=Box(-1, 1),
        parameters=Ball(radius),
        quantities=["hessian"],
        method=method,
        attack=Attack(starts=8, steps=40) if method is REFINED else None,
    )


@pytest.mark.slow
def test_never_above_another_method_and_within_the_gap_for_fixed_parameters():
    for radius in (0.0, LARGE):
        best = certified(radius)["hessian"]
        for method in (Layerwise(), Dissipation(levels=1, steps=60)):
            assert best.lower <= best.upper <= certified(radius, method)["hessian"].upper
    fixed = certified(0.0)["hessian"]
    assert fixed.upper <= 1.05 * 1.01 * fixed.lower


@pytest.mark.slow
def test_a_network_that_the_search_does_not_know_keeps_the_other_bounds():
    net = FullyConnected((2, 2, 1), "relu")
    own = net.init(jax.random.key(0))
    quantities = ("jacobian",)
    with jax.enable_x64(True):
        boxes = [Box(lo, 1.0).input_region(net) for lo in (-1.0, 0.9)]
        parameters = batch([Ball(0.0).parameter_region(net, own)] * 2)

    def bounds(method, inputs):
        return method.bounds(net, batch(inputs), parameters, quantities)["jacobian"]

    method = Refined(levels=(1,), steps=5)
    found = bounds(method, boxes)
    assert np.all(found <= bounds(Layerwise(), boxes))
    # Each has the bound of its own box.
    assert found[1] < 0.9 * found[0]
    np.testing.assert_allclose(bounds(method, boxes[::-1]), found[::-1], rtol=1e-9)


@pytest.mark.slow
def test_small_balls_cost_little_and_what_dissipation_proves_is_checked():
    small = certified(0.01)["hessian"]
    assert small.upper <= 1.5 * small.lower
    large = certified(LARGE)
    assert large["hessian"].proof is not None
    assert check(large, NET, theta())


def test_finer_levels_are_for_large_balls_and_each_ball_keeps_its_own_bound(monkeypatch):
    def bounds(self, net, inputs, parameters, quantities):
        return {"value": np.asarray(parameters.radius) / self.levels}

    monkeypatch.setattr(Dissipation, "bounds", bounds)
    monkeypatch.setattr(Refined, "_smallest", lambda *given: given[-1])
    norm = float(np.linalg.norm(NET.ravel(theta())))
    radii = [norm, 0.01 * norm, 0.0, 0.1 * norm]
    balls = [Ball(r).parameter_region(NET, theta()) for r in radii]
    box = Box(-1, 1).input_region(NET)

    def tried(inputs, parameters):
        refined = Refined(levels=(2, 4))
        return [own["value"] for own in refined.bounds(NET, inputs, parameters, ("value",))]

    coarse, fine = tried(batch([box] * 4), batch(balls))
    assert coarse == pytest.approx(np.array(radii) / 2)
    assert fine == pytest.approx([norm / 4, np.inf, np.inf, 0.1 * norm / 4])
    assert [float(value) for value in tried(box, balls[0])] == pytest.approx([norm / 2, norm / 4])
    assert [float(value) for value in tried(box, balls[1])] == pytest.approx([0.01 * norm / 2])
    (fixed,) = tried(box, balls[2])
    assert fixed == 0


@pytest.mark.parametrize(
    "wrong",
    [{"gap": 0.0}, {"max_cells": 0}, {"cells": 0}, {"levels": 3}, {"levels": (0,)}, {"levels": ()}],
)
def test_choices_are_checked(wrong):
    with pytest.raises(ValueError, match="must be"):
        Refined(**wrong)

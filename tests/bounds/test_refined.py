"""The smallest of all bounds, and branch and bound where the parameters are fixed."""

import jax
import numpy as np
import pytest

from lbdnn import Attack, Ball, Box, FullyConnected, Layerwise, Refined, certify, check
from lbdnn.bounds import Dissipation
from lbdnn.sets import batch

NET = FullyConnected((2, 3, 3, 2), "tanh")


@pytest.mark.slow
def test_never_above_another_method_and_within_the_gap_for_fixed_parameters():
    with jax.enable_x64(True):
        theta = NET.init(jax.random.key(0))
        parameters = batch([Ball(r).parameter_region(NET, theta) for r in (0.0, 0.2)])
        inputs = batch([Box(-1.0, 1.0).input_region(NET)] * 2)
    quantities = ("hessian",)
    refined = Refined(gap=0.1, levels=(1,), steps=40)
    best = refined.bounds(NET, inputs, parameters, quantities)
    others = [
        method.bounds(NET, inputs, parameters, quantities)
        for method in (Layerwise(), Dissipation(levels=1, steps=40))
    ]
    attack = Attack(starts=8, steps=60)
    for quantity in quantities:
        found = np.asarray(attack(NET, quantity, inputs, parameters).value)
        assert np.all(found <= best[quantity])
        assert all(np.all(best[quantity] <= other[quantity]) for other in others)
        assert best[quantity][0] <= 1.1 * 1.01 * found[0]


@pytest.mark.slow
def test_a_network_that_the_search_does_not_know_keeps_the_other_bounds():
    net = FullyConnected((2, 2, 1), "relu")
    theta = net.init(jax.random.key(0))
    certificate = certify(
        net,
        theta,
        inputs=Box(-1, 1),
        quantities=["jacobian"],
        method=Refined(levels=(1,), steps=5),
        attack=None,
    )
    alone = certify(
        net, theta, inputs=Box(-1, 1), quantities=["jacobian"], method="layerwise", attack=None
    )
    assert certificate["jacobian"].upper <= alone["jacobian"].upper


@pytest.mark.slow
def test_small_balls_cost_little_and_what_dissipation_proves_is_checked():
    theta = NET.init(jax.random.key(0))
    method = Refined(gap=0.1, levels=(1,), steps=60)

    def certified(radius, quantity):
        return certify(
            NET,
            theta,
            inputs=Box(-1, 1),
            parameters=Ball(radius),
            quantities=[quantity],
            method=method,
            attack=Attack(starts=8, steps=40),
        )

    small = certified(0.01, "hessian")["hessian"]
    assert small.upper <= 1.5 * small.lower
    # By branch and bound, which brings no proof.
    assert small.proof is None
    large = certified(0.2, "hessian")
    assert large["hessian"].proof is not None
    assert check(large, NET, theta)


@pytest.mark.parametrize(
    "wrong",
    [{"gap": 0.0}, {"max_cells": 0}, {"cells": 0}, {"levels": 3}, {"levels": (0,)}, {"levels": ()}],
)
def test_choices_are_checked(wrong):
    with pytest.raises(ValueError, match="must be"):
        Refined(**wrong)

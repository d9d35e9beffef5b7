"""Residual networks: proofs are verified, changed ones refused, and the checker has own bounds."""

import copy
import math
from dataclasses import replace
from unittest import mock

import flint
import numpy as np
import pytest
from flint import arb

from lbdnn import Ball, Box, Certificate, Chain, Dissipation, LayerBalls, certify, check
from lbdnn.activations import get
from lbdnn.bounds.dissipativity import dissipation
from lbdnn.checking.enclosure import enclose
from lbdnn.checking.input_curves import InputCurves
from lbdnn.checking.layer_norms import LayerNorms
from lbdnn.checking.regions import inputs_of, parameters_of
from lbdnn.networks import Affine, Operation, Pointwise, Repeat, Residual

from ..bounds.points import NETWORKS, ball_points, exact

QUANTITIES = ("jacobian", "hessian", "input_jacobian")


def with_bound(certificate: Certificate, quantity: str, **changes) -> Certificate:
    bounds = dict(certificate.bounds)
    bounds[quantity] = replace(bounds[quantity], **changes)
    return replace(certificate, bounds=bounds)


def test_every_bound_is_verified_by_its_proof(proved_residual) -> None:
    verdict = check(*proved_residual)
    assert verdict, str(verdict)
    for quantity in QUANTITIES:
        assert "dissipation" in verdict[quantity].upper.reason
        assert verdict[quantity].lower.reason == "attained at its witness"


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_a_changed_bound_is_not_verified(proved_residual, quantity: str) -> None:
    certificate, net, theta = proved_residual
    bound = certificate[quantity]
    smaller = with_bound(certificate, quantity, upper=bound.upper * (1 - 1e-5))
    assert check(smaller, net, theta)[quantity].upper.status == "refused"
    raised = with_bound(certificate, quantity, lower=bound.lower * (1 + 1e-9))
    assert check(raised, net, theta)[quantity].lower.status == "refused"


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_every_array_of_a_proof_counts(proved_residual, quantity: str) -> None:
    certificate, net, theta = proved_residual
    proof = certificate[quantity].proof
    for place, stage in enumerate(proof["stages"]):
        for name, values in stage.items():
            # Some numbers of the last stage hold for any value: that stage is the identity.
            factors = (math.nan, -1.0, -1e3) if place == 0 else (math.nan,)
            refused = 0
            for factor in factors:
                damaged = copy.deepcopy(proof)
                damaged["stages"][place][name] = np.asarray(values) * factor
                other = with_bound(certificate, quantity, proof=damaged)
                refused += check(other, net, theta)[quantity].upper.status == "refused"
            assert refused, (place, name)
        fewer = copy.deepcopy(proof)
        del fewer["stages"][place]
        other = with_bound(certificate, quantity, proof=fewer)
        assert check(other, net, theta)[quantity].upper.status == "refused"


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_no_numbers_prove_a_false_bound(proved_residual, quantity: str) -> None:
    certificate, net, theta = proved_residual
    bound, rng = certificate[quantity], np.random.default_rng(0)
    for trial in range(20):
        damaged = copy.deepcopy(bound.proof)
        for stage in damaged["stages"]:
            for name, values in stage.items():
                if rng.random() < 0.3:
                    spread = np.exp(rng.standard_normal(np.shape(values)) * 10.0 ** -(trial % 4))
                    stage[name] = np.asarray(values) * spread
        false = with_bound(
            certificate, quantity, lower=0.0, upper=bound.lower * (1 - 1e-9), proof=damaged
        )
        assert not check(false, net, theta)[quantity].upper


def own_bounds(net: Chain, theta, inputs, parameters) -> LayerNorms:
    region = parameters_of(parameters, net, theta)
    return LayerNorms(enclose(net, inputs_of(inputs, net), region), region)


LINEAR = Residual((Affine(1, 1, bias=False),))


@pytest.mark.parametrize(
    ("operation", "slope", "jacobian", "hessian"),
    [
        (LINEAR, 1.5, 2.0, 0.0),
        (Residual((LINEAR,)), 2.5, 2.0, 0.0),
        (Repeat((LINEAR,), 2), 1.5**2, 2 * 1.5 * math.sqrt(2), 2.0),  # (1 + w₁)(1 + w₂)σ
    ],
)
def test_own_bounds_of_positive_sums(
    operation: Operation, slope: float, jacobian: float, hessian: float
) -> None:
    net = Chain((operation,), 1)
    theta = net.unravel(np.full(net.size, 0.5))
    with flint.ctx.workprec(128):
        found = own_bounds(net, theta, Box(-2, 2), Ball(0.0))
        assert float(found.input_jacobian) == pytest.approx(slope, rel=1e-12)
        assert float(found.known.value) == pytest.approx(2 * slope, rel=1e-12)
        # A copy carried beside what a layer acts on may cost √2.
        assert 1 - 1e-12 <= float(found.jacobian) / jacobian <= math.sqrt(2) * (1 + 1e-12)
        assert found.hessian_at_most(arb(hessian * math.sqrt(2) + 1e-12))
        assert hessian == 0 or not found.hessian_at_most(arb(hessian * (1 - 1e-12)))


@pytest.mark.slow
def test_no_point_of_the_sets_exceeds_an_own_bound() -> None:
    net, rng = NETWORKS["nested residual"], np.random.default_rng(0)
    center = rng.uniform(-1, 1, net.size)
    thetas = center + 0.3 * ball_points(rng, (40, net.size))
    truth = exact(net, rng.uniform(-1, 1, (40, net.inputs)), thetas)
    with flint.ctx.workprec(128):
        own = own_bounds(net, net.unravel(center), Box(-1, 1), Ball(0.3))
        upper = {
            "value": float(own.known.value),
            "jacobian": float(own.jacobian),
            "input_jacobian": float(own.input_jacobian),
            "input_jacobian_max": float(InputCurves(own).input_jacobian_max),
            "input_hessian": float(InputCurves(own).input_hessian),
            "mixed_hessian": float(InputCurves(own).mixed_hessian),
        }
        for quantity, bound in upper.items():
            assert truth[quantity].max() <= bound, quantity
        assert not own.hessian_at_most(arb(float(truth["hessian"].max()) * (1 - 1e-9)))
        assert own.hessian_at_most(arb(1e4 * float(truth["hessian"].max())))


@pytest.mark.slow
def test_nested_blocks_are_verified() -> None:
    inner = Residual((Affine(1, 1), Pointwise(get("sin"))))
    net = Chain((Residual((Pointwise(get("tanh")), inner, Affine(1, 1))),), 1)
    theta = net.unravel(np.random.default_rng(0).uniform(-0.5, 0.5, net.size))
    with mock.patch.object(dissipation, "descended", lambda costs, start, steps: start):
        certificate = certify(
            net,
            theta,
            inputs=Box(-1, 1),
            parameters=LayerBalls([0.05] * len(net.affine)),
            quantities=["jacobian"],
            method=Dissipation(steps=3),
            attack=None,
        )
    verdict = check(certificate, net, theta)
    assert verdict and "dissipation" in verdict["jacobian"].upper.reason, str(verdict)


@pytest.mark.slow
def test_a_block_that_ends_in_a_repetition() -> None:
    # The last affine layer of the block is not its last operation: the sum is a layer of its own.
    repeated = Repeat((Pointwise(get("tanh")), Affine(1, 1)), 2)
    net = Chain((Residual((Affine(1, 1), repeated)),), 1)
    written = Chain((Residual((Affine(1, 1), *repeated.operations * 2)),), 1)
    rng = np.random.default_rng(4)
    center = rng.uniform(-1, 1, net.size)
    for one, other in ((net, written), (written, net)):
        certificate = certify(
            one, one.unravel(center), inputs=Box(-1, 1), parameters=Ball(0.2), attack=None
        )
        assert check(certificate, one, one.unravel(center))
        thetas = center + 0.2 * ball_points(rng, (100, net.size))
        truth = exact(other, rng.uniform(-1, 1, (100, 1)), thetas)
        for quantity in QUANTITIES:
            assert truth[quantity].max() <= certificate[quantity].upper, quantity
        with flint.ctx.workprec(128):
            own = own_bounds(one, one.unravel(center), Box(-1, 1), Ball(0.2))
            for quantity in ("jacobian", "input_jacobian"):
                found = float(getattr(own, quantity))
                assert found == pytest.approx(certificate[quantity].upper, rel=1e-4), quantity
                assert truth[quantity].max() <= found
            assert not own.hessian_at_most(arb(float(truth["hessian"].max()) * (1 - 1e-9)))

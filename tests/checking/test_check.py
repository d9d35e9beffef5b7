"""What the checker verifies, what it refuses, and what it says it cannot verify."""

import copy
import math
import subprocess
import sys
from dataclasses import dataclass, replace

import jax
import numpy as np
import pytest

import lbdnn
from lbdnn import (
    Attack,
    Ball,
    Box,
    Certificate,
    Chain,
    Dissipation,
    FullyConnected,
    LayerBalls,
    certify,
    check,
)
from lbdnn.activations import get
from lbdnn.bounds.method import ALL
from lbdnn.certificate.described_sets import in_words
from lbdnn.networks import Affine, Pointwise, Scaling

QUANTITIES = ("value", "jacobian", "hessian", "input_jacobian")


def changed(certificate: Certificate, quantity: str, **changes) -> Certificate:
    """The certificate of one bound, changed."""
    return replace(certificate, bounds={quantity: replace(certificate[quantity], **changes)})


def test_everything_is_verified(proved) -> None:
    verdict = check(*proved)
    assert verdict, str(verdict)
    assert [row.quantity for row in verdict.rows] == list(QUANTITIES)
    assert all(row.lower and row.upper for row in verdict.rows)
    assert "every bound is verified" in str(verdict)


def test_it_is_verified_again_after_saving(proved, tmp_path) -> None:
    proved.certificate.save(tmp_path / "c.json")
    assert check(lbdnn.load_certificate(tmp_path / "c.json"), proved.net, proved.theta)


@pytest.mark.parametrize("quantity", ["jacobian", "hessian", "input_jacobian"])
def test_what_a_proof_does_not_show_is_refused(proved, quantity: str) -> None:
    bound = proved.certificate[quantity]
    smaller = changed(proved.certificate, quantity, upper=0.999 * bound.upper)
    verdict = check(smaller, proved.net, proved.theta)
    assert not verdict and verdict[quantity].upper.status == "refused"
    # A proof of more proves less too.
    larger = changed(proved.certificate, quantity, upper=1.001 * bound.upper)
    assert check(larger, proved.net, proved.theta)


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_a_lower_bound_above_what_is_attained_is_refused(proved, quantity: str) -> None:
    bound = proved.certificate[quantity]
    raised = changed(proved.certificate, quantity, lower=bound.lower * (1 + 1e-9))
    verdict = check(raised, proved.net, proved.theta)
    assert verdict[quantity].lower.status == "refused"
    assert "attains only" in verdict[quantity].lower.reason
    assert not verdict


def test_another_network_or_other_weights_are_refused(proved) -> None:
    other = FullyConnected((2, 2, 2, 1), "sin")
    vector = np.asarray(proved.net.ravel(proved.theta), np.float64)
    moved = vector.copy()
    moved[3] = np.nextafter(moved[3], 2)
    for net, theta in (
        (other, other.unravel(vector)),
        (proved.net, proved.net.unravel(moved)),
        (proved.net, proved.net.unravel(vector.astype(np.float32))),
    ):
        verdict = check(proved.certificate, net, theta)
        assert not verdict and not verdict.rows
        assert "another network" in str(verdict)
    verdict = check(proved.certificate, FullyConnected((2, 3, 1), "tanh"), proved.theta)
    assert not verdict and verdict.refused is not None


def test_without_numbers_nothing_is_verified(proved) -> None:
    bare = {
        q: replace(b, witness=None, proof=None, upper=max(b.lower, 1e-9))
        for q, b in proved.certificate.items()
    }
    verdict = check(replace(proved.certificate, bounds=bare), proved.net, proved.theta)
    for row in verdict.rows:
        assert row.lower.status == "not verified" and "no witness" in row.lower.reason
        assert row.upper.status == "not verified" and "own" in row.upper.reason
    assert not verdict and "not every bound" in str(verdict)
    nothing = {q: replace(b, lower=0.0, upper=1e9) for q, b in bare.items()}
    verdict = check(replace(proved.certificate, bounds=nothing), proved.net, proved.theta)
    assert all(row.lower for row in verdict.rows)
    assert not check(replace(proved.certificate, bounds={}), proved.net, proved.theta)


@pytest.mark.parametrize("quantity", QUANTITIES)
@pytest.mark.parametrize("factor", [1 + 1e-6, 1.5])
def test_a_witness_outside_the_sets_is_refused(proved, quantity: str, factor: float) -> None:
    center = np.asarray(proved.net.ravel(proved.theta), np.float64)
    witness = dict(proved.certificate[quantity].witness)
    theta = (center + factor * (np.asarray(witness["theta"]) - center)).tolist()
    for name, value in (("theta", theta), ("sigma", [0.5, 0.5 * factor])):
        outside = changed(proved.certificate, quantity, witness=witness | {name: value}, lower=0.0)
        finding = check(outside, proved.net, proved.theta)[quantity].lower
        assert finding.status == "refused" and "outside" in finding.reason


@pytest.mark.parametrize(
    "witness",
    [
        {},
        {"sigma": [0.5], "theta": [], "directions": []},
        {"sigma": [0.5, math.nan], "directions": []},
        {"sigma": [0.5, math.inf], "directions": []},
        {"directions": []},
        {"directions": [[0.0] * 15]},
        {"directions": [[math.nan] * 15]},
        {"directions": [[1.0] * 14]},
        {"directions": [[1.0] * 15] * 2},
        {"directions": "up"},
        {"directions": [["1.0"] * 15]},
    ],
)
def test_a_witness_of_another_form_is_refused(proved, witness: dict) -> None:
    whole = dict(proved.certificate["jacobian"].witness) | witness if witness else {}
    damaged = changed(proved.certificate, "jacobian", witness=whole, lower=1e-9)
    assert check(damaged, proved.net, proved.theta)["jacobian"].lower.status == "refused"


def test_methods_without_proof_are_reported(proved) -> None:
    for method in ("Layerwise()", "Polynomial()", "Refined()", "Mine()"):
        lower = proved.certificate["jacobian"].lower
        other = changed(proved.certificate, "jacobian", method=method, proof=None, upper=lower)
        finding = check(other, proved.net, proved.theta)["jacobian"].upper
        assert finding.status == "not verified" and method[:-2] in finding.reason
    wrong = changed(proved.certificate, "jacobian", method="Layerwise()")
    assert check(wrong, proved.net, proved.theta)["jacobian"].upper.status == "refused"


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_nothing_below_what_is_attained_is_verified(proved, quantity: str) -> None:
    bound = proved.certificate[quantity]
    false = bound.lower * (1 - 1e-9)
    for proof in (bound.proof, None):
        low = changed(
            proved.certificate, quantity, lower=0.0, witness=None, upper=false, proof=proof
        )
        assert not check(low, proved.net, proved.theta)[quantity].upper


@pytest.mark.parametrize("quantity", ["jacobian", "hessian", "input_jacobian"])
def test_no_numbers_prove_a_false_bound(proved, quantity: str) -> None:
    bound, rng = proved.certificate[quantity], np.random.default_rng(0)
    false = bound.lower * (1 - 1e-9)
    for trial in range(60):
        damaged = copy.deepcopy(bound.proof)
        for stage in damaged["stages"]:
            for name, values in stage.items():
                if rng.random() < 0.3:
                    spread = np.exp(rng.standard_normal(np.shape(values)) * 10.0 ** -(trial % 4))
                    stage[name] = np.asarray(values) * spread
                elif rng.random() < 0.1:
                    stage[name] = np.asarray(values) * rng.choice([0.0, 1e300, -1.0, 1e-300])
        low = changed(
            proved.certificate, quantity, lower=0.0, witness=None, upper=false, proof=damaged
        )
        assert not check(low, proved.net, proved.theta)[quantity].upper


@pytest.mark.parametrize("center", [math.nan, math.inf, [math.nan] * 15, [0.0], [[0.0]]])
def test_centres_that_are_none_are_refused(proved, center) -> None:
    sets = copy.deepcopy(proved.certificate.sets)
    sets["parameters"]["center"] = center
    try:
        words = in_words(sets["parameters"])
    except (TypeError, ValueError):
        words = ""
    verdict = check(
        replace(proved.certificate, sets=sets, parameters=words, radius=0.4),
        proved.net,
        proved.theta,
    )
    assert not verdict and verdict.refused is not None


@pytest.mark.parametrize(
    "parameters", [None, Ball(0.1), Ball(9.0, center=0), LayerBalls([0.1, 0.0, 0.2]), Box(-1, 1)]
)
def test_bounds_without_proof_over_all_kinds_of_sets(parameters) -> None:
    net = FullyConnected((2, 3, 2, 1), ("tanh", "softsign"), output_scaling=((3.0,), (-1.0,)))
    theta = net.unravel(np.linspace(-1, 1, net.size))
    for method, asked in (("layerwise", ALL), ("polynomial", QUANTITIES)):
        certificate = certify(
            net,
            theta,
            inputs=Box(-1, 1),
            parameters=parameters,
            method=method,
            quantities=asked,
            attack=None,
        )
        verdict = check(certificate, net, theta)
        assert set(certificate) == set(asked) and verdict, str(verdict)
    layerwise = certify(net, theta, inputs=Box(-1, 1), parameters=parameters, attack=None)
    corner = np.linalg.norm(np.asarray(net(theta, np.ones(2)), float))
    value = changed(layerwise, "value", upper=float(corner) * 0.999)
    assert not check(value, net, theta)


@dataclass(frozen=True)
class Doubling:
    """An operation that the checker cannot know."""

    def outputs(self, inputs: int) -> int:
        return inputs

    def apply(self, parameters, x):
        return 2 * x

    def init(self, key, initializer) -> None:
        return None


def test_what_the_checker_does_not_know_is_said() -> None:
    net = lbdnn.Chain((Affine(1, 1), Doubling()), 1)
    bound = lbdnn.Bound("value", "euclidean", 1e9, 0.0, "Refined()")
    theta = net.unravel(np.zeros(net.size))
    sets = {
        "inputs": {"kind": "Box", "lo": -1.0, "hi": 1.0},
        "parameters": {"kind": "Ball", "radius": 0.0, "center": None},
    }
    certificate = Certificate(
        bounds={"value": bound},
        network=lbdnn.certificate.fingerprint(net, theta),
        inputs="Box(lo=-1, hi=1)",
        parameters="Ball(radius=0, center=None)",
        radius=0.0,
        arithmetic="",
        sets=sets,
    )
    finding = check(certificate, net, theta)["value"].upper
    assert finding.status == "not verified" and "Doubling" in finding.reason


@pytest.mark.slow
def test_lower_bounds_of_an_attack_are_verified() -> None:
    net = FullyConnected((2, 3, 1), "silu")
    theta = net.init(jax.random.key(3))
    certificate = certify(
        net,
        theta,
        inputs=Ball(1.0),
        parameters=LayerBalls([0.1, 0.2]),
        quantities=["value"],
        attack=Attack(starts=4, steps=5),
    )
    verdict = check(certificate, net, theta)
    assert verdict["value"].lower and certificate["value"].lower > 0, str(verdict)


def test_importing_the_library_does_not_import_flint() -> None:
    code = "import lbdnn, sys; assert 'flint' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_without_flint_one_sentence_names_the_extra(proved, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "flint", None)
    with pytest.raises(ValueError, match=r"pip install 'lbdnn\[arb\]'") as caught:
        check(*proved)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("between", [(), (Scaling((1.0,) * 4, (0.0,) * 4),)])
def test_slopes_and_norms_that_the_prover_does_not_relate(undescended, between) -> None:
    """Where ‖[s; 1]‖ is known better than by slopes, as ‖Wσ‖ ≤ ½‖σ‖."""
    signs = np.asarray([[1, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]])
    net = Chain((Affine(4, 4, False), *between, Pointwise(get("tanh")), Affine(4, 1)), 4)
    theta = net.with_weights([signs / 4, np.full((1, 5), 0.01)])
    certificate = certify(
        net,
        theta,
        inputs=Box(-1, 1.0),
        parameters=Ball(0.0),
        method=Dissipation(levels=1, steps=1, cells=1),
        quantities=("jacobian",),
        attack=None,
    )
    assert check(certificate, net, theta)["jacobian"].upper

"""Claims: the counterexamples are what they are said to be."""

from pathlib import Path

import numpy as np
import pytest

from experiments.claims import activations, affine_maps, bias, factorizations, theorem_6
from experiments.claims.__main__ import claims
from experiments.claims.page import table
from experiments.spectral_atlas.models import Weights
from lbdnn import spectra


def test_spectral_radii_multiply_to_less_than_that_of_the_product():
    first, second = theorem_6.SHEAR
    assert theorem_6.radius(first) * theorem_6.radius(second) < theorem_6.radius(second @ first) / 9


def test_counterexamples_to_the_sufficient_condition_have_other_attractors():
    starts = np.random.default_rng(1).uniform(-1, 1, (20, 2))
    for weights in (theorem_6.SHEAR, (theorem_6.NILPOTENT,)):
        assert all(theorem_6.radius(weight) <= 0.5 for weight in weights)
        net, theta = theorem_6.layers("tanh", *weights)
        assert spectra.attractor(net, theta, starts).kind == "several points"


def test_counterexample_to_the_necessary_condition_is_stable():
    net, theta = theorem_6.layers("relu", theorem_6.FLIP)
    starts = np.linspace(-6, 6, 25)[:, None]
    ends = np.asarray(spectra.trajectory(net, theta, starts, 2))
    assert np.all(ends[2] == 0)
    assert np.all(np.abs(ends) <= 2 * np.abs(starts))
    assert float(spectra.spectral_radius(spectra.linearize(net, theta, [-1.0]).matrix)) == 2


def test_depth_neither_shrinks_the_one_nor_expands_the_other():
    evidence = list(theorem_6.depth().evidence.values())
    assert min(evidence[0].values()) > 1
    assert evidence[1][2] == 0


def test_structured_weights():
    skew = factorizations.skew_symmetric().evidence
    assert min(next(iter(skew.values()))) > 3
    printed = factorizations.gershgorin().evidence
    discs, moduli = list(printed.values())[1:]
    assert max(discs) > 1 + 1e-3
    assert max(moduli) <= 1 + 1e-12


def test_no_activation_of_footnote_1_is_a_strict_contraction():
    evidence = activations.lipschitz().evidence
    assert evidence["with K < 1"] == []
    assert max(evidence["sup |ς(z)/z|"].values()) == 1


def test_without_an_atlas_there_are_no_counts():
    claim = bias.equilibrium({}, Weights(0, "inner"))
    assert claim.evidence["atlas"]["median distance from b_L"] is None
    assert claim.evidence["x ↦ x/2 + (1, 2)"]["x̄"] == pytest.approx([2, 4])


@pytest.mark.slow
def test_the_page_in_the_documentation_has_these_verdicts(monkeypatch):
    # Fewer of the networks on which the affine form is measured: each is compiled anew.
    monkeypatch.setattr(affine_maps, "ACTIVATIONS", ("tanh", "softplus"))
    monkeypatch.setattr(affine_maps, "COMPARED", ("relu", "tanh"))
    monkeypatch.setattr(affine_maps, "DEPTHS", (1,))
    found = claims({}, Weights(0, "inner"))
    assert len({claim.id for claim in found}) == len(found)
    written = (Path(__file__).parents[2] / "docs" / "claims.md").read_text(encoding="utf-8")
    assert "\n".join(table(found)) in written
    for claim in found:
        for text in (claim.statement, claim.criterion, claim.reason, claim.instead):
            assert text in written
    exact, slopes = (next(iter(claim.evidence.values())) for claim in found[:2])
    assert exact["softplus, shifted form"] < 1e-12 > exact["tanh, paper form"]
    assert slopes["relu"] < 1e-12 and slopes["tanh"] > 1e-3

"""Claims on networks of numerical flows: what is measured bears the verdicts out."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from experiments.claims import __main__ as program, contraction
from experiments.claims.integration import runge_kutta
from experiments.claims.page import table


@cache
def judged():
    return {claim.id: claim for claim in program.claims_on_flows()}


def evidence(name):
    return judged()[name].evidence


def test_the_integrator_keeps_volume_and_euler_steps_do_not():
    random, at_zero = evidence("volume-is-kept").values()
    splitting, median, largest, divergence = random.values()
    assert splitting < 1e-13 and divergence < 1e-13
    assert median > 0.01 and largest > 1
    assert at_zero["derivative of the splitting step"] == [[1, 1], [1, 2]]
    assert at_zero["derivative of the Euler step"] == [[1, 1], [1, 1]]


def test_the_example_is_not_in_the_family_but_near_compositions_of_it():
    steps, example = evidence("mass-is-kept").values()
    assert steps < 1e-14
    assert max(np.abs(example["at (3, 0, 3)"])) > 4
    errors = list(example["largest distance of compositions of tanh steps from the flow"].values())
    assert errors[-1] < 0.15 < 0.3 < errors[0]
    assert example["largest change of the sum by them"] < 1e-12
    assert example["largest change of the sum by its flow"] < 1e-12
    assert example["largest way within 0.5 units of time from [−1, 1]³"] > 1


def test_a_resnet_is_steps_of_euler_and_no_flow():
    found = list(evidence("resnet-is-euler").values())
    same, distances, ratios, folded, kept = found
    assert same < 1e-14
    assert distances[1] > 0.1
    np.testing.assert_allclose(ratios, 2, rtol=0.02)
    assert folded[0] == folded[1] and kept[0] != kept[1]


def test_the_published_contraction_constant_holds_and_the_sharp_one_is_attained():
    table, turned = evidence("contraction-constant").values()
    for h, row in zip(contraction.STEPS, table.values(), strict=True):
        published, sharp, attack, below, above = row.values()
        assert attack <= sharp * (1 + 1e-9) < published
        assert attack > 0.999 * sharp
        assert (below if h <= 4 / 3 else above) == pytest.approx(sharp, abs=1e-15)
    np.testing.assert_allclose(turned, [row["published"] for row in table.values()], rtol=1e-14)


def test_orthonormal_rows_alone_do_not_contract():
    found = evidence("orthogonal-not-square")
    assert found["stretched by"] == 1 > found["published constant"]
    assert max(value for key, value in found.items() if key.startswith("after")) > 1.15


def test_the_expansive_constant_is_attained_and_not_exceeded():
    for row in evidence("expansion-constant").values():
        bound, attained, other, random = row.values()
        assert attained == pytest.approx(bound, abs=1e-15)
        assert other < 1
        assert 0.95 * bound < random <= bound * (1 + 1e-12)


def test_longer_expansive_steps_than_the_sharp_constants_admit_expand():
    found = evidence("pairs-do-not-expand")
    largest = found["largest h_E"]
    assert largest["h_C = 0.5"]["published"] == pytest.approx(found["2/√3 − 1"], rel=1e-12)
    assert largest["h_C = 1.333"] == {"published": "none", "sharp": pytest.approx(2)}
    exact, longer = found["pair ((1, 2), (3, 1)), W = A = I, stretched by"].values()
    assert exact == pytest.approx(1, abs=1e-15) and longer > 1.03


def test_both_parts_of_a_field_are_what_they_are_said_to_be():
    sizes = dict(evidence("gradient-and-tangential-parts"))
    _, sides = sizes.popitem()
    assert all(field["largest |xᵀX_S|"] < 1e-10 for field in sizes.values())
    assert sizes["∇(sin x₁ + x₂x₃²)"]["largest ‖X_S‖"] < 1e-14
    assert sizes["cos(x₁)Sx, S skew-symmetric"]["largest ‖∇U‖"] < 1e-14
    assert sizes["tanh(Mx + m)"]["largest ‖X_S‖"] > 1 < sizes["tanh(Mx + m)"]["largest ‖∇U‖"]
    # A kink of U.
    assert sides == pytest.approx([0.5, 0])


def test_alternating_flows_converge_at_first_order_and_increasing_maps_stay_away():
    errors, ratios, nearest = evidence("approximation-by-parts").values()
    assert errors[128] < 0.02
    np.testing.assert_allclose(ratios, 2, rtol=0.05)
    assert nearest >= 1


def test_a_constant_without_a_margin_is_no_robustness():
    constant, found, identity = evidence("non-expansive-is-robust").values()
    other, attacked, certified, within = found.values()
    assert constant > 1
    assert other == within == 0
    assert certified < attacked < np.inf
    assert len(set(np.round(list(identity.values()), 12))) == 1


def test_non_expansive_maps_need_not_converge():
    orbit, gradient, contracting = evidence("non-expansive-is-stable").values()
    assert orbit[4] == orbit[0] != orbit[1]
    end, stretched = gradient.values()
    assert stretched == pytest.approx(1)
    np.testing.assert_allclose(np.array([0.6, 0.8]) @ end, 0, atol=1e-12)
    assert contracting["after 300 steps"] < 1e-12 < contracting["at the start"]


def test_steps_of_order_4():
    errors = [abs(runge_kutta(lambda x: x, 1.0, 1.0, steps) - np.e) for steps in (10, 20)]
    assert errors[0] / errors[1] == pytest.approx(16, rel=0.1)


def test_the_page_in_the_documentation_has_these_verdicts():
    written = (Path(__file__).parents[2] / "docs" / "claims.md").read_text(encoding="utf-8")
    assert "\n".join(table(list(judged().values()))[2:]) in written
    for claim in judged().values():
        assert written.count(f"\n## {claim.id}\n") == 1
        for text in (claim.statement, claim.criterion, claim.reason, claim.instead):
            assert text in written

"""What the suites of networks hold."""

import sys

import numpy as np
import pytest

import lbdnn
from experiments import bound_tightness, tightness_of_suite
from experiments.controller_cases import FRACTIONS, controller, controllers
from experiments.random_cases import SMOOTH, drawn
from lbdnn import Attack, Box, FullyConnected, Polynomial, activations


def test_random_structures_come_from_the_seed():
    first, again, other = drawn(0, 12, []), drawn(0, 12, []), drawn(1, 12, [])
    assert [case.net for case in first] == [case.net for case in again]
    assert [case.net for case in first] != [case.net for case in other]
    many = drawn(2, 300, [])
    assert {case.net.inputs for case in many} == set(range(1, 13))
    assert {case.net.outputs for case in many} == set(range(1, 7))
    assert {case.net.activations[0].name for case in many} == set(SMOOTH)
    assert len({case.label for case in many}) == len(many)


def test_of_the_published_networks_those_asked_for():
    chosen = tightness_of_suite.cases(bound_tightness.Settings(networks=("5×10", "3x3")))
    assert [case.label for case in chosen] == ["3×3", "5×10"]


def test_the_smooth_activations_are_those_with_a_continuous_slope():
    for name in SMOOTH:
        assert np.isfinite(activations.get(name).bound(2)), name


def test_controllers_on_their_boxes(data):
    found = controllers()
    assert len(found) == 5
    for case in found:
        lo, hi = case.inputs.ends(case.net.inputs)
        assert np.all(lo <= hi) and len(case.radii[0]) == len(FRACTIONS)
        assert {about["box"] for about in case.about[0]} <= {
            "starts in",
            "to stay in",
            "around braking",
        }


@pytest.mark.slow
def test_a_controller_of_our_own(tmp_path):
    net = FullyConnected((2, 3, 1), "tanh")
    theta = net.unravel(np.linspace(-1, 1, net.size))
    lbdnn.write(tmp_path / "net.safetensors", net, theta)
    case = controller("own", tmp_path / "net.safetensors", Box(0, 1), "starts in")
    np.testing.assert_allclose(case.radii[0][-1], 0.1 * np.linalg.norm(np.linspace(-1, 1, 13)))
    quantities = ("value", "remainder")
    attack = Attack(starts=4, steps=8)
    methods = {"own": Polynomial()}
    (rows,) = tightness_of_suite.measured([case], attack, methods, tmp_path / "kept", quantities)
    assert {row["quantity"] for row in rows} == set(quantities)
    assert all(row["ratio"] >= 1 and row["box"] == "starts in" for row in rows)


def test_without_the_files_the_variable_is_named(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("LBDNN_DATA", str(tmp_path / "nowhere"))
    arguments = ["--suite", "controllers", "--output", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["bound_tightness", *arguments])
    assert bound_tightness.main() == 2
    error = capsys.readouterr().err
    assert "LBDNN_DATA" in error and error.count("\n") == 1


@pytest.mark.slow
@pytest.mark.parametrize("suite", ["random", "controllers"])
def test_a_suite_ends_in_figures_tables_and_a_summary(suite, monkeypatch, tmp_path, capsys):
    """The whole run, with small networks in place of the suite's."""
    net = FullyConnected((1, 2, 1), "tanh")
    lbdnn.write(tmp_path / "n.safetensors", net, net.unravel(np.linspace(-1, 1, net.size)))
    small = [controller(f"a {i}", tmp_path / "n.safetensors", Box(0, 1), "") for i in range(2)]
    monkeypatch.setattr(tightness_of_suite, "drawn", lambda *_: small)
    monkeypatch.setattr(tightness_of_suite, "controllers", lambda: small)
    monkeypatch.setattr(tightness_of_suite, "Attack", lambda **_: Attack(starts=4, steps=8))
    arguments = ["--suite", suite, "--method", "polynomial", "--output", str(tmp_path / "out")]
    monkeypatch.setattr(sys, "argv", ["bound_tightness", *arguments])
    assert bound_tightness.main() == 0
    names = {file.name for file in (tmp_path / "out").iterdir()}
    pictures = {
        f"{name}.{kind}" for name in ("tightness", "against_radius") for kind in ("pdf", "png")
    }
    assert pictures | {"tightness.csv", "tightness.json", "cases"} == names
    said = capsys.readouterr().out
    assert "all of them" in said and str(tmp_path / "out") in said
    assert ("Taylor remainder" in said) == (suite == "controllers")

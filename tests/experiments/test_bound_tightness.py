"""The main experiment, as a user calls it."""

import csv
import json
import sys

import jax
import numpy as np
import pytest

import lbdnn
from experiments import bound_tightness, budget_by_depth, tightness_of_suite
from experiments.tightness_measurement import Case, attacked, upper_bounds
from lbdnn import Attack, Box, FullyConnected, Layerwise, Polynomial


def run(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["bound_tightness", *map(str, arguments)])
    return bound_tightness.main()


@pytest.mark.slow
def test_one_random_network_gives_table_figure_and_summary(monkeypatch, tmp_path, capsys):
    status = run(monkeypatch, "--quick", "--sizes", 2, 2, 1, "--radius", 0.2, "--output", tmp_path)
    assert status == 0
    with (tmp_path / "tightness.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["quantity"] for row in rows} == {"value", "jacobian", "hessian", "input_jacobian"}
    assert len({row["method"] for row in rows}) == 3
    assert all(float(row["ratio"]) >= 1 for row in rows)
    largest = [row for row in rows if float(row["radius"]) == 0.2]
    assert all(
        float(row["attack"]) >= float(row["exact_at_centre"]) * (1 - 1e-9) for row in largest
    )
    made_by = json.loads((tmp_path / "tightness.json").read_text(encoding="utf-8"))["made_by"]
    assert made_by["settings"]["radius"] == 0.2
    assert made_by["versions"]["lbdnn"] == lbdnn.__version__
    assert (tmp_path / "against_radius.pdf").read_bytes().startswith(b"%PDF")
    assert (tmp_path / "against_radius.png").read_bytes().startswith(b"\x89PNG")
    assert str(tmp_path) in capsys.readouterr().out


@pytest.mark.slow
def test_a_kinked_network_from_a_file_has_no_hessian(monkeypatch, tmp_path, capsys):
    net = FullyConnected((1, 2, 1), "relu")
    theta = net.unravel(np.linspace(-1.0, 1.0, net.size))
    lbdnn.write(tmp_path / "net.safetensors", net, theta)
    arguments = ["--model", tmp_path / "net.safetensors", "--output", tmp_path / "out", "--quick"]
    assert run(monkeypatch, *arguments) == 2
    assert "--inputs LO HI" in capsys.readouterr().err
    assert run(monkeypatch, *arguments, "--inputs", -1, 1, "--radius", 0) == 0
    text = capsys.readouterr().out
    assert "no bound over these sets: hessian" in text
    assert "∂Φ/∂θ" in text


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--inputs", "-1", "1"], "--inputs goes with --model or --sizes"),
        (["--sizes", "2", "2", "1", "--inputs", "a", "1"], "got 'a'"),
        (["--sizes", "2", "2", "1", "--inputs", "1", "-1"], "lo <= hi"),
        (["--sizes", "2", "2", "1", "--inputs=-1,-1,-1", "1"], "2 inputs"),
        (["--sizes", "2", "2", "1", "--radius", "-1"], "radius must be a finite number >= 0"),
        (["--sizes", "2", "0", "1"], "sizes"),
        (["--sizes", "2", "2", "1", "--activation", "tan"], "tan"),
        (["--model", "nowhere.onnx"], "nowhere.onnx"),
        (["--model", "nowhere.onnx", "--sizes", "1", "1"], "pass one of them"),
        (["--seed", "-1"], "--seed"),
        (["--levels", "3", "12"], "--levels goes with --method refined"),
        (["--levels", "3", "0", "--method", "refined"], "levels"),
        (["--networks", "3x4"], "--networks takes some of 3x3, 4x3, 4x4, 5x5, 5x10, 10x10"),
        (["--networks", "3x3", "--suite", "random"], "--networks chooses of the published"),
    ],
)
def test_bad_input_is_one_sentence_and_status_2(monkeypatch, tmp_path, capsys, arguments, sentence):
    assert run(monkeypatch, *arguments, "--output", tmp_path) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert error.startswith("error: ")
    assert sentence in error


def test_a_folder_that_cannot_be_written_is_refused_before_any_work(monkeypatch, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert run(monkeypatch, "--output", tmp_path / "file") == 2
    assert "pass --output DIR" in capsys.readouterr().err


@pytest.fixture
def small():
    return tightness_of_suite.case(1, 1, 2, 1, "tanh", range(2))


@pytest.mark.slow
def test_a_kept_network_is_not_measured_again(monkeypatch, tmp_path, small):
    attack = Attack(starts=4, steps=5)
    once = tightness_of_suite.measured([small], attack, {"layerwise": Layerwise()}, tmp_path)
    monkeypatch.setattr(tightness_of_suite, "attacked", None)
    assert (
        tightness_of_suite.measured([small], attack, {"layerwise": Layerwise()}, tmp_path) == once
    )
    # Other settings are another measurement.
    with pytest.raises(TypeError):
        tightness_of_suite.measured(
            [small], Attack(starts=5, steps=5), {"layerwise": Layerwise()}, tmp_path
        )


@pytest.mark.slow
def test_an_interrupt_keeps_the_networks_that_are_done(monkeypatch, small):
    def interrupted(work, label):
        for key, piece in work.items():
            if key[0] == 1:
                return
            yield key, piece()

    monkeypatch.setattr(tightness_of_suite, "finished_pieces", interrupted)
    attack = Attack(starts=4, steps=5)
    done = tightness_of_suite.measured(small.split(), attack, {"layerwise": Layerwise()}, None)
    assert [{row["seed"] for row in rows} for rows in done] == [{0}]


@pytest.mark.slow
def test_the_attack_grows_with_the_radius(small):
    found = attacked(small, "hessian", Attack(starts=4, steps=10))
    assert found.shape == (2, 4)
    assert np.all(np.diff(found, axis=1) >= 0)
    upper = upper_bounds(small, {"layerwise": Layerwise()})["layerwise"]["hessian"]
    assert np.all(upper >= found)


@pytest.mark.slow
def test_methods_that_cannot_treat_a_network_are_left_out():
    net = FullyConnected((1, 2, 1), "soft_exponential(0.5)")
    with jax.enable_x64(True):
        theta = net.init(jax.random.key(0))
    case = Case("", net, [theta], Box(-1, 1), [[0.0]], [[{}]])
    found = upper_bounds(case, {"polynomial": Polynomial(), "layerwise": Layerwise()})
    assert list(found) == ["layerwise"]


def test_budgeting_gains_what_its_formula_predicts():
    for row in budget_by_depth.budgets(range(1, 8), 4):
        assert row["longest_gain"] == pytest.approx(row["longest_gain_predicted"], rel=1e-12)
        assert row["budgeted"] <= row["all_norms"]

"""`scripts/soundness.py`: what it draws, that it counts what it checked, and that it can fail."""

import importlib.util
import json
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

from experiments.random_sets import drawn_sets, drawn_structure
from experiments.sampled_points import CHAINS, sampled
from lbdnn import Ball, Box, FullyConnected, Layerwise, derivatives
from lbdnn.bounds import QUANTITIES
from lbdnn.sets import batch

FILE = Path(__file__).parents[2] / "scripts" / "soundness.py"
NET = FullyConnected((2, 2, 1), "tanh")


@pytest.fixture
def soundness(monkeypatch):
    """The script as a module, with few networks of one small structure."""
    specification = importlib.util.spec_from_file_location("soundness", FILE)
    assert specification and specification.loader
    module = importlib.util.module_from_spec(specification)
    monkeypatch.setitem(sys.modules, "soundness", module)
    specification.loader.exec_module(module)
    monkeypatch.setattr(module, "TOGETHER", 3)
    monkeypatch.setattr(module, "drawn_structure", lambda rng: NET)
    return module


def run(module, monkeypatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["soundness", *map(str, arguments)])
    return module.main()


@pytest.mark.slow
def test_a_small_run_checks_every_sample_against_every_bound(soundness, monkeypatch, tmp_path):
    file = tmp_path / "deep" / "soundness.json"
    asked = ("--networks", 3, "--samples", 2 * CHAINS, "--output", file.parent)
    assert run(soundness, monkeypatch, *asked) == 0
    found = json.loads(file.read_text(encoding="utf-8"))
    assert (
        found["finished"] and found["networks"] == 3 and found["made_by"]["settings"]["seed"] == 0
    )
    assert found["samples"] == 3 * 2 * CHAINS and found["not_finite"] == 0
    assert found["made_by"]["versions"].keys() >= {"lbdnn", "jax", "python"}
    pairs = {(row["method"], row["quantity"]) for row in found["counts"]}
    assert len(pairs) == len(soundness.METHODS) * len(QUANTITIES)
    for row in found["counts"]:
        assert (row["networks"], row["samples"], row["violations"]) == (3, found["samples"], 0)
        assert row["smallest"] >= 1


class Halved:
    """Not a method: half of what is one."""

    def bounds(self, *arguments):
        return {q: bound / 2 for q, bound in Layerwise().bounds(*arguments).items()}


@pytest.mark.slow
def test_a_wrong_bound_is_reported(soundness, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(soundness, "METHODS", {"halved": Halved()})
    file = tmp_path / "soundness.json"
    asked = ("--networks", 3, "--samples", 5 * CHAINS, "--output", file.parent)
    assert run(soundness, monkeypatch, *asked) == 1
    found = json.loads(file.read_text(encoding="utf-8"))
    assert found["violated"] and all(v["found"] > v["bound"] for v in found["violated"])
    assert min(row["smallest"] for row in found["counts"]) < 1
    assert "VIOLATED" in capsys.readouterr().out


def test_interrupted_it_says_what_was_counted(soundness, monkeypatch, tmp_path, capsys):
    def ends_at_once(work, label):
        yield from ()

    class Left(Exception):
        pass

    def leave(status):
        raise Left(status)

    monkeypatch.setattr(soundness, "finished_pieces", ends_at_once)
    monkeypatch.setattr(soundness, "leave", leave)
    with pytest.raises(Left, match="130"):
        run(soundness, monkeypatch, "--output", tmp_path)
    assert not json.loads((tmp_path / "soundness.json").read_text(encoding="utf-8"))["finished"]
    assert "0 samples" in capsys.readouterr().out


@pytest.mark.parametrize("wrong", [("--networks", 0), ("--samples", -1), ("--seed", -1)])
def test_bad_arguments_are_one_sentence(soundness, monkeypatch, capsys, wrong):
    assert run(soundness, monkeypatch, *wrong) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_folder_that_cannot_be_written_is_found_before_anything_is_computed(
    soundness, monkeypatch, tmp_path, capsys
):
    (tmp_path / "file").write_text("kept", encoding="utf-8")
    monkeypatch.setattr(soundness, "examined", None)
    assert run(soundness, monkeypatch, "--output", tmp_path / "file") == 2
    error = capsys.readouterr().err
    assert "cannot be written" in error and error.count("\n") == 1
    assert (tmp_path / "file").read_text(encoding="utf-8") == "kept"


# ----------------------------------------------------------------------------- the samples


def test_structures_and_sets_of_all_kinds_are_drawn():
    rng = np.random.default_rng(0)
    nets = [drawn_structure(rng) for _ in range(200)]
    assert {net.inputs for net in nets} == set(range(1, 13))
    assert {net.outputs for net in nets} == set(range(1, 7))
    assert {len(net.affine) - 1 for net in nets} == set(range(7))
    assert any(a.kinks for net in nets for a in net.activations)
    drawn = [drawn_sets(rng, NET) for _ in range(100)]
    assert {type(p).__name__ for _, _, p in drawn} == {"Ball", "Box", "LayerBalls"}
    assert {type(inputs).__name__ for _, inputs, _ in drawn} == {"Ball", "Box"}
    # θ is in its set: the set is centred there.
    for theta, _, parameters in drawn[:10]:
        centre = parameters.parameter_region(NET, theta).center
        np.testing.assert_allclose(
            NET.ravel(NET.with_weights(centre)), NET.ravel(theta), atol=1e-12
        )


def test_chains_find_what_is_there_and_stay_in_the_sets():
    # With the parameters fixed the quantities are those at the points of the box, here one point.
    rng = np.random.default_rng(1)
    theta = NET.unravel(rng.standard_normal(NET.size))
    sigma = np.array([0.3, -0.7])
    inputs = batch([Box(sigma, sigma).input_region(NET)] * 3)
    parameters = batch([Ball(0.0).parameter_region(NET, theta)] * 3)
    found = sampled(NET, 60, 0, inputs, parameters)
    with jax.enable_x64(True):
        exact = {
            "value": abs(float(NET(theta, sigma)[0])),
            "jacobian": float(derivatives.jacobian_norm(NET, theta, sigma)),
            "hessian": derivatives.hessian_norm(NET, theta, sigma),
            "input_jacobian": float(derivatives.input_jacobian_norm(NET, theta, sigma)),
        }
    assert found["finite"].tolist() == [61 * CHAINS] * 3
    for quantity in QUANTITIES:
        assert np.all(found[quantity] <= exact[quantity] * (1 + 1e-12))
        assert np.all(found[quantity] >= exact[quantity] * (1 - 1e-3))


def test_chains_climb():
    rng = np.random.default_rng(2)
    drawn = [drawn_sets(rng, NET) for _ in range(3)]
    inputs = batch([inputs.input_region(NET) for _, inputs, _ in drawn])
    parameters = batch([p.parameter_region(NET, theta) for theta, _, p in drawn])
    start, end = (sampled(NET, steps, 0, inputs, parameters) for steps in (0, 40))
    assert np.all(end["hessian"] > 1.05 * start["hessian"])
    assert all(np.all(end[quantity] >= start[quantity]) for quantity in QUANTITIES)

"""`scripts/compare_peers.py`: what needs no environment of its own."""

import importlib
import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.fixture
def script(monkeypatch):
    """Imports a module that lies beside the script."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    return importlib.import_module


def row(method, bound, seconds=1.0, seed=0):
    return {
        "network": "3×3",
        "seed": seed,
        "fraction": 0.0,
        "quantity": "hessian",
        "method": method,
        "parameters": "point",
        "bound": bound,
        "seconds": seconds,
    }


def test_the_peers_network_is_that_of_the_library(script):
    (case, *_) = script("peer_cases").cases([2], 1)
    sigma = np.array([0.1, -0.9, 0.4, 0.7])
    with jax.enable_x64(True):
        theta = jnp.asarray(case.net.ravel(case.theta))
        theirs = script("peer_immrax").network(case.sizes, theta, sigma)
        np.testing.assert_allclose(theirs, case.net(case.theta, sigma), atol=1e-14)


def test_radii_are_fractions_of_the_norm_of_the_parameters(script):
    drawn = script("peer_cases").cases([2, 3], 2)
    assert len(drawn) == 2 * 2 * 2
    for case in drawn:
        norm = np.linalg.norm(case.net.ravel(case.theta))
        assert case.radius == pytest.approx(case.fraction * norm, rel=1e-5)


def test_the_summary_compares_with_the_largest_value_reached_for_each_seed(script):
    rows = [
        row("sampling", 1.0),
        row("attack", 2.0),
        row("layerwise", 4.0, seconds=9.0),
        row("sampling", 5.0, seed=1),
        row("layerwise", 40.0, seconds=1.0, seed=1),
        row("immrax, 1 box", None, seconds=None),
    ]
    found = {x["method"]: x for x in script("peer_table").summary(rows)}
    assert found["layerwise"]["ratio"] == pytest.approx(4.0)  # √(2·8)
    assert (found["layerwise"]["largest"], found["layerwise"]["first"]) == (8.0, 9.0)
    assert found["layerwise"]["seconds"] == 5.0
    left_out = found["immrax, 1 box"]
    assert left_out["ratio"] is left_out["seconds"] is None and left_out["seeds"] == 0


def test_settings_of_one_program_are_joined_in_the_figure(script):
    rows = [row("immrax, 1 box", 9.0), row("immrax, 16 boxes", 4.0, 2.0), row("attack", 1.0)]
    table = script("peer_table")
    (axes,) = table.figure_of(table.summary(rows)).axes
    lines = {line.get_label(): line.get_xydata() for line in axes.lines}
    np.testing.assert_allclose(lines["immrax"], [[1.0, 9.0], [2.0, 4.0]])


def test_an_index_that_cannot_be_reached_is_one_sentence(script, monkeypatch, tmp_path):
    def pip(command, *, stdout, **settings):
        stdout.write(b"Max retries exceeded with url")
        return subprocess.CompletedProcess(command, 1)

    monkeypatch.setattr(venv.EnvBuilder, "create", lambda self, folder: Path(folder).mkdir())
    monkeypatch.setattr(subprocess, "run", pip)
    with pytest.raises(ValueError, match="no package index could be reached"):
        script("peers_environment").environment("peers.txt", tmp_path / "peers")
    assert not (tmp_path / "peers" / "stamp").exists()


def test_an_environment_is_made_once(script, monkeypatch, tmp_path):
    calls = []

    def pip(command, **settings):
        calls.append(command)
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(venv.EnvBuilder, "create", lambda self, folder: Path(folder).mkdir())
    monkeypatch.setattr(subprocess, "run", pip)
    made = [
        script("peers_environment").environment("peers.txt", tmp_path / "peers") for _ in range(2)
    ]
    assert len(calls) == 1 and made[0] == made[1]


def test_a_folder_that_is_something_else_is_left_alone(script, tmp_path):
    (tmp_path / "kept").touch()
    with pytest.raises(ValueError, match="no virtual environment"):
        script("peers_environment").environment("peers.txt", tmp_path)
    assert (tmp_path / "kept").exists()


def interpreter(tmp_path: Path, text: str) -> Path:
    if os.name == "nt":
        pytest.skip("needs a POSIX system: the interpreter is replaced by a shell script")
    file = tmp_path / "python"
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)
    return file


def test_rows_come_as_the_peer_prints_them(script, tmp_path):
    found = {"index": 1, "quantity": "jacobian", "boxes": 16, "bound": 2.5, "seconds": 0.5}
    lines = [json.dumps(x) for x in ({"versions": {"immrax": "0"}}, found)]
    python = interpreter(tmp_path, "\n".join(f"echo '{line}'" for line in lines))
    module, versions = script("peer_cases"), []
    rows = list(module.by_immrax(python, module.cases([2], 1), (2,), 1.0, versions.append))
    assert versions == [{"immrax": "0"}]
    (only,) = rows
    assert (only["method"], only["bound"]) == ("immrax, 16 boxes", 2.5)
    assert only["parameters"] == "box about the ball" and only["fraction"] == 0.01


def test_a_peer_that_fails_is_one_sentence(script, tmp_path):
    python = interpreter(tmp_path, "echo 'ImportError: no immrax' >&2; exit 1")
    module = script("peer_cases")
    with pytest.raises(ValueError, match="ImportError: no immrax"):
        list(module.by_immrax(python, module.cases([2], 1), (1,), 1.0, print))


@pytest.mark.parametrize("wrong", [("--seeds", 0), ("--limit", 0), ("--sides", 0)])
def test_bad_arguments_are_one_sentence(script, monkeypatch, capsys, wrong):
    monkeypatch.setattr(sys, "argv", ["compare_peers", *map(str, wrong)])
    assert script("compare_peers").main() == 2
    assert capsys.readouterr().err.count("\n") == 1

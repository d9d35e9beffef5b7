"""`scripts/compare_eclipse.py`."""

import importlib
import os
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def script(monkeypatch):
    """Imports a module that lies beside the script."""
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    return importlib.import_module


@pytest.fixture
def case(script):
    return next(script("eclipse_cases").random_cases([(1, 3)], ["tanh"], 1))


def test_values_below_a_derivative_are_refuted(script, case):
    least = script("eclipse_cases").reached(case, 50)
    product = np.prod([np.linalg.norm(weight, 2) for weight in case.weights])
    assert 0 < least <= product
    row_of = script("compare_eclipse").row_of
    for value, refuted in [(product, False), (0.9 * least, True), (np.nan, True), (None, False)]:
        assert row_of("net", "method", {"value": value}, least)["refuted"] is refuted


def test_what_is_missing_is_told_apart(script):
    line = script("compare_eclipse").line
    row = {"network": "net", "method": "method", "value": None, "refuted": False}
    assert "over the limit" in line(row)
    assert "solver failed" in line(row | {"failed": True})


def test_the_peer_is_given_the_weights_and_the_slopes(script, case, tmp_path):
    python = program(tmp_path, 'cp "$2" "$(dirname "$0")/seen.npz"; echo "{\\"value\\": 1}"')
    found = script("eclipse_cases").by_eclipse(python, case, "ECLipsE CLARABEL", 60.0)
    assert found == {"value": 1}
    with np.load(tmp_path / "seen.npz") as seen:
        for i, weight in enumerate(case.weights):
            np.testing.assert_array_equal(seen[f"W{i}"], weight)
        np.testing.assert_array_equal(seen["slopes"], [0, 1])
    assert [weight.shape for weight in case.weights] == [(3, 4), (2, 3)]


def test_a_peer_that_fails_is_one_sentence_and_one_that_hangs_no_value(script, case, tmp_path):
    by_eclipse = script("eclipse_cases").by_eclipse
    python = program(tmp_path, "echo 'ImportError: no torch' >&2; exit 1")
    with pytest.raises(ValueError, match="ImportError: no torch"):
        by_eclipse(python, case, "ECLipsE", 60.0)
    # Ended by the clock, and by its own timer of processor seconds.
    for hanging, limit in (("exec sleep 60", 0.02), ("kill -PROF $$", 60.0)):
        python = program(tmp_path, hanging)
        assert by_eclipse(python, case, "ECLipsE", limit) == {"value": None}


@pytest.mark.parametrize("wrong", [("--layers", 2, 3), ("--limit", 0), ("--seeds", 0)])
def test_bad_arguments_are_one_sentence(script, monkeypatch, capsys, wrong):
    monkeypatch.setattr(sys, "argv", ["compare_eclipse", *map(str, wrong)])
    assert script("compare_eclipse").main() == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.slow
def test_its_constant_of_a_small_network_is_above_the_least_one(script, case):
    folder = ROOT / ".venv-peers-eclipse"
    stamp, packages = folder / "stamp", ROOT / "scripts/peers_eclipse.txt"
    if not stamp.exists() or stamp.read_bytes() != packages.read_bytes():
        pytest.skip("no environment with eclipse-nn: scripts/compare_eclipse.py makes it")
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    own = script("eclipse_cases").by_this_project(case, "semidefinite")["value"]
    found = script("eclipse_cases").by_eclipse(python, case, "ECLipsE_Fast", 60.0)
    assert own * (1 - 1e-4) <= found["value"] <= 10 * own


def program(folder, text):
    if os.name == "nt":
        pytest.skip("needs a POSIX system: the interpreter is replaced by a shell script")
    python = folder / "python"
    python.write_text(f"#!/bin/sh\n{text}\n")
    python.chmod(0o755)
    return python

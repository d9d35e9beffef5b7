"""`scripts/compare_slim.py`."""

import importlib
import os
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def script(monkeypatch):
    """Imports a module that lies beside the script."""
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    return importlib.import_module


@cache
def two_seeds():
    return importlib.import_module("slim_cases").cases([2], 2)


@pytest.fixture
def chosen(script):
    return two_seeds()


def test_expected_weights_have_the_property_that_is_compared(script, chosen):
    answers = [{"trained": 1, "penalty": case.penalty} for case in chosen]
    rows = script("compare_slim").table(chosen, [case.expected for case in chosen], answers)
    assert len(rows) == len(chosen) / 2 and all(row["difference"] == 0 for row in rows)
    # Factors that are not orthogonal, for a penalty to compare, are not those of the property.
    assert all(row["outside"] < 1e-12 for row in rows if row["slim"] != "SVDLinear")


def test_the_largest_difference_over_the_seeds_is_reported(script, chosen):
    first = str(chosen[0].family)
    weights = [case.expected + (case.seed == 1) * (str(case.family) == first) for case in chosen]
    answers = [{"trained": 1, "penalty": case.penalty} for case in chosen]
    row, *others = script("compare_slim").table(chosen, weights, answers)
    (case,) = (case for case in chosen if case.seed == 1 and str(case.family) == first)
    assert row["difference"] == pytest.approx(1 / np.abs(case.expected).max())
    assert all(other["difference"] == 0 for other in others)


def test_another_penalty_is_a_difference(script, chosen):
    answers = [{"trained": 1, "penalty": case.penalty and 2 * case.penalty} for case in chosen]
    rows = script("compare_slim").table(chosen, [case.expected for case in chosen], answers)
    assert {row["slim"] for row in rows if row["difference"] == 1} == {"SVDLinear"}


def test_a_peer_that_fails_is_one_sentence(script, chosen, tmp_path):
    if os.name == "nt":
        pytest.skip("needs a POSIX system: the interpreter is replaced by a shell script")
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho 'ImportError: no torch' >&2; exit 1\n")
    python.chmod(0o755)
    with pytest.raises(ValueError, match="ImportError: no torch"):
        script("slim_cases").by_slim(python, chosen)


@pytest.mark.parametrize("wrong", [("--seeds", 0), ("--sizes", 1)])
def test_bad_arguments_are_one_sentence(script, monkeypatch, capsys, wrong):
    monkeypatch.setattr(sys, "argv", ["compare_slim", *map(str, wrong)])
    assert script("compare_slim").main() == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.slow
def test_weights_are_those_of_slim(script, chosen):
    python = ROOT / ".venv-peers-slim" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    stamp, packages = ROOT / ".venv-peers-slim/stamp", ROOT / "scripts/peers_slim.txt"
    if not stamp.exists() or stamp.read_bytes() != packages.read_bytes():
        pytest.skip("no environment with neuromancer: scripts/compare_slim.py makes it")
    _, weights, answers = script("slim_cases").by_slim(python, chosen)
    rows = script("compare_slim").table(chosen, weights, answers)
    assert max(row["difference"] for row in rows) < 1e-14

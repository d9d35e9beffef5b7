"""`scripts/benchmark_control.py`."""

import importlib
import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def script(monkeypatch):
    """Imports a module that lies beside the script."""
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    return importlib.import_module


@pytest.mark.parametrize("law", [pytest.param("tracking", marks=pytest.mark.slow), "composite"])
def test_the_loop_written_plainly_in_numpy_is_the_same_loop(script, tmp_path, law):
    cases = script("control_cases")
    case = cases.Case(law, 2, 3, "float64", 30)
    own = cases.own(case, repeats=1, seed=3)
    assert own["p"] == 35
    cases.prepare(case, tmp_path, 30, seed=3)
    peer = cases.peer(case, "numpy", Path(sys.executable), tmp_path, 1, 30)
    assert abs(own["errors"] - peer["errors"]).max() < 1e-13
    assert abs(own["errors"]).max() > 1


def test_the_tracked_norm_is_a_lower_bound(script):
    cases = script("control_cases")
    found = cases.norm_estimate(cases.Case("composite", 1, 2, "float64", 40), every=20, seed=0)
    assert -1e-12 < found["norm_difference_mean"] <= found["norm_difference_largest"] < 1


@pytest.mark.slow
def test_mapped_loops_are_counted(script):
    found = script("control_cases").batch(3, 5, "float32", 1)
    assert found["diverged"] == 0
    assert found["mean_rms_error"] == pytest.approx(1.6, rel=0.1)  # x(0) − x_d(0) = (1, −1.25)


@pytest.mark.parametrize("wrong", [("--steps", 0), ("--repeats", 0), ("--peer-steps", 10)])
def test_bad_arguments_are_one_sentence(script, monkeypatch, capsys, wrong):
    monkeypatch.setattr(sys, "argv", ["benchmark_control", *map(str, wrong)])
    assert script("benchmark_control").main() == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.skipif(os.name == "nt", reason="needs a POSIX system: a shell script is the peer")
def test_a_peer_that_fails_is_one_sentence(script, tmp_path):
    cases = script("control_cases")
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho 'ImportError: no torch' >&2; exit 1\n")
    python.chmod(0o755)
    case = cases.Case("tracking", 1, 2, "float64", 5)
    with pytest.raises(ValueError, match=r"torch failed in .*ImportError: no torch"):
        cases.peer(case, "torch", python, tmp_path, 1, 5)

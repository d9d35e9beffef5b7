"""`scripts/benchmark_sweep.py`."""

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


def test_difference_ignores_the_order_of_eigenvalues_and_finds_one_that_moved(script):
    difference = script("sweep_cases").difference
    rng = np.random.default_rng(0)
    values = rng.normal(size=(2, 30, 4)) + 1j * rng.normal(size=(2, 30, 4))
    assert difference(values, values[..., ::-1]) == 0
    moved = values.copy()
    moved[1, 7, 2] += 1e-3
    assert difference(values, moved) == pytest.approx(
        1e-3 / max(1, np.abs(values[1, 7]).max()), rel=1e-6
    )
    moved[1, 7, 2] = np.nan
    assert difference(values, moved) == np.inf
    assert difference(moved, moved) == 0


def test_a_double_eigenvalue_is_not_a_missing_one(script):
    difference = script("sweep_cases").difference
    assert difference(np.array([[1.0, 1.0]]), np.array([[1.0, 0.5]])) == 0.5
    assert difference(np.array([[1.0, 0.5]]), np.array([[1.0, 1.0]])) == 0.5


def test_eigenvalues_are_those_of_the_product_of_scaled_weights(script):
    cases = script("sweep_cases")
    case = cases.drawn(3, 2, "float64", seed=0, count=5, each=2)
    (found,) = cases.Compiled(case).eigenvalues(1)
    for model, layers in enumerate(case.groups[0].stack):
        for point, x in enumerate(case.points):
            matrix, value = np.eye(3), x
            for weight, bias in ((layer[:, :3], layer[:, 3]) for layer in layers):
                z = weight @ value + bias
                value = np.tanh(z)
                matrix = np.diag(value / z) @ weight @ matrix
            expected = np.linalg.eigvals(matrix)
            assert cases.difference(found[model, point][None], expected[None]) < 1e-12


@pytest.mark.parametrize("wrong", [("--points", 0), ("--repeats", 0), ("--sizes", 2)])
def test_bad_arguments_are_one_sentence(script, monkeypatch, capsys, wrong):
    monkeypatch.setattr(sys, "argv", ["benchmark_sweep", *map(str, wrong)])
    assert script("benchmark_sweep").main() == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.skipif(os.name == "nt", reason="needs a POSIX system: a shell script is the peer")
def test_a_peer_that_fails_is_one_sentence(script, tmp_path):
    cases = script("sweep_cases")
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho 'ImportError: no torch' >&2; exit 1\n")
    python.chmod(0o755)
    case = cases.drawn(3, 1, "float32", seed=0, count=2)
    with (
        pytest.raises(ValueError, match="ImportError: no torch"),
        cases.torch(python, [case], 1) as (ask, _),
    ):
        ask()

"""`scripts/compare_foolbox.py`."""

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
def setting():
    """A network that answers with the first of two pixels that is the larger, and two images."""
    parts = {"0:A": np.eye(2), "0:a": np.zeros(2), "0:B": np.eye(2), "0:b": np.zeros(2)}
    parts |= {"W": np.eye(2), "w": np.zeros(2)}
    return {"net": parts}, np.array([[[0.75, 0.5]], [[0.25, 0.5]]]), np.array([0, 1])


def test_points_outside_or_told_right_do_not_count(script, setting):
    compare, cases = script("compare_foolbox"), script("foolbox_cases")
    nets, images, labels = setting
    case = cases.Case("net", "L2PGD", {}, 1, "2", 0.5)
    right = images.copy()
    wrong = images[:, :, ::-1].copy()  # 0.354 away
    outside = np.where(np.arange(2)[:, None, None] == 0, [[0.2, 0.5]], [[-0.01, -0.02]])
    rows = compare.peer_rows([case] * 3, [right, wrong, outside], nets, images, labels)
    assert [row["accuracy"] for row in rows] == [1.0, 0.0, 1.0]
    assert [row["outside"] for row in rows] == [0, 0, 2]


def test_own_attack_finds_what_is_there(script, setting):
    compare = script("compare_foolbox")
    nets, images, labels = setting
    # Half of the way between the pixels is 0.125 in the maximum norm.
    settings = compare.Settings(steps=20, restarts=2, radii=(0.17, 0.19), maximum=(0.12, 0.13))
    rows = compare.own_rows(settings, nets, images, labels)
    found = {(row["norm"], row["radius"]): row["accuracy"] for row in rows}
    assert found == {
        ("2", 0.0): 1, ("2", 0.17): 1, ("2", 0.19): 0,
        ("maximum", 0.0): 1, ("maximum", 0.12): 1, ("maximum", 0.13): 0,
    }  # fmt: skip


def test_a_peer_that_fails_is_one_sentence(script, setting, tmp_path):
    if os.name == "nt":
        pytest.skip("needs a POSIX system: the interpreter is replaced by a shell script")
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho 'ImportError: no foolbox' >&2; exit 1\n")
    python.chmod(0o755)
    with pytest.raises(ValueError, match="ImportError: no foolbox"):
        script("foolbox_cases").by_foolbox(python, [], *setting)


@pytest.mark.parametrize("wrong", [("--steps", 0), ("--radii", -1), ("--seed", -1)])
def test_bad_arguments_are_one_sentence(script, monkeypatch, capsys, tmp_path, wrong):
    arguments = ["compare_foolbox", *map(str, wrong), "--output", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", arguments)
    assert script("compare_foolbox").main() == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.slow
def test_no_attack_of_foolbox_is_stronger(script):
    folder, packages = ROOT / ".venv-peers-foolbox", ROOT / "scripts/peers_foolbox.txt"
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    stamp = folder / "stamp"
    if not stamp.exists() or stamp.read_bytes() != packages.read_bytes():
        pytest.skip("no environment with foolbox: scripts/compare_foolbox.py makes it")
    compare, cases = script("compare_foolbox"), script("foolbox_cases")
    draw = np.random.default_rng(0)
    shapes = {"0:A": (16, 16), "0:a": (16,), "0:B": (16, 16), "0:b": (16,), "W": (3, 16), "w": (3,)}
    nets = {"net": {k: draw.normal(size=s).astype(np.float32) / 4 for k, s in shapes.items()}}
    images = draw.uniform(size=(20, 4, 4)).astype(np.float32)
    labels = np.array([np.argmax(cases.blocks(nets["net"], image)) for image in images])
    settings = compare.Settings(steps=20, restarts=3, radii=(0.3,), maximum=(0.1,))
    chosen = [case for case in compare.cases(settings, nets) if "PGD" in case.attack]
    _, points = cases.by_foolbox(python, chosen, nets, images, labels)
    rows = compare.peer_rows(chosen, points, nets, images, labels)
    own = compare.own_rows(settings, nets, images, labels)
    assert all(row["outside"] == 0 for row in rows)
    for row in rows:
        (mine,) = (r for r in own if (r["norm"], r["radius"]) == (row["norm"], row["radius"]))
        assert mine["accuracy"] <= row["accuracy"] < 1

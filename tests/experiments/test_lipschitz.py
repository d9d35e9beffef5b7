"""Certified constants of networks of gradient layers: the file, the rows, the command."""

import csv
import json
import sys
from dataclasses import replace

import numpy as np
import pytest

from experiments.lipschitz.__main__ import main
from experiments.lipschitz.convolutional_layers import VERDICTS, layers, parts, verdict
from experiments.lipschitz.gradient_network import CIFAR10, GradientNetwork, Stage, random, read
from experiments.lipschitz.layer_rows import measured
from lbdnn.structured.lipschitz import Constant


def arrays(net):
    """What a file of the network holds."""
    kept = {"FC.1.weight": net.weight, "FC.1.bias": net.bias}
    for s, stage in enumerate(net.stages):
        kept[f"seq.{s}.u"] = -np.array(stage.steps)
        kept[f"seq.{s}.rescalings"] = np.array([7.0, stage.rescaling])
        kept[f"seq.{s}.conv1.0.weight"] = stage.lift
        for j, (weight, bias) in enumerate(zip(stage.weights, stage.biases, strict=True)):
            kept[f"seq.{s}.convs.{j}.weight"] = weight
            kept[f"seq.{s}.convs.{j}.bias"] = bias
    return kept


def diagonal(*entries):
    """A kernel that multiplies channel k by entry k: its norm is the largest of them."""
    kernel = np.zeros((len(entries), len(entries), 3, 3))
    kernel[:, :, 1, 1] = np.diag(entries)
    return kernel


def known():
    """Norms 3 (rescaled by −2), 2, 0.5 and 4, on images of 2 × 2 pixels divided by ½ and 2."""
    weights = (diagonal(2.0, 1.0), diagonal(0.5, 0.25))
    stage = Stage(diagonal(3.0, 1.0), -2.0, weights, (np.ones(2),) * 2, (1.0, 8.0), 2)
    return GradientNetwork("known", (stage,), np.diag([4.0, 1.0]), np.zeros(2), (0.5, 2.0))


@pytest.fixture(scope="module")
def rows():
    return list(measured(layers(known(), steps=8)))


def test_norms_and_verdicts_of_a_network_that_is_known(rows):
    kinds = ["normalisation", "lift", "gradient", "gradient", "pooling", "affine"]
    assert [row["kind"] for row in rows] == kinds
    for row, norm in zip(rows, [2, 3, 2, 0.5, None, 4], strict=True):
        if norm is not None:
            assert row["norm_lower"] <= norm <= row["norm_upper"] <= norm * (1 + 1e-8)
    # τ‖A‖² is 4, and 2, of which no arithmetic with rounding can say that it is not above.
    assert [row["verdict"] for row in rows[2:4]] == ["above 2", "undecided"]
    assert rows[2]["relative_step_lower"] <= 4 <= rows[2]["relative_step_upper"]
    constants = [2, 6, 3, 1, 1, 4]
    for row, constant, product in zip(rows, constants, np.cumprod(constants), strict=True):
        assert constant <= row["constant"] <= constant * (1 + 1e-7)
        assert product <= row["product"] <= product * (1 + 1e-7)


def test_constants_of_the_parts(rows):
    found = {part["part"]: part for part in parts(rows)}
    assert list(found) == ["stage 0", "network", "network and normalisation"]
    for name, constant in zip(found, [18, 72, 144], strict=True):
        assert constant <= found[name]["constant"] <= constant * (1 + 1e-7)
        assert 3 <= found[name]["of_the_gradient_layers"] <= 3 * (1 + 1e-7)


@pytest.mark.parametrize(
    ("lower", "upper", "found"), [(1, 2, 0), (2, 2.1, 2), (2.01, 3, 1), (0, np.inf, 2)]
)
def test_a_verdict_is_a_proof(lower, upper, found):
    assert verdict(Constant(lower, upper)) == VERDICTS[found]


def test_a_file_gives_back_its_network(tmp_path):
    net = random(3)
    np.savez(tmp_path / "net.npz", **arrays(net))
    back = read(tmp_path / "net.npz")
    assert back.deviations == CIFAR10 and back.inputs == (3, 16, 16)
    assert read(tmp_path / "net.npz", (1.0, 2.0, 3.0)).deviations == (1.0, 2.0, 3.0)
    assert [s.steps for s in back.stages] == [s.steps for s in net.stages]
    assert [s.rescaling for s in back.stages] == [s.rescaling for s in net.stages]
    kept = arrays(back)
    for key, array in arrays(net).items():
        np.testing.assert_array_equal(kept[key], array)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seq.0.u": None}, "it has no seq.0.u"),
        ({"seq.1.convs.1.bias": None}, "it has no seq.1.convs.1.bias"),
        ({"seq.0.lift": np.ones(1)}, "it holds seq.0.lift too"),
        ({"seq.0.convs.0.weight": np.ones((4, 3, 3, 3))}, r"has shape \(4, 3, 3, 3\), not \(4, 4"),
        ({"seq.0.conv1.0.weight": np.ones((4, 3, 2, 3))}, "even number of taps"),
        ({"seq.0.u": np.array([1.0, np.nan])}, "finite floating-point"),
        ({"seq.0.u": np.array([1, 2])}, "finite floating-point"),
        ({"FC.1.weight": np.ones((10, 24))}, "24 columns for 8 square channels"),
    ],
)
def test_a_file_of_something_else_is_refused(tmp_path, change, message):
    kept = {k: a for k, a in (arrays(random(0)) | change).items() if a is not None}
    np.savez(tmp_path / "net.npz", **kept)
    with pytest.raises(ValueError, match=f"is no network of gradient layers: .*{message}"):
        read(tmp_path / "net.npz")


def test_damaged_files_are_refused(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", **arrays(random(0)))
    whole = (tmp_path / "a.npz").read_bytes()
    np.save(tmp_path / "a.npy", np.ones(3))
    broken = bytearray(whole)
    broken[200:240] = bytes(40)
    for content in (b"", b"no", whole[:1000], bytes(broken), (tmp_path / "a.npy").read_bytes()):
        (tmp_path / "b.npz").write_bytes(content)
        with pytest.raises(ValueError, match="cannot be read as an NPZ file"):
            read(tmp_path / "b.npz")
    np.savez(tmp_path / "c.npz", a=np.array([{}], dtype=object))
    with pytest.raises(ValueError, match="cannot be read as an NPZ file"):
        read(tmp_path / "c.npz")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--model", "none.npz"], "there is no file none.npz; pass --model FILE.npz"),
        (["--model", "none.onnx"], "none.onnx: there is no such file"),
        (["--model", "dense.npz", "--activation", "relu"], "dense names no box of inputs; pass"),
        (["--model", "dense.npz", "--inputs", "0", "1"], "dense.npz: weights do not say which"),
        (
            ["--model", "dense.npz", "--activation", "relu", "--inputs", "1,2,3", "4"],
            "2 inputs",
        ),
        (
            ["--model", "dense.npz", "--activation", "relu", "--deviations", "1"],
            "--deviations does not go with a network of dense layers",
        ),
        (["--model", "other.npz"], "no part of a linear layer"),
        (["--inputs", "0", "1"], "--inputs does not go with a network of layers x − τ"),
        (["--deviations", "1"], "--deviations goes with --model"),
        (["--seed", "-1"], "--seed takes"),
    ],
)
def test_wrong_arguments_are_one_sentence(monkeypatch, tmp_path, capsys, arguments, sentence):
    monkeypatch.chdir(tmp_path)
    kept = {"0.weight": np.ones((3, 2)), "0.bias": np.ones(3), "2.weight": np.ones((1, 3))}
    np.savez("dense.npz", **kept)
    np.savez("other.npz", a=np.ones(2))
    monkeypatch.setattr(sys, "argv", ["lipschitz", *arguments])
    assert main() == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1
    assert sentence in error


@pytest.mark.slow
def test_from_the_command_line(called, tmp_path):
    done = called("lipschitz", "--output", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "proved of 1 of 4 gradient layers" in done.stdout
    with (tmp_path / "lipschitz.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["verdict"] for row in rows if row["step"]].count("above 2") == 2
    assert len(json.loads((tmp_path / "parts.json").read_text())["rows"]) == 3
    for name in ("lipschitz.pdf", "lipschitz.png"):
        assert (tmp_path / name).stat().st_size > 1000


@pytest.mark.slow
def test_the_published_layers_are_non_expansive(data):
    """The last layer of each stage; all of them, the command says."""
    net = read(data / "lipschitz" / "cifar10_gradient_layers.npz")
    assert net.inputs == (3, 32, 32) and [len(stage.steps) for stage in net.stages] == [4, 4, 4]
    last = {"weights": slice(3, None), "biases": slice(3, None), "steps": slice(3, None)}
    stages = [
        replace(stage, **{name: getattr(stage, name)[part] for name, part in last.items()})
        for stage in net.stages
    ]
    rows = list(measured(layers(replace(net, stages=tuple(stages)), steps=32)))
    gradient = [row for row in rows if row["kind"] == "gradient"]
    assert [row["verdict"] for row in gradient] == ["at most 2"] * 3
    # Their norms are near 1, and above it.
    assert all(1 < row["norm_lower"] <= row["norm_upper"] < 1.0013 for row in gradient)
    whole = {part["part"]: part["constant"] for part in parts(rows)}
    assert whole["network"] == pytest.approx(58.256, abs=1e-3)

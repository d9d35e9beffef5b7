"""Lipschitz constants of dense networks over a box: the rows, the summary, the command."""

import csv
import json

import jax
import numpy as np
import pytest

import lbdnn
from experiments.lipschitz import dense
from experiments.lipschitz.dense_bounds import Given, _steepest_drawn, layers, pieces, proved_slope
from experiments.lipschitz.layer_rows import measured
from experiments.output import Output
from lbdnn import Box, Chain, FullyConnected
from lbdnn.activations import get
from lbdnn.networks import Affine, Pointwise, Residual, from_layers


@pytest.fixture(scope="module")
def identity():
    """relu(x) − relu(−x), which is x."""
    return from_layers([([[1.0], [-1.0]], None), ([[1.0, -1.0]], None)], activation="relu")


def test_a_slope_is_proved_beside_a_kink_and_not_at_it(identity):
    with jax.enable_x64(True):
        for norm in ("euclidean", "maximum"):
            found = [
                proved_slope(identity.net, identity.theta, np.array([x]), norm) for x in (0.5, 0.0)
            ]
            assert 1 - 1e-8 < found[0] <= 1 and found[1] == 0


def test_squares_of_slopes_may_over_and_underflow(identity):
    with jax.enable_x64(True):
        for size in (1e-82, 1e100):
            theta = jax.tree.map(lambda w, by=size: by * w, identity.theta)
            found = proved_slope(identity.net, theta, np.array([0.5]), "euclidean")
            assert 1 - 1e-8 < found / size / size < 1


def test_points_are_drawn_from_boxes_wider_than_all_numbers(identity):
    ends = np.array([-1.5e308]), np.array([1.5e308])
    with jax.enable_x64(True):
        drawn = _steepest_drawn(Given(identity, Box(*ends), quick=True), *ends)
    assert all(np.all(np.isfinite(point)) for point in drawn.values())


def test_a_shortcut_block_counts_once_and_its_parts_not_at_all():
    block = Residual((Affine(1, 1), Pointwise(get("relu")), Affine(1, 1)))
    net = Chain((Affine(1, 1), block), 1)
    theta = net.with_weights([np.array([[w, 0.0]]) for w in (3.0, 2.0, 0.5)])
    rows = list(measured(layers(lbdnn.Model(net, theta, "net"))))
    assert [row["kind"] for row in rows] == ["affine", "residual", "affine", "relu", "affine"]
    for row, norm in zip(rows, [3, 2, 2, 1, 0.5], strict=True):
        assert norm <= row["norm_upper"] <= norm * (1 + 1e-9)
    assert [row["inside"] for row in rows] == [False, False, True, True, True]
    assert rows[-1]["product"] == rows[1]["product"] == pytest.approx(6)


def test_many_neurons_are_no_semidefinite_program_unless_it_is_asked_for():
    net = FullyConnected((1, 1001, 1), "relu", bias=False)
    model = lbdnn.Model(net, net.with_weights([np.ones(a.shape) for a in net.affine]), "wide")
    work = pieces(Given(model, Box(0.0, 1.0)))
    assert "1001 neurons" in work["semidefinite", "box"]()
    own = pieces(Given(model, Box(0.0, 1.0), ("layerwise",)))
    assert list(own) == [("attack", "box"), ("layerwise", "box")]


def rows_of(method, **entries):
    return lambda: [
        {"method": method, "over": "box", "norm": "euclidean", "seconds": 1.0, **entries}
    ]


@pytest.mark.parametrize("upper", [2.0, 0.5])
def test_what_is_done_is_kept_and_a_refuted_bound_is_told(
    monkeypatch, tmp_path, capsys, identity, upper
):
    work = {
        ("product", "box"): rows_of("product", upper=upper),
        ("attack", "box"): rows_of("attack", lower=1.0, witness=[0.5]),
        ("interval", "box"): lambda: "it finds none",
        ("refined", "box"): None,
    }

    def interrupted(work, label, at_once):
        for key, piece in list(work.items())[:3]:
            yield key, piece()

    def leave(status):
        raise SystemExit(status)

    monkeypatch.setattr(dense, "pieces", lambda given: work)
    monkeypatch.setattr(dense, "finished_pieces", interrupted)
    monkeypatch.setattr(dense, "layers", lambda model: iter([]))
    monkeypatch.setattr(dense, "leave", leave)
    with pytest.raises(SystemExit, match="130"):
        dense.run(Given(identity, Box(0.0, 1.0)), Output(tmp_path, {}))
    text = capsys.readouterr().out
    assert "interval over box is left out: it finds none" in text
    assert ("VIOLATED" in text) is (upper < 1)
    assert "interrupted; results in" in text
    with (tmp_path / "constants.csv").open() as file:
        assert [row["method"] for row in csv.DictReader(file)] == ["product", "attack"]
    assert (tmp_path / "lipschitz.pdf").exists()


@pytest.mark.slow
def test_every_method_lies_above_what_is_reached(called, tmp_path):
    net = FullyConnected((2, 4, 2), "tanh")
    theta = net.unravel(np.linspace(-1.5, 1.0, net.size))
    lbdnn.write(tmp_path / "net.safetensors", net, theta, inputs=([-1, 0], [1, 0.5]))
    done = called(
        "lipschitz", "--quick", "--model", tmp_path / "net.safetensors", "--output", tmp_path
    )
    assert done.returncode == 0, done.stderr
    rows = json.loads((tmp_path / "constants.json").read_text(encoding="utf-8"))["rows"]
    for norm, count in (("euclidean", 6), ("maximum", 4)):
        own = [row for row in rows if row["norm"] == norm]
        (lower,) = (row["lower"] for row in own if row["method"] == "attack")
        upper = [row["upper"] for row in own if row["method"] != "attack"]
        assert len(upper) == count and all(0 < lower <= bound for bound in upper)
        with jax.enable_x64(True):
            (point,) = (row["witness"] for row in own if row["method"] == "attack")
            slope = jax.jacobian(lambda x: net(theta, x))(np.array(point))
        assert lower == pytest.approx(np.linalg.norm(slope, 2 if norm == "euclidean" else np.inf))
    assert len(json.loads((tmp_path / "layers.json").read_text())["rows"]) == 3
    for name in ("lipschitz.pdf", "lipschitz.png"):
        assert (tmp_path / name).stat().st_size > 1000

"""The atlas: its models, its table and its figures."""

import csv
import json

import numpy as np
import pytest

from experiments.spectral_atlas.figures import PUBLISHED
from experiments.spectral_atlas.measurement import by_structure, grid, measured
from experiments.spectral_atlas.models import CONSTRAINTS, Weights, models


@pytest.fixture(scope="module")
def weights():
    return Weights(0, "inner")


def test_there_are_828_models_of_18_structures():
    every = models()
    assert len(set(every)) == 828
    assert len(CONSTRAINTS) == 23
    groups = by_structure(every)
    assert len(groups) == 18
    assert {len(own) for own in groups.values()} == {46}
    shown = {model for _, _, panels in PUBLISHED.values() for _, model in panels}
    assert shown <= set(every)
    assert len(shown) == 23  # Table 1 names 24, one of them in two figures


def test_models_share_weights_across_activations_and_biases(weights):
    by_kept = {}
    for model in models(depths=(4,)):
        layers = np.stack([own[:, :2] for own in weights.theta(model)[::2]])
        kept = by_kept.setdefault(model.constraint, layers)
        np.testing.assert_array_equal(layers, kept)
        biases = np.stack([own[:, 2] for own in weights.theta(model)[::2]])
        assert np.all(biases == 0) == (not model.bias)
    assert len({layers.tobytes() for layers in by_kept.values()}) == 23


def test_weights_keep_their_ranges(weights):
    for model in models(depths=(8,), activations=("relu",)):
        if model.constraint.range is None:
            continue
        family = model.constraint.weight("inner")
        for own in weights.theta(model)[::2]:
            assert family.defect(own[:, :2]) < 1e-6
        least, greatest = np.sort(np.abs(model.constraint.range))
        if model.constraint.factorization == "spectral":
            values = np.linalg.svd(weights.theta(model)[0][:, :2], compute_uv=False)
            assert np.all((values > least - 1e-6) & (values < greatest + 1e-6))


def test_rows_of_one_structure_know_their_dynamics(weights):
    chosen = [m for m in models(depths=(1,), activations=("relu",)) if not m.bias]
    rows = measured(chosen, weights, grid(5), 0)
    kinds = {str(model.constraint): row["attractor"] for model, row in rows.items()}
    assert kinds["Gershgorin, real (0.00, 1.00)"] == "single point"
    assert kinds["Gershgorin, real (1.10, 1.50)"] == "unbounded"
    assert kinds["Perron-Frobenius (1.00, 1.00)"] == "line"
    for row in rows.values():
        # One ReLU layer: each A*(x) is made of rows of the weight, zeroed or not.
        assert row["largest_radius"] <= row["product_of_layer_norms"] + 1e-6
        if row["product_of_layer_norms"] < 1:
            assert row["attractor"] == "single point"


@pytest.mark.slow
def test_a_quick_atlas_from_the_command_line(called, tmp_path):
    done = called("spectral_atlas", "--quick", "--grid", 9, "--output", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "theorem 6, necessary" in done.stdout
    with (tmp_path / "atlas.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 276
    assert json.loads((tmp_path / "atlas.json").read_text())["made_by"]["settings"]["quick"]
    for name in ("overview", "figure_1", "figure_4", "figures_6_7_8"):
        assert (tmp_path / f"{name}.pdf").stat().st_size > 1000
        assert (tmp_path / f"{name}.png").stat().st_size > 1000


def test_a_wrong_argument_is_one_sentence(called, tmp_path):
    done = called("spectral_atlas", "--grid", 1, "--output", tmp_path)
    assert done.returncode == 2
    assert done.stderr == "error: --seed takes a number >= 0, --grid one >= 2\n"

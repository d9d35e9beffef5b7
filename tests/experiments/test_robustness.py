"""Certified and attacked accuracy: the split, the choice, the answer, and real runs."""

import csv
import json
import sys

import numpy as np
import pytest

from experiments.robustness import __main__ as command, answer, choice
from experiments.robustness.digits import Digits, digits, split
from experiments.robustness.measurement import KINDS, RADII, Measured
from experiments.robustness.trials import Judged
from lbdnn.search import Adversaries


def judged(clean, attacked):
    """Mean accuracies of trials, with two seeds that differ."""
    spread = np.array([-0.02, 0.02])
    return Judged(np.array(clean)[:, None] + spread, np.array(attacked)[:, None] - spread)


def network(correct, certified, sizes, maximum):
    """Measurements, as if images had 400 pixels; a size of inf is none found."""

    def found(own):
        own = np.where(correct, own, 0.0)
        fooled = np.isfinite(own)
        size = np.where(fooled, own, 2.0)
        return Adversaries(size[:, None], -1.0 * fooled, fooled, np.zeros(len(own), int), size)

    both = {"2": found(np.array(sizes)), "maximum": found(np.array(maximum))}
    lengths = {"2": both["2"].sizes, "maximum": 20 * both["maximum"].sizes}
    return Measured(np.array(correct), np.array(certified), both, lengths)


GOOD = ([True, True, True, False], [0.05, 0.25, 0.6, 0], [0.15, np.inf, 0.7, 0], [0.05] * 4)


def test_the_parts_have_no_common_image_and_depend_on_the_seed():
    every = Digits(np.arange(100.0).reshape(100, 1, 1) * np.ones((8, 8)), np.arange(100))
    parts = split(every, 3)
    assert [len(part.labels) for part in parts] == [60, 20, 20]
    assert sorted(np.concatenate([part.labels for part in parts])) == list(range(100))
    for part in parts:
        np.testing.assert_array_equal(part.images[:, 0, 0], part.labels)
    assert not np.array_equal(split(every, 4).test.labels, parts.test.labels)
    np.testing.assert_array_equal(split(every, 3).test.labels, parts.test.labels)


def test_the_digits():
    pytest.importorskip("sklearn")
    every = digits()
    assert every.images.shape == (1797, 8, 8) and every.images.dtype == np.float32
    assert every.images.min() == 0 and every.images.max() == 1
    np.testing.assert_array_equal(np.unique(every.labels), np.arange(10))
    np.testing.assert_array_equal(every.images * 16, np.round(every.images * 16))


def test_without_scikit_learn_one_sentence_names_the_extra(monkeypatch, capsys, tmp_path):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    monkeypatch.setattr(sys, "argv", ["robustness", "--output", str(tmp_path)])
    assert command.main() == 2
    sentence = "error: the digits need the digits extra: pip install 'lbdnn[digits]'\n"
    assert capsys.readouterr().err == sentence


def test_the_best_trial_is_within_a_point_of_the_best_accuracy():
    found = judged([0.96, 0.951, 0.949, 0.90], [0.3, 0.4, 0.5, 0.9])
    assert choice.best(found) == 1


def test_trials_at_the_same_accuracy():
    high = judged([0.97, 0.961, 0.945, 0.943], [0.3, 0.35, 0.4, 0.9])
    low = judged([0.93, 0.953, 0.949], [0.9, 0.2, 0.3])
    # The best of the lower is 2, at 0.949; from 0.944 to 0.959 the higher has 2 alone.
    assert choice.at_same_accuracy(low, high) == (2, 2)
    assert choice.at_same_accuracy(high, low) == (2, 2)
    # A trial that is a little better in both respects is not passed over.
    assert choice.at_same_accuracy(judged([0.95], [0.3]), judged([0.95, 0.959], [0.4, 0.5]))[1] == 1
    # None is near: the nearest.
    assert choice.at_same_accuracy(judged([0.97, 0.9], [0, 1]), judged([0.93], [0])) == (1, 0)


def test_interval_of_known_numbers():
    values = np.array([[1.0, 5.0], [2.0, 5.0], [3.0, 5.0], [4.0, 5.0]])
    mean, low, high = answer.interval(values)
    np.testing.assert_allclose(mean, [2.5, 5])
    # Student's quantile for three degrees of freedom is 3.182446.
    half = 3.182446 * np.sqrt(5 / 3) / 2
    np.testing.assert_allclose([low[0], high[0]], [2.5 - half, 2.5 + half], rtol=1e-6)
    assert low[1] == high[1] == 5
    assert np.all(np.isinf(answer.interval(values[:1]).high))


def test_accuracies_count_images():
    found = network(*GOOD).accuracies()
    at = {kind: dict(zip(RADII["2"], found[kind], strict=True)) for kind in KINDS[:2]}
    assert [at["certified"][r] for r in (0.1, 0.2, 0.3, 0.5, 0.75)] == [0.5, 0.5, 0.25, 0.25, 0]
    assert [at["attacked"][r] for r in (0.1, 0.2, 0.5, 0.75)] == [0.75, 0.5, 0.5, 0.25]
    assert found["attacked, maximum"][0] == 0.75 and found["attacked, maximum"][-1] == 0


def test_contradictions_are_counted():
    assert network(*GOOD).contradictions() == 0
    correct, certified, sizes, maximum = GOOD
    # An adversarial example within the proved radius, on the second image.
    assert network(correct, certified, [0.15, 0.2, 0.7, 0], maximum).contradictions() >= 1
    assert network(correct, certified, sizes, [0.05, 0.01, 0.05, 0]).contradictions() >= 1
    # Radii are proved of an image that is told wrong.
    wrong = network(correct, certified, sizes, maximum)
    everywhere = wrong._replace(correct=np.zeros(4, bool))
    assert everywhere.contradictions() >= 1


def test_the_answer_is_that_of_the_numbers():
    better = network([True] * 4, [0.45] * 4, [0.45] * 4, [0.11] * 4)
    worse = network([True] * 4, [0.05] * 4, [0.25] * 4, [0.09] * 4)
    networks = {("a", 0): [better, better, worse], ("b", 1): [worse, worse, worse]}
    rows = answer.rows(networks, {("a", "b"): (0, 1)})
    at = {(row["kind"], row["radius"]): row for row in rows}
    assert at["certified", 0.3]["points"] == pytest.approx(200 / 3)
    assert at["certified", 0.3]["verdict"] == "no difference shown"  # one seed of three disagrees
    assert at["certified", 0.5]["points"] == 0 and at["clean", 0.0]["points"] == 0
    assert at["clean", 0.0]["same_clean_accuracy"]
    assert [answer.verdict(*ends) for ends in ((0.1, 2), (-2, -0.1), (-1, 1), (0, 0))] == [
        "gains", "loses", "no difference shown", "no difference shown",
    ]  # fmt: skip
    title, *told = answer.sentences(rows)
    assert title.startswith("a against b, at the same clean accuracy") and len(told) == len(KINDS)
    assert "+66.7 points" in told[0]
    lower = network([True, True, True, False], [0.05] * 4, [0.25] * 4, [0.09] * 4)
    other = answer.rows({("a", 0): [better] * 2, ("b", 1): [lower] * 2}, {("a", "b"): (0, 1)})
    assert "NOT the same clean accuracy (+25.0 points)" in answer.sentences(other)[0]


@pytest.mark.parametrize("wrong", [("--seeds", 0), ("--margins", -1), ("--seed", -1)])
def test_bad_arguments_are_one_sentence(monkeypatch, capsys, tmp_path, wrong):
    arguments = ["robustness", *map(str, wrong), "--output", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", arguments)
    assert command.main() == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.slow
def test_from_the_command_line(called, tmp_path):
    pytest.importorskip("sklearn")
    done = called("robustness", "--quick", "--convolutional", "--output", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "0 contradictions" in done.stdout
    with (tmp_path / "accuracy.csv").open() as file:
        rows = list(csv.DictReader(file))
    curves = {}
    for row in rows:
        key = (row["model"], row["rate"], row["margin"], row["seed"])
        curve = curves.setdefault(key, {}).setdefault(row["kind"], [])
        curve.append(float(row["accuracy"]))
        assert float(row["accuracy"]) <= float(row["clean"])
    assert len({key[0] for key in curves}) == 6 and len({key[3] for key in curves}) == 2
    for curve in curves.values():
        assert np.all(np.array(curve["certified"]) <= curve["attacked"])
        assert all(np.all(np.diff(own) <= 0) for own in curve.values())
    # What is proved of the flows, and found of all, is something.
    assert max(max(c["certified"]) for (name, *_), c in curves.items() if "ResNet" not in name) > 0
    assert all(min(curve["attacked"]) < max(curve["attacked"]) for curve in curves.values())
    assert len(json.loads((tmp_path / "trials.json").read_text())["rows"]) == 12
    for name in ("accuracy", "trials", "adversaries"):
        assert (tmp_path / f"{name}.pdf").stat().st_size > 1000

"""The published trajectories computed again; the study's table."""

import csv
from dataclasses import replace

import numpy as np
import pytest

from experiments.output import Output
from experiments.tracking import cases, two_link
from experiments.tracking.__main__ import _rows, _text
from experiments.tracking.figures import draw
from experiments.tracking.kept import fingerprint, load, save
from experiments.tracking.published import published
from experiments.tracking.replay import TOLERANCE, replay
from experiments.tracking.settings import CODE, PAPER
from experiments.tracking.study import Study, study
from lbdnn.control import TrackingLaw


@pytest.mark.parametrize("law", ["tracking", "composite"])
def test_a_published_trajectory(data, law):
    found = replay(data / "two_link" / f"two_link_3x3_{law}.npz", 3, 3, law)
    assert max(found.values()) <= TOLERANCE


def test_a_trajectory_of_another_law_disagrees(data):
    found = replay(data / "two_link" / "two_link_3x3_composite.npz", 3, 3, "tracking")
    assert found["u"] > 1e-3


def test_what_is_no_trajectory_is_refused(tmp_path):
    (tmp_path / "a.npz").write_bytes(b"no")
    with pytest.raises(ValueError, match="no stored trajectory"):
        replay(tmp_path / "a.npz", 3, 3, "tracking")
    names = ("tracking_error", "control", "network_error", "theta_every_50", "theta_final", "time")
    np.savez(tmp_path / "b.npz", theta_init=np.zeros(7), **dict.fromkeys(names, np.zeros(2)))
    with pytest.raises(ValueError, match="7 parameters; a network of 3 hidden layers of 3 has 47"):
        replay(tmp_path / "b.npz", 3, 3, "tracking")


def loop(law="tracking", gain=1.0):
    controller = PAPER.controller(1, 2, law)
    own = replace(controller, law=TrackingLaw(gain=gain))
    return two_link.loop(PAPER, own, t1=0.2)


def test_metrics_of_a_short_study():
    found = study(loop(), seed=0, seeds=2)
    assert set(found.metrics) == set(two_link.METRICS)
    error = found.traces["error"]
    assert error.shape == (2, 20)
    np.testing.assert_allclose(
        found.metrics["rms_tracking_error"], np.sqrt(np.mean(error[:, 10:] ** 2, 1)), rtol=1e-12
    )
    assert error[0, 0] == pytest.approx(np.rad2deg(np.hypot(1, 1.25)), rel=1e-2)
    # What is shown is at times from 0 on, the metric at the end.
    assert found.traces["test"].shape == (2, 1)
    assert np.all(found.metrics["mean_function_error_test"] != found.traces["test"][:, 0])
    # 50 dB below signals of a few tenths of a rad.
    noise = loop().sensor.noise
    assert np.all((noise > 2e-4) & (noise < 2e-3))
    assert two_link.loop(CODE, loop().controller).sensor.noise is None


def test_runs_that_diverge_count_but_not_in_the_metrics(tmp_path):
    found = study(loop(gain=1e6), seed=0, seeds=2)
    assert found.diverged == 2
    assert all(np.isnan(values).all() for values in found.metrics.values())
    (case,) = [c for c in cases.two_link_cases(((1, 2),), ("tracking",)) if c.setting == "paper"]
    rows = _rows(case, found, 0.2, {})
    assert {row["metric"] for row in rows} == set(two_link.METRICS)
    assert all(row["diverged"] == 2 and np.isnan(row["mean"]) for row in rows)
    assert _text(rows[0]) == "all diverged"
    # A figure without a run is left out.
    draw({case: found}, {case: 0.2}, {}, Output(tmp_path, {}))
    assert not list(tmp_path.glob("*.pdf"))


def test_of_runs_of_which_some_diverge_the_others_are_counted():
    (case, *_) = cases.two_link_cases(((1, 2),), ("tracking",))
    own = {"rms_tracking_error": np.array([1.0, np.nan, 3.0])}
    missing = {"rms_function_error_on_trajectory": np.full(3, np.nan)}
    (row,) = _rows(case, Study(own | missing, {}, 1), 0.2, {})
    assert (row["mean"], row["least"], row["diverged"], row["seeds"]) == (2.0, 1.0, 1, 3)


def test_a_loop_that_is_done_is_kept_with_what_made_it(tmp_path):
    made = {"seeds": 2, "seed": 0, "t1": 0.2}
    own = Study({"a": np.arange(2.0)}, {"b c": np.ones((2, 3))}, 1)
    save(tmp_path, "one", made, own)
    again = load(tmp_path, "one", made)
    assert again is not None
    np.testing.assert_array_equal(again.metrics["a"], own.metrics["a"])
    np.testing.assert_array_equal(again.traces["b c"], own.traces["b c"])
    assert again.diverged == 1
    assert load(tmp_path, "one", made | {"seed": 1}) is None
    (tmp_path / "one.npz").write_bytes(b"no")
    assert load(tmp_path, "one", made) is None


def test_loops_differ_where_a_number_does():
    own = fingerprint(loop())
    assert own == fingerprint(loop())
    others = [loop(gain=2.0), loop()._replace(t1=0.3), loop()._replace(test_range=None)]
    others.append(loop()._replace(plant=CODE.plant))
    others.append(loop()._replace(state=lambda key: loop().state(key) + 1e-9))
    assert len({own, *map(fingerprint, others)}) == 6


def test_published_values_stand_beside_their_loops(data):
    given = published()
    five = [c for c in cases.two_link_cases(((5, 5),), ("composite",)) if c.setting == "paper"]
    assert [given[*place, "rms_tracking_error"] for place in five[0].places()] == [0.307, 0.308]
    (vehicle,) = [c for c in cases.vehicle_cases() if c.controller == "nonlinear_pd"]
    assert [given[*place, "rms_position_error"] for place in vehicle.places()] == [0.186]


@pytest.mark.slow
def test_from_the_command_line(called, tmp_path):
    done = called("tracking", "--quick", "--law", "tracking", "--output", tmp_path)
    assert done.returncode == 0, done.stderr
    with (tmp_path / "tracking.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["setting"] for row in rows} == {"paper", "code"}
    assert (tmp_path / "two_link_paper.pdf").stat().st_size > 1000


def test_a_wrong_argument_is_one_sentence(called):
    done = called("tracking", "--layers", 3)
    assert done.returncode == 2
    assert done.stderr == "error: --layers and --neurons go together\n"

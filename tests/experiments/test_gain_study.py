"""Gains of a closed loop: drawn, and descended on."""

import csv

import numpy as np
import pytest

from experiments.gain_study.loops import GAINS, NOMINAL, controller, outcomes


def test_the_nominal_gains_are_those_of_the_paper():
    own = controller(NOMINAL)
    gains = (own.error_gain, own.feedback_gain, own.observer_gain, own.drift_gain)
    assert gains == (5, 5, 10, 10)
    law = own.law
    assert (law.prediction_gain, law.forgetting, law.initial_gain, law.largest_gain) == (
        20, 10, 1, 2,
    )  # fmt: skip


@pytest.mark.slow
def test_from_the_command_line(called, tmp_path):
    done = called("gain_study", "--quick", "--output", tmp_path)
    assert done.returncode == 0, done.stderr
    with (tmp_path / "gains.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 16
    with (tmp_path / "descent.csv").open() as file:
        descent = list(csv.DictReader(file))
    first = [float(descent[0][name]) for name in GAINS]
    np.testing.assert_allclose(first, NOMINAL)
    assert any(float(row[name]) != float(descent[0][name]) for row in descent for name in GAINS)
    # The first set of gains is the nominal one; roundings grow in the first second.
    error, _, _ = outcomes(NOMINAL[None], 0, 2, 2.0)
    assert float(rows[0]["rms_error_deg_median"]) == pytest.approx(np.median(error), rel=0.3)
    assert (tmp_path / "gains.pdf").stat().st_size > 1000


def test_a_wrong_argument_is_one_sentence(called):
    done = called("gain_study", "--factor", 1)
    assert done.returncode == 2
    assert done.stderr == "error: needs --factor > 1 and --t1 >= 0.02\n"

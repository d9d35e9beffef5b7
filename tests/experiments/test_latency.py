"""The loop around an exported step."""

import csv
import sys
import time

import numpy as np
import pytest

from experiments.latency import main, missed, unpaced

MOTIONS = tuple(np.arange(12.0).reshape(6, 2) + k for k in range(3))


class Recording:
    """In place of a loaded step: control = the index of the call; each takes `seconds`."""

    def __init__(self, seconds=0.0):
        self.seconds, self.given = seconds, []

    def init(self, measured, *motion):
        return 0

    def step(self, state, measured, *motion):
        self.given.append((measured.copy(), *motion))
        time.sleep(self.seconds)
        return state + 1, np.full(2, state), False


def advance(state, command):
    return state + np.pad(command, (0, 2))


def test_a_step_longer_than_the_period_misses_every_deadline():
    assert missed(Recording(0.004), advance, MOTIONS, 5, 0.002) == 5
    assert missed(Recording(), advance, MOTIONS, 1, 60.0) == 0


def test_each_call_gets_the_plants_state_and_the_references_next_motion():
    loaded = Recording(0.001)
    times = unpaced(loaded, advance, MOTIONS, 6)
    assert times.shape == (6,)
    assert np.all(times >= 1000)
    for index, (measured, *motion) in enumerate(loaded.given[10:]):
        np.testing.assert_array_equal(motion, [part[index] for part in MOTIONS])
        before = sum(range(10 + index))
        np.testing.assert_allclose(measured, [1.0 + before, -1.0 + before, 0, 0])


def test_bad_arguments_are_one_sentence(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(sys, "argv", ["latency", "--rate", "0", "--output", str(tmp_path)])
    assert main() == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.slow
def test_from_the_command_line(called, tmp_path):
    done = called("latency", "--quick", "--layers", 1, "--neurons", 2, "--output", tmp_path)
    assert done.returncode == 0, done.stderr
    with (tmp_path / "latency.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert row["compilations"] == "0"
    assert float(row["median_us"]) <= float(row["quantile_999_us"]) <= float(row["worst_us"])
    assert (tmp_path / "latency.pdf").stat().st_size > 1000

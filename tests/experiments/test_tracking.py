"""The published trajectories computed again; the study's table."""

import csv
import subprocess
import sys

import numpy as np
import pytest

from experiments.tracking.replay import TOLERANCE, replay
from experiments.tracking.settings import CODE, PAPER
from experiments.tracking.study import METRICS, study


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


def test_metrics_of_a_short_study():
    found = study(PAPER, 1, 2, "tracking", seed=0, seeds=2, t1=0.2)
    assert set(found.metrics) == set(METRICS)
    assert found.error.shape == (2, 20)
    late = found.error[:, 10:]
    np.testing.assert_allclose(
        found.metrics["rms_tracking_error"], np.sqrt(np.mean(late**2, 1)), rtol=1e-12
    )
    assert found.error[0, 0] == pytest.approx(np.rad2deg(np.hypot(1, 1.25)))
    assert CODE.noise is None
    # 50 dB below signals of a few tenths of a rad.
    assert np.all((PAPER.noise > 2e-4) & (PAPER.noise < 2e-3))


@pytest.mark.slow
def test_from_the_command_line(tmp_path):
    command = [sys.executable, "-m", "experiments.tracking", "--quick", "--law", "tracking"]
    done = subprocess.run(
        [*command, "--output", str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    with (tmp_path / "tracking.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["setting"] for row in rows} == {"paper", "code"}
    assert (tmp_path / "over_time_paper_3x3.pdf").stat().st_size > 1000


def test_a_wrong_argument_is_one_sentence():
    command = [sys.executable, "-m", "experiments.tracking", "--layers", "3"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "error: --layers and --neurons go together\n"

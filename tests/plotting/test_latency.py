"""The histogram of latencies."""

import numpy as np

from lbdnn.plotting.latency import latencies


def test_every_call_is_in_its_histogram():
    calls = np.random.default_rng(0).lognormal(4, 1, 500)
    figure = latencies({"tracking": calls, "other": np.full(7, 20.0)}, deadline=1000.0)
    (axes,) = figure.axes
    filled = [patch for patch in axes.patches if patch.get_fill()]
    tops = [patch.get_path().vertices[:, 1].max() for patch in filled]
    assert tops[1] == 7
    assert "deadline" in [text.get_text() for text in axes.get_legend().get_texts()]
    edges = filled[0].get_path().vertices[:, 0]
    assert edges.min() <= calls.min()
    assert edges.max() >= calls.max()

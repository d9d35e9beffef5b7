"""The published figures, redrawn with all seeds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from experiments.output import Output
from experiments.tracking import residual, two_link, vehicle
from experiments.tracking.cases import SETTINGS, Case
from experiments.tracking.settings import LAWS
from experiments.tracking.study import Study
from lbdnn.plotting.tracking import by_size, over_time

_LABELS = {"two_link": two_link.LABELS, "uuv": vehicle.LABELS, "resnet": residual.LABELS}
_TITLES = {
    "rms_tracking_error": "RMS of ‖e‖",
    "rms_control": "RMS of ‖u‖",
    "rms_function_error_on_trajectory": "RMS of ‖f − Φ‖ on the path",
    "mean_function_error_test": "mean of ‖f − Φ‖ at test points",
}
_SHOWN_SIZE = (5, 5)


def draw(
    found: Mapping[Case, Study],
    lengths: Mapping[Case, float],
    given: Mapping[tuple[str, str, int, int, str], float],
    output: Output,
) -> None:
    """One figure over time for each benchmark and setting, one of the sizes of networks."""
    for system, setting in dict.fromkeys((case.system, case.setting) for case in found):
        own = {c: s for c, s in found.items() if (c.system, c.setting) == (system, setting)}
        sizes = {(c.layers, c.neurons) for c in own if c.layers}
        size = _SHOWN_SIZE if _SHOWN_SIZE in sizes else max(sizes, default=(0, 0))
        shown = {c: s for c, s in own.items() if (c.layers, c.neurons) in ((0, 0), size)}
        t1 = lengths[next(iter(shown))]
        panels = [
            (label, {c.controller: s.traces[trace] for c, s in shown.items() if _seen(s, trace)})
            for trace, label in _LABELS[system].items()
        ]
        zones = vehicle.LOST if system == "uuv" else ()
        panels = [panel for panel in panels if panel[1]]
        if panels:  # else all runs diverged
            output.figure(f"{system}_{setting}".replace(" ", "_"), over_time(t1, panels, zones))
    arm = {c: s for c, s in found.items() if c.system == "two_link" and c.layers}
    if len({(c.layers, c.neurons) for c in arm}) > 1:
        output.figure("sizes", _of_sizes(arm, given))


def _seen(found: Study, trace: str) -> bool:
    return trace in found.traces and not np.isnan(found.traces[trace]).all()


def _of_sizes(
    found: Mapping[Case, Study], given: Mapping[tuple[str, str, int, int, str], float]
) -> Any:
    sizes = list(dict.fromkeys((c.layers, c.neurons) for c in found))
    panels = []
    for metric, own in two_link.METRICS.items():
        values = {
            (law, setting): [
                next(
                    (
                        s.metrics[metric]
                        for c, s in found.items()
                        if (c.controller, c.setting, c.layers, c.neurons) == (law, setting, *size)
                    ),
                    np.array([np.nan]),
                )
                for size in sizes
            ]
            for law in LAWS
            for setting in SETTINGS
        }
        single = {
            law: [given.get(("II", law, *size, metric), np.nan) for size in sizes] for law in LAWS
        }
        label = f"{_TITLES[metric]} ({own.unit})"
        panels.append((label, values, single))
    return by_size([f"{k}×{n}" for k, n in sizes], panels)

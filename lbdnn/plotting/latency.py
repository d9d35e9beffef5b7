"""How long control steps take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from .style import styled
from .tracking import CONTROLLER_COLOURS

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@styled
def latencies(
    calls: Mapping[str, Float[np.ndarray, " calls"]], deadline: float | None = None
) -> Figure:
    """Histograms of times in µs, both axes logarithmic; lines at median, 99.9 % and `deadline`.

    `calls` maps the name of a law to its times.
    """
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6.4, 3.0))
    ends = [min(np.min(own) for own in calls.values()), max(np.max(own) for own in calls.values())]
    edges = np.geomspace(0.98 * ends[0], 1.02 * ends[1], 80)
    for name, own in calls.items():
        colour = CONTROLLER_COLOURS.get(name, "#888888")
        axes.hist(own, edges, histtype="stepfilled", alpha=0.25, color=colour)
        axes.hist(own, edges, histtype="step", color=colour, label=name)
        for level, dashes in ((0.5, "-"), (0.999, "--")):
            axes.axvline(
                float(np.quantile(own, level)), color=colour, linestyle=dashes, linewidth=1
            )
    if deadline is not None:
        axes.axvline(deadline, color="black", linewidth=1, linestyle=":", label="deadline")
    axes.set(xscale="log", yscale="log", xlabel="time of one step (µs)", ylabel="calls")
    axes.legend(title="line: median; dashed: 99.9 %", title_fontsize=8)
    return figure

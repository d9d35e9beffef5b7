"""Closed loops over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from .style import styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LAW_COLOURS = {"tracking": "#D55E00", "composite": "#0072B2"}


@styled
def over_time(
    time: Float[np.ndarray, " T"],
    panels: Sequence[tuple[str, Mapping[str, Float[np.ndarray, "seeds T"]]]],
    logarithmic: bool = True,
) -> Figure:
    """One panel beneath another: of each curve the median over the seeds and, shaded, all of them.

    `panels` are (label of the axis, name of the curve to values, one row a seed).
    """
    from matplotlib import pyplot

    figure, grid = pyplot.subplots(
        len(panels), 1, figsize=(6.4, 1.75 * len(panels) + 0.5), sharex=True, squeeze=False
    )
    for axes, (label, curves) in zip(grid[:, 0], panels, strict=True):
        for name, values in curves.items():
            colour = LAW_COLOURS.get(name, "#888888")
            axes.fill_between(
                time, values.min(0), values.max(0), color=colour, alpha=0.25, linewidth=0
            )
            axes.plot(time, np.median(values, 0), color=colour, linewidth=1, label=name)
        axes.set_ylabel(label)
        if logarithmic:
            axes.set_yscale("log")
    grid[-1, 0].set_xlabel("time (s)")
    grid[-1, 0].set_xlim(float(time[0]), float(time[-1]))
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels))
    return figure

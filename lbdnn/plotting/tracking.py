"""Closed loops over time, and by size of the network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from .style import plain_logarithmic, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CONTROLLER_COLOURS = {
    "tracking": "#D55E00",
    "composite": "#0072B2",
    "observer_based": "#009E73",
    "nonlinear_pd": "#CC79A7",
    "nonlinear_mpc": "#000000",
    "residual": "#0072B2",
    "without shortcuts": "#D55E00",
}
CONTROLLER_NAMES = {
    "tracking": "tracking-error law",
    "composite": "composite law",
    "observer_based": "observer-based",
    "nonlinear_pd": "nonlinear PD",
    "nonlinear_mpc": "nonlinear MPC",
}
_FILLED = ("tracking", "composite", "residual", "without shortcuts")


@styled
def over_time(
    t1: float,
    panels: Sequence[tuple[str, Mapping[str, Float[np.ndarray, "seeds points"]]]],
    without_feedback: Sequence[tuple[float, float]] = (),
) -> Figure:
    """One panel beneath another: the median over the seeds; of learning controllers also all seeds.

    `panels` are (label of the axis, name of the controller to values equally spaced in [0, t1) s,
    one row a seed, NaN for none). `without_feedback`: intervals in s, in grey.
    """
    from matplotlib import pyplot
    from matplotlib.artist import Artist
    from matplotlib.patches import Patch

    figure, grid = pyplot.subplots(
        len(panels), 1, figsize=(6.4, 1.6 * len(panels) + 0.5), sharex=True, squeeze=False
    )
    lines: dict[str, Artist] = {}
    for axes, (label, curves) in zip(grid[:, 0], panels, strict=True):
        for start, end in without_feedback:
            axes.axvspan(start, end, color="#DDDDDD", linewidth=0)
        for name, values in curves.items():
            colour = CONTROLLER_COLOURS.get(name, "#888888")
            time = np.linspace(0, t1, values.shape[1], endpoint=False)
            if name in _FILLED:
                low, high = np.nanmin(values, 0), np.nanmax(values, 0)
                axes.fill_between(time, low, high, color=colour, alpha=0.2, linewidth=0)
            (lines[name],) = axes.plot(time, np.nanmedian(values, 0), color=colour, linewidth=0.9)
        axes.set_ylabel(label)
        axes.set_yscale("log")
    grid[-1, 0].set_xlabel("time (s)")
    grid[-1, 0].set_xlim(0, t1)
    labels = [CONTROLLER_NAMES.get(name, name) for name in lines]
    handles: list[Artist] = list(lines.values())
    if without_feedback:
        handles.append(Patch(color="#DDDDDD"))
        labels.append("no feedback")
    figure.align_ylabels()
    figure.legend(handles, labels, loc="outside upper center", ncols=3)
    return figure


@styled
def by_size(
    sizes: Sequence[str],
    panels: Sequence[
        tuple[
            str,
            Mapping[tuple[str, str], Sequence[Float[np.ndarray, " seeds"]]],
            Mapping[str, Sequence[float]],
        ]
    ],
) -> Figure:
    """A panel a metric: median and range over the seeds at each size; crosses: published draws.

    `panels` are (label, (law, setting) to one array a size, law to one published value a size).
    """
    from matplotlib import pyplot

    across = 2
    down = -(-len(panels) // across)
    figure, grid = pyplot.subplots(
        down, across, figsize=(7.2, 2.5 * down + 0.4), sharex=True, squeeze=False
    )
    shades = {"paper": ("o", 1.0), "code": ("s", 0.45)}
    for axes, (label, values, single) in zip(grid.ravel(), panels, strict=False):
        count = len(values)
        for k, ((law, setting), own) in enumerate(values.items()):
            place = np.arange(len(sizes)) + (k - (count - 1) / 2) * 0.17
            middle, low, high = (
                np.array([f(v) for v in own]) for f in (np.nanmedian, np.nanmin, np.nanmax)
            )
            marker, alpha = shades.get(setting, ("o", 1.0))
            axes.errorbar(
                place, middle, [middle - low, high - middle], fmt=marker, markersize=4,
                linewidth=1, color=CONTROLLER_COLOURS[law], alpha=alpha,
                label=f"{CONTROLLER_NAMES[law]}, {setting}'s setting",
            )  # fmt: skip
        for law, given in single.items():
            axes.plot(
                np.arange(len(sizes)) + (-0.17 if law == "tracking" else 0.17), given, "x",
                color=CONTROLLER_COLOURS[law], markersize=7, markeredgewidth=1.5,
                label=f"{CONTROLLER_NAMES[law]}, published draw",
            )  # fmt: skip
        axes.set_yscale("log")
        plain_logarithmic(axes.yaxis)
        axes.set_title(label)
        axes.set_xticks(range(len(sizes)), sizes)
        axes.grid(axis="x", visible=False)
    for axes in grid[-1]:
        axes.set_xlabel("hidden layers × neurons")
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=2)
    return figure

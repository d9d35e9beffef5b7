"""Gains against what they lead to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float

from .style import plain_logarithmic, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLOURS = ("#000000", "#D55E00", "#009E73", "#CC79A7")


@styled
def gains_against_outcome(
    gains: Float[np.ndarray, "draws k"],
    error: Float[np.ndarray, " draws"],
    control: Float[np.ndarray, " draws"],
    diverged: Bool[np.ndarray, " draws"],
    symbols: Sequence[str],
    marked: Mapping[str, Float[np.ndarray, " k"]],
) -> Figure:
    """A panel a gain: the error of each draw, its colour the control; crosses above: diverged.

    `error` in deg, `control` in N m. `marked` are sets of gains to be drawn as vertical lines.
    """
    from matplotlib import pyplot
    from matplotlib.lines import Line2D

    across = 4
    down = -(-(len(symbols) + 1) // across)
    figure, grid = pyplot.subplots(
        down, across, figsize=(7.4, 2.0 * down + 0.5), sharey=True, squeeze=False
    )
    places = grid.ravel()
    kept = ~diverged & np.isfinite(error)
    top = error[kept].max() * 1.5 if kept.any() else 1.0
    points = None
    for k, (axes, symbol) in enumerate(zip(places, symbols, strict=False)):
        points = axes.scatter(
            gains[kept, k], error[kept], c=control[kept], s=9, cmap="viridis", linewidths=0
        )
        lost = gains[diverged, k]
        axes.plot(lost, np.full_like(lost, top), "x", color="#777777", markersize=4)
        for (_, own), colour, line in zip(
            marked.items(), _COLOURS, (":", "--", "-", "-."), strict=False
        ):
            axes.axvline(own[k], color=colour, linestyle=line, linewidth=1)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlabel(symbol)
        for axis in (axes.xaxis, axes.yaxis):
            plain_logarithmic(axis)
    for axes in grid[:, 0]:
        axes.set_ylabel("RMS of ‖e‖ (deg)")
    for axes in places[len(symbols) :]:
        axes.set_axis_off()
    last = places[len(symbols)]
    handles = [
        Line2D([], [], color=colour, linestyle=line, label=name)
        for name, colour, line in zip(marked, _COLOURS, (":", "--", "-", "-."), strict=False)
    ]
    if diverged.any():
        handles.append(Line2D([], [], color="#777777", marker="x", linestyle="", label="diverged"))
    last.legend(handles=handles, loc="upper left")
    if points is not None:
        bar = figure.colorbar(points, ax=last, orientation="horizontal", fraction=0.12, pad=0.05)
        bar.set_label("RMS of ‖u‖ (N m)")
    return figure

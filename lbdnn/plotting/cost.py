"""Figures of what bounds cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from .style import METHOD_COLOURS, METHOD_MARKERS, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@styled
def tightness_against_time(
    panels: Sequence[Sequence[tuple[str, Mapping[str, Sequence[tuple[float, float]]]]]],
) -> Figure:
    """Bound over the largest value found, against seconds, a marker a method.

    `panels` holds rows of (heading, curves), `curves[method]` the (seconds, ratio) of one setting
    or, joined by a line, of more of them. A ratio below 1 is a value found, not a bound.
    """
    from matplotlib import pyplot

    figure, grid = pyplot.subplots(
        len(panels),
        len(panels[0]),
        figsize=(2.4 * len(panels[0]) + 0.6, 2.3 * len(panels) + 0.6),
        squeeze=False,
        sharex=True,
    )
    handles = {}
    for line, row in zip(grid, panels, strict=True):
        for axes, (heading, curves) in zip(line, row, strict=True):
            for method, points in curves.items():
                (handles[method],) = axes.plot(
                    *zip(*points, strict=True),
                    marker=METHOD_MARKERS.get(method, "o"),
                    color=METHOD_COLOURS.get(method, "#888888"),
                    linewidth=0.8,
                    label=method,
                )
            axes.axhline(1, color="black", linewidth=0.8)
            axes.set_xscale("log")
            axes.set_yscale("log")
            axes.set_title(heading)
        line[0].set_ylabel("bound / largest found")
    for axes in grid[-1]:
        axes.set_xlabel("seconds")
    columns = min(len(handles), 2 * len(panels[0]))
    figure.legend(handles.values(), handles, loc="outside lower center", ncols=columns)
    return figure

"""A figure of what the gap between bound and attack is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .style import plain_logarithmic, styled
from .tightness import SYMBOLS, radius_name

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_PARTS = {
    "ball": ("#0072B2", "lost on the ball of parameters, at one input"),
    "box": ("#E69F00", "lost on the box of inputs"),
}


@styled
def gaps(
    rows: Sequence[Mapping[str, Any]], networks: Sequence[str], quantities: Sequence[str]
) -> Figure:
    """Bound / attack as a product of parts, a row a quantity and a column a radius.

    Each of `rows` has "network", "quantity", "fraction" (of ‖θ‖), and the factors "ball" and "box",
    at least 1.
    """
    from matplotlib import pyplot

    fractions = sorted({row["fraction"] for row in rows})
    figure, grid = pyplot.subplots(
        len(quantities),
        len(fractions),
        figsize=(max(2.0, 0.35 * len(networks)) * len(fractions) + 1.2, 2.0 * len(quantities) + 1),
        sharex=True,
        sharey="row",
        squeeze=False,
    )
    for line, quantity in zip(grid, quantities, strict=True):
        for axes, fraction in zip(line, fractions, strict=True):
            own = {
                row["network"]: row
                for row in rows
                if (row["quantity"], row["fraction"]) == (quantity, fraction)
            }
            places = [place for place, network in enumerate(networks) if network in own]
            below = np.ones(len(places))
            for part, (colour, label) in _PARTS.items():
                factors = np.array([own[networks[place]][part] for place in places])
                above = below * factors
                axes.bar(places, above - below, 0.7, bottom=below, color=colour, label=label)
                below = above
            axes.set_yscale("log")
            plain_logarithmic(axes.yaxis)
            axes.set_xticks(range(len(networks)), networks, rotation=60)
            axes.grid(axis="x", visible=False)
        line[0].set_ylabel(f"bound / attack of\n{SYMBOLS[quantity]}")
    for axes, fraction in zip(grid[0], fractions, strict=True):
        axes.set_title(radius_name(fraction))
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=2)
    figure.supxlabel("network (hidden layers × width)", fontsize=9)
    return figure

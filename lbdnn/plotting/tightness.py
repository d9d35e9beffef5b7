"""Figures of bounds beside what an attack finds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from .style import METHOD_COLOURS, METHOD_MARKERS, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SYMBOLS = {
    "value": r"$\|\Phi\|$",
    "jacobian": r"$\|\partial\Phi/\partial\theta\|$",
    "hessian": r"$\|\partial^2\Phi/\partial\theta^2\|$",
    "input_jacobian": r"$\|\partial\Phi/\partial\sigma\|$",
    "input_jacobian_max": r"$\|\partial\Phi/\partial\sigma\|_\infty$",
    "input_hessian": r"$\|\partial^2\Phi/\partial\sigma^2\|$",
    "mixed_hessian": r"$\|\partial^2\Phi/\partial\sigma\partial\theta\|$",
    "remainder": r"$\|R\|$",
}


def radius_name(fraction: float) -> str:
    """What a panel of one radius, a fraction of ‖θ‖, is called."""
    return f"r = {100 * fraction:g} % of ‖θ‖" if fraction else "r = 0"


@styled
def tightness(
    ratios: Mapping[tuple[str, float, str, str], Sequence[float]],
    networks: Sequence[str],
    fractions: Sequence[float],
    quantities: Sequence[str],
    methods: Sequence[str],
    names: str = "network (hidden layers × width)",
) -> Figure:
    """Bound / attack by network, a row a quantity and a column a radius.

    `ratios[network, fraction, quantity, method]` holds a value a seed; drawn are the geometric
    mean and, above it, a line to the maximum. `names` says what networks are called by.
    """
    from matplotlib import pyplot

    wide, names_high = max(2.0, 0.2 * len(networks)), 0.06 * max(map(len, networks))
    figure, grid = pyplot.subplots(
        len(quantities),
        len(fractions),
        figsize=(wide * len(fractions) + 1.2, 2.0 * len(quantities) + 0.5 + names_high),
        sharex=True,
        sharey="row",
        squeeze=False,
    )
    offsets = np.linspace(-0.2, 0.2, len(methods)) if len(methods) > 1 else [0.0]
    for row, quantity in zip(grid, quantities, strict=True):
        for axes, fraction in zip(row, fractions, strict=True):
            for method, offset in zip(methods, offsets, strict=True):
                places, means, most = [], [], []
                for place, network in enumerate(networks):
                    values = np.asarray(ratios.get((network, fraction, quantity, method), ()))
                    if values.size:
                        places.append(place + offset)
                        means.append(np.exp(np.mean(np.log(values))))
                        most.append(values.max())
                colour = METHOD_COLOURS.get(method, "#888888")
                axes.vlines(places, means, most, color=colour, linewidth=1)
                marker = METHOD_MARKERS.get(method, "o")
                axes.plot(places, means, marker, color=colour, label=method)
            axes.set_yscale("log")
            axes.axhline(1, color="black", linewidth=0.8)
            axes.set_xticks(range(len(networks)), networks)
            axes.tick_params(axis="x", rotation=60)
            for name in axes.get_xticklabels():
                name.set(ha="right", va="center", rotation_mode="anchor")
            axes.grid(axis="x", visible=False)
        row[0].set_ylabel(f"bound / attack of\n{SYMBOLS[quantity]}")
    for axes, fraction in zip(grid[0], fractions, strict=True):
        axes.set_title(radius_name(fraction))
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(methods))
    figure.supxlabel(names, fontsize=9)
    return figure


@styled
def against_radius(
    panels: Mapping[str, Mapping[str, Sequence[float]]],
    radii: Sequence[float],
    title: str,
    unit: str = "",
) -> Figure:
    """Bounds against the radius of the parameter ball, the attack beneath.

    `panels[heading][method]` holds a value a radius; a single value belongs to radius 0, which
    stands apart at the left end. `unit` says what the radius is measured in.
    """
    from matplotlib import pyplot

    columns = {1: 1, 2: 2, 4: 2}.get(len(panels), 3)
    lines = -(-len(panels) // columns)
    figure, grid = pyplot.subplots(
        lines,
        columns,
        figsize=(2.9 * columns + 0.6, 2.4 * lines + 0.8),
        squeeze=False,
        sharex=True,
    )
    places = _places(radii)
    for axes, (heading, curves) in zip(grid.flat, panels.items(), strict=False):
        for method, values in curves.items():
            axes.plot(
                places[: len(values)],
                values,
                marker=METHOD_MARKERS.get(method, "o"),
                color=METHOD_COLOURS.get(method, "#888888"),
                linestyle=":" if method == "attack" else "-",
                markersize=8 if len(values) == 1 else 5,
                linewidth=1.2,
                label=method,
            )
        axes.set_yscale("log")
        axes.set_title(heading)
        _radius_axis(axes, radii, places)
    for axes in grid.flat[len(panels) :]:
        axes.remove()
    for column in grid.T:
        lowest = [axes for axes in column if axes.figure is not None][-1]
        lowest.set_xlabel(f"radius r of the parameter ball{unit}")
        lowest.tick_params(axis="x", labelbottom=True)
    for axes in grid[:, 0]:
        axes.set_ylabel("supremum over the set")
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(len(labels), columns + 2))
    figure.suptitle(title, fontsize=9)
    return figure


def _places(radii: Sequence[float]) -> list[float]:
    """Where the radii stand on a logarithmic axis, 0 a little to the left of the others."""
    left = min((r for r in radii if r > 0), default=1.0) / 4
    return [r if r > 0 else left for r in radii]


def _radius_axis(axes: Axes, radii: Sequence[float], places: Sequence[float]) -> None:
    axes.set_xscale("log")
    ends = [r for r in radii if r > 0]
    decades = (
        range(math.ceil(math.log10(min(ends))), 1 + math.floor(math.log10(max(ends))))
        if ends
        else ()
    )
    ticks = [(10.0**d, f"$10^{{{d}}}$") for d in decades]
    if 0 in radii:
        ticks.insert(0, (min(places), "0"))
    axes.set_xticks(*zip(*ticks, strict=True))
    axes.minorticks_off()
    axes.yaxis.minorticks_on()


@styled
def budget_by_depth(
    depths: Sequence[int],
    polynomials: Mapping[str, Mapping[str, Sequence[float]]],
    gains: Mapping[str, tuple[Sequence[float], Sequence[float]]],
) -> Figure:
    """Left: all-norms and budgeted polynomials by depth. Right: the gain on the longest product.

    `polynomials[quantity][form]` holds a value a depth; `gains[quantity]` measured and predicted.
    """
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(7.0, 3.0))
    lines = {"jacobian": "-", "hessian": "--"}
    for quantity, forms in polynomials.items():
        for form, values in forms.items():
            left.plot(
                depths,
                values,
                lines[quantity],
                marker=METHOD_MARKERS[form],
                color=METHOD_COLOURS[form],
                label=f"{SYMBOLS[quantity]}, {form.removeprefix('polynomial ').strip('()')}",
            )
    left.set_ylabel("bound")
    left.legend()
    for (quantity, (measured, predicted)), marker in zip(gains.items(), "ov", strict=False):
        right.plot(depths, predicted, lines[quantity], color="black", linewidth=1)
        right.plot(
            depths,
            measured,
            marker,
            color="#0072B2" if quantity == "jacobian" else "#CC79A7",
            label=f"{SYMBOLS[quantity]}: measured (line: predicted)",
        )
    right.set_ylabel("all norms / budgeted, longest product")
    right.legend(loc="lower right")
    for axes in (left, right):
        axes.set_yscale("log")
        axes.set_xlabel("hidden layers")
        axes.set_xticks(list(depths)[:: 1 if len(depths) <= 10 else 2])
    return figure

"""Phase portraits, maps of spectral radii and spectra of planar networks, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from .style import styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

    from ..spectra import PlanarPortrait

Row = Literal["phase", "radius", "spectrum"]
_AGAINST_ONE = "RdBu_r"  # blue below 1, red above: told apart by colour-blind readers


@styled
def portraits(
    models: Sequence[PlanarPortrait],
    rows: Sequence[Row] = ("phase", "radius", "spectrum"),
    columns: int | None = None,
) -> Figure:
    """A column for each model, `rows` beneath each other; wrapped after `columns` if given.

    For a single model they stand side by side.

    "phase": orbits from their starts (open circles), fixed and periodic points in black.
    "radius": the spectral radius of A*(x), white at 1. "spectrum": the eigenvalues of A*(x) at all
    points of the grid, coloured by the spectral radius there, and the unit circle.
    """
    from matplotlib import pyplot

    across = len(models) if columns is None else min(columns, len(models))
    bands = -(-len(models) // across)
    beside = len(models) == 1
    shape = (1, len(rows)) if beside else (bands * len(rows), across)
    figure, grid = pyplot.subplots(
        *shape, figsize=(2.05 * shape[1] + 0.9, 2.05 * shape[0] + 0.45), squeeze=False
    )
    grid = grid.T if beside else grid
    draw = {"phase": _phase, "radius": _radius, "spectrum": _spectrum}
    for place in range(bands * across):
        band, column = divmod(place, across)
        for i, row in enumerate(rows):
            axes = grid[band * len(rows) + i, column]
            if place >= len(models):
                axes.remove()
                continue
            drawn = draw[row](axes, models[place])
            if i == 0:
                axes.set_title(models[place].title)
            if drawn is not None:
                bar = figure.colorbar(drawn, ax=axes, fraction=0.05, pad=0.03)
                low, high = drawn.get_clim()
                bar.set_ticks([low, 1.0, high], labels=[f"{low:.2g}", "1", f"{high:.3g}"])
                bar.ax.minorticks_off()
                bar.ax.tick_params(labelsize=7)
            if column == 0 and row != "spectrum":
                axes.set_ylabel("$x_2$")
            if beside and row != "spectrum":
                axes.set_xlabel("$x_1$")
    labels = {"radius": "colour: spectral radius of A*(x)", "spectrum": "eigenvalues of A*(x)"}
    named = [labels[row] for row in rows if row in labels]
    if named:
        figure.supxlabel("; ".join(named), fontsize=8)
    return figure


def _phase(axes: Axes, model: PlanarPortrait) -> None:
    for orbit in np.moveaxis(model.orbits, 1, 0):
        axes.plot(*orbit.T, color="#0072B2", linewidth=0.5, alpha=0.6)
        axes.plot(*orbit[1:].T, ".", color="#0072B2", markersize=1.2, alpha=0.6)
    axes.plot(*model.orbits[0].T, "o", color="#0072B2", markersize=2, markerfacecolor="white")
    axes.plot(*model.points.T, "o", color="black", markersize=3, zorder=3)
    _frame(axes, model)


def _radius(axes: Axes, model: PlanarPortrait) -> AxesImage:
    from matplotlib.colors import TwoSlopeNorm

    (left, bottom), (right, top) = model.box.ends(2)
    radii = np.abs(model.eigenvalues).max(-1)
    # A narrow range about 1 must not look dramatic, and a pole must not hide the rest.
    low, high = min(float(radii.min()), 0.99), max(float(np.quantile(radii, 0.98)), 1.01)
    image = axes.imshow(
        radii,
        origin="lower",
        extent=(left, right, bottom, top),
        cmap=_AGAINST_ONE,
        norm=TwoSlopeNorm(1.0, low, high),
        interpolation="nearest",
        rasterized=True,
    )
    if radii.min() < 1 < radii.max():
        x, y = np.linspace(left, right, len(radii)), np.linspace(bottom, top, len(radii))
        axes.contour(x, y, radii, [1.0], colors="black", linewidths=0.6)
    _frame(axes, model)
    return image


def _spectrum(axes: Axes, model: PlanarPortrait) -> None:
    values = model.eigenvalues.reshape(-1, 2)
    radii = np.abs(values).max(-1)
    chosen = np.random.default_rng(0).permutation(len(values))[:4000]
    own: Any = np.ravel(values[chosen])
    colours = np.where(np.repeat(radii[chosen], 2) > 1, "#D55E00", "#0072B2")
    axes.scatter(own.real, own.imag, s=2, c=list(colours), alpha=0.5, linewidths=0, rasterized=True)
    turn = np.linspace(0, 2 * np.pi, 200)
    axes.plot(np.cos(turn), np.sin(turn), color="black", linewidth=0.7)
    reach = 1.1 * max(1.0, float(np.quantile(np.abs(own), 0.999)))
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
    axes.tick_params(labelsize=7)


def _frame(axes: Axes, model: PlanarPortrait) -> None:
    (left, bottom), (right, top) = model.box.ends(2)
    axes.set(xlim=(left, right), ylim=(bottom, top))
    axes.set_box_aspect(1)
    axes.set_aspect("auto")
    axes.set_xticks(np.linspace(left, right, 3))
    axes.set_yticks(np.linspace(bottom, top, 3))
    axes.tick_params(labelsize=7)
    axes.grid(visible=False)

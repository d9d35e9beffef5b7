"""Figures of certified and attacked accuracy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from jaxtyping import Float

from .style import styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe and Ito's palette; lines and markers differ too.
_LOOKS: tuple[dict[str, Any], ...] = (
    {"color": "#000000", "marker": "o", "linestyle": "-"},
    {"color": "#E69F00", "marker": "D", "linestyle": "--"},
    {"color": "#009E73", "marker": "^", "linestyle": "-"},
    {"color": "#56B4E9", "marker": "s", "linestyle": "--"},
    {"color": "#D55E00", "marker": "v", "linestyle": "-"},
    {"color": "#0072B2", "marker": "P", "linestyle": ":"},
    {"color": "#CC79A7", "marker": "X", "linestyle": ":"},
)

Curve = Float[np.ndarray, " r"]
# A heading, radii, the mean of each model, and mean, low and high of its paired difference.
Panel = tuple[str, Curve, Mapping[str, Curve], Mapping[str, tuple[Curve, Curve, Curve]]]


class Picture(NamedTuple):
    """A perturbed image, the label it gets, and the 2-norm of the perturbation."""

    image: Float[np.ndarray, "h w"]
    label: int
    size: float


@styled
def accuracy_by_radius(panels: Sequence[Panel], reference: str) -> Figure:
    """Accuracy (%) by radius, a column a kind; below, paired differences with their intervals.

    Radii are in units of the range of the pixels; differences, to the model named `reference`, in
    percentage points.
    """
    from matplotlib import pyplot

    figure, (above, below) = pyplot.subplots(
        2,
        len(panels),
        figsize=(2.6 * len(panels) + 0.4, 5.0),
        sharex="col",
        squeeze=False,
    )
    names = list(dict.fromkeys(name for panel in panels for name in panel[2]))
    looks = dict(zip(names, _LOOKS, strict=False))
    for upper, lower, (heading, radii, means, apart) in zip(above, below, panels, strict=True):
        for name, mean in means.items():
            upper.plot(radii, mean, linewidth=1.2, markersize=4, label=name, **looks[name])
        for number, (name, (mean, low, high)) in enumerate(apart.items()):
            # Beside each other, where intervals would hide each other.
            shift = (number - (len(apart) - 1) / 2) * 0.008 * radii[-1]
            ends = np.abs(np.stack([mean - low, high - mean]))
            shown = np.where(np.isfinite(ends), ends, 0)
            lower.errorbar(
                radii + shift,
                mean,
                shown,
                linewidth=1,
                elinewidth=1.4,
                capsize=2,
                markersize=3,
                **looks[name],
            )
        lower.axhline(0, color="black", linewidth=0.8)
        upper.set_title(heading)
        lower.set_xlabel("radius ‖δ‖∞" if "maximum" in heading else "radius ‖δ‖₂")
        upper.set_ylim(-3, 103)
    above[0].set_ylabel("accuracy (%)")
    below[0].set_ylabel(f"less that of {reference}\n(percentage points, 95 %)")
    handles, labels = above[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    return figure


@styled
def accuracy_by_trial(points: Mapping[str, tuple[Curve, Curve, Curve]]) -> Figure:
    """Attacked against clean accuracy (%), a marker a trial, larger the larger its margin.

    `points` holds (margins, clean, attacked) of each model.
    """
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(4.6, 3.6))
    largest = max(float(own[0].max()) for own in points.values())
    for look, (name, (margins, clean, attacked)) in zip(_LOOKS, points.items(), strict=False):
        size = 12 + 60 * margins / largest
        kind: dict[str, Any] = {key: look[key] for key in ("color", "marker")}
        axes.scatter(clean, attacked, s=size, alpha=0.75, linewidths=0, **kind)
        axes.plot([], [], linestyle="", label=name, **kind)
    axes.set_xlabel("clean accuracy (%)")
    axes.set_ylabel("attacked accuracy (%)")
    figure.legend(loc="outside lower center", ncols=2)
    return figure


@styled
def adversarial_pictures(
    cases: Sequence[tuple[Float[np.ndarray, "h w"], int, Mapping[str, Picture]]],
) -> Figure:
    """Each image, with its label, and below what fools each model, with the label it gets.

    Under each perturbed image is its perturbation δ: blue darkens, red lightens.
    """
    from matplotlib import pyplot

    names = list(cases[0][2]) if cases else []
    figure, grid = pyplot.subplots(
        2 * max(len(cases), 1),
        1 + len(names),
        figsize=(1.25 * (1 + len(names)) + 0.2, 2.75 * max(len(cases), 1) + 0.4),
        squeeze=False,
    )
    for axes in grid.ravel():
        axes.set_axis_off()
    for row, (image, label, found) in enumerate(cases):
        upper, lower = grid[2 * row], grid[2 * row + 1]
        upper[0].imshow(image, cmap="gray", vmin=0, vmax=1)
        upper[0].set_title(f"{'original' if row == 0 else ''}\n{label}")
        for place, (name, own) in enumerate(found.items(), start=1):
            upper[place].imshow(own.image, cmap="gray", vmin=0, vmax=1)
            heading = name.replace(", ", ",\n") if row == 0 else ""
            upper[place].set_title(
                f"{heading}\n{label} → {own.label}, ‖δ‖₂ {own.size:.2f}", fontsize=8
            )
            lower[place].imshow(own.image - image, cmap="RdBu_r", vmin=-0.5, vmax=0.5)
    return figure

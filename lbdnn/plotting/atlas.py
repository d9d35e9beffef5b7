"""Many models on one page, and activations beside the line |ς(z)| = |z|."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from .style import styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..spectra import ActivationStability

# Okabe and Ito's palette, the quiet colours for the quiet kinds.
KIND_COLOURS = {
    "single point": "#56B4E9",
    "several points": "#0072B2",
    "line": "#009E73",
    "limit cycle": "#F0E442",
    "chaos": "#CC79A7",
    "unbounded": "#D55E00",
    "undecided": "#BBBBBB",
}


@styled
def overview(
    kinds: Int[np.ndarray, "rows columns"],
    radii: Float[np.ndarray, "rows columns"],
    rows: Sequence[str],
    groups: Sequence[tuple[str, Sequence[str]]],
) -> Figure:
    """A cell a model: its colour the kind of attractor, its dot the largest spectral radius.

    `kinds` indexes `KIND_COLOURS` (−1: not computed). The dot's area grows with |log₁₀ of the
    largest spectral radius of A*(x)|; black above 1, white below. `groups` are headings with the
    names of the columns beneath them.
    """
    from matplotlib import pyplot
    from matplotlib.colors import ListedColormap
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    names = list(KIND_COLOURS)
    count, across = kinds.shape
    figure, axes = pyplot.subplots(figsize=(0.27 * across + 2.6, 0.24 * count + 1.9))
    colours = ListedColormap(["white", *KIND_COLOURS.values()])
    axes.pcolormesh(
        kinds, cmap=colours, vmin=-1.5, vmax=len(names) - 0.5, edgecolors="white", linewidth=0.8
    )
    y, x = np.nonzero((kinds >= 0) & np.isfinite(radii) & (radii > 0))
    size = np.log10(radii[y, x])
    areas = np.clip(18 * np.abs(size), 0.4, 40)
    shades = np.where(size > 1e-5, "black", "white")
    axes.scatter(x + 0.5, y + 0.5, s=areas, c=list(shades), linewidths=0)
    axes.set(xlim=(0, across), ylim=(count, 0))
    axes.set_yticks(np.arange(count) + 0.5, rows)
    columns = [name for _, own in groups for name in own]
    axes.set_xticks(np.arange(across) + 0.5, columns, rotation=90)
    axes.tick_params(length=0, labelsize=7)
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    place = 0
    for heading, own in groups:
        axes.text(place + len(own) / 2, -0.3, heading, ha="center", va="bottom", fontsize=9)
        if place:
            axes.axvline(place, color="black", linewidth=1.2)
        place += len(own)
    shown = [i for i in range(len(names)) if np.any(kinds == i)]
    handles: list[Patch | Line2D] = [
        Patch(color=KIND_COLOURS[names[i]], label=names[i]) for i in shown
    ]
    for radius in (10.0, 100.0):
        label = f"largest ρ(A*(x)) = {radius:g}"
        marker = np.sqrt(18 * np.log10(radius))
        handles.append(
            Line2D([], [], marker="o", color="black", linestyle="", markersize=marker, label=label)
        )
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))
    return figure


@styled
def activations(found: Sequence[ActivationStability]) -> Figure:
    """Each activation ς, and, shaded, where |ς(z)/z| ≤ 1; orange where it is above."""
    from matplotlib import pyplot

    columns = 6
    lines = -(-len(found) // columns)
    figure, grid = pyplot.subplots(
        lines, columns, figsize=(1.5 * columns + 0.4, 1.45 * lines), sharex=True, sharey=True
    )
    z = np.linspace(-4, 4, 801)
    for axes, one in zip(grid.flat, found, strict=False):
        axes.axvspan(-4, 4, color="#D55E00", alpha=0.25, linewidth=0)
        for lo, hi in one.contracting:
            axes.axvspan(max(lo, -4), min(hi, 4), color="white", linewidth=0)
            axes.axvspan(max(lo, -4), min(hi, 4), color="#56B4E9", alpha=0.35, linewidth=0)
        axes.fill_between(z, -np.abs(z), np.abs(z), color="#DDDDDD", alpha=0.6, linewidth=0)
        axes.plot(z, np.asarray(one.activation(jnp.asarray(z))), color="black", linewidth=1.2)
        ratio = "∞" if np.isinf(one.ratio) else f"{one.ratio:.3g}"
        axes.set_title(f"{one.activation.name}\nsup |ς(z)/z| = {ratio}", fontsize=7)
        axes.set(xlim=(-4, 4), ylim=(-4, 4), aspect="equal")
        axes.tick_params(labelsize=6)
        axes.grid(visible=False)
    for axes in grid.flat[len(found) :]:
        axes.remove()
    figure.supxlabel("z; grey: |y| ≤ |z|, blue: |ς(z)| ≤ |z|, orange: |ς(z)| > |z|", fontsize=8)
    return figure

"""The boxes that a branch and bound over two inputs ends with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .style import styled
from .tightness import SYMBOLS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..bounds.expansion import Supremum

_MAY_HOLD_THE_MAXIMUM = "#D55E00"


@styled
def cover(found: Supremum, quantity: str | None = None) -> Figure:
    """The leaves of a search over two inputs (`sup_over_inputs`), coloured by bound / lower.

    Outlined are the leaves whose bound is not below `found.lower`: the maximum lies in one of them.
    A star marks where the value `found.lower` is reached. `quantity`, one of `SYMBOLS`, is named in
    the title.

    **Raises:** ValueError for a search over other than two inputs, or without a value above 0.
    """
    from matplotlib import pyplot
    from matplotlib.collections import PolyCollection

    leaves = found.cover
    if leaves.lo.shape[1] != 2:
        raise ValueError(f"the cover is drawn for two inputs; got {leaves.lo.shape[1]}")
    if not found.lower > 0:
        raise ValueError(f"bounds are compared with a value above 0; got lower = {found.lower}")
    (left, bottom), (right, top) = leaves.lo.T, leaves.hi.T
    corners = np.stack([left, bottom, right, bottom, right, top, left, top], -1).reshape(-1, 4, 2)
    ratio = leaves.bound / found.lower
    possible = ratio >= 1
    bounded = np.isfinite(ratio)

    figure, axes = pyplot.subplots(figsize=(4.6, 3.8))
    rectangles = PolyCollection(
        list(corners), array=ratio, cmap="cividis", edgecolors="white", linewidths=0.3
    )
    if np.any(bounded):
        rectangles.set_clim(np.min(ratio[bounded]), np.max(ratio[bounded]))
    outlines = PolyCollection(
        list(corners[possible]),
        facecolors="none",
        edgecolors=_MAY_HOLD_THE_MAXIMUM,
        linewidths=1.0,
        label="may hold the maximum",
    )
    for collection in (rectangles, outlines):
        axes.add_collection(collection)
    axes.plot(
        *found.sigma,
        "*",
        color="white",
        markeredgecolor="black",
        markersize=11,
        clip_on=False,
        linestyle="none",
        label="reaches the lower value",
    )
    axes.grid(visible=False)
    axes.margins(0)
    axes.autoscale_view()
    axes.set_xlabel("σ₁")
    axes.set_ylabel("σ₂")
    figure.colorbar(
        rectangles, label="bound / lower", extend="neither" if np.all(bounded) else "max"
    )
    figure.legend(loc="outside lower center", ncols=2)
    of = f"sup {SYMBOLS[quantity]}: " if quantity else ""
    axes.set_title(
        f"{of}{leaves.leaves} boxes, upper / lower = {found.upper / found.lower:.4g}",
    )
    return figure

"""Figures of Lipschitz constants."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from .style import plain_logarithmic, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_VERDICTS = {
    "at most 2": ("#0072B2", "o", "at most 2, proved"),
    "above 2": ("#D55E00", "s", "above 2, proved"),
    "undecided": ("#888888", "D", "undecided"),
}
_DASHES = {"euclidean": "--", "maximum": ":"}
# Colour, marker and how far from the middle of its row.
_NORMS = {"euclidean": ("#0072B2", "o", -0.12), "maximum": ("#D55E00", "s", 0.12)}


@styled
def lipschitz_constants(
    relative_steps: Sequence[tuple[str, float, float, str]],
    products: Sequence[tuple[str, float]],
    title: str = "",
) -> Figure:
    """Whether each gradient layer is non-expansive, and the constant of the network as it grows.

    `relative_steps` holds (label, lower, upper, verdict) of τ‖A‖², the verdict "at most 2",
    "above 2" or "undecided"; `products` (label, the certified constant of the network up to and
    with this layer).
    """
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(
        1,
        2,
        figsize=(7.2, max(2.4, 0.19 * max(len(relative_steps), len(products)) + 0.9)),
        width_ratios=(1, 1),
    )
    for place, (_, lower, upper, verdict) in enumerate(relative_steps):
        colour, marker, _ = _VERDICTS[verdict]
        left.plot([0, upper], [place, place], color=colour, linewidth=0.8, alpha=0.5)
        left.plot([lower, upper], [place, place], color=colour, linewidth=2.5)
        left.plot(upper, place, marker, color=colour, clip_on=False)
    for verdict, (colour, marker, words) in _VERDICTS.items():
        if any(one[3] == verdict for one in relative_steps):
            left.plot([], [], marker, color=colour, label=words)
    left.axvline(2, color="black", linewidth=0.8)
    left.set_ylabel("layer")
    left.set_yticks(range(len(relative_steps)), [one[0] for one in relative_steps])
    left.set_xlim(left=0)
    left.set_xlabel("τ‖A‖², non-expansive up to 2")
    left.grid(axis="y", visible=False)
    if relative_steps:
        figure.legend(loc="outside lower left", ncols=3)
    _growth(right, products)
    for axes in (left, right):
        axes.invert_yaxis()
    if title:
        figure.suptitle(title, fontsize=9)
    return figure


@styled
def constants_by_method(
    bounds: Sequence[tuple[str, str, float]],
    reached: Mapping[str, float],
    products: Sequence[tuple[str, float]],
    title: str = "",
) -> Figure:
    """Bounds of a network's Lipschitz constant, and that by norms of layers as it grows.

    `bounds` holds (method, norm, value), the norm "euclidean" or "maximum"; `reached` for each
    norm a value that no constant is below, drawn as a line; `products` as `lipschitz_constants`.
    """
    from matplotlib import pyplot

    methods = list(dict.fromkeys(method for method, _, _ in bounds))
    figure, (left, right) = pyplot.subplots(
        1, 2, figsize=(7.2, max(2.6, 0.19 * max(1.5 * len(methods), len(products)) + 1.1))
    )
    for norm, (colour, marker, shift) in _NORMS.items():
        own = [(value, methods.index(method) + shift) for method, of, value in bounds if of == norm]
        if own:
            label = f"{norm.capitalize()} norm: at most"
            left.plot(*zip(*own, strict=True), marker, color=colour, label=label, clip_on=False)
        if reached.get(norm, 0) > 0:
            left.axvline(
                reached[norm], color=colour, linestyle=_DASHES[norm], linewidth=1, label="reached"
            )
    left.set_yticks(range(len(methods)), methods)
    left.set_ylim(-0.5, max(len(methods), 1) - 0.5)
    left.set_xlabel("Lipschitz constant")
    _logarithmic(left, [value for _, _, value in bounds] + list(reached.values()))
    if left.lines:
        figure.legend(loc="outside lower center", ncols=4)
    _growth(right, products)
    for axes in (left, right):
        axes.grid(axis="y", visible=False)
        axes.invert_yaxis()
    if title:
        figure.suptitle(title, fontsize=9)
    return figure


def _growth(axes: Axes, products: Sequence[tuple[str, float]]) -> None:
    """The constant of the network up to each layer, a row a layer."""
    axes.plot([p for _, p in products], range(len(products)), "o-", color="#0072B2", linewidth=1)
    axes.set_yticks(range(len(products)), [name for name, _ in products])
    axes.set_xlabel("certified constant so far")
    axes.grid(axis="y", visible=False)
    _logarithmic(axes, [p for _, p in products])


def _logarithmic(axes: Axes, values: Sequence[float]) -> None:
    """Plain ticks where they have room."""
    axes.set_xscale("log")
    shown = [value for value in values if 0 < value < math.inf]
    if not shown or max(shown) < 200 * min(shown):
        plain_logarithmic(axes.xaxis)

"""Figures of Lipschitz constants."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .style import styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_VERDICTS = {
    "at most 2": ("#0072B2", "o", "at most 2, proved"),
    "above 2": ("#D55E00", "s", "above 2, proved"),
    "undecided": ("#888888", "D", "undecided"),
}


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
    from matplotlib import pyplot, ticker

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
    right.plot([p for _, p in products], range(len(products)), "o-", color="#0072B2", linewidth=1)
    right.set_xscale("log")
    right.xaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
    right.xaxis.set_major_formatter("{x:g}")
    right.xaxis.set_minor_formatter(ticker.NullFormatter())
    right.set_yticks(range(len(products)), [name for name, _ in products])
    right.set_xlabel("certified constant so far")
    right.grid(axis="y", visible=False)
    for axes in (left, right):
        axes.invert_yaxis()
    if title:
        figure.suptitle(title, fontsize=9)
    return figure

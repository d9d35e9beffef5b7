"""One look for all figures."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec

if TYPE_CHECKING:
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

P = ParamSpec("P")

# Okabe and Ito's palette: distinct for colour-blind readers and in grey.
METHOD_COLOURS = {
    "polynomial (all norms)": "#D55E00",
    "polynomial (budgeted)": "#E69F00",
    "layerwise": "#0072B2",
    "dissipation": "#CC79A7",
    "interval": "#F0E442",
    "refined": "#56B4E9",
    "attack": "#000000",
    "exact at centre": "#009E73",
    "immrax": "#D55E00",
    "dense intervals": "#E69F00",
    "sampling": "#009E73",
}
METHOD_MARKERS = {
    "polynomial (all norms)": "s",
    "polynomial (budgeted)": "D",
    "layerwise": "o",
    "dissipation": "v",
    "interval": "X",
    "refined": "P",
    "attack": "^",
    "exact at centre": "*",
    "immrax": "s",
    "dense intervals": "D",
    "sampling": "X",
}
_STYLE: dict[Any, Any] = {
    "figure.constrained_layout.use": True,
    "figure.dpi": 150,
    "savefig.dpi": 200,
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.labelsize": 9,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#DDDDDD",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "pdf.fonttype": 42,
    "lines.markersize": 5,
}


def styled(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Draws in the project's style, without a display."""

    @wraps(draw)
    def in_style(*args: P.args, **kwargs: P.kwargs) -> Figure:
        import matplotlib as mpl

        mpl.use("Agg", force=False)
        with mpl.rc_context(_STYLE):
            return draw(*args, **kwargs)

    return in_style


def plain_logarithmic(axis: Axis) -> None:
    """Ticks at 1, 2, 5, 10, … in plain numbers, for ranges of few decades."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.set_minor_formatter(NullFormatter())

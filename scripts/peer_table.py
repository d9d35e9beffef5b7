"""What `compare_peers.py` measured, over seeds: a table and a figure."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lbdnn.plotting.cost import tightness_against_time
from lbdnn.plotting.tightness import SYMBOLS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Row = dict[str, Any]
# Values that are reached; the others are upper bounds.
REACHED = ("sampling", "attack")


def summary(rows: Sequence[Row]) -> list[Row]:
    """For each network, quantity, radius and method: bound / largest value reached, and seconds.

    `ratio` is the geometric mean over seeds, `largest` the maximum, `seconds` the median, `first`
    that of the first seed, compilation included; None where no bound was computed.
    """
    reached: dict[tuple, float] = {}
    for row in rows:
        if row["method"] in REACHED and row["bound"]:
            key = _case(row)
            reached[key] = max(reached.get(key, 0.0), row["bound"])
    groups: dict[tuple, list[Row]] = {}
    for row in rows:
        key = (row["network"], row["quantity"], row["fraction"], row["method"])
        groups.setdefault(key, []).append(row)
    found = []
    order = list(dict.fromkeys(row["method"] for row in rows))
    for key in sorted(groups, key=lambda k: (*k[:3], order.index(k[3]))):
        own = groups[key]
        ratios = [
            row["bound"] / reached[_case(row)]
            for row in own
            if row["bound"] is not None and _case(row) in reached
        ]
        seconds = [row["seconds"] for row in own if row["seconds"] is not None]
        found.append(
            dict(zip(("network", "quantity", "fraction", "method"), key, strict=True))
            | {
                "parameters": own[0]["parameters"],
                "seeds": len(ratios),
                "ratio": statistics.geometric_mean(ratios) if ratios else None,
                "largest": max(ratios, default=None),
                "seconds": statistics.median(seconds) if seconds else None,
                "first": own[0]["seconds"],
            }
        )
    return found


def figure_of(found: Sequence[Row]) -> Figure:
    """A row a quantity, a column a network and a radius; settings of one program are joined."""
    networks = sorted({(row["network"], row["fraction"]) for row in found})
    panels = []
    for quantity in sorted({row["quantity"] for row in found}, reverse=True):
        line = []
        for network, fraction in networks:
            curves: dict[str, list[tuple[float, float]]] = {}
            for row in found:
                own = (row["network"], row["fraction"], row["quantity"])
                if own == (network, fraction, quantity) and row["ratio"] is not None:
                    name = row["method"].split(",")[0]
                    curves.setdefault(name, []).append((row["seconds"], row["ratio"]))
            radius = f"r = {100 * fraction:g} % of ‖θ‖" if fraction else "r = 0"
            line.append((f"{SYMBOLS[quantity]}, {network}, {radius}", curves))
        panels.append(line)
    return tightness_against_time(panels)


def _case(row: Row) -> tuple:
    return row["network"], row["seed"], row["fraction"], row["quantity"]

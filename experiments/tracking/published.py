"""The published tables, from the folder of outside data."""

from __future__ import annotations

import csv

from experiments.outside_data import outside_data

_NAMES = {"tracking_error_based": "tracking"}


def published() -> dict[tuple[str, str, int, int, str], float]:
    """(table, controller, hidden layers, neurons, metric) to value; empty without the folder.

    Controllers without network, and Table I, have 0 layers and neurons.
    """
    file = outside_data() / "published_tables.csv"
    if not file.is_file():
        return {}
    with file.open(encoding="utf-8", newline="") as lines:
        return {
            (
                row["table"],
                _NAMES.get(row["law"], row["law"]),
                int(row["layers"] or 0),
                int(row["neurons"] or 0),
                row["metric"],
            ): float(row["value"])
            for row in csv.DictReader(lines)
        }

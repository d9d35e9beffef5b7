"""What rows of layers have in common."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Any

from lbdnn.structured.lipschitz import Constant, composition

Row = dict[str, Any]


def measured(rows: Iterable[Row]) -> Iterator[Row]:
    """The rows, with their numbers, the product of the constants so far and the seconds of each.

    `constant` is an upper bound, or "" where a row is a part of another.
    """
    product, began = 1.0, time.perf_counter()
    for number, row in enumerate(rows):
        if row["constant"] != "":
            product = composition(Constant(0.0, product), Constant(0.0, row["constant"])).upper
        seconds = round(time.perf_counter() - began, 2)
        yield {"layer": number, **row, "product": product, "seconds": seconds}
        began = time.perf_counter()


def number(row: Row, key: str, width: int, digits: int) -> str:
    """An entry as it is printed."""
    value = row.get(key, "")
    return f"{value:>{width}.{digits}g}" if value != "" else " " * width

"""Numbers written out in a text file, taken one after the other."""

from __future__ import annotations

from array import array
from pathlib import Path

import numpy as np

from .model import ModelError, checked_size, shown

_LARGEST_TEXT = 2**28  # bytes; a number of 20 characters takes 8 bytes when read


class Numbers:
    """The numbers of a file, separated by white space or commas; `//` begins a comment.

    Each is rounded to the nearest float64. NaN and infinity are refused.
    """

    def __init__(self, path: Path) -> None:
        if path.stat().st_size > _LARGEST_TEXT:
            raise ModelError(f"a text file of more than {_LARGEST_TEXT} bytes is not supported")
        values = array("d")
        with path.open("rb") as file:
            for line, text in enumerate(file, start=1):
                words = text.split(b"//", 1)[0].replace(b",", b" ").split()
                values.extend(_number(word, line) for word in words)
        self._values = np.frombuffer(values, np.float64) if values else np.zeros(0)
        self._next = 0

    def take(self, count: int, what: str) -> np.ndarray:
        """The next `count` numbers."""
        left = len(self._values) - self._next
        if count > left:
            raise ModelError(f"{what} needs {count} numbers; the file ends after {left} of them")
        self._next += count
        return self._values[self._next - count : self._next].copy()

    def one(self, what: str) -> float:
        """The next number."""
        return float(self.take(1, what)[0])

    def size(self, what: str) -> int:
        """The next number, as a number of values in a layer."""
        return checked_size(self.one(what), what)

    def end(self) -> None:
        """Refuses numbers that are left over."""
        if left := len(self._values) - self._next:
            raise ModelError(
                f"{left} numbers follow the last one expected; sizes and file disagree"
            )


def _number(word: bytes, line: int) -> float:
    try:
        value = float(word)
    except ValueError:
        value = None
    if value is None or b"_" in word:
        text = word.decode("ascii", "replace")
        raise ModelError(f"line {line}: {shown(text)} is not a number")
    if value - value != 0:
        raise ModelError(f"line {line}: the number is NaN or infinite; finite ones are expected")
    return value

"""What a check found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..certificate import MEANINGS

Status = Literal["verified", "not verified", "refused"]


@dataclass(frozen=True)
class Finding:
    """One number of a certificate: verified, refused, or neither.

    "verified": proved. "refused": what the certificate gives for it is wrong or does not show it.
    "not verified": there is nothing to check it with, or the check could not decide. `reason` says
    how or why.
    """

    status: Status
    reason: str
    seconds: float = 0.0

    def __bool__(self) -> bool:
        return self.status == "verified"

    def __str__(self) -> str:
        if self:
            return f"verified, {self.reason} ({self.seconds:.2g} s)"
        return f"{self.status}: {self.reason}"


@dataclass(frozen=True)
class Row:
    """The findings on one quantity's lower and upper bound."""

    quantity: str
    lower: Finding
    upper: Finding

    def __bool__(self) -> bool:
        return bool(self.lower) and bool(self.upper)


@dataclass(frozen=True)
class Verdict:
    """The findings on a certificate, one row a quantity; true if every bound is verified.

    `refused`: why no bound was looked at, as for another network; None otherwise. Times, versions,
    and the words about arithmetic and about missing quantities are not checked.
    """

    rows: tuple[Row, ...]
    refused: str | None = None
    seconds: float = 0.0

    def __bool__(self) -> bool:
        return self.refused is None and bool(self.rows) and all(self.rows)

    def __getitem__(self, quantity: str) -> Row:
        for row in self.rows:
            if row.quantity == quantity:
                return row
        raise KeyError(quantity)

    def __str__(self) -> str:
        if self.refused is not None:
            return f"refused: {self.refused}"
        lines = []
        for row in self.rows:
            lines += [
                MEANINGS[row.quantity],
                f"  lower bound {row.lower}",
                f"  upper bound {row.upper}",
            ]
        result = "every bound is verified" if self else "not every bound is verified"
        return "\n".join([*lines, f"{result}; {self.seconds:.2g} s"])

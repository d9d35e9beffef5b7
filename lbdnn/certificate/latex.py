"""Certificates as LaTeX."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from typing import Any

_SYMBOLS = {
    "value": r"$\|\Phi\|_2$",
    "jacobian": r"$\|\partial\Phi/\partial\theta\|_2$",
    "hessian": r"$\|\partial^2\Phi/\partial\theta^2\|$",
    "input_jacobian": r"$\|\partial\Phi/\partial\sigma\|_2$",
    "input_jacobian_max": r"$\|\partial\Phi/\partial\sigma\|_\infty$",
    "input_hessian": r"$\|\partial^2\Phi/\partial\sigma^2\|$",
    "mixed_hessian": r"$\|\partial^2\Phi/\partial\sigma\partial\theta\|$",
}
_ESCAPED = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    **{c: rf"\{c}" for c in "&%$#_{}"},
}


def table(bounds: Mapping[str, Any]) -> str:
    """One row a bound: what is bounded, upper, lower, their ratio, the method."""
    rows = [
        (
            _SYMBOLS[quantity],
            number(bound.upper, ROUND_CEILING),
            number(bound.lower, ROUND_FLOOR),
            number(bound.ratio, ROUND_CEILING),
            escaped(bound.method),
        )
        for quantity, bound in bounds.items()
    ]
    head = ("Quantity", "Upper bound", "Lower bound", "Ratio", "Method")
    lines = [r"\begin{tabular}{lrrrl}", r"\hline", _row(head), r"\hline"]
    return "\n".join([*lines, *map(_row, rows), r"\hline", r"\end{tabular}"])


def number(value: float, rounding: str) -> str:
    """In mathematics mode, to four digits, rounded in the direction given."""
    if not math.isfinite(value):
        return r"$\infty$" if value > 0 else "---"
    digits = Context(prec=4, rounding=rounding).plus(Decimal(value))
    exponent = digits.adjusted() if digits else 0
    if -3 <= exponent < 5:
        return f"${digits:f}$"
    return rf"${digits.scaleb(-exponent):f} \cdot 10^{{{exponent}}}$"


def escaped(text: str) -> str:
    """Text for LaTeX: its special characters escaped, others than ASCII written out as codes."""
    plain = " ".join(text.encode("ascii", "backslashreplace").decode().split())
    plain = "".join(c if c.isprintable() else "?" for c in plain)
    return re.sub(r"[\\~^<>&%$#_{}]", lambda match: _ESCAPED[match[0]], plain)


def _row(cells: tuple[str, ...]) -> str:
    return " & ".join(cells) + r" \\"

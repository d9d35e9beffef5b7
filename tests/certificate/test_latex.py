"""The table in LaTeX."""

import re
from fractions import Fraction

from hypothesis import given, settings, strategies as st

from lbdnn import (
    Bound,
)

from .examples import certificate


def test_the_table_in_latex() -> None:
    lines = certificate().latex().splitlines()
    assert lines[0] == r"\begin{tabular}{lrrrl}" and lines[-1] == r"\end{tabular}"
    rows = [line for line in lines if line.endswith(r" \\")]
    assert len(rows) == 3 and all(row.count(" & ") == 4 for row in rows)
    assert rows[1] == r"$\|\partial\Phi/\partial\theta\|_2$ & $3$ & $2$ & $1.5$ & Layerwise() \\"
    assert r"$\infty$" in rows[2]


@settings(max_examples=100, deadline=None)
@given(st.text())
def test_no_method_breaks_the_table(method: str) -> None:
    bound = Bound("value", "euclidean", 1.0, 1.0, method)
    (row,) = certificate(bounds={"value": bound}).latex().splitlines()[4:-2]
    cell = row.removesuffix(r" \\").split(" & ", 4)[4]
    assert cell.isascii() and cell.isprintable()
    # What is left after the escapes and commands holds no special character.
    plain = re.sub(
        r"\\(textbackslash|textasciitilde|textasciicircum|textless|textgreater)\{\}", "", cell
    )
    assert not set(re.sub(r"\\[&%$#_{}]", "", plain)) & set("\\~^&%$#_{}<>")


@settings(max_examples=100, deadline=None)
@given(st.floats(1e-300, 1e300), st.floats(0, 1))
def test_numbers_in_the_table_are_rounded_to_the_safe_side(upper: float, part: float) -> None:
    bound = Bound("value", "euclidean", upper, part * upper, "")
    row = certificate(bounds={"value": bound}).latex().splitlines()[4]
    cells = [Fraction(number(cell)) for cell in row.split(" & ")[1:3]]
    assert Fraction(upper) <= cells[0] <= Fraction(upper) * Fraction("1.001")
    assert Fraction(bound.lower) * Fraction("0.999") <= cells[1] <= Fraction(bound.lower)


def number(cell: str) -> str:
    digits, _, power = cell.strip("$").partition(r" \cdot 10^{")
    return f"{digits}e{power.rstrip('}') or 0}"

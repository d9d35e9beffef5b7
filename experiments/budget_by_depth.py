"""What a shared budget of the layers' norms gains in the polynomials, by depth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from experiments.output import Output
from lbdnn import FullyConnected, polynomials
from lbdnn.plotting.tightness import budget_by_depth

Rows = list[dict[str, Any]]


def run(output: Output) -> None:
    """Computes, writes a table and a figure, prints a summary."""
    budget = budgets()
    output.table("budget_by_depth", budget)
    _draw(budget, output)
    _print(budget)


def budgets(depths: Sequence[int] = range(1, 11), width: int = 10) -> Rows:
    """All-norms and budgeted polynomials by depth, and the gain on their longest products.

    ‖σ‖ = 2 (a corner of [−1, 1]⁴), θ̄ = √(p/12), the root mean square of ‖θ‖ for U(−0.5, 0.5).
    The longest product is of k layers in the Jacobian, w_1⋯w_k, and w_1²⋯w_{k−1}² w_k in the
    Hessian; a budget caps Π w^n at θ̄^N Π (n/N)^{n/2}.
    """
    found = []
    for k in depths:
        net = FullyConnected((4, *[width] * k, 2))
        forms = {budgeted: polynomials(net, budgeted) for budgeted in (False, True)}
        radius = math.sqrt(net.size / 12)
        total = 2 * k - 1
        predicted = {
            "jacobian": k ** (k / 2),
            "hessian": total ** (total / 2) / 2 ** (k - 1),
        }
        for quantity in ("jacobian", "hessian"):
            loose, tight = (forms[budgeted][quantity] for budgeted in (False, True))
            degree = {"jacobian": k, "hessian": total}[quantity]
            found.append(
                {
                    "depth": k,
                    "quantity": quantity,
                    "all_norms": float(loose(2.0, radius)),
                    "budgeted": float(tight(2.0, radius)),
                    "longest_gain": float(
                        loose.coefficients[-1][degree] / tight.coefficients[-1][degree]
                    ),
                    "longest_gain_predicted": predicted[quantity],
                }
            )
    return found


def _draw(budget: Rows, output: Output) -> None:
    def column(quantity: str, name: str) -> list[float]:
        return [row[name] for row in budget if row["quantity"] == quantity]

    quantities = ("jacobian", "hessian")
    curves = {
        q: {
            "polynomial (all norms)": column(q, "all_norms"),
            "polynomial (budgeted)": column(q, "budgeted"),
        }
        for q in quantities
    }
    gains = {
        q: (column(q, "longest_gain"), column(q, "longest_gain_predicted")) for q in quantities
    }
    depths = [row["depth"] for row in budget if row["quantity"] == "jacobian"]
    output.figure("budget_by_depth", budget_by_depth(depths, curves, gains))


def _print(budget: Rows) -> None:
    worst = max(abs(row["longest_gain"] / row["longest_gain_predicted"] - 1) for row in budget)
    last = [row for row in budget if row["depth"] == budget[-1]["depth"]]
    gains = ", ".join(f"{row['quantity']} {row['longest_gain']:.3g}" for row in last)
    print(
        f"\nbudgeting gains at {budget[-1]['depth']} hidden layers, longest product: {gains}; "
        f"measured and predicted differ by at most {worst:.1e} (relative)"
    )

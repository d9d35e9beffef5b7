"""The tightness of bounds on many random networks: the published benchmark ones, or more."""

from __future__ import annotations

import hashlib
import json
import math
import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

import lbdnn
from experiments.concurrency import finished_pieces, leave
from experiments.output import Output
from experiments.tightness_measurement import METHODS, Case, attacked, rows, upper_bounds
from lbdnn import Attack, Box, FullyConnected, polynomials
from lbdnn.files import write_whole
from lbdnn.plotting.tightness import SYMBOLS, against_radius, budget_by_depth, tightness

if TYPE_CHECKING:
    from experiments.bound_tightness import Settings

# Hidden layers × width of the published benchmarks; 4 inputs in [−1, 1], 2 outputs.
PUBLISHED = ((3, 3), (4, 3), (4, 4), (5, 5), (5, 10), (10, 10))
# Radii of the parameter balls over ‖θ‖.
FRACTIONS = (0.0, 0.01, 0.1, 1.0)
QUANTITIES = ("value", "jacobian", "hessian")

Rows = list[dict[str, Any]]


def run(settings: Settings, output: Output) -> int:
    """Measures, writes tables and figures, prints a summary; the exit status."""
    attack = Attack(starts=32, steps=100) if settings.quick else Attack()
    chosen = cases(settings)
    keep = output.folder / "cases" if settings.suite == "full" else None
    table = measured(chosen, attack, settings.methods, keep)
    done = {row["network"] for row in table}
    finished = len(done) == len(chosen)
    if table:
        output.table("tightness", table)
        networks = [case.label for case in chosen if case.label in done]
        _draw(table, networks, settings.methods, output)
        budget = budgets()
        output.table("budget_by_depth", budget)
        _draw_budgets(budget, output)
        _print(table, networks, settings.methods)
        _print_budgets(budget)
    violations = [row for row in table if row["ratio"] < 1]
    for row in violations:
        print(f"VIOLATED: {row}")
    print(f"{'' if finished else 'interrupted; '}results in {output.folder}")
    if not finished:
        leave(130)
    return 1 if violations else 0


def cases(settings: Settings) -> list[Case]:
    """The networks of a suite."""

    def seeds(count: int) -> range:
        return range(settings.seed, settings.seed + count)

    if settings.quick:
        return [case(4, *shape, 2, "tanh", seeds(3)) for shape in PUBLISHED[:2]]
    published = [case(4, *shape, 2, "tanh", seeds(5)) for shape in PUBLISHED]
    if settings.suite == "published":
        return published
    wide = [case(4, *shape, 2, "tanh", seeds(20)) for shape in PUBLISHED]
    smooth = ("logistic", "arctan", "sin", "softplus", "silu", "gelu", "mish", "softsign")
    activations = [case(4, *s, 2, name, seeds(10)) for name in smooth for s in ((2, 8), (4, 4))]
    sizes = [case(n, 3, 6, m, "tanh", seeds(10)) for n, m in ((1, 1), (2, 1), (6, 3), (12, 6))]
    return wide + activations + sizes


def case(n: int, depth: int, width: int, m: int, activation: str, seeds: Sequence[int]) -> Case:
    """Networks with weights U(−0.5, 0.5), inputs [−1, 1]ⁿ, radii `FRACTIONS` of ‖θ‖."""
    net = FullyConnected((n, *[width] * depth, m), activation)
    with jax.enable_x64(True):
        thetas = [net.init(jax.random.key(seed)) for seed in seeds]
        norms = [float(np.linalg.norm(np.asarray(net.ravel(theta)))) for theta in thetas]
    label = f"{depth}×{width}"
    if (n, m, activation) != (4, 2, "tanh"):
        label += f" {activation} {n}→{m}"
    radii = [[fraction * norm for fraction in FRACTIONS] for norm in norms]
    about = [[{"seed": seed, "fraction": f} for f in FRACTIONS] for seed in seeds]
    return Case(label, net, thetas, Box(-1.0, 1.0), radii, about)


def measured(
    chosen: Sequence[Case], attack: Attack, methods: Sequence[str], keep: Path | None
) -> Rows:
    """The rows of all networks, or of those finished before Ctrl-C; kept in a folder if given."""
    table: dict[int, Rows] = {}
    names = [_kept_name(case, attack, methods) for case in chosen]
    for i, name in enumerate(names):
        if keep is not None and (keep / name).is_file():
            table[i] = json.loads((keep / name).read_text(encoding="utf-8"))
    if table:
        print(f"{len(table)} of {len(chosen)} networks were done before", file=sys.stderr)

    work: dict[Any, Callable[[], Any]] = {}
    for i, one in enumerate(chosen):
        if i not in table:
            work[i, "bounds"] = lambda one=one: upper_bounds(one, methods, QUANTITIES)
            for quantity in QUANTITIES:
                # The value is found with far less.
                own = (
                    replace(attack, steps=-(-attack.steps // 4)) if quantity == "value" else attack
                )
                work[i, quantity] = lambda one=one, q=quantity, own=own: attacked(one, q, own)
    pieces: dict[int, dict[str, Any]] = defaultdict(dict)
    with suppress(KeyboardInterrupt):
        for (i, piece), value in finished_pieces(work, "bounds and attacks"):
            pieces[i][piece] = value
            if len(pieces[i]) == 1 + len(QUANTITIES):
                upper = pieces[i]["bounds"]
                table[i] = rows(chosen[i], upper, {q: pieces[i][q] for q in QUANTITIES})
                if keep is not None:
                    keep.mkdir(exist_ok=True)
                    write_whole(keep / names[i], json.dumps(table[i]))
    return [row for i in sorted(table) for row in table[i]]


def _kept_name(case: Case, attack: Attack, methods: Sequence[str]) -> str:
    # Another version of the library may compute other numbers.
    chosen = [(method, METHODS[method]) for method in methods]
    made = repr((case.label, case.radii, attack, chosen, lbdnn.__version__))
    label = case.label.replace(" ", "_").replace("×", "x").replace("→", "to")
    return f"{label}_{hashlib.sha256(made.encode()).hexdigest()[:12]}.json"


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


def _draw(table: Rows, networks: Sequence[str], methods: Sequence[str], output: Output) -> None:
    by_place: dict[tuple[str, float, str, str], Rows] = defaultdict(list)
    for row in table:
        key = row["network"], row["fraction"], row["quantity"], row["method"]
        by_place[key].append(row)
    ratios = {key: [row["ratio"] for row in found] for key, found in by_place.items()}
    output.figure("tightness", tightness(ratios, networks, FRACTIONS, QUANTITIES, methods))

    # The published networks only: a page of panels.
    shown = [name for name in networks if " " not in name]
    panels: dict[str, dict[str, list[float]]] = {name: {} for name in shown}
    for network in shown:
        for method in methods:
            found = [by_place[network, f, "hessian", method] for f in FRACTIONS]
            panels[network][method] = [_mean([row["upper"] for row in rows]) for rows in found]
            panels[network]["attack"] = [_mean([row["attack"] for row in rows]) for rows in found]
    title = f"{SYMBOLS['hessian']}, geometric mean over the seeds"
    figure = against_radius(panels, FRACTIONS, title, " / ‖θ‖")
    output.figure("against_radius", figure)


def _mean(values: Sequence[float]) -> float:
    return float(np.exp(np.mean(np.log(values)))) if values else math.nan


def _draw_budgets(budget: Rows, output: Output) -> None:
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


def _print(table: Rows, networks: Sequence[str], methods: Sequence[str]) -> None:
    for quantity in QUANTITIES:
        print(f"\n{lbdnn.certificate.MEANINGS[quantity]}: bound / attack, geometric mean (maximum)")
        heads = "".join(f"{f'r = {100 * f:g} %':>22}" for f in FRACTIONS)
        print(f"{'network':<14}{'method':<24}{heads}")
        for network in networks:
            for method in methods:
                cells = [
                    [row["ratio"] for row in table if _is(row, network, quantity, method, f)]
                    for f in FRACTIONS
                ]
                if any(cells):
                    line = "".join(f"{_cell(cell):>22}" for cell in cells)
                    print(f"{network:<14}{method:<24}{line}")


def _is(row: dict[str, Any], network: str, quantity: str, method: str, fraction: float) -> bool:
    key = row["network"], row["quantity"], row["method"], row["fraction"]
    return key == (network, quantity, method, fraction)


def _cell(values: Sequence[float]) -> str:
    if not values:
        return "-"
    return f"{_mean(values):.3g} ({max(values):.3g})"


def _print_budgets(budget: Rows) -> None:
    worst = max(abs(row["longest_gain"] / row["longest_gain_predicted"] - 1) for row in budget)
    last = [row for row in budget if row["depth"] == budget[-1]["depth"]]
    gains = ", ".join(f"{row['quantity']} {row['longest_gain']:.3g}" for row in last)
    print(
        f"\nbudgeting gains at {budget[-1]['depth']} hidden layers, longest product: {gains}; "
        f"measured and predicted differ by at most {worst:.1e} (relative)"
    )

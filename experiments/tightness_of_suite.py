"""The tightness of bounds on many networks: published benchmarks, random ones, controllers."""

from __future__ import annotations

import hashlib
import json
import math
import sys
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import lbdnn
from experiments import budget_by_depth
from experiments.concurrency import finished_pieces, leave
from experiments.controller_cases import controllers
from experiments.output import Output
from experiments.random_cases import case, drawn
from experiments.tightness_measurement import FAST, Case, attacked, rows, upper_bounds
from lbdnn import Attack
from lbdnn.bounds import Method
from lbdnn.files import write_whole
from lbdnn.plotting.tightness import SYMBOLS, against_radius, tightness

if TYPE_CHECKING:
    from experiments.bound_tightness import Settings

# Hidden layers × width of the published benchmarks; 4 inputs in [−1, 1], 2 outputs.
PUBLISHED = ((3, 3), (4, 3), (4, 4), (5, 5), (5, 10), (10, 10))
QUANTITIES = ("value", "jacobian", "hessian")
MEANINGS = lbdnn.certificate.MEANINGS | {"remainder": "Taylor remainder of a step of length r"}

Rows = list[dict[str, Any]]


def run(settings: Settings, output: Output) -> int:
    """Measures, writes tables and figures, prints a summary; the exit status."""
    large = settings.suite == "controllers"
    attack = Attack(starts=32, steps=100) if settings.quick or large else Attack()
    chosen = cases(settings)
    quantities = QUANTITIES
    if settings.suite == "controllers":
        quantities = ("value", "jacobian", "input_jacobian", "hessian", "remainder")
    fast = set(settings.methods) <= set(FAST)
    if not fast:  # one network may take minutes, and what is done is kept
        chosen = [alone for case in chosen for alone in case.split()]
    quick = settings.suite == "published" and fast
    keep = None if quick else output.folder / "cases"
    done = measured(chosen, attack, settings.methods, keep, quantities)
    table = [row for own in done for row in own]
    finished = len(done) == len(chosen)
    if table:
        output.table("tightness", table)
        networks = list(dict.fromkeys(row["network"] for row in table))
        _draw(table, networks, quantities, settings, output)
        for quantity in quantities:
            _print(table, networks, quantity, list(settings.methods))
        if settings.suite in ("published", "full"):
            budget_by_depth.run(output)
    violations = [row for row in table if row["ratio"] < 1]
    for row in violations:
        print(f"VIOLATED: {row}")
    print(f"{'' if finished else 'interrupted; '}results in {output.folder}")
    if not finished:
        leave(130)
    return 1 if violations else 0


def cases(settings: Settings) -> list[Case]:
    """The networks of a suite.

    Raises ValueError for one that was asked for and is none of the published.
    """

    def seeds(count: int) -> range:
        return range(settings.seed, settings.seed + count)

    if settings.quick:
        return [case(4, *shape, 2, "tanh", seeds(3)) for shape in PUBLISHED[:2]]
    if settings.suite == "random":
        return drawn(settings.seed, 12, seeds(5))
    if settings.suite == "controllers":
        return controllers()
    if settings.suite == "published":
        return [case(4, *shape, 2, "tanh", seeds(5)) for shape in _shapes(settings.networks)]
    wide = [case(4, *shape, 2, "tanh", seeds(20)) for shape in PUBLISHED]
    smooth = ("logistic", "arctan", "sin", "softplus", "silu", "gelu", "mish", "softsign")
    activations = [case(4, *s, 2, name, seeds(10)) for name in smooth for s in ((2, 8), (4, 4))]
    sizes = [case(n, 3, 6, m, "tanh", seeds(10)) for n, m in ((1, 1), (2, 1), (6, 3), (12, 6))]
    return wide + activations + sizes


def _shapes(wanted: Sequence[str]) -> list[tuple[int, int]]:
    """Those of the published shapes that were asked for, all by default."""
    known = {f"{depth}x{width}": (depth, width) for depth, width in PUBLISHED}
    names = [name.replace("×", "x") for name in wanted]
    for name in names:
        if name not in known:
            raise ValueError(f"--networks takes some of {', '.join(known)}; got {name}")
    return [shape for name, shape in known.items() if name in names or not names]


def measured(
    chosen: Sequence[Case],
    attack: Attack,
    methods: Mapping[str, Method],
    keep: Path | None,
    quantities: Sequence[str] = QUANTITIES,
) -> list[Rows]:
    """The rows of each case, or of those finished before Ctrl-C; kept in a folder if given."""
    table: dict[int, Rows] = {}
    names = [_kept_name(case, attack, methods, quantities) for case in chosen]
    for i, name in enumerate(names):
        if keep is not None and (keep / name).is_file():
            table[i] = json.loads((keep / name).read_text(encoding="utf-8"))
    if table:
        print(f"{len(table)} of {len(chosen)} cases were done before", file=sys.stderr)

    work: dict[Any, Callable[[], Any]] = {}
    for i, one in enumerate(chosen):
        if i not in table:
            work[i, "bounds"] = lambda one=one: upper_bounds(one, methods, quantities)
            for quantity in _existing(one, quantities):
                # The value is found with far less.
                own = (
                    replace(attack, steps=-(-attack.steps // 4)) if quantity == "value" else attack
                )
                work[i, quantity] = lambda one=one, q=quantity, own=own: attacked(one, q, own)
    pieces: dict[int, dict[str, Any]] = defaultdict(dict)
    with suppress(KeyboardInterrupt):
        for (i, piece), value in finished_pieces(work, "bounds and attacks"):
            pieces[i][piece] = value
            own = _existing(chosen[i], quantities)
            if len(pieces[i]) == 1 + len(own):
                upper = pieces[i]["bounds"]
                table[i] = rows(chosen[i], upper, {q: pieces[i][q] for q in own})
                if keep is not None:
                    keep.mkdir(exist_ok=True)
                    write_whole(keep / names[i], json.dumps(table[i]))
    return [table[i] for i in sorted(table)]


def _existing(case: Case, quantities: Sequence[str]) -> list[str]:
    """A network with kinks has a second derivative only where none is crossed: left out here."""
    kinked = any(activation.kinks for activation in case.net.activations)
    return [quantity for quantity in quantities if not (kinked and quantity == "hessian")]


def _kept_name(
    case: Case, attack: Attack, methods: Mapping[str, Method], quantities: Sequence[str]
) -> str:
    # Another version of the library may compute other numbers.
    chosen = list(methods.items())
    given = case.label, case.inputs, case.radii, tuple(quantities)
    made = repr((given, attack, chosen, lbdnn.__version__))
    label = case.label.replace(" ", "_").replace("×", "x").replace("→", "to")
    return f"{label}_{hashlib.sha256(made.encode()).hexdigest()[:12]}.json"


def _draw(
    table: Rows,
    networks: Sequence[str],
    quantities: Sequence[str],
    settings: Settings,
    output: Output,
) -> None:
    by_place: dict[tuple[str, float, str, str], Rows] = defaultdict(list)
    for row in table:
        key = row["network"], row["fraction"], row["quantity"], row["method"]
        by_place[key].append(row)
    ratios = {key: [row["ratio"] for row in found] for key, found in by_place.items()}
    fractions = _fractions(table)
    named = {"controllers": "controller", "random": "network (sizes, activation)"}
    names = named.get(settings.suite, "network (hidden layers × width)")
    figure = tightness(ratios, networks, fractions, quantities, list(settings.methods), names)
    output.figure("tightness", figure)

    # Of a full suite the published networks only: a page of panels.
    shown = [name for name in networks if settings.suite != "full" or " " not in name]
    quantity = quantities[-1]
    radii = [f for f in fractions if f > 0 or quantity != "remainder"]
    panels: dict[str, dict[str, list[float]]] = {name: {} for name in shown}
    for network in shown:
        beneath: list[float] = []
        for method in settings.methods:
            found = [by_place[network, f, quantity, method] for f in radii]
            if any(found):
                panels[network][method] = [_mean([row["upper"] for row in own]) for own in found]
                beneath = [_mean([row["attack"] for row in own]) for own in found]
        panels[network]["attack"] = beneath
    several = any(len(found) > 1 for found in ratios.values())
    title = SYMBOLS[quantity]
    if quantity == "remainder":
        title += f", {MEANINGS[quantity]}"
    if several:
        title += ", geometric mean over the seeds"
    output.figure("against_radius", against_radius(panels, radii, title, " / ‖θ‖"))


def _fractions(table: Rows) -> list[float]:
    return sorted({row["fraction"] for row in table})


def _mean(values: Sequence[float]) -> float:
    return float(np.exp(np.mean(np.log(values)))) if values else math.nan


def _print(table: Rows, networks: Sequence[str], quantity: str, methods: Sequence[str]) -> None:
    fractions, wide = _fractions(table), max(13, *map(len, networks)) + 1
    print(f"\n{MEANINGS[quantity]}: bound / attack, geometric mean (maximum)")
    print(
        f"{'network':<{wide}}{'method':<24}"
        + "".join(f"{f'r = {100 * f:g} %':>22}" for f in fractions)
    )
    having = [name for name in networks if any(_has(row, name, quantity) for row in table)]
    for group in [*([name] for name in having), *([having] if len(having) > 1 else [])]:
        name = group[0] if len(group) == 1 else "all of them"
        for method in methods:
            cells = [
                [row["ratio"] for row in table if _is(row, group, quantity, method, f)]
                for f in fractions
            ]
            if any(cells):
                line = "".join(f"{_cell(cell):>22}" for cell in cells)
                print(f"{name:<{wide}}{method:<24}{line}")


def _has(row: dict[str, Any], network: str, quantity: str) -> bool:
    return (row["network"], row["quantity"]) == (network, quantity)


def _is(
    row: dict[str, Any], networks: Sequence[str], quantity: str, method: str, fraction: float
) -> bool:
    key = row["quantity"], row["method"], row["fraction"]
    return key == (quantity, method, fraction) and row["network"] in networks


def _cell(values: Sequence[float]) -> str:
    if not values:
        return "-"
    most = f" ({max(values):.3g})" if len(values) > 1 else ""
    return f"{_mean(values):.3g}{most}"

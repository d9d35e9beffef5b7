"""The tightness of the bounds of one network, from a file or random."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

import lbdnn
from experiments.concurrency import finished_pieces, leave
from experiments.given_inputs import input_box
from experiments.output import Output
from experiments.tightness_measurement import Case, attacked, exact_at_centre, rows, upper_bounds
from lbdnn import Attack, Box, FullyConnected, Model
from lbdnn.bounds import QUANTITIES
from lbdnn.plotting.tightness import SYMBOLS, against_radius

if TYPE_CHECKING:
    from experiments.bound_tightness import Settings


def run(settings: Settings, output: Output) -> int:
    """Measures, writes a table and a figure, prints a summary; the exit status."""
    model = _model(settings)
    case = _case(settings, model)
    attack = Attack(starts=32, steps=100) if settings.quick else Attack()

    # Bounds first: they say which quantities exist.
    print(
        f"{case.label}: {case.net.inputs} inputs, {case.net.outputs} outputs, p = {case.net.size}"
    )
    upper = upper_bounds(case, settings.methods)
    if not upper:
        raise ValueError(f"none of the methods {list(settings.methods)} bounds this network")
    quantities = [q for q in QUANTITIES if any(np.isfinite(upper[m][q]).any() for m in upper)]
    work: dict[Any, Callable[[], Any]] = {
        quantity: lambda q=quantity: attacked(case, q, attack) for quantity in quantities
    }
    work["exact"] = lambda: exact_at_centre(case, quantities)
    done: dict[str, Any] = {}
    with suppress(KeyboardInterrupt):
        for quantity, value in finished_pieces(work, "attacks"):
            done[quantity] = value
    exact = done.pop("exact", {})
    found = {q: done[q] for q in quantities if q in done}
    table = rows(case, upper, found)
    if table:
        for row in table:
            row["exact_at_centre"] = exact.get(row["quantity"])
        output.table("tightness", table)
        _draw(case, upper, found, exact, output)
        _print(case, upper, found, exact, settings)
    missing = [q for q in QUANTITIES if q not in quantities]
    if missing:
        print(f"no bound over these sets: {', '.join(missing)}")
    violated = [row for row in table if row["ratio"] < 1]
    for row in violated:
        print(f"VIOLATED: {row}")
    finished = len(found) == len(quantities)
    print(f"{'' if finished else 'interrupted; '}results in {output.folder}")
    if not finished:
        leave(130)
    return 1 if violated else 0


def _model(settings: Settings) -> Model:
    if settings.model is not None:
        return lbdnn.read(settings.model, activation=settings.activation)
    assert settings.sizes is not None
    net = FullyConnected(settings.sizes, settings.activation or "tanh")
    with jax.enable_x64(True):
        theta = jax.tree.map(np.asarray, net.init(jax.random.key(settings.seed)))
    name = f"{'-'.join(map(str, settings.sizes))} {settings.activation or 'tanh'}"
    return Model(net, theta, f"random {name}, seed {settings.seed}")


def _case(settings: Settings, model: Model) -> Case:
    net, theta = model.net, model.theta
    box = input_box(model, settings.inputs, Box(-1.0, 1.0) if settings.model is None else None)
    norm = float(np.linalg.norm(np.asarray(net.ravel(theta), np.float64)))
    radius = 0.01 * norm if settings.radius is None else settings.radius
    lbdnn.Ball(radius)
    steps = np.geomspace(1e-3, 1.0, 4 if settings.quick else 7)
    radii = [0.0, *(radius * steps)] if radius > 0 else [0.0]
    about = [[{"fraction": r / norm if norm else 0.0} for r in radii]]
    return Case(model.name, net, [theta], box, [radii], about)


def _draw(case: Case, upper: Any, found: Any, exact: Any, output: Output) -> None:
    panels: dict[str, dict[str, Any]] = {}
    for quantity, values in found.items():
        curves = {method: upper[method][quantity][0] for method in upper}
        curves["attack"] = values[0]
        if quantity in exact:
            curves["exact at centre"] = [exact[quantity]]
        panels[SYMBOLS[quantity]] = curves
    output.figure("against_radius", against_radius(panels, case.radii[0], case.label))


def _print(case: Case, upper: Any, found: Any, exact: Any, settings: Settings) -> None:
    print(f"inputs {case.inputs}, parameters within r of the given ones")
    heads = ["all norms" if "all" in m else "budgeted" if "bud" in m else m for m in upper]
    heads += ["attack", "at centre"]
    print(f"{'quantity':<28}{'r':>10}" + "".join(f"{name:>12}" for name in heads))
    for quantity, values in found.items():
        for j in (0, len(case.radii[0]) - 1):
            cells = [upper[m][quantity][0, j] for m in upper]
            cells += [values[0, j], exact.get(quantity, np.nan)]
            row = "".join(f"{cell:>12.5g}" for cell in cells)
            print(f"{lbdnn.certificate.MEANINGS[quantity]:<28}{case.radii[0][j]:>10.3g}{row}")
            if len(case.radii[0]) == 1:
                break

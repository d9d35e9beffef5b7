"""Of what is the gap between bound and attack made: the box of inputs, and the ball of parameters.

Reads a table that bound_tightness made, and asks for the same bounds at the input alone that the
attack arrives at.
"""

from __future__ import annotations

import json
import re
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np
import tyro

from experiments.concurrency import finished_pieces, leave
from experiments.output import Output
from experiments.random_cases import case
from experiments.tightness_measurement import METHODS, ratio
from lbdnn import Attack, Ball, Box, derivatives
from lbdnn.bounds import Method
from lbdnn.plotting.gaps import gaps
from lbdnn.sets import batch

QUANTITIES = ("jacobian", "hessian")
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Settings:
    table: Path = Path("results/bound_tightness/tightness.json")
    """Made by bound_tightness; of its networks, the published sizes are looked at."""
    method: str = "refined"
    """Whose bounds, of those in the table."""
    seed: int = 0
    """Of the networks that are looked at: one of each size."""
    output: Path = Path("results/tightness_gap")
    """Folder of the results."""


def main() -> int:
    settings = tyro.cli(Settings, prog="tightness_gap", description=__doc__)
    try:
        if settings.method not in METHODS:
            raise ValueError(f"--method takes one of {', '.join(METHODS)}; got {settings.method!r}")
        known = rows_of(settings.table, settings.method, settings.seed)
        output = Output(settings.output, asdict(settings))
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    work = {
        network: lambda own=own: parts(own, METHODS[settings.method], Attack())
        for network, own in known.items()
    }
    done: dict[str, Rows] = {}
    with suppress(KeyboardInterrupt):
        done.update(finished_pieces(work, "networks"))
    networks = sorted(done, key=lambda name: tuple(map(int, name.split("×"))))
    table = [row for network in networks for row in done[network]]
    if table:
        output.table("gap", table)
        output.figure("gap", gaps(table, networks, QUANTITIES))
        _print(table)
    finished = len(done) == len(known)
    print(f"{'' if finished else 'interrupted; '}results in {output.folder}")
    if not finished:
        leave(130)
    return 0


def rows_of(table: Path, method: str, seed: int) -> dict[str, Rows]:
    """The rows of each published network, of one method and one seed.

    Raises ValueError where the file holds none.
    """
    found: dict[str, Rows] = {}
    try:
        for row in json.loads(table.read_text(encoding="utf-8"))["rows"]:
            chosen = (row["method"], row.get("seed")) == (method, seed)
            published = re.fullmatch(r"\d+×\d+", row["network"])
            if chosen and published and row["quantity"] in QUANTITIES:
                found.setdefault(row["network"], []).append(row)
    except (OSError, ValueError, KeyError, TypeError):
        raise ValueError(
            f"{table} is no table of bound_tightness; make one by scripts/run --method refined, "
            "or pass --table FILE"
        ) from None
    if not found:
        raise ValueError(
            f"{table} holds no published network of seed {seed} by the method {method!r}; pass "
            "--method and --seed that it holds"
        )
    return found


def parts(rows: Rows, method: Method, attack: Attack) -> Rows:
    """For each row of one network, what its ratio is made of.

    `box` is the bound over the bound at the attack's input alone, with the same ball: what not
    knowing the input costs; `ball` that over the attack: what is lost on the ball at one input.
    `growth_proved` and `growth_attacked` are how much the ball adds to the exact value there, over
    that value.
    """
    depth, width = map(int, rows[0]["network"].split("×"))
    one = case(4, depth, width, 2, "tanh", [rows[0]["seed"]])
    net, theta = one.net, one.thetas[0]
    exact = {"jacobian": derivatives.jacobian_norm, "hessian": derivatives.hessian_norm}
    found = []
    with jax.enable_x64(True):
        for quantity in QUANTITIES:
            own = [row for row in rows if row["quantity"] == quantity]
            balls = batch([Ball(row["radius"]).parameter_region(net, theta) for row in own])
            boxes = batch([Box(-1.0, 1.0).input_region(net)] * len(own))
            witness = attack(net, quantity, boxes, balls)
            sigma = np.asarray(witness.sigma)
            points = batch([Box(s, s).input_region(net) for s in sigma])
            alone = method.bounds(net, points, balls, (quantity,))[quantity]
            centre = [exact[quantity](net, theta, s) for s in sigma]
            for row, value, bound, still in zip(own, witness.value, alone, centre, strict=True):
                reached, still = float(value), float(still)
                # What holds over the box holds at the point, and a descent may end lower there.
                bound = min(float(bound), row["upper"])
                found.append(
                    {name: row[name] for name in ("network", "seed", "quantity", "fraction")}
                    | {
                        "ratio": ratio(row["upper"], reached),
                        "box": ratio(row["upper"], bound),
                        "ball": ratio(bound, reached),
                        "growth_proved": bound / still - 1,
                        "growth_attacked": reached / still - 1,
                    }
                )
    return found


def _print(table: Rows) -> None:
    heads = ("bound / attack", "box", "ball", "proved", "attacked")
    print(f"{'network':<10}{'quantity':<10}{'r':>7}" + "".join(f"{head:>16}" for head in heads))
    names = ("ratio", "box", "ball", "growth_proved", "growth_attacked")
    for row in table:
        radius = f"{100 * row['fraction']:g} %"
        numbers = "".join(f"{row[name]:>16.3g}" for name in names)
        print(f"{row['network']:<10}{row['quantity']:<10}{radius:>7}{numbers}")


if __name__ == "__main__":
    sys.exit(main())

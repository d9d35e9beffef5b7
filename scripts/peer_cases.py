"""The cases that `compare_peers.py` compares on, and what each program makes of them."""

from __future__ import annotations

import json
import math
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from experiments.dense_intervals import derivative_entries
from experiments.interval_norms import largest_over_cells
from experiments.random_points import largest_at_random
from lbdnn import Attack, Ball, Box, Chain, Dissipation, FullyConnected, Layerwise, Refined, certify
from lbdnn.intervals import interval
from lbdnn.networks import Theta

ROOT = Path(__file__).resolve().parents[1]
QUANTITIES = ("jacobian", "hessian")
FRACTIONS = (0.0, 0.01)
METHODS = {
    "layerwise": Layerwise(),
    "dissipation": Dissipation(levels=2, steps=150),
    "refined": Refined(gap=0.1, max_cells=4000, levels=(2,), steps=150),
}
Row = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """A network with weights, inputs [−1, 1]ⁿ, and parameters within `radius` = `fraction`·‖θ‖."""

    net: Chain
    sizes: tuple[int, ...]
    theta: Theta
    seed: int
    fraction: float
    radius: float

    def row(
        self, method: str, quantity: str, bound: float | None, seconds: float | None, *, box: bool
    ) -> Row:
        return {
            "network": "×".join(str(k) for k in (len(self.sizes) - 2, self.sizes[1])),
            "seed": self.seed,
            "fraction": self.fraction,
            "radius": self.radius,
            "quantity": quantity,
            "method": method,
            "parameters": "point" if self.radius == 0 else "box about the ball" if box else "ball",
            "bound": bound,
            "seconds": seconds,
        }


def cases(networks: Sequence[int], seeds: int) -> list[Case]:
    """Networks drawn as those of `experiments.random_cases`."""
    found = []
    for size in networks:
        sizes = (4, *[size] * size, 2)
        net = FullyConnected(sizes, "tanh")
        for fraction in FRACTIONS:
            for seed in range(seeds):
                with jax.enable_x64(True):
                    theta = net.init(jax.random.key(seed))
                    norm = float(np.linalg.norm(np.asarray(net.ravel(theta))))
                found.append(Case(net, sizes, theta, seed, fraction, fraction * norm))
    return found


def by_immrax(
    python: Path,
    chosen: Sequence[Case],
    sides: Sequence[int],
    limit: float,
    about: Callable[[dict[str, str]], None],
) -> Iterator[Row]:
    """Rows from `peer_immrax.py`, as they come; `about` gets the versions of its packages.

    Raises ValueError where that program fails.
    """
    arrays, request = {}, []
    for index, case in enumerate(chosen):
        n = case.net.inputs
        with jax.enable_x64(True):
            arrays[f"theta{index}"] = np.asarray(case.net.ravel(case.theta), float)
        arrays |= {f"lo{index}": -np.ones(n), f"hi{index}": np.ones(n)}
        request.append({"index": index, "sizes": case.sizes, "radius": case.radius})
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        np.savez(folder / "cases.npz", **arrays)
        asked = {"cases": request, "quantities": QUANTITIES, "sides": sides, "limit": limit}
        (folder / "request.json").write_text(json.dumps(asked), encoding="utf-8")
        program = [python, ROOT / "scripts" / "peer_immrax.py"]
        with (
            (folder / "errors").open("w+") as errors,
            subprocess.Popen(
                [*program, folder / "cases.npz", folder / "request.json"],
                stdout=subprocess.PIPE,
                stderr=errors,
                encoding="utf-8",
                env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"},
            ) as process,
        ):
            assert process.stdout is not None
            try:
                for line in map(json.loads, process.stdout):
                    if "versions" in line:
                        about(line["versions"])
                        continue
                    method = f"immrax, {line['boxes']} box{'es' * (line['boxes'] > 1)}"
                    found = line["quantity"], line["bound"], line["seconds"]
                    yield chosen[line["index"]].row(method, *found, box=True)
            except BaseException:
                process.terminate()
                raise
            if process.wait():
                errors.seek(0)
                last = (errors.read().strip().splitlines() or ["no message"])[-1]
                raise ValueError(f"immrax failed in {python}: {last}")


def by_this_project(
    chosen: Sequence[Case], sides: Sequence[int], limit: float, samples: int
) -> Iterator[Callable[[], list[Row]]]:
    """Computations, each of which returns rows."""
    too_long: set[tuple] = set()
    compiled: dict[tuple, Callable[..., Any]] = {}
    for case in chosen:
        for quantity in QUANTITIES:
            for parts in sides:
                yield partial(_dense, case, quantity, parts, limit, compiled, too_long)
            yield partial(_sampled, case, quantity, samples)
            yield partial(_attacked, case, quantity)
            for name in METHODS:
                yield partial(_bounded, case, quantity, name)


def _dense(
    case: Case,
    quantity: str,
    sides: int,
    limit: float,
    compiled: dict[tuple, Callable[..., Any]],
    too_long: set[tuple],
) -> list[Row]:
    boxes = sides**case.net.inputs
    together, order = min(16, boxes), QUANTITIES.index(quantity) + 1
    row = partial(case.row, f"dense intervals, {boxes} box{'es' * (boxes > 1)}", quantity, box=True)
    if (case.net, quantity, sides) in too_long:
        return [row(None, None)]
    if (key := (case.net, quantity, together)) not in compiled:

        def entries(weights: list, radius: Any, lo: Any, hi: Any) -> Any:
            around = [interval(w - radius, w + radius) for w in weights]
            activation = case.net.activations[0]
            return jax.vmap(partial(derivative_entries, around, activation, order))(lo, hi)

        compiled[key] = jax.jit(entries)
    ends = np.ones(case.net.inputs)
    began = time.perf_counter()
    with jax.enable_x64(True):
        weights = [jnp.asarray(w) for w in case.net.weights(case.theta)]
        enclose = partial(compiled[key], weights, case.radius)
        bound = largest_over_cells(enclose, -ends, ends, sides, together=together, limit=limit)
    if math.isnan(bound):
        too_long.add((case.net, quantity, sides))
        return [row(None, None)]
    return [row(bound, time.perf_counter() - began)]


def _sampled(case: Case, quantity: str, samples: int) -> list[Row]:
    ends, began = np.ones(case.net.inputs), time.perf_counter()
    with jax.enable_x64(True):
        theta = np.asarray(case.net.ravel(case.theta), float)
    about = (case.net, theta, case.radius, -ends, ends, quantity, samples, case.seed)
    found = largest_at_random(*about)
    return [case.row("sampling", quantity, found, time.perf_counter() - began, box=False)]


def _attacked(case: Case, quantity: str) -> list[Row]:
    began = time.perf_counter()
    with jax.enable_x64(True):
        box = Box(-1.0, 1.0).input_region(case.net)
        ball = Ball(case.radius).parameter_region(case.net, case.theta)
        found = float(Attack()(case.net, quantity, box, ball).value)
    return [case.row("attack", quantity, found, time.perf_counter() - began, box=False)]


def _bounded(case: Case, quantity: str, name: str) -> list[Row]:
    began = time.perf_counter()
    bound = certify(
        case.net,
        case.theta,
        inputs=Box(-1.0, 1.0),
        parameters=Ball(case.radius),
        quantities=quantity,
        method=METHODS[name],
        attack=None,
    )[quantity]
    return [case.row(name, quantity, bound.upper, time.perf_counter() - began, box=False)]

"""Random networks, random sets, and points of the sets: is any quantity above its bound?

A structure is drawn (sizes, activations), then many networks of it, each with weights, a set of
inputs and a set of parameters of its own. Chains of points climb one of the quantities each, by
projected gradient ascent over σ, θ and the direction of the second derivative, and at each of their
points all four quantities are evaluated: a sample. Every sample is compared with every bound.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tyro

from experiments.concurrency import finished_pieces, leave
from experiments.output import Output
from experiments.random_sets import drawn_sets, drawn_structure
from experiments.sampled_points import CHAINS, sampled
from lbdnn import Attack, Chain, Dissipation, Layerwise, Polynomial
from lbdnn.bounds import QUANTITIES, Interval, Method
from lbdnn.sets import batch

METHODS: dict[str, Method] = {
    "polynomial (all norms)": Polynomial(budgeted=False),
    "polynomial (budgeted)": Polynomial(),
    "layerwise": Layerwise(),
    "interval": Interval(cells=16),
}
# Of every so many structures one is looked at more closely.
CLOSELY = 8
CLOSER: dict[str, Method] = METHODS | {"dissipation": Dissipation(steps=50)}
ATTACK = Attack(starts=16, steps=40)
# Networks of one structure.
TOGETHER = 32


@dataclass(frozen=True)
class Settings:
    networks: int = 1024
    """How many, rounded up to whole structures of 32."""
    samples: int = 1000
    """Points for each network, rounded up to 40 chains of equal length."""
    seed: int = 0
    """Of everything that is drawn."""
    output: Path = Path("results/soundness")
    """Folder of the results."""


@dataclass
class Count:
    """Of one method and one quantity; `smallest` is the least bound/found of a network."""

    networks: int = 0
    samples: int = 0
    violations: int = 0
    smallest: float = math.inf
    infinite: int = 0


@dataclass
class Tally:
    """What was checked: in all, and for each method and quantity."""

    structures: int = 0
    networks: int = 0
    samples: int = 0
    not_finite: int = 0
    attacks: int = 0
    activations: set[str] = field(default_factory=set)
    counts: dict[tuple[str, str], Count] = field(default_factory=dict)
    violated: list[dict[str, Any]] = field(default_factory=list)

    def content(self) -> dict[str, Any]:
        """As JSON has it."""
        rows = [
            {"method": method, "quantity": quantity, **asdict(own)}
            | {"smallest": own.smallest if math.isfinite(own.smallest) else None}
            for (method, quantity), own in self.counts.items()
        ]
        return vars(self) | {"activations": sorted(self.activations), "counts": rows}


def main() -> int:
    settings = tyro.cli(Settings, prog="soundness", description=__doc__)
    if min(settings.networks, settings.samples) < 1 or settings.seed < 0:
        print("error: --networks and --samples take numbers >= 1, --seed >= 0", file=sys.stderr)
        return 2
    try:
        output = Output(settings.output, asdict(settings))
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    structures = -(-settings.networks // TOGETHER)
    steps = max(0, -(-settings.samples // CHAINS) - 1)
    work: dict[Any, Callable[[], Any]] = {
        place: partial(examined, settings.seed, place, steps) for place in range(structures)
    }
    tally = Tally()
    for place, found in finished_pieces(work, "structures"):
        add(tally, place, *found)
    finished = tally.structures == structures
    output.document("soundness", {"finished": finished, **tally.content()})
    report(tally)
    print(f"{'' if finished else 'interrupted; '}results in {output.folder}")
    if not finished:
        leave(130)
    return 1 if tally.violated else 0


def examined(seed: int, place: int, steps: int) -> tuple[Chain, dict, dict[str, np.ndarray], int]:
    """Networks of one structure: bounds by method, largest finds, finite samples, attacks."""
    rng = np.random.default_rng((seed, place))
    net = drawn_structure(rng)
    drawn = [drawn_sets(rng, net) for _ in range(TOGETHER)]
    inputs = batch([inputs.input_region(net) for _, inputs, _ in drawn])
    parameters = batch([p.parameter_region(net, theta) for theta, _, p in drawn])
    closely = place % CLOSELY == CLOSELY - 1
    upper = {}
    for name, method in (CLOSER if closely else METHODS).items():
        try:
            upper[name] = method.bounds(net, inputs, parameters)
        except ValueError:  # an activation that the method cannot treat
            continue
    found = sampled(net, steps, int(rng.integers(2**31)), inputs, parameters)
    found["samples"] = np.asarray(TOGETHER * CHAINS * (steps + 1))
    if closely:
        for quantity in QUANTITIES:
            value = np.asarray(ATTACK(net, quantity, inputs, parameters).value)
            found[quantity] = np.fmax(found[quantity], value)
    return net, upper, found, len(QUANTITIES) * TOGETHER * closely


def add(
    tally: Tally,
    place: int,
    net: Chain,
    upper: dict[str, dict[str, np.ndarray]],
    found: dict[str, np.ndarray],
    attacks: int,
) -> None:
    """Compares the finds of one structure with its bounds, and counts."""
    tally.structures += 1
    tally.networks += TOGETHER
    tally.samples += int(found["samples"])
    tally.not_finite += int(found["samples"] - found["finite"].sum())
    tally.attacks += attacks
    tally.activations |= {activation.name for activation in net.activations}
    for method, bounds in upper.items():
        for quantity in QUANTITIES:
            most, own = bounds[quantity], tally.counts.setdefault((method, quantity), Count())
            bounded = np.isfinite(most)
            own.infinite += int(np.sum(~bounded))
            own.networks += int(np.sum(bounded))
            own.samples += int(found["finite"][bounded].sum())
            for i in np.flatnonzero(bounded & (found[quantity] > most)):
                own.violations += 1
                tally.violated.append(
                    {
                        "structure": place,
                        "network": int(i),
                        "method": method,
                        "quantity": quantity,
                        "bound": float(most[i]),
                        "found": float(found[quantity][i]),
                    }
                )
            attained = bounded & (found[quantity] > 0)
            ratios = most[attained] / found[quantity][attained]
            own.smallest = min([own.smallest, *map(float, ratios)])


def report(tally: Tally) -> None:
    """Prints what was counted."""
    print(
        f"{tally.networks} networks of {tally.structures} structures with {len(tally.activations)} "
        f"activations, {tally.samples} samples, {tally.attacks} longer attacks; "
        f"{tally.not_finite} samples with a value that was not finite"
    )
    print(f"{'method':<24}{'quantity':<16}{'networks':>9}{'samples':>12}", end="")
    print(f"{'violations':>12}{'least bound/found':>20}{'no bound':>10}")
    for (method, quantity), own in tally.counts.items():
        print(f"{method:<24}{quantity:<16}{own.networks:>9}{own.samples:>12}", end="")
        print(f"{own.violations:>12}{own.smallest:>20.9f}{own.infinite:>10}")
    for violation in tally.violated:
        print(f"VIOLATED: {violation}")


if __name__ == "__main__":
    sys.exit(main())

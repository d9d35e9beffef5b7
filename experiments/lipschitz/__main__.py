"""Certified Lipschitz constants of a network of layers x − τAᵀrelu(Ax + b), A a convolution.

For each layer it is decided, with proof, whether τ‖A‖² ≤ 2, which makes the layer non-expansive;
norms are those of the linear maps on images of the true size, from above and from below, all
errors of rounding counted. Without --model: a small random network.
"""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import tyro

from experiments.concurrency import leave
from experiments.lipschitz.constants import VERDICTS, measured, parts
from experiments.lipschitz.gradient_network import GradientNetwork, random, read
from experiments.output import Output
from lbdnn.plotting.lipschitz import lipschitz_constants


@dataclass(frozen=True)
class Settings:
    model: Path | None = None
    """An NPZ file of the network."""
    deviations: tuple[float, ...] | None = None
    """Standard deviations that images are divided by, one a channel; by default CIFAR-10's for
    three channels."""
    quick: bool = False
    """Fewer steps for the lower bounds, which are then a little lower."""
    seed: int = 0
    """Of the random network."""
    output: Path = Path("results/lipschitz")
    """Folder of the results."""


def main() -> int:
    settings = tyro.cli(Settings, prog="lipschitz", description=__doc__)
    try:
        if settings.seed < 0:
            raise ValueError("--seed takes a number >= 0")
        if settings.model is None:
            if settings.deviations is not None:
                raise ValueError("--deviations goes with --model")
            net = random(settings.seed)
        else:
            net = read(settings.model, settings.deviations)
        return run(net, settings, Output(settings.output, asdict(settings)))
    except (ValueError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def run(net: GradientNetwork, settings: Settings, output: Output) -> int:
    """Measures, writes tables and a figure, prints a summary; the exit status."""
    channels, side, _ = net.inputs
    print(f"{net.name}: images of {channels} × {side} × {side}, {len(net.weight)} outputs")
    print(_HEAD)
    rows: list[dict[str, Any]] = []
    try:
        for row in measured(net, steps=16 if settings.quick else 64):
            rows.append(row)
            print(_line(row), flush=True)
    except KeyboardInterrupt:
        if rows:
            output.table("lipschitz", rows)
        print(f"interrupted; results in {output.folder}")
        leave(130)
    whole = parts(rows)
    output.table("lipschitz", rows)
    output.table("parts", whole)
    _draw(net, rows, output)
    _summary(rows, whole)
    print(f"results in {output.folder}")
    return 0


_HEAD = (
    f"{'layer':>5} {'':18}{'τ':>8}{'‖A‖ at least':>16}{'at most':>16}{'τ‖A‖² at most':>16}"
    f"  {'verdict':12}{'constant':>10}{'seconds':>9}"
)


def _line(row: dict[str, Any]) -> str:
    def number(key: str, width: int, digits: int) -> str:
        value = row[key]
        return f"{value:>{width}.{digits}g}" if value != "" else " " * width

    return (
        f"{row['layer']:>5} {_label(row):18}{number('step', 8, 4)}{number('norm_lower', 16, 10)}"
        f"{number('norm_upper', 16, 10)}{number('relative_step_upper', 16, 8)}  "
        f"{row['verdict']:12}{number('constant', 10, 6)}{row['seconds']:>9.1f}"
    )


def _label(row: dict[str, Any]) -> str:
    return f"stage {row['stage']} {row['kind']}" if row["stage"] != "" else row["kind"]


def _summary(rows: list[dict[str, Any]], whole: list[dict[str, Any]]) -> None:
    gradient = [row for row in rows if row["kind"] == "gradient"]
    places = {v: [str(r["layer"]) for r in gradient if r["verdict"] == v] for v in VERDICTS}
    yes, no, neither = (places[v] for v in VERDICTS)
    print(f"\nτ‖A‖² ≤ 2, so non-expansive: proved of {len(yes)} of {len(gradient)} gradient layers")
    if no:
        print(f"τ‖A‖² > 2: proved of the layers {', '.join(no)}")
    if neither:
        print(f"undecided: the layers {', '.join(neither)}")
    larger = [str(row["layer"]) for row in gradient if row["norm_lower"] > 1]
    if larger:
        print(f"‖A‖ > 1: proved of {len(larger)} gradient layers ({', '.join(larger)})")
    print("Lipschitz constants, at most:")
    for part in whole:
        print(f"  {part['part']:28}{part['constant']:>12.6g}", end="")
        print(f"   gradient layers alone {part['of_the_gradient_layers']:.6g}")


def _draw(net: GradientNetwork, rows: list[dict[str, Any]], output: Output) -> None:
    steps = [
        (
            f"{row['layer']} (stage {row['stage']})",
            row["relative_step_lower"],
            row["relative_step_upper"],
            row["verdict"],
        )
        for row in rows
        if row["kind"] == "gradient"
    ]
    products = [(f"{row['layer']} ({_label(row)})", row["product"]) for row in rows]
    output.figure("lipschitz", lipschitz_constants(steps, products, net.name))


if __name__ == "__main__":
    sys.exit(main())

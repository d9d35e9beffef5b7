"""Tables, a figure and a summary of a network of gradient layers."""

from __future__ import annotations

from experiments.concurrency import leave
from experiments.lipschitz.convolutional_layers import VERDICTS, layers, parts
from experiments.lipschitz.gradient_network import GradientNetwork
from experiments.lipschitz.layer_rows import Row, measured, number
from experiments.output import Output
from lbdnn.plotting.lipschitz import lipschitz_constants


def run(net: GradientNetwork, output: Output, *, steps: int) -> int:
    """Measures, writes tables and a figure, prints a summary; the exit status.

    `steps` as `layers`.
    """
    channels, side, _ = net.inputs
    print(f"{net.name}: images of {channels} × {side} × {side}, {len(net.weight)} outputs")
    print(_HEAD)
    rows: list[Row] = []
    try:
        for row in measured(layers(net, steps=steps)):
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


def _line(row: Row) -> str:
    return (
        f"{row['layer']:>5} {_label(row):18}{number(row, 'step', 8, 4)}"
        f"{number(row, 'norm_lower', 16, 10)}{number(row, 'norm_upper', 16, 10)}"
        f"{number(row, 'relative_step_upper', 16, 8)}  "
        f"{row['verdict']:12}{number(row, 'constant', 10, 6)}{row['seconds']:>9.1f}"
    )


def _label(row: Row) -> str:
    return f"stage {row['stage']} {row['kind']}" if row["stage"] != "" else row["kind"]


def _summary(rows: list[Row], whole: list[Row]) -> None:
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


def _draw(net: GradientNetwork, rows: list[Row], output: Output) -> None:
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

"""Tables, a figure and a summary of a network of dense layers over a box of inputs."""

from __future__ import annotations

from contextlib import suppress

from experiments.concurrency import finished_pieces, leave
from experiments.lipschitz.dense_bounds import Given, layers, pieces
from experiments.lipschitz.layer_rows import Row, measured, number
from experiments.output import Output
from lbdnn.plotting.lipschitz import constants_by_method


def run(given: Given, output: Output) -> int:
    """Measures, writes tables and a figure, prints a summary; the exit status."""
    name, net = given.model.name, given.net
    print(f"{name}: {net.inputs} inputs, {net.outputs} outputs, {given.neurons} neurons")
    print(f"{'layer':>5}  {'':26}{'norm at least':>16}{'at most':>16}{'product':>12}{'seconds':>9}")
    work = pieces(given)
    steps: list[Row] = []
    rows: list[Row] = []
    missing: dict[tuple[str, str], str] = {}
    done = 0
    with suppress(KeyboardInterrupt):
        for row in measured(layers(given.model)):
            steps.append(row)
            print(_layer_line(row), flush=True)
        for key, found in finished_pieces(work, "methods", at_once=1):
            done += 1
            if isinstance(found, str):
                missing[key] = found
            else:
                rows += found
    if steps:
        output.table("layers", steps)
    if rows:
        output.table("constants", rows)
        _draw(name, steps, rows, output)
    violated = _summary(rows)
    for (method, over), why in missing.items():
        print(f"{method} over {over} is left out: {why}")
    finished = done == len(work)
    print(f"{'' if finished else 'interrupted; '}results in {output.folder}")
    if not finished:
        leave(130)
    return 1 if violated else 0


def _layer_line(row: Row) -> str:
    return (
        f"{row['layer']:>5}  {_label(row):26}{number(row, 'norm_lower', 16, 10)}"
        f"{number(row, 'norm_upper', 16, 10)}{number(row, 'product', 12, 6)}{row['seconds']:>9.1f}"
    )


def _label(row: Row) -> str:
    sizes = f" {row['inputs']} → {row['outputs']}" if row["kind"] == "affine" else ""
    return f"{'  ' if row['inside'] else ''}{row['kind']}{sizes}"


def _summary(rows: list[Row]) -> bool:
    """Prints a block for each norm; whether a bound is below a value that is reached."""
    violated = False
    for norm in dict.fromkeys(row["norm"] for row in rows):
        own = [row for row in rows if row["norm"] == norm]
        least = max((row["lower"] for row in own if "lower" in row), default=0.0)
        upper = [row for row in own if "upper" in row]
        print(f"\n{norm + ' norm':26}{'constant':>14}{'/ reached':>12}{'seconds':>9}")
        for row in upper:
            over = f"{row['upper'] / least:.4g}" if least > 0 else ""
            label = f"{row['method']}, {row['over']}"
            print(f"{label:26}{row['upper']:>14.6g}{over:>12}{row['seconds']:>9.1f}")
            if row["upper"] < least:
                violated = True
                print(f"VIOLATED: {row}")
        for row in own:
            if "lower" in row:
                print(f"{'reached (attack)':26}{row['lower']:>14.6g}{'':12}{row['seconds']:>9.1f}")
        if upper and least > 0:
            best = min(upper, key=lambda row: row["upper"])
            print(
                f"over the box the largest ‖∂Φ/∂σ‖ lies between {least:.6g} and "
                f"{best['upper']:.6g} ({best['method']})"
            )
    return violated


def _draw(name: str, steps: list[Row], rows: list[Row], output: Output) -> None:
    bounds = [(f"{r['method']}, {r['over']}", r["norm"], r["upper"]) for r in rows if "upper" in r]
    least = {row["norm"]: row["lower"] for row in rows if "lower" in row}
    products = [
        (f"{row['layer']} ({_label(row)})", row["product"])
        for row in steps
        if row["constant"] != ""
    ]
    output.figure("lipschitz", constants_by_method(bounds, least, products, name))

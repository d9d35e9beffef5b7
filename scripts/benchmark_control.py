"""Control steps a second, beside the same loop in plain NumPy and PyTorch.

Lb-DNN controllers of the two-link manipulator, the plant integrated by one Tsit5 step a sample, all
on one core; then many composite loops in one mapped call on all cores. PyTorch (eager, no recorded
gradients, in an environment of its own, `.venv-peers-slim`, which the first call makes) and NumPy
start from the same weights, and their errors over the first second are compared. Times are those
of the processor, the least of all repetitions: other work on the machine disturbs them less. For
the composite law: bytes of Γ moved a step (read for the product; read and written for the change)
over what a ← a + s b on vectors as large as Γ moves in the same process.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import control_cases
import numpy as np
import tyro
from control_cases import Case
from peers_environment import environment

from experiments.output import Output

PEERS = ("numpy", "torch")


@dataclass(frozen=True)
class Settings:
    steps: int = 20_000
    """Of the tracking law; a composite loop runs a tenth."""
    peer_steps: int = 200
    """Of the peers, at least 100."""
    seeds: int = 1024
    """Of the mapped call, 10 s each."""
    repeats: int = 5
    """At least one."""
    peers: bool = True
    """Whether to run NumPy and PyTorch too."""
    seed: int = 0
    """Of the weights."""
    output: Path = Path("results/benchmark_control")
    """Folder of the results."""


def main() -> int:
    settings = tyro.cli(Settings, prog="benchmark_control", description=__doc__)
    numbers = (settings.steps // 1000, settings.peer_steps // 100, settings.seeds, settings.repeats)
    if min(numbers) < 1:
        print("error: steps >= 1000, peer-steps >= 100, seeds and repeats >= 1", file=sys.stderr)
        return 2
    rows: list[dict[str, Any]] = []
    try:
        output = Output(settings.output, asdict(settings))
        python = environment("peers_slim.txt") if settings.peers else None
        with _process(pinned=True) as process:
            for case in cases(settings):
                rows.append(process.submit(measured, case, settings, python).result())
                report(rows[-1])
                output.table("control", rows)
        mapped = []
        with _process(pinned=False) as process:
            for dtype in ("float64", "float32"):
                wanted = (settings.seeds, 1000, dtype, min(settings.repeats, 3))
                mapped.append(process.submit(control_cases.batch, *wanted).result())
                report_batch(mapped[-1])
                output.table("batch", mapped)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"interrupted; results in {settings.output}" if rows else "interrupted")
        return 130
    print(f"results in {output.folder}")
    return 0


def _process(*, pinned: bool) -> ProcessPoolExecutor:
    initializer = control_cases.one_core if pinned else None
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(1, mp_context=context, initializer=initializer)


def cases(settings: Settings) -> list[Case]:
    few = settings.steps // 10
    return [
        Case("tracking", 10, 10, "float64", settings.steps),
        Case("tracking", 10, 10, "float32", settings.steps),
        Case("composite", 5, 10, "float64", few),
        Case("composite", 5, 10, "float32", few),
        Case("composite", 10, 10, "float64", few // 2),
        Case("composite", 10, 10, "float32", few // 2),
    ]


def measured(case: Case, settings: Settings, python: Path | None) -> dict[str, Any]:
    """A row of the table."""
    found = control_cases.own(case, settings.repeats, settings.seed)
    row: dict[str, Any] = {
        "law": case.law,
        "layers": case.layers,
        "neurons": case.neurons,
        "p": found["p"],
        "dtype": case.dtype,
        "cpu_us": found["cpu_us"],
        "wall_us": found["wall_us"],
        "steps_per_second": 1e6 / found["cpu_us"],
        "diverged_at": found["diverged_at"],
    }
    if case.law == "composite":
        size = np.dtype(case.dtype).itemsize
        row["bytes_per_step"] = 3 * size * found["p"] ** 2
        row["bandwidth"] = control_cases.bandwidth(found["p"] ** 2, case.dtype, settings.repeats)
        row["moved"] = row["bytes_per_step"] / found["cpu_us"] / 1e3
        row["share_of_bandwidth"] = row["moved"] / row["bandwidth"]
        if case.dtype == "float64":
            every = 20 if found["p"] < 600 else 100
            row |= control_cases.norm_estimate(case, every, settings.seed)
    if python is None:
        return row
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        control_cases.prepare(case, folder, settings.peer_steps, settings.seed)
        for own in PEERS:
            # NumPy from here, PyTorch from its own environment.
            program = Path(sys.executable) if own == "numpy" else python
            theirs = control_cases.peer(
                case, own, program, folder, min(settings.repeats, 3), settings.peer_steps
            )
            count = min(len(found["errors"]), len(theirs["errors"]))
            apart = np.abs(found["errors"][:count] - theirs["errors"][:count]).max()
            row |= {
                f"{own}_version": theirs["version"],
                f"{own}_us": theirs["cpu"],
                f"{own}_ratio": theirs["cpu"] / found["cpu_us"],
                f"{own}_difference": float(apart),
            }
    return row


def report(row: dict[str, Any]) -> None:
    print(
        f"{row['law']:>9} {row['layers']}×{row['neurons']} (p = {row['p']}) {row['dtype']}: "
        f"{row['cpu_us']:.1f} µs a step, {row['steps_per_second']:,.0f} steps a second "
        f"(by the clock {row['wall_us']:.1f} µs)"
    )
    if "moved" in row:
        print(
            f"{'':10}{row['moved']:.1f} GB/s of {row['bandwidth']:.1f}: "
            f"{row['share_of_bandwidth']:.0%} of the bandwidth"
        )
    if "norm_difference_largest" in row:
        print(
            f"{'':10}tracked ‖Γ‖ below the exact one by at most "
            f"{row['norm_difference_largest']:.2%}, on average {row['norm_difference_mean']:.2%}"
        )
    for own in PEERS:
        if f"{own}_us" in row:
            print(
                f"{'':10}{own} {row[f'{own}_us']:.0f} µs, {row[f'{own}_ratio']:.0f}× as long; "
                f"errors differ by {row[f'{own}_difference']:.0e} rad"
            )
    sys.stdout.flush()


def report_batch(row: dict[str, Any]) -> None:
    print(
        f"{row['seeds']} composite 3×3 loops of {row['samples']} samples, {row['dtype']}: "
        f"{row['wall_s']:.1f} s by the clock on {os.cpu_count()} cores ({row['cpu_s']:.1f} s of "
        f"processor), {row['diverged']} diverged",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())

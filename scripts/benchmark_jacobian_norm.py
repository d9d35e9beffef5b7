"""The exact ‖∂Φ/∂θ‖ of networks with a million parameters, beside the gradient in their inputs.

Both are compiled, mapped over the same points, and timed in turn in the same process; the ratio of
times is printed. Peak memory is that of a fresh process that does only the one.
"""

from __future__ import annotations

import json
import platform
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import jax
import numpy as np
import tyro

from lbdnn import FullyConnected
from lbdnn.derivatives import jacobian_norm
from lbdnn.files import write_whole
from lbdnn.networks import Chain
from lbdnn.networks.initializers import glorot

NETWORKS = {"wide": (4, 1000, 1000, 2), "deep": (10, *[320] * 10, 2)}


@dataclass(frozen=True)
class Settings:
    sizes: tuple[int, ...] = ()
    """Inputs, hidden widths, outputs; by default a wide and a deep network, each p ≈ 10⁶."""
    points: int = 1000
    """How many inputs at once."""
    repeats: int = 15
    """Of each of the two, in turn."""
    seed: int = 0
    """Of the weights and the inputs."""
    quick: bool = False
    """100 inputs, 3 repeats."""
    output: Path | None = None
    """A file for the results as JSON."""


def main() -> None:
    settings = tyro.cli(Settings, description=__doc__)
    networks = {"given": settings.sizes} if settings.sizes else NETWORKS
    points, repeats = (100, 3) if settings.quick else (settings.points, settings.repeats)
    device = jax.devices()[0].device_kind
    versions = {
        "jax": jax.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }
    print(f"{points} inputs, float32, {device},", *(f"{k} {v}" for k, v in versions.items()))
    # First, while this process is small: the system counts it in the peaks of its children.
    peaks = {
        name: [_peak_of_a_process(sizes, points, settings.seed, task) for task in TASKS]
        for name, sizes in networks.items()
    }
    results = {
        name: compare(sizes, points, repeats, settings.seed, peaks[name])
        for name, sizes in networks.items()
    }
    if settings.output is not None:
        found = {
            "settings": asdict(settings),
            "device": device,
            "versions": versions,
            "networks": results,
        }
        settings.output.parent.mkdir(parents=True, exist_ok=True)
        write_whole(settings.output, json.dumps(found, indent=1, default=str))
        print(f"written: {settings.output}")


def norms(net: Chain) -> Callable[..., Any]:
    return jax.vmap(partial(jacobian_norm, net), (None, 0))


def gradients(net: Chain) -> Callable[..., Any]:
    return jax.vmap(jax.grad(lambda theta, sigma: net(theta, sigma)[0], argnums=1), (None, 0))


TASKS = {"‖∂Φ/∂θ‖, all outputs": norms, "vmap(grad) of one output in σ": gradients}


def compare(
    sizes: tuple[int, ...], points: int, repeats: int, seed: int, peaks: list[float]
) -> dict[str, Any]:
    net, *arguments = _case(sizes, points, seed)
    compiled, compile_times = [], []
    for make in TASKS.values():
        start = time.perf_counter()
        compiled.append(jax.jit(make(net)).lower(*arguments).compile())
        compile_times.append(time.perf_counter() - start)
        jax.block_until_ready(compiled[-1](*arguments))
    seconds = [[_seconds(f, *arguments) for f in compiled] for _ in range(repeats)]
    ratios = [first / second for first, second in seconds]
    print(f"\n{'-'.join(map(str, sizes))}: p = {net.size}")
    print(f"{'':<30}{'median':>12}{'compile':>10}{'peak memory':>14}")
    rows = {}
    for task, times, compile_time, peak in zip(
        TASKS, zip(*seconds, strict=True), compile_times, peaks, strict=True
    ):
        median = statistics.median(times)
        print(f"{task:<30}{1e3 * median:>9.2f} ms{compile_time:>8.2f} s{peak:>10.0f} MiB")
        rows[task] = {"seconds": times, "compile_seconds": compile_time, "peak_mebibytes": peak}
    ratio = statistics.median(ratios)
    print(f"ratio {ratio:.2f} (median of pairs; {min(ratios):.2f} to {max(ratios):.2f})")
    return {"sizes": sizes, "parameters": net.size, "ratio": ratio, "ratios": ratios, "tasks": rows}


def _case(sizes: tuple[int, ...], points: int, seed: int) -> tuple[Chain, Any, jax.Array]:
    net = FullyConnected(sizes)
    first, second = jax.random.split(jax.random.key(seed))
    sigma = jax.random.uniform(second, (points, net.inputs), minval=-1.0)
    return net, net.init(first, glorot()), sigma


def _seconds(function: Callable[..., Any], *arguments: Any) -> float:
    start = time.perf_counter()
    jax.block_until_ready(function(*arguments))
    return time.perf_counter() - start


def _peak_of_a_process(sizes: tuple[int, ...], points: int, seed: int, task: str) -> float:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_peak, sizes, points, seed, task).result()


def _peak(sizes: tuple[int, ...], points: int, seed: int, task: str) -> float:
    """MiB at most resident in this process, compilation included; NaN on Windows."""
    net, *arguments = _case(sizes, points, seed)
    jax.block_until_ready(jax.jit(TASKS[task](net))(*arguments))
    if sys.platform == "win32":
        return float("nan")
    import resource

    # Kilobytes on Linux, bytes on macOS.
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


if __name__ == "__main__":
    main()

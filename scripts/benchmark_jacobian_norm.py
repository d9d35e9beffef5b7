"""The exact ‖∂Φ/∂θ‖ of a network with a million parameters, beside the gradient in its input.

Both at the same points, compiled, in the same run, turn by turn; a ratio of times is printed.
"""

from __future__ import annotations

import json
import platform
import resource
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import jax
import tyro

from lbdnn import FullyConnected
from lbdnn.derivatives import jacobian_norm
from lbdnn.files import write_whole


@dataclass(frozen=True)
class Settings:
    sizes: tuple[int, ...] = (4, 1000, 1000, 2)
    """Inputs, hidden widths, outputs."""
    points: int = 1000
    """How many inputs at once."""
    repeats: int = 9
    """Of each of the two, in turn."""
    seed: int = 0
    """Of the weights and the inputs."""
    output: Path | None = None
    """A file for the results as JSON."""


def main() -> None:
    settings = tyro.cli(Settings, description=__doc__)
    net = FullyConnected(settings.sizes)
    key = jax.random.key(settings.seed)
    theta = net.init(key)
    sigma = jax.random.uniform(key, (settings.points, net.inputs), minval=-1.0)
    norms, norm_compile, norm_memory = _compiled(
        jax.vmap(lambda s, t: jacobian_norm(net, t, s), (0, None)), sigma, theta
    )
    peer, peer_compile, peer_memory = _compiled(
        jax.vmap(jax.grad(lambda s, t: net(t, s)[0]), (0, None)), sigma, theta
    )
    times: dict[str, list[float]] = {"norm": [], "peer": []}
    for _ in range(settings.repeats):
        times["norm"].append(_seconds(norms, sigma, theta))
        times["peer"].append(_seconds(peer, sigma, theta))
    pairs = [a / b for a, b in zip(times["norm"], times["peer"], strict=True)]
    norm, peer_time = (statistics.median(times[name]) for name in ("norm", "peer"))
    ratio = statistics.median(pairs)
    device = jax.devices()[0].device_kind
    print(
        f"p = {net.size}, {settings.points} inputs, {sigma.dtype}, {device}, jax {jax.__version__}"
    )
    print(f"{'':<34}{'median':>10}{'compile':>10}{'buffers':>12}")
    print(
        f"{'‖∂Φ/∂θ‖, all outputs':<34}{norm:>8.4f} s{norm_compile:>8.2f} s{norm_memory:>8.1f} MiB"
    )
    print(
        f"{'vmap(grad) of one output in σ':<34}{peer_time:>8.4f} s{peer_compile:>8.2f} s"
        f"{peer_memory:>8.1f} MiB"
    )
    print(f"ratio {ratio:.2f} (median of pairs; {min(pairs):.2f} to {max(pairs):.2f})")
    # Kilobytes on Linux, bytes on macOS.
    unit = 2**20 if sys.platform == "darwin" else 2**10
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    print(f"peak memory of the process {peak:.0f} MiB")
    if settings.output is not None:
        found = {
            "settings": asdict(settings),
            "parameters": net.size,
            "ratio": ratio,
            "ratios": pairs,
            "seconds": times,
            "compile_seconds": {"norm": norm_compile, "peer": peer_compile},
            "buffers_mebibytes": {"norm": norm_memory, "peer": peer_memory},
            "peak_process_mebibytes": peak,
            "device": device,
            "versions": {"jax": jax.__version__, "python": platform.python_version()},
        }
        write_whole(settings.output, json.dumps(found, indent=1, default=str))


def _compiled(function: Callable[..., Any], *arguments: Any) -> tuple[Any, float, float]:
    """The compiled function, seconds to compile it, and MiB of its buffers."""
    began = time.perf_counter()
    compiled = jax.jit(function).lower(*arguments).compile()
    seconds = time.perf_counter() - began
    compiled(*arguments)
    memory = compiled.memory_analysis()
    used = memory.temp_size_in_bytes + memory.output_size_in_bytes if memory else float("nan")
    return compiled, seconds, used / 2**20


def _seconds(function: Callable[..., Any], *arguments: Any) -> float:
    began = time.perf_counter()
    jax.block_until_ready(function(*arguments))
    return time.perf_counter() - began


if __name__ == "__main__":
    main()

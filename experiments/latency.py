"""One control step out of a file: how long a call takes, and whether it keeps a rate.

The step of each law is exported, loaded, and called around the two-link manipulator, which MuJoCo
simulates where it is installed: first without a pause, then paced by the clock. A sample of the
paced loop misses its deadline if its control is not there one period after the sample was due.
Python's collection of garbage is off meanwhile.
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import tyro

from experiments.output import Output
from lbdnn import FullyConnected, control
from lbdnn.control.deployment import LoadedStep, export_step, load_step
from lbdnn.control.integration import held
from lbdnn.control.references import TWO_LINK
from lbdnn.plotting.latency import latencies

START = np.array([1.0, -1.0, 0.0, 0.0])
Motions = tuple[np.ndarray, np.ndarray, np.ndarray]
Advance = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Settings:
    quick: bool = False
    """2000 calls, 0.5 s of the paced loop."""
    layers: int = 10
    """Hidden layers."""
    neurons: int = 10
    """Neurons in each."""
    laws: tuple[Literal["tracking", "composite"], ...] = ("tracking",)
    """Adaptation laws."""
    dtype: Literal["float64", "float32"] = "float64"
    """Of the step."""
    calls: int = 100_000
    """Without a pause."""
    rate: float = 1000.0
    """Samples a second of the paced loop."""
    seconds: float = 10.0
    """How long the paced loop runs."""
    seed: int = 0
    """Of the initial weights."""
    output: Path = Path("results/latency")
    """Folder of the results."""


def main() -> int:
    settings = tyro.cli(Settings, prog="latency", description=__doc__)
    try:
        numbers = (settings.layers, settings.neurons, settings.calls)
        if min(numbers) < 1 or not settings.rate > 0 or not settings.seconds * settings.rate >= 1:
            raise ValueError(
                "--layers, --neurons, --calls, --rate and --seconds x --rate: all >= 1"
            )
        return run(settings, Output(settings.output, asdict(settings)))
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def run(settings: Settings, output: Output) -> int:
    """Measures, writes table and figure, prints a summary; the exit status."""
    calls = 2000 if settings.quick else settings.calls
    paced = round((0.5 if settings.quick else settings.seconds) * settings.rate)
    period = 1 / settings.rate
    motions = _motions(max(calls, paced), period)
    rows: list[dict[str, Any]] = []
    times: dict[str, np.ndarray] = {}
    for law in settings.laws:
        file = output.folder / f"{law}.zip"
        file.write_bytes(_exported(settings, law, period))
        loaded, (plant, advance) = load_step(file), _plant(period)
        with _compilations() as compiled:
            times[law] = unpaced(loaded, advance, motions, calls)
            late = missed(loaded, advance, motions, paced, period)
        median, most = np.quantile(times[law], [0.5, 0.999])
        rows.append(
            {
                "law": law,
                "layers": settings.layers,
                "neurons": settings.neurons,
                "dtype": settings.dtype,
                "bytes_of_file": file.stat().st_size,
                "calls": calls,
                "median_us": float(median),
                "quantile_999_us": float(most),
                "worst_us": float(times[law].max()),
                "compilations": len(compiled),
                "plant": plant,
                "rate_hz": settings.rate,
                "samples": paced,
                "missed": late,
            }
        )
        output.table("latency", rows)
        _print(rows[-1])
    output.figure("latency", latencies(times, 1e6 * period))
    print(f"results in {output.folder}")
    return 0


def _exported(settings: Settings, law: str, period: float) -> bytes:
    net = FullyConnected((4, *[settings.neurons] * settings.layers, 2))
    own = control.TrackingLaw() if law == "tracking" else control.CompositeLaw()
    controller = control.LbDNN(net, control.TwoLink(), own)
    theta = net.init(jax.random.key(settings.seed))
    return export_step(
        controller, theta, states=4, positions=2, period=period, dtype=settings.dtype
    )


def _motions(count: int, period: float) -> Motions:
    with jax.enable_x64(True):
        motion = jax.jit(jax.vmap(TWO_LINK))(period * jnp.arange(count))
    return np.asarray(motion.position), np.asarray(motion.velocity), np.asarray(motion.acceleration)


def _plant(period: float) -> tuple[str, Advance]:
    """What is controlled: MuJoCo's two-link if there is MuJoCo, otherwise `TwoLink`."""
    try:
        model = control.two_link_mjcf(control.TwoLink(), timestep=period)
        physics = control.MujocoPlant(model)
    except ImportError:
        return "TwoLink", _compiled(period)

    def advance(state: np.ndarray, command: np.ndarray) -> np.ndarray:
        if not np.array_equal(physics.state, state):
            physics.reset(state)
        return physics.step(command, period)

    return "MuJoCo", advance


def _compiled(period: float) -> Advance:
    plant, solver = control.TwoLink(), diffrax.Tsit5()

    def later(state: Any, command: Any) -> Any:
        return held(plant, state, command, period, solver, 1, None)

    with jax.enable_x64(True):
        compiled = jax.jit(later).lower(START, np.zeros(2)).compile()

    def advance(state: np.ndarray, command: np.ndarray) -> np.ndarray:
        with jax.enable_x64(True):
            return np.asarray(compiled(state, np.asarray(command, np.float64)))

    return advance


@contextmanager
def _compilations() -> Iterator[list[str]]:
    """The compilations in its block; in it no garbage is collected."""
    found: list[str] = []

    def listener(event: str, *_: Any, **__: Any) -> None:
        if "compile" in event:
            found.append(event)

    jax.monitoring.register_event_duration_secs_listener(listener)
    gc.disable()
    try:
        yield found
    finally:
        gc.enable()
        jax.monitoring.unregister_event_duration_listener(listener)


def unpaced(loaded: LoadedStep, advance: Advance, motions: Motions, calls: int) -> np.ndarray:
    """The times of the calls in µs; ten calls before them do not count."""
    at = START
    state = loaded.init(at, *(part[0] for part in motions))
    for _ in range(10):
        state, command, _ = loaded.step(state, at, *(part[0] for part in motions))
        at = advance(at, command)
    taken = np.empty(calls)
    for index in range(calls):
        motion = tuple(part[index] for part in motions)
        began = time.perf_counter_ns()
        state, command, _ = loaded.step(state, at, *motion)
        taken[index] = time.perf_counter_ns() - began
        at = advance(at, command)
    return taken / 1e3


def missed(
    loaded: LoadedStep, advance: Advance, motions: Motions, samples: int, period: float
) -> int:
    """Samples whose control was not there one period after they were due."""
    at, late = START, 0
    state = loaded.init(at, *(part[0] for part in motions))
    began = time.perf_counter()
    for index in range(samples):
        due = began + index * period
        while (ahead := due - time.perf_counter()) > 0:
            if ahead > 3e-4:  # sleeping is not exact
                time.sleep(ahead - 2e-4)
        state, command, _ = loaded.step(state, at, *(part[index] for part in motions))
        late += time.perf_counter() > due + period
        at = advance(at, command)
    return late


def _print(row: dict[str, Any]) -> None:
    print(
        f"{row['law']}, {row['layers']}×{row['neurons']}, {row['dtype']}: "
        f"median {row['median_us']:.0f} µs, 99.9 % {row['quantile_999_us']:.0f} µs, worst "
        f"{row['worst_us']:.0f} µs of {row['calls']} calls; {row['compilations']} compilations; at "
        f"{row['rate_hz']:g} Hz around {row['plant']} {row['missed']} of {row['samples']} "
        "deadlines missed",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())

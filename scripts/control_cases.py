"""What `benchmark_control.py` measures, each in a process of its own."""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
from peers_environment import run_peer

from lbdnn import FullyConnected, control
from lbdnn.control.integration import held
from lbdnn.control.references import TWO_LINK

PERIOD = 0.01
START = (1.0, -1.0, 0.0, 0.0)


@dataclass(frozen=True)
class Case:
    """A closed loop: two-link manipulator, one Tsit5 step a sample of 10 ms."""

    law: Literal["tracking", "composite"]
    layers: int
    neurons: int
    dtype: Literal["float64", "float32"]
    samples: int

    @property
    def sizes(self) -> tuple[int, ...]:
        return (4, *[self.neurons] * self.layers, 2)

    def controller(self) -> control.LbDNN:
        own = control.TrackingLaw() if self.law == "tracking" else control.CompositeLaw()
        return control.LbDNN(FullyConnected(self.sizes), control.TwoLink(), own)


def one_core() -> None:
    """Ties this process, and what it starts, to one core; to be called before JAX runs."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def _best(call: Any, repeats: int) -> tuple[float, float, Any]:
    """Seconds of processor and of the clock, each the least of all, and the last result."""
    cpu = wall = float("inf")
    result = None
    for _ in range(repeats):
        began, worked = time.perf_counter(), time.process_time()
        result = jax.block_until_ready(call())
        cpu = min(cpu, time.process_time() - worked)
        wall = min(wall, time.perf_counter() - began)
    return cpu, wall, result


def own(case: Case, repeats: int, seed: int) -> dict[str, Any]:
    """Microseconds a step, and the first errors."""
    with jax.enable_x64(case.dtype == "float64"):
        controller = case.controller()
        theta = controller.net.init(jax.random.key(seed))
        run = partial(
            control.simulate,
            control.TwoLink(),
            controller,
            TWO_LINK,
            np.array(START),
            theta,
            t1=PERIOD * case.samples,
            control_period=PERIOD,
        )
        jax.block_until_ready(run())
        cpu, wall, found = _best(run, repeats)
    return {
        "p": controller.net.size,
        "cpu_us": 1e6 * cpu / case.samples,
        "wall_us": 1e6 * wall / case.samples,
        "errors": np.asarray(found.error[:100], np.float64),
        "diverged_at": float(found.diverged_at),
    }


def bandwidth(entries: int, dtype: str, repeats: int) -> float:
    """GB/s of a ← a + s b, two reads and a write, on vectors of so many entries, on this core."""

    @partial(jax.jit, donate_argnums=0)
    def passes(a: jax.Array, b: jax.Array) -> jax.Array:
        return jax.lax.fori_loop(0, 20, lambda i, a: a + (1.0 + i) * b, a)

    with jax.enable_x64(dtype == "float64"):
        b = jnp.ones(entries, dtype)
        a = jax.block_until_ready(passes(b + 1, b))
        least = float("inf")
        for _ in range(repeats):
            worked = time.process_time()
            a = jax.block_until_ready(passes(a, b))
            least = min(least, time.process_time() - worked)
    return 20 * 3 * b.nbytes / least / 1e9


def peer(case: Case, name: str, python: Path, folder: Path, repeats: int, samples: int) -> Any:
    """What `peer_control.py` answers, with the errors; the inputs are in `folder` by `prepare`.

    Raises ValueError, in one sentence, where that program fails.
    """
    tableau = diffrax.Tsit5().tableau
    assert isinstance(tableau, diffrax.ButcherTableau)
    request = asdict(case) | {
        "sizes": case.sizes,
        "period": PERIOD,
        "samples": samples,
        "repeats": repeats,
        "tableau": [[], *(row.tolist() for row in tableau.a_lower)],
    }
    (folder / "request.json").write_text(json.dumps(request), encoding="utf-8")
    answer = json.loads(run_peer(python, name, "peer_control.py", folder, name))
    with np.load(folder / f"{name}.npz") as found:
        answer["errors"] = found["errors"]
    return answer | {key: 1e6 * answer[key] / samples for key in ("cpu", "wall")}


def prepare(case: Case, folder: Path, samples: int, seed: int) -> None:
    """The arrays that a peer starts from, into `folder`."""
    with jax.enable_x64(case.dtype == "float64"):
        controller = case.controller()
        net = controller.net
        theta = net.ravel(net.init(jax.random.key(seed)))
        motion = jax.vmap(TWO_LINK)(PERIOD * jnp.arange(samples))
        state = controller.init(net.unravel(theta), jnp.array(START), TWO_LINK(jnp.zeros(())))
        arrays = {
            "theta": np.asarray(theta),
            "state": np.array(START),
            "motions": np.stack([np.asarray(part) for part in motion[:3]], 1),
            "direction": np.asarray(
                state.law.direction if case.law == "composite" else np.zeros(0)
            ),
        }
    np.savez(folder / "arrays.npz", **arrays)  # pyright: ignore[reportArgumentType]


def batch(seeds: int, samples: int, dtype: str, repeats: int) -> dict[str, Any]:
    """Seconds for so many 3×3 composite loops in one mapped call, on all cores."""
    case = Case("composite", 3, 3, "float64", samples)
    controller = case.controller()

    def loop(key: jax.Array) -> tuple[jax.Array, jax.Array]:
        theta = controller.net.init(key)
        t1 = PERIOD * samples
        run = control.simulate(
            control.TwoLink(), controller, TWO_LINK, np.array(START), theta, t1=t1
        )
        return jnp.sqrt(jnp.mean(jnp.sum(run.error**2, -1))), run.diverged_at

    with jax.enable_x64(dtype == "float64"):
        keys = jax.random.split(jax.random.key(0), seeds)
        compiled = jax.jit(jax.vmap(loop)).lower(keys).compile()
        cpu, wall, (error, diverged) = _best(lambda: compiled(keys), repeats)
    return {
        "seeds": seeds,
        "samples": samples,
        "dtype": dtype,
        "cpu_s": cpu,
        "wall_s": wall,
        "mean_rms_error": float(np.mean(np.asarray(error))),
        "diverged": int(np.sum(np.isfinite(np.asarray(diverged)))),
    }


def norm_estimate(case: Case, every: int, seed: int) -> dict[str, float]:
    """How far the tracked ‖Γ‖ is from the exact one along a run, relative to it."""
    controller = case.controller()
    plant = control.TwoLink()
    with jax.enable_x64(case.dtype == "float64"):
        theta = controller.net.init(jax.random.key(seed))
        state = controller.init(theta, jnp.array(START), TWO_LINK(jnp.zeros(())))

        @jax.jit
        def several(carried: Any, first: jax.Array) -> tuple[Any, Any]:
            def sample(carried: Any, index: jax.Array) -> tuple[Any, None]:
                at, own = carried
                own, command = controller.step(own, at, TWO_LINK(PERIOD * index), PERIOD)
                at = held(plant, at, command, PERIOD, diffrax.Tsit5(), 1, None)
                return (at, own), None

            carried, _ = jax.lax.scan(sample, carried, first + jnp.arange(every))
            law = carried[1].law
            estimate = jnp.linalg.norm(law.gain @ law.direction)
            exact = jnp.max(jnp.abs(jnp.linalg.eigvalsh(law.gain)))
            return carried, (estimate, exact)

        carried = (jnp.array(START), state)
        pairs = []
        for first in range(0, case.samples, every):
            carried, pair = several(carried, jnp.asarray(first))
            pairs.append([float(value) for value in pair])
    estimates, exact = np.array(pairs).T
    apart = (exact - estimates) / exact
    return {
        "norm_difference_largest": float(apart.max()),
        "norm_difference_mean": float(apart.mean()),
        "norm_largest": float(exact.max()),
    }

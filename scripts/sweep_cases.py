"""What `benchmark_sweep.py` measures: models and points, by this library and by PyTorch."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from experiments.spectral_atlas.measurement import by_structure, grid, sweep_all
from experiments.spectral_atlas.models import Weights, models
from lbdnn import Chain
from lbdnn.activations import get
from lbdnn.networks import Affine, Pointwise

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Group:
    """Models x ↦ ς(W_d ς(⋯ς(W_1 x + b_1)⋯) + b_d): stack holds (W b) of each model's layers."""

    activation: str
    stack: np.ndarray  # (models, depth, n, n + 1)


@dataclass(frozen=True)
class Case:
    """Groups of models at the same points; in `dtype`."""

    name: str
    depth: str
    dtype: str
    groups: tuple[Group, ...]
    points: np.ndarray  # (b, n)

    @property
    def size(self) -> int:
        """Matrices: models times points."""
        return len(self.points) * sum(len(group.stack) for group in self.groups)


def atlas(side: int, seed: int, depths: Sequence[int], dtype: str) -> Case:
    """The atlas's models of these depths at side² points of [−6, 6]²."""
    weights = _weights(seed)
    groups = tuple(
        Group(activation, np.array([weights.theta(model)[::2] for model in own]))
        for (_, activation), own in by_structure(models(depths)).items()
    )
    name = ", ".join(map(str, depths))
    return Case("atlas", name, dtype, groups, grid(side))


@cache
def _weights(seed: int) -> Weights:
    return Weights(seed, "inner")


def drawn(n: int, depth: int, dtype: str, seed: int, count: int, each: int = 4) -> Case:
    """Random tanh networks, weights N(0, 1/n), `each` of them, at `count` random points."""
    rng = np.random.default_rng([seed, n, depth])
    group = Group("tanh", rng.normal(0, n**-0.5, (each, depth, n, n + 1)))
    return Case("random", str(depth), dtype, (group,), rng.uniform(-6, 6, (count, n)))


class Compiled:
    """One program of this library for a case; what tracing and compiling it took, in seconds."""

    def __init__(self, case: Case, form: str = "paper") -> None:
        n = case.points.shape[1]
        self.wide = case.dtype == "float64"
        with jax.enable_x64(self.wide):
            as_given = partial(jnp.asarray, dtype=case.dtype)
            nets, thetas = [], []
            for group in case.groups:
                layer = (Affine(n, n), Pointwise(get(group.activation)))
                nets.append(Chain(layer * group.stack.shape[1], n))
                layers = [as_given(own) for own in np.moveaxis(group.stack, 1, 0)]
                thetas.append(tuple(own for layer in layers for own in (layer, None)))
            self.arguments = (tuple(thetas), as_given(case.points))
            began = time.perf_counter()
            lowered = sweep_all.lower(tuple(nets), *self.arguments, form=form)
            self.tracing = time.perf_counter() - began
            self._run = lowered.compile()
            self.compiling = time.perf_counter() - began - self.tracing

    def __call__(self) -> tuple[jax.Array, ...]:
        with jax.enable_x64(self.wide):
            return jax.block_until_ready(self._run(*self.arguments))

    def seconds(self) -> float:
        began = time.perf_counter()
        self()
        return time.perf_counter() - began

    def eigenvalues(self, every: int) -> list[np.ndarray]:
        """Of each group, at every so many-th point."""
        return [np.asarray(own)[:, ::every] for own in self()]


Ask = Callable[..., dict[str, Any]]


@contextmanager
def torch(python: Path, chosen: Sequence[Case], threads: int) -> Iterator[tuple[Ask, Path]]:
    """A running `peer_torch.py`, as a function that sends a request and returns the answer.

    Raises ValueError, in one sentence, where that program fails.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        request = [
            {"dtype": case.dtype, "activations": [group.activation for group in case.groups]}
            for case in chosen
        ]
        (folder / "request.json").write_text(
            json.dumps({"threads": threads, "cases": request}), encoding="utf-8"
        )
        arrays = {f"{i}:points": case.points for i, case in enumerate(chosen)}
        for i, case in enumerate(chosen):
            arrays |= {f"{i}:{k}": group.stack for k, group in enumerate(case.groups)}
        np.savez(folder / "arrays.npz", **arrays)  # pyright: ignore[reportArgumentType]
        log = folder / "log"
        with log.open("wb") as kept:
            process = subprocess.Popen(
                [python, ROOT / "scripts" / "peer_torch.py", folder],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=kept,
                encoding="utf-8",
                env={k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
                | {"PYTHONUTF8": "1"},
            )

        def ask(**what: Any) -> dict[str, Any]:
            assert process.stdin is not None and process.stdout is not None
            try:
                print(json.dumps(what), file=process.stdin, flush=True)
                return json.loads(process.stdout.readline())
            except (BrokenPipeError, json.JSONDecodeError):
                lines = log.read_text("utf-8", errors="replace").strip().splitlines()
                last = (lines or ["no message"])[-1]
                raise ValueError(f"PyTorch failed in {python}: {last}") from None

        try:
            yield ask, folder
        finally:
            process.kill()
            process.wait()


def difference(first: np.ndarray, second: np.ndarray) -> float:
    """Largest distance of an eigenvalue from the other spectrum, either way.

    Relative to the largest |eigenvalue| of the matrix where that is above 1; arrays (…, n), in any
    order of eigenvalues.
    Where both are not finite they do not differ; where one is not, they differ by ∞.
    """
    first, second = (own.reshape(-1, own.shape[-1]) for own in (first, second))
    finite = [np.isfinite(own).all(-1) for own in (first, second)]
    if (finite[0] != finite[1]).any():
        return float("inf")
    first, second = (own[finite[0]].astype(complex) for own in (first, second))
    largest = 0.0
    for start in range(0, len(first), 10_000):
        a, b = first[start : start + 10_000], second[start : start + 10_000]
        apart = np.abs(a[:, :, None] - b[:, None, :])
        size = np.maximum(np.abs(a).max(-1), 1)
        far = np.maximum(apart.min(1).max(-1), apart.min(2).max(-1))
        largest = max(largest, float((far / size).max(initial=0)))
    return largest

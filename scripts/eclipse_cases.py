"""Networks whose Lipschitz constants are compared, and the constants by each program."""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np
from peers_environment import run_peer

import lbdnn
from experiments.outside_data import outside_data
from lbdnn.networks import Affine, Chain, Pointwise, Theta
from lbdnn.structured.flows.field import slopes
from lbdnn.structured.lipschitz import lipschitz_constant

PEER = ("ECLipsE_Fast", "ECLipsE", "ECLipsE CLARABEL")
OWN = ("product", "semidefinite")
# Processor seconds up to which a second call is made.
_SHORT = 40.0
_FILES = {
    "ACC 5×20 relu": "acc_5x20.onnx",
    "single pendulum 2×25 relu": "single_pendulum_2x25.onnx",
    "double pendulum 2×25 relu": "double_pendulum_more_robust_2x25.onnx",
    "TORA 3×20 sigmoid": "tora_sigmoid_3x20.txt",
    "TORA 3×100 relu": "tora_relu_3x100.onnx",
}


@dataclass(frozen=True, eq=False)
class Case:
    """A network of affine layers with one activation between them, and its parameters."""

    name: str
    net: Chain
    theta: Theta

    @property
    def weights(self) -> list[np.ndarray]:
        """In float64, without biases."""
        steps = self.net.steps(self.theta)
        found = [operation.weight(own) for operation, own in steps if isinstance(operation, Affine)]
        return [np.asarray(weight).astype(np.float64) for weight in found]

    @property
    def slopes(self) -> tuple[float, float]:
        """Of the activation."""
        (activation,) = {s.activation for s in self.net.operations if isinstance(s, Pointwise)}
        return slopes(activation)


def random_cases(
    shapes: Sequence[tuple[int, int]], activations: Sequence[str], seeds: int
) -> Iterator[Case]:
    """(layers, width) hidden layers; weights N(0, 1/n), n the inputs of a layer and its bias."""
    for layers, width in shapes:
        for activation in activations:
            for seed in range(seeds):
                net = lbdnn.FullyConnected((4, *(width,) * layers, 2), activation)
                theta = net.with_weights(
                    [
                        np.random.default_rng((seed, j)).normal(size=a.shape) / np.sqrt(a.shape[1])
                        for j, a in enumerate(net.affine)
                    ]
                )
                yield Case(f"random {layers}×{width} {activation}, seed {seed}", net, theta)


def trained_cases() -> Iterator[Case]:
    """Controllers from the folder LBDNN_DATA, from their first affine layer to their last."""
    folder = outside_data() / "controllers"
    for name, file in _FILES.items():
        if not (folder / file).is_file():
            continue
        model = lbdnn.read(folder / file)
        steps = list(model.net.steps(model.theta))
        affine = [k for k, (operation, _) in enumerate(steps) if isinstance(operation, Affine)]
        steps = steps[affine[0] : affine[-1] + 1]
        first = steps[0][0]
        assert isinstance(first, Affine)
        net = Chain(tuple(operation for operation, _ in steps), first.n_in)
        yield Case(name, net, tuple(own for _, own in steps))


def by_eclipse(python: Path, case: Case, method: str, limit: float) -> dict[str, Any]:
    """Value, seconds and versions of `peer_eclipse.py`; value None beyond the limit.

    The limit is in seconds of the processor; ten times as many of the clock are one, too. Raises
    ValueError, in one sentence, where that program fails.
    """
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "weights.npz"
        arrays = {f"W{i}": weight for i, weight in enumerate(case.weights)}
        np.savez(file, slopes=np.array(case.slopes), **arrays)  # pyright: ignore[reportArgumentType]
        try:
            arguments = file, limit, *method.split()
            answer = run_peer(python, "eclipse-nn", "peer_eclipse.py", *arguments, limit=10 * limit)
        except subprocess.TimeoutExpired:
            return {"value": None}
    return json.loads(answer)


def by_this_project(case: Case, method: Any) -> dict[str, Any]:
    """Value; seconds and processor seconds of a second call, when programs are compiled.

    Where the `first`, with compiling (processor seconds), took long, they are its own.
    """

    def timed() -> dict[str, float]:
        start, worked = time.perf_counter(), time.process_time()
        value = lipschitz_constant(case.net, case.theta, method=method).upper
        return {
            "value": value,
            "seconds": time.perf_counter() - start,
            "processor": time.process_time() - worked,
        }

    found = timed()
    first = found["processor"]
    return (timed() if first < _SHORT else found) | {"first": first}


def reached(case: Case, points: int) -> float:
    """The largest derivative at random points, from near 0 to far away: no constant is less."""
    draw = np.random.default_rng(0)
    x = draw.normal(size=(points, case.net.inputs)) * np.geomspace(1e-2, 1e3, points)[:, None]
    with jax.enable_x64(True):
        jacobian = jax.jit(jax.vmap(jax.jacobian(lambda x: case.net(case.theta, x))))
        parts = [np.asarray(jacobian(part)) for part in np.array_split(x, -(-points // 1000))]
    return max(float(np.linalg.norm(part, 2, (-2, -1)).max()) for part in parts)

"""The numbers that a bound was proved with, without the padding of the stages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import jax
import numpy as np

from .storage import HessianChain, InputChain, JacobianChain, Layers

KIND = "dissipation"


def proof_of(sizes: Sequence[int], levels: int, layers: Layers, chain: Any) -> dict[str, Any]:
    """What `lbdnn.check` needs to prove the bound again that a chain stands for.

    `sizes` are the neurons that the stages begin with, and the outputs.

    A list of stages, first to last. `path` and `storage` hold the matrices Q_j and X_j (Y_j for
    ∂Φ/∂θ) at the levels 0, 1/N, …, 1 of the shared radius, (levels + 1, n, n); all else is one
    multiplier, or one a neuron, for each triangle of `budget_levels`, in its order, or
    (`columns`) for each corner of each. `low` and `high` are the slopes, (levels + 1, n): where the
    layers before share what the node says. `corners`: whether the inequalities of X and Y are about
    the corners of the slopes' box; then there is `mix` in place of `sector`.
    """
    count = len(sizes) - 1
    chain = jax.tree.map(np.asarray, chain)
    low, high = np.asarray(layers.stages.low), np.asarray(layers.stages.high)
    slopes = [{"low": low[j, :, :n], "high": high[j, :, :n]} for j, n in enumerate(sizes[:count])]
    corners = layers.corners.shape[-2] > 0
    about = {"kind": KIND, "levels": levels}
    match chain:
        case HessianChain(paths, curved):
            stages = [
                slope
                | _path(path, n)
                | _columns(path, n)
                | _curved(own, n)
                | _limits(own, n, corners)
                for slope, path, own, n in zip(
                    slopes, _each(paths), _each(curved), sizes, strict=False
                )
            ]
            return about | {"corners": corners, "stages": stages}
        case JacobianChain(steps):
            stages = [
                slope
                | {"storage": _square(step.nodes, n_out), "stiffness": step.stiffness}
                | _limits(step, n, corners)
                for slope, step, (n, n_out) in zip(
                    slopes, _each(steps), pairwise(sizes), strict=True
                )
            ]
            return about | {"corners": corners, "stages": stages}
        case InputChain(paths, stiffness):
            stages = [
                slope | _path(path, n)
                for slope, path, n in zip(slopes, _each(paths), sizes, strict=False)
            ]
            return about | {"stages": stages, "stiffness": stiffness}
    raise TypeError(f"{type(chain).__name__} is no chain of inequalities")


def _path(step: Any, n: int) -> dict[str, np.ndarray]:
    return {
        "path": _square(step.nodes, n),
        "path_stiffness": step.stiffness,
        "path_sector": step.sector[:, :n],
    }


def _columns(step: Any, n: int) -> dict[str, np.ndarray]:
    return {"column_stiffness": step.column_stiffness, "columns": step.columns[..., :n]}


def _curved(step: Any, n: int) -> dict[str, np.ndarray]:
    return {
        "storage": _square(step.nodes, n),
        "stiffness": step.stiffness,
        "split": step.split,
        "size": step.size,
        "exchange": step.exchange,
        "across": step.across,
        "pivot": step.pivot[:, :n],
        "majorant": step.majorant[:, :n],
    }


def _limits(step: Any, n: int, corners: bool) -> dict[str, np.ndarray]:
    return {"mix": step.mix} if corners else {"sector": step.sector[:, :n]}


def _square(matrices: np.ndarray, n: int) -> np.ndarray:
    return matrices[..., :n, :n]


def _each(stacked: Any) -> Iterator[Any]:
    for i in range(len(stacked.nodes)):
        yield jax.tree.map(lambda leaf, i=i: leaf[i], stacked)

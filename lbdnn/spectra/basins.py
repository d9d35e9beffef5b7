"""Which attractor each start is drawn to."""

from __future__ import annotations

from typing import NamedTuple

import jax
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Float, Int

from ..networks import Chain, Theta
from .attractors import Observation, checked_starts, observe
from .orbits import trajectory


class Basins(NamedTuple):
    """`label` (b,): which of `attractors` each start is drawn to; −1 if none of them, −2 if it
    escapes. `attractors`: fixed points (1, n) and cycles (period, n) that orbits ended at, the one
    with the most starts first."""

    label: Int[np.ndarray, " b"]
    attractors: list[Float[np.ndarray, "period n"]]


def basins(
    net: Chain,
    theta: Theta,
    starts: Float[ArrayLike, "b n"],
    observation: Observation | None = None,
) -> Basins:
    """The attractor that each start is drawn to, fixed points and cycles, in float64.

    What counts as having ended at a cycle, and as the same one, is stated by `Observation`
    (`tolerance`, `periods`, `apart`). Evidence, not proof: see `region_of_attraction` for that.

    **Raises:** ValueError if the network does not map its inputs to as many outputs, and for no
    starts or starts that are not finite.
    """
    observation = Observation() if observation is None else observation
    with jax.enable_x64(True):
        theta, points = checked_starts(net, theta, starts)
        seen = jax.tree.map(np.asarray, observe(net, theta, points, observation))
        around = np.asarray(trajectory(net, theta, seen.last, observation.periods - 1))
    label = np.where(seen.escaped, -2, -1)
    found: list[np.ndarray] = []
    for i in np.flatnonzero(~seen.escaped & ~seen.repelled & (seen.period > 0)):
        cycle = around[: seen.period[i], i]
        label[i] = next(
            (k for k, other in enumerate(found) if _same(cycle, other, observation)), len(found)
        )
        if label[i] == len(found):
            found.append(cycle)
    sizes = np.array([np.sum(label == k) for k in range(len(found))], int)
    order = np.argsort(-sizes, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    ended = label >= 0
    label[ended] = rank[label[ended]]
    return Basins(label, [found[k] for k in order])


def _same(cycle: np.ndarray, other: np.ndarray, observation: Observation) -> bool:
    """Whether the first point of one is among the points of the other."""
    if len(cycle) != len(other):
        return False
    size = 1 + np.abs(cycle[0]).max()
    return bool(np.min(np.abs(other - cycle[0]).max(-1)) <= observation.apart * size)

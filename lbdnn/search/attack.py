"""The other side of a bound: the largest value found by ascent."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Float

from ..networks import Chain
from ..sets import InputRegion, ParameterRegion
from .ascent import climbs, taken_directions
from .coordinates import matrices, with_biases
from .forms import directions
from .starts import Start, starts

Weights = list[Array]

# All starts make a quarter of the steps; the best quarter of them then makes all of them.
_PARTS = 4
# Problems at a time: more would not fit into a processor's cache.
_TOGETHER = 10


class Witness(NamedTuple):
    """Where a value is attained: value = ‖T(σ, θ)[directions]‖ with unit directions."""

    value: Float[Array, ""]
    sigma: Float[Array, " n"]
    weights: Weights
    directions: tuple


@dataclass(frozen=True)
class Attack:
    r"""Multi-start ascent over σ, θ and the directions of the derivative.

    Spectral projected gradient ascent of log‖form‖ (Birgin, Martínez, Raydan 2000, SIAM J. Optim.
    10): steps along the gradient's part tangential to the sets, of Barzilai and Borwein's lengths,
    which need not increase the value each time. Starts: corners of the box and random points, with
    θ from the sphere, the centre, and chained rank-one perturbations that keep pre-activations
    where slopes are largest; where the ball holds these, the ascent is over matrices and
    pre-activations instead of matrices and biases. The best quarter of the starts goes on after a
    quarter of the steps.

    What it returns is *attained* at the returned witness, so it is a lower bound, whatever the
    ascent did.

    **Arguments:**

    - `starts`: how many, `steps`: of the best of them.
    - `seed`: of the random starts.
    """

    starts: int = 96
    steps: int = 200
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.starts, self.steps) < 1:
            raise ValueError(f"an attack needs at least one start and one step; got {self}")

    def __call__(
        self, net: Chain, quantity: str, inputs: InputRegion, parameters: ParameterRegion
    ) -> Witness:
        """The best witness; a leading axis on every leaf of both regions gives one for each.

        Compiled once for a network and a quantity; in float64, whatever JAX's global setting.
        """
        alone = np.ndim(inputs.lo) == 1
        if alone:
            inputs, parameters = jax.tree.map(lambda x: np.asarray(x)[None], (inputs, parameters))
        with jax.enable_x64(True):
            every = starts(net, self.starts, self.seed, inputs, parameters)
            climb = partial(_climbed, net, quantity, inputs, parameters)
            # Groups of one size throughout: compiled once.
            size = -(-self.starts // _PARTS)
            groups = np.resize(np.arange(self.starts), (_PARTS, 1, size))
            found = [climb(_taken(every, at), -(-self.steps // _PARTS)) for at in groups]
            found = jax.tree.map(lambda *leaves: np.concatenate(leaves, 1), *found)
            order = np.argsort(-found[0], axis=1, kind="stable")
            value, points = climb(_taken(found[1], order[:, :size]), self.steps)
            top = np.argmax(value, axis=1)[:, None]
            best = jax.tree.map(lambda leaf: leaf[:, 0], _taken((value, points), top))
            witness = jax.vmap(partial(_witness, net, quantity))(*best)
        return jax.tree.map(lambda leaf: leaf[0], witness) if alone else witness


def _taken(tree: Any, places: np.ndarray) -> Any:
    """The entries of each leaf (problems, starts, …) at the places (problems or 1, …)."""
    rows = np.arange(len(jax.tree.leaves(tree)[0]))[:, None]
    return jax.tree.map(lambda leaf: np.asarray(leaf)[rows, places], tree)


@partial(jax.jit, static_argnums=(0, 1))
def _witness(net: Chain, quantity: str, value: Array, start: Start) -> Witness:
    weights, _ = with_biases(net, matrices(net, start.coordinates), start.sigma, start.held)
    own = directions(net, quantity, taken_directions(quantity, start))
    return Witness(value, start.sigma, weights, own)


def _climbed(
    net: Chain,
    quantity: str,
    inputs: InputRegion,
    parameters: ParameterRegion,
    start: Start,
    steps: int,
) -> tuple[np.ndarray, Start]:
    """Where the ascents arrive: values (problems, starts) and the points, as starts again."""
    problems = len(inputs.lo)
    size = min(problems, _TOGETHER)
    found = []
    for block in np.resize(np.arange(problems), (-(-problems // size), size)):
        own = jax.tree.map(lambda leaf, at=block: np.asarray(leaf)[at], (inputs, parameters, start))
        found.append(climbs(net, quantity, steps, *own))
    return jax.tree.map(lambda *leaves: np.concatenate(leaves)[:problems], *found)

"""The smallest bound that all methods together prove."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import jax
import numpy as np

from ..networks import Chain
from ..sets import Box, InputRegion, ParameterRegion
from .dissipativity import Dissipation
from .expansion import sup_over_inputs
from .layerwise import Layerwise
from .method import QUANTITIES, Method
from .polynomial import Polynomial


@dataclass(frozen=True)
class Refined:
    """The minimum over all methods; branch and bound over the inputs for fixed parameters.

    - `Polynomial`, `Layerwise` and `Dissipation` over the whole set.
    - Where the parameter set is one point, also `expansion.sup_over_inputs`: boxes of inputs are
      halved until the bound is within `gap` of a value that is attained, or `max_cells` boxes were
      looked at. Ctrl-C ends the search of a quantity with what it has proved so far.

    Cells are counted, not seconds, so that results repeat on any machine.

    **Arguments:**

    - `gap`, `max_cells`: of branch and bound, for each quantity.
    - `levels`, `steps`: of `Dissipation`.
    """

    gap: float = 0.1
    max_cells: int = 20_000
    levels: int = 3
    steps: int = 200

    def __post_init__(self) -> None:
        if self.gap <= 0 or self.max_cells < 1:
            raise ValueError(f"gap must be positive and max_cells at least 1; got {self}")

    def bounds(
        self,
        net: Chain,
        inputs: InputRegion,
        parameters: ParameterRegion,
        quantities: Sequence[str] = QUANTITIES,
    ) -> dict[str, np.ndarray]:
        """See `Method.bounds`.

        Raises ValueError for an operation that no method knows.
        """
        methods: list[Method] = [
            Layerwise(),
            Dissipation(levels=self.levels, steps=self.steps),
        ]
        if all(np.isfinite(a.growth).all() for a in net.activations):
            methods.append(Polynomial())
        found = [m.bounds(net, inputs, parameters, quantities) for m in methods]
        best = {q: np.array(np.fmin.reduce([f[q] for f in found if q in f])) for q in quantities}
        for lane, box, theta in _points(net, inputs, parameters):
            for quantity in quantities:
                best[quantity][lane] = min(
                    best[quantity][lane], self._branched(net, theta, quantity, box)
                )
        return best

    def _branched(self, net: Chain, theta: tuple, quantity: str, box: Box) -> float:
        try:
            found = sup_over_inputs(
                net, theta, quantity, box, gap=self.gap, max_cells=self.max_cells
            )
        except ValueError:  # a network that the search does not know: the others' bound stands
            return np.inf
        return found.upper


def _points(net: Chain, inputs: InputRegion, parameters: ParameterRegion) -> list[tuple]:
    """(index, box, θ) of the regions, one or many, whose parameter set is a single point."""
    many = inputs.lo.ndim == 2
    found = []
    for lane in np.ndindex(*inputs.lo.shape[:-1]):
        own, given = (
            jax.tree.map(lambda x, i=lane: np.asarray(x)[i], r) for r in (parameters, inputs)
        )
        with jax.enable_x64(True):
            fixed = float(own.radius) == 0 or not np.any(np.asarray(own.layer_radii()) > 1e-300)
        if fixed:
            found.append(
                (lane if many else (), Box(given.lo, given.hi), net.with_weights(own.center))
            )
    return found

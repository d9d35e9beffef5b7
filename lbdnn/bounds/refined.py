"""The smallest bound that all methods together prove."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from ..compilation import make_room
from ..networks import Chain
from ..sets import Box, InputRegion, ParameterRegion
from .cover.search import search_cover
from .dissipativity import Dissipation
from .expansion import sup_over_inputs
from .layerwise import Layerwise
from .method import QUANTITIES, Method, widened
from .polynomial import Polynomial


@dataclass(frozen=True)
class Refined:
    """The minimum over all methods, among them branch and bound over the inputs.

    - `Polynomial` (without residual blocks), `Layerwise` and `Dissipation` over the whole set.
    - `expansion.sup_over_inputs`: boxes of inputs are halved until the bound is within `gap` of
      the values at the centre of the parameter set plus what the parameters may add (nothing for a
      single point: then within `gap` of the truth; for large sets more than the other methods'
      bounds, and the search ends at once), or until `max_cells` boxes were looked at. Ctrl-C ends
      the search of a quantity with what it has proved so far.
    - `Interval` over boxes that are halved where the bound is largest (`cover.search`), `cells` of
      them: for sets of parameters where that first way's bound is too large.

    Cells are counted, not seconds, so that results repeat on any machine.

    **Arguments:**

    - `gap`, `max_cells`: of branch and bound, for each quantity; `cells`: of that of `Interval`.
    - `levels`, `steps`: of `Dissipation`, which is tried with each of the levels: the first for all
      sets, the others, which should be more, where the shared radius is above 5 % of the
      largest ‖θ‖.
    """

    gap: float = 0.1
    max_cells: int = 20_000
    cells: int = 30_000
    levels: tuple[int, ...] = (3, 8)
    steps: int = 800

    def __post_init__(self) -> None:
        if self.gap <= 0 or min(self.max_cells, self.cells) < 1:
            raise ValueError(f"gap must be positive, max_cells and cells at least 1; got {self}")
        if not isinstance(self.levels, tuple) or not self.levels:
            raise ValueError(
                f"levels must be a tuple of numbers, such as (3, 8); got {self.levels}"
            )
        for count in self.levels:
            Dissipation(levels=count, steps=self.steps)

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
        dissipated = []
        for method, chosen in self._dissipations(parameters):
            at = chosen if chosen.ndim else ...
            box, region = (
                jax.tree.map(lambda leaf, at=at: np.asarray(leaf)[at], r)
                for r in (inputs, parameters)
            )
            found = method.bounds(net, box, region, quantities)
            every = {q: np.full(chosen.shape, np.inf) for q in found}
            for quantity, bound in found.items():
                every[quantity][at] = bound
            dissipated.append(every)
        return self._smallest(net, inputs, parameters, quantities, dissipated)

    def proved(
        self,
        net: Chain,
        inputs: InputRegion,
        parameters: ParameterRegion,
        quantities: Sequence[str] = QUANTITIES,
    ) -> tuple[dict[str, np.ndarray], dict[str, dict[str, Any]]]:
        """See `Proving.proved`: proofs of the bounds that `Dissipation` gives."""
        tried = [
            method.proved(net, inputs, parameters, quantities)
            for method, _ in self._dissipations(parameters)
        ]
        best = self._smallest(net, inputs, parameters, quantities, [found for found, _ in tried])
        proofs = {}
        for found, own in tried:
            proofs |= {q: proof for q, proof in own.items() if found[q] <= best[q]}
        return best, proofs

    def _dissipations(self, parameters: ParameterRegion) -> list[tuple[Dissipation, np.ndarray]]:
        """Each that is tried, and for which sets: a flag, or one for each of a batch."""
        radius = np.asarray(parameters.radius)
        shared = (radius > 0) & np.isfinite(radius)
        with jax.enable_x64(True):
            largest = jax.vmap(ParameterRegion.norm) if radius.ndim else ParameterRegion.norm
            norm = np.asarray(largest(parameters))
        first, *others = self.levels
        tried = [(first if np.any(shared) else 1, np.ones(radius.shape, bool))]
        tried += [(count, shared & (radius > 0.05 * norm)) for count in others]
        return [
            (Dissipation(levels=count, steps=self.steps), np.asarray(chosen))
            for count, chosen in tried
            if np.any(chosen)
        ]

    def _smallest(
        self,
        net: Chain,
        inputs: InputRegion,
        parameters: ParameterRegion,
        quantities: Sequence[str],
        dissipated: list[dict[str, np.ndarray]],
    ) -> dict[str, np.ndarray]:
        methods: list[Method] = [Layerwise()]
        if not net.residual and all(np.isfinite(a.growth).all() for a in net.activations):
            methods.append(Polynomial())
        found = [*dissipated, *(m.bounds(net, inputs, parameters, quantities) for m in methods)]
        best = {q: np.array(np.fmin.reduce([f[q] for f in found if q in f])) for q in quantities}
        for lane in np.ndindex(*inputs.lo.shape[:-1]):
            box, region = (
                jax.tree.map(lambda x, i=lane: np.asarray(x)[i], r) for r in (inputs, parameters)
            )
            for quantity in quantities:
                for search in (self._covered, self._branched):
                    make_room()
                    known = float(best[quantity][lane])
                    with suppress(ValueError):  # unknown to the search: what is known stands
                        bound = search(net, quantity, box, region, known)
                        best[quantity][lane] = min(known, bound)
        return best

    def _branched(
        self, net: Chain, quantity: str, box: InputRegion, region: ParameterRegion, known: float
    ) -> float:
        return sup_over_inputs(
            net,
            net.with_weights(region.center),
            quantity,
            Box(np.asarray(box.lo), np.asarray(box.hi)),
            parameters=region,
            gap=self.gap,
            max_cells=self.max_cells,
            known=known,
        ).upper

    def _covered(
        self, net: Chain, quantity: str, box: InputRegion, region: ParameterRegion, known: float
    ) -> float:
        found = search_cover(
            net, box, region, quantity, gap=self.gap, max_cells=self.cells, known=known
        )
        return float(widened({quantity: np.asarray(found.upper)})[quantity])

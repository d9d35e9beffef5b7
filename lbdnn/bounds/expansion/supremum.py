"""Branch and bound over the inputs of a network with fixed parameters."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from ...networks import Chain, Theta
from ...search.branching import Cover, Remembered, branch_and_bound
from ...sets import Ball, Box, ParameterRegion, ParameterSet
from .activation_tables import Table, table
from .budget import Budget
from .directions import Directions
from .network import Layers, Shape, read
from .quantities import cells, points, supremum_over_directions
from .sizes import WIDER, vector_norm

_QUANTITIES = ("value", "jacobian", "hessian", "input_jacobian")
# Their derivatives in the parameters.
_HIGHER = {"value": "jacobian", "jacobian": "hessian"}


@dataclass(frozen=True)
class Supremum:
    """`lower` ≤ sup ≤ `upper`; the quantity reaches `lower` at `sigma`.

    `cover` holds the boxes that the bound is made of, `points` how many points were evaluated. With
    a set of parameters `cover.lower` is no value that is reached, but about what the bound comes to
    at best, and decides when to stop: `lower` is reached.
    """

    upper: float
    lower: float
    sigma: Float[np.ndarray, " d"]
    points: int
    cover: Cover


def sup_over_inputs(
    net: Chain,
    theta: Theta,
    quantity: str,
    box: Box,
    *,
    parameters: ParameterSet | ParameterRegion | None = None,
    gap: float = 0.05,
    max_cells: int = 100_000,
    batch: int = 32,
    known: float = math.inf,
) -> Supremum:
    r"""sup over σ in a box of ‖Φ‖, ‖∂Φ/∂θ‖, ‖∂²Φ/∂θ²‖ (operator norm) or ‖∂Φ/∂σ‖, proved.

    Cells are halved until upper ≤ (1 + gap)·lower. On each, the quantity is at most its largest
    value at the vertices plus a bound of what lies between (`quantities.cells`); the values at the
    vertices are exact up to verified bounds and shared between cells.

    With a set of parameters, the supremum is over them too: the values are those at its centre, and
    a bound of how far the quantity moves with the parameters is added (`perturbation`), of first
    order in what each layer gets of the radius, with a bound of the rest. For ‖Φ‖ and ‖∂Φ/∂θ‖,
    where all layers may move alike, the next derivative X is added to the values at the vertices:

        ‖Y(θ + E)‖ ≤ ‖Y(θ)‖ + ‖E‖ (‖X(θ)‖ + ∫₀¹ ‖X(θ + τE) − X(θ)‖ dτ),

    and only how X moves is bounded so. That is for small sets: where the rest takes over, the bound
    grows without limit. Halving cells does not make this part smaller: the search ends within `gap`
    of the largest value at a vertex and this part there together, about what the smallest cells
    would give.

    **Arguments:**

    - `net`, `theta`: a fully connected chain with smooth activations, and its parameters.
    - `quantity`: "value", "jacobian", "hessian" or "input_jacobian".
    - `box`: the inputs.
    - `parameters`: a set of parameters, or None for θ alone.
    - `gap`, `max_cells`: when to stop. `batch`: cells evaluated at a time.
    - `known`: an upper bound from elsewhere; the search ends once it cannot get below.

    **Returns:** a `Supremum`; interrupted by Ctrl-C or out of cells, what is proved so far.

    **Raises:** ValueError for a chain or quantity that it does not handle.
    """
    if quantity not in _QUANTITIES:
        raise ValueError(f"the quantities are {', '.join(_QUANTITIES)}; got {quantity!r}")
    net.validate(theta)
    lo, hi = box.ends(net.inputs)
    with jax.enable_x64(True):
        region = Ball(0.0) if parameters is None else parameters
        if not isinstance(region, ParameterRegion):
            region = region.parameter_region(net, theta)
        shape, layers = read(net, net.with_weights(region.center))
        budget = _budget(region)
        search = _Search(shape, layers, quantity, lo, hi, gap, batch, budget)
        cover = branch_and_bound(
            search.evaluate, lo, hi, gap=gap, max_cells=max_cells, batch=batch, known=known
        )
    return Supremum(cover.upper, search.reached, search.best, len(search.values), cover)


def _budget(region: ParameterRegion) -> Budget | None:
    """The radius and what each layer may have of it at most; None for a single point."""
    entries = [float(vector_norm(jnp.ravel(jnp.asarray(e, float)))) for e in region.entries]
    limits = np.fmin(np.asarray(region.layers, float), np.asarray(entries))
    if region.radius == 0 or not np.any(limits):
        return None
    return Budget(jnp.asarray(float(region.radius)), jnp.asarray(np.fmin(limits, region.radius)))


class _Search:
    def __init__(
        self,
        shape: Shape,
        layers: Layers,
        quantity: str,
        lo: np.ndarray,
        hi: np.ndarray,
        gap: float,
        batch: int,
        budget: Budget | None,
    ) -> None:
        self.shape, self.layers, self.quantity, self.budget = shape, layers, quantity, budget
        self.gap, self.batch, self.best, self.reached = gap, batch, (lo + hi) / 2, 0.0
        # The largest sum of the parts at a point so far, and the point.
        self.most, self.place = 0.0, lo
        # What is bounded, each times a length of a perturbation, and which of them may move.
        self.parts, self.moving = [(quantity, 1.0)], quantity
        if budget is not None and quantity in _HIGHER and _alike(budget):
            self.moving = _HIGHER[quantity]
            self.parts.append((self.moving, _length(budget)))
        self.directions = Directions(shape.outputs, max(gap / 4, 1e-3))
        limits = np.zeros(shape.hidden + 1) if budget is None else np.asarray(budget.limits)
        reach = _reach(shape, layers, limits, lo, hi)
        self.tables: tuple[Table, ...] = tuple(table(a, reach) for a in shape.activations)
        self.values = Remembered(self._points, batch)
        self.corners = np.array(list(product((False, True), repeat=shape.inputs)))

    def evaluate(
        self, lo: np.ndarray, hi: np.ndarray, lower: float
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        added, whole, gain, growth = self._cells(lo, hi)
        reached = self.most + growth if self.most > 0 else 0.0
        upper = np.where(np.isnan(whole), np.inf, whole)
        # A cell that adds more than the wanted bound is halved whatever its vertices say.
        useful = added < (1 + self.gap) * lower
        if lower == 0:
            useful[:] = True
        if np.any(useful):
            vertices = np.where(self.corners, hi[useful][:, None], lo[useful][:, None])
            found = self.values(vertices.reshape(-1, self.shape.inputs))
            own, low, high = (x.reshape(-1, len(self.corners)) for x in found)
            with np.errstate(invalid="ignore"):
                between = np.nextafter(np.max(high, 1) + added[useful], np.inf)
                upper[useful] = np.fmin(upper[useful], between)
            row, corner = np.unravel_index(np.argmax(own), own.shape)
            if own[row, corner] > self.reached:
                self.reached, self.best = float(own[row, corner]), vertices[row, corner]
            row, corner = np.unravel_index(np.argmax(low), low.shape)
            if low[row, corner] > self.most:
                self.most, self.place = float(low[row, corner]), vertices[row, corner]
        reached = self.most if self.budget is None else reached
        return upper, np.full(len(lo), reached), np.argmax(np.where(hi > lo, gain, -1.0), 1)

    def _cells(
        self, lo: np.ndarray, hi: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
        """What is added to the largest value at the vertices, the bound of all at once, the gains
        from halving, and what the parameters may add at `place`."""
        count = len(lo)
        fill = [(0, self.batch - count), (0, 0)]
        middle = lo + (hi - lo) / 2
        half = np.nextafter(np.maximum(hi - middle, middle - lo), np.inf)
        centre, half = (np.pad(x, fill, mode="edge") for x in (middle, half))
        centre, half = np.vstack([centre, self.place]), np.vstack([half, 0 * self.place])
        added, whole, gain = np.zeros(count), np.zeros(count), np.zeros(lo.shape)
        growth = np.zeros(self.batch + 1)
        for quantity, length in self.parts:
            budget = self.budget if quantity == self.moving else None
            found = cells(self.shape, quantity, self.layers, self.tables, budget, centre, half)
            if quantity == self.quantity:
                growth = np.asarray(found.growth.most)
            else:
                growth = length * np.asarray(found.growth.mean)
            added += (length * np.asarray(found.added)[:count] + growth[:count]) * WIDER
            whole += (length * np.asarray(found.whole)[:count] + growth[:count]) * WIDER
            gain += length * np.asarray(found.gain)[:count]
        return added, whole, gain, float(growth[-1])

    def _points(self, sigma: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """At least and at most what the quantity is there, the first also with the parts added."""
        lower, upper = zip(
            *(self._values(quantity, sigma) for quantity, _ in self.parts), strict=True
        )
        lengths = np.array([length for _, length in self.parts])
        return lower[0], lengths @ np.stack(lower), lengths @ np.stack(upper) * WIDER

    def _values(self, quantity: str, sigma: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        vectors = self.directions.vectors
        if quantity != "hessian":  # unused, but its shape counts for the compiler
            vectors = vectors[:1]
        lower, upper = points(
            self.shape, quantity, self.layers, self.tables, jnp.asarray(vectors), sigma
        )
        upper = supremum_over_directions(self.directions, upper)
        return np.max(np.asarray(lower), -1), np.asarray(upper)


def _alike(budget: Budget) -> bool:
    """Whether all layers may have much the same of the radius: the next derivative in the direction
    of a perturbation is bounded by that in the worst of all directions."""
    limits = np.fmin(np.asarray(budget.limits), float(budget.radius))
    return bool(np.min(limits) >= np.max(limits) / 2)


def _length(budget: Budget) -> float:
    """≥ the length of a perturbation."""
    limits = float(vector_norm(budget.limits))
    return min(float(budget.radius), limits) * WIDER


def _reach(
    shape: Shape, layers: Layers, limits: np.ndarray, lo: np.ndarray, hi: np.ndarray
) -> float:
    """A number above every |pre-activation| over both sets: intervals about 0, layer by layer."""

    def moved(j: int, size: np.ndarray) -> float:
        return float(limits[j]) * np.hypot(np.linalg.norm(size), float(layers.ones[j]))

    size = np.abs(layers.scale) * np.maximum(np.abs(lo), np.abs(hi)) + np.abs(layers.offset)
    largest, z = 1.0, np.abs(layers.first) @ size + np.abs(layers.biases[0]) + moved(0, size)
    for j, kind in enumerate(shape.kinds):
        z = z * (1 + 1e-9)
        largest = max(largest, float(np.max(z)))
        ends = shape.activations[kind].enclose(0, jnp.asarray(-z), jnp.asarray(z))
        size = np.maximum(*(np.abs(np.asarray(end)) for end in ends))
        z = np.abs(layers.weights[j]) @ size + np.abs(layers.biases[j + 1]) + moved(j + 1, size)
    return largest * (1 + 1e-6)

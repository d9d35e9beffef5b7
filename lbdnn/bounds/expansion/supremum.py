"""Branch and bound over the inputs of a network with fixed parameters."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from ...networks import Chain, Theta
from ...search.branching import Cover, Remembered, branch_and_bound
from ...sets import Box
from .activation_tables import Table, table
from .directions import Directions
from .network import Layers, Shape, read
from .quantities import cells, points, supremum_over_directions

_QUANTITIES = ("value", "jacobian", "hessian", "input_jacobian")


@dataclass(frozen=True)
class Supremum:
    """`lower` ≤ sup ≤ `upper`; the quantity reaches `lower` at `sigma`.

    `cover` holds the boxes that the bound is made of, `points` how many points were evaluated.
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
    gap: float = 0.05,
    max_cells: int = 100_000,
    batch: int = 32,
) -> Supremum:
    r"""sup over σ in a box of ‖Φ‖, ‖∂Φ/∂θ‖, ‖∂²Φ/∂θ²‖ (operator norm) or ‖∂Φ/∂σ‖, proved.

    Cells are halved until upper ≤ (1 + gap)·lower. On each, the quantity is at most its largest
    value at the vertices plus a bound of what lies between (`quantities.cells`); the values at the
    vertices are exact up to verified bounds and shared between cells.

    **Arguments:**

    - `net`, `theta`: a fully connected chain with smooth activations, and its parameters.
    - `quantity`: "value", "jacobian", "hessian" or "input_jacobian".
    - `box`: the inputs.
    - `gap`, `max_cells`: when to stop. `batch`: cells evaluated at a time.

    **Returns:** a `Supremum`; interrupted by Ctrl-C or out of cells, what is proved so far.

    **Raises:** ValueError for a chain or quantity that it does not handle.
    """
    if quantity not in _QUANTITIES:
        raise ValueError(f"the quantities are {', '.join(_QUANTITIES)}; got {quantity!r}")
    net.validate(theta)
    lo, hi = box.ends(net.inputs)
    with jax.enable_x64(True):
        shape, layers = read(net, theta)
        search = _Search(shape, layers, quantity, lo, hi, gap, batch)
        cover = branch_and_bound(search.evaluate, lo, hi, gap=gap, max_cells=max_cells, batch=batch)
    return Supremum(cover.upper, cover.lower, search.best, len(search.values), cover)


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
    ) -> None:
        self.shape, self.layers, self.quantity = shape, layers, quantity
        self.gap, self.batch, self.best, self._reached = gap, batch, (lo + hi) / 2, -1.0
        self.directions = Directions(shape.outputs, max(gap / 4, 1e-3))
        reach = _reach(shape, layers, lo, hi)
        self.tables: tuple[Table, ...] = tuple(table(a, reach) for a in shape.activations)
        self.values = Remembered(self._points, batch)
        self.corners = np.array(list(product((False, True), repeat=shape.inputs)))

    def evaluate(
        self, lo: np.ndarray, hi: np.ndarray, lower: float
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        count = len(lo)
        fill = [(0, self.batch - count), (0, 0)]
        middle = lo + (hi - lo) / 2
        half = np.nextafter(np.maximum(hi - middle, middle - lo), np.inf)
        found = cells(
            self.shape,
            self.quantity,
            self.layers,
            self.tables,
            np.pad(middle, fill, mode="edge"),
            np.pad(half, fill, mode="edge"),
        )
        added, whole, gain = (np.asarray(x)[:count] for x in found)
        upper, reached = np.where(np.isnan(whole), np.inf, whole), np.zeros(count)
        # A cell that adds more than the wanted bound is halved whatever its vertices say.
        useful = added < (1 + self.gap) * lower
        if lower == 0:
            useful[:] = True
        if np.any(useful):
            vertices = np.where(self.corners, hi[useful][:, None], lo[useful][:, None])
            low, high = self.values(vertices.reshape(-1, self.shape.inputs))
            low, high = (x.reshape(-1, len(self.corners)) for x in (low, high))
            with np.errstate(invalid="ignore"):
                upper[useful] = np.fmin(upper[useful], np.max(high, 1) + added[useful])
            reached[useful] = np.max(low, 1)
            row, corner = np.unravel_index(np.argmax(low), low.shape)
            if low[row, corner] > self._reached:
                self._reached, self.best = low[row, corner], vertices[row, corner]
        return upper, reached, np.argmax(np.where(hi > lo, gain, -1.0), 1)

    def _points(self, sigma: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        vectors = self.directions.vectors
        if self.quantity != "hessian":  # unused, but its shape counts for the compiler
            vectors = vectors[:1]
        lower, upper = points(
            self.shape,
            self.quantity,
            self.layers,
            self.tables,
            jnp.asarray(vectors),
            sigma,
        )
        upper = supremum_over_directions(self.directions, upper)
        return np.max(np.asarray(lower), -1), np.asarray(upper)


def _reach(shape: Shape, layers: Layers, lo: np.ndarray, hi: np.ndarray) -> float:
    """A number above every |pre-activation| over the box: intervals about 0, layer by layer."""
    size = np.abs(layers.scale) * np.maximum(np.abs(lo), np.abs(hi)) + np.abs(layers.offset)
    largest, z = 1.0, np.abs(layers.first) @ size + np.abs(layers.biases[0])
    for j, kind in enumerate(shape.kinds):
        z = z * (1 + 1e-9)
        largest = max(largest, float(np.max(z)))
        ends = shape.activations[kind].enclose(0, jnp.asarray(-z), jnp.asarray(z))
        size = np.maximum(*(np.abs(np.asarray(end)) for end in ends))
        z = np.abs(layers.weights[j]) @ size + np.abs(layers.biases[j + 1])
    return largest * (1 + 1e-6)

"""Whether a quantity is nowhere larger than a number: boxes of inputs, halved where needed."""

from __future__ import annotations

import numpy as np

from .cell_centres import Centres
from .cell_forward import Majorants
from .cell_norms import largest_eigenvalues
from .cell_quantities import Known, hessian_blocks, known_of, over_boxes
from .regions import Inputs
from .spans import NotShown
from .stacked_layers import Stack

_BATCH, _SMALLEST = 256, 2.0**-24
_BLOCKS_LOSE = 3.0


class Subdivision:
    """The boxes of one network over its sets."""

    def __init__(self, stack: Stack, inputs: Inputs) -> None:
        self.stack, self.inputs = stack, inputs
        self.low = np.array([float(s.lo.lower()) for s in inputs.spans])
        self.high = np.array([float(s.hi.upper()) for s in inputs.spans])
        # The nearest floats, and one further out.
        exact = [(float(s.lo), float(s.hi)) for s in inputs.spans]
        rounded = [
            s.lo == lo and s.hi == hi for s, (lo, hi) in zip(inputs.spans, exact, strict=True)
        ]
        self.low = np.where(rounded, self.low, np.nextafter(self.low, -np.inf))
        self.high = np.where(rounded, self.high, np.nextafter(self.high, np.inf))
        self.majorants = Majorants(stack, self.low[None], self.high[None])
        self.moves = _moves(stack)

    def show(self, quantity: str, upper: float, max_cells: int) -> int:
        """How many boxes it took to prove that the quantity is at most `upper`.

        NotShown, with the best bound found, where `max_cells` are not enough or none would be.
        """
        todo_low, todo_high = [self.low], [self.high]
        known = [np.inf]
        count, settled = 0, 0.0
        root = (self.high - self.low) * self.moves
        while todo_low:
            size = min(_BATCH, len(todo_low))
            low, high = np.stack(todo_low[-size:]), np.stack(todo_high[-size:])
            before = np.array(known[-size:])
            del todo_low[-size:], todo_high[-size:], known[-size:]
            count += size
            bound = np.fmin(self._bounds(quantity, low, high, upper), before)
            good = bound <= upper
            settled = max(settled, float(np.max(bound[good], initial=0.0)))
            low, high, bound = low[~good], high[~good], bound[~good]
            if not len(low):
                continue
            length = (high - low) * self.moves
            axis = np.argmax(length, 1)
            row = np.arange(len(low))
            cut = low[row, axis] / 2 + high[row, axis] / 2
            tiny = ~(length[row, axis] > _SMALLEST * np.max(root))
            tiny |= ~((low[row, axis] < cut) & (cut < high[row, axis]))
            if np.any(tiny) or count >= max_cells:
                best = max(settled, float(np.max(bound)), max(known, default=0.0))
                raise NotShown(_why(best, count, bool(np.any(tiny))))
            left, right = high.copy(), low.copy()
            left[row, axis] = right[row, axis] = cut
            for a, b in ((low, left), (right, high)):
                keep = self._meet(a, b)
                todo_low += list(a[keep])
                todo_high += list(b[keep])
                known += bound[keep].tolist()
        return count

    def _bounds(self, quantity: str, low: np.ndarray, high: np.ndarray, upper: float) -> np.ndarray:
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            known = known_of(self.stack, self.majorants, quantity, low, high)
            bound = over_boxes(known, quantity)
            bound = np.where(np.isnan(bound), np.inf, bound)
            if quantity == "hessian":
                self._from_centres(known, bound, upper)
        return bound

    def _from_centres(self, known: Known, bound: np.ndarray, upper: float) -> None:
        """Lowers bounds to `upper` where the blocks together, not each by itself, show it."""
        apart = largest_eigenvalues(hessian_blocks(known)[1])
        limit = upper * (1 - 1e-15) - apart
        # Blocks hardly ever lose more than that; a matter of time only.
        worth = (bound > upper) & (bound - apart < _BLOCKS_LOSE * limit)
        if not np.any(worth):
            return
        centres = Centres(known)
        if not centres.possible:
            return
        for cell in np.flatnonzero(worth):
            if centres.below(int(cell), float(limit[cell])):
                bound[cell] = upper

    def _meet(self, low: np.ndarray, high: np.ndarray) -> np.ndarray:
        """False only for boxes that do not meet the set."""
        if self.inputs.radius is None:
            return np.ones(len(low), bool)
        center = np.array([float(c) for c in self.inputs.center])
        gap = np.maximum(np.maximum(low - center, center - high), 0.0)
        size = np.max(np.abs(low), 1) + np.max(np.abs(high), 1) + np.max(np.abs(center))
        radius = float(self.inputs.radius)
        return ~(np.linalg.norm(gap, axis=1) > radius * (1 + 1e-9) + 1e-9 * size)


def _moves(stack: Stack) -> np.ndarray:
    """How far each input moves what the first activation is applied to."""
    columns = np.eye(stack.layers[0].weight.shape[1])
    for layer in stack.layers:
        if layer.bending.activation is not None:
            break
        columns = layer.weight @ ((layer.bending.inner * layer.bending.outer)[:, None] * columns)
    return np.linalg.norm(columns, axis=0) + 1e-300


def _why(best: float, count: int, tiny: bool) -> str:
    so_far = f"the checker's own bound is {best:.6g} after {count} boxes of inputs"
    return f"{so_far}, and smaller ones would not help" if tiny else so_far

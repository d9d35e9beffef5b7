"""Whether a quantity is nowhere larger than a number: boxes of inputs, halved where needed."""

from __future__ import annotations

from itertools import product

import numpy as np

from .cell_centres import Centres
from .cell_chords import off_chords
from .cell_forward import Majorants
from .cell_growths import Growths, most_growth, shrunk
from .cell_norms import WIDER, largest_eigenvalues, lengths
from .cell_quantities import Known, hessian_blocks, known_of, over_boxes
from .regions import Inputs
from .spans import NotShown
from .stacked_layers import Stack

_BATCH, _SMALLEST = 256, 2.0**-24
# Where a segment from the centre of the set of parameters is divided.
_PARTS = (1 / 3, 2 / 3)
# What quantities are the derivatives of, in the parameters.
_DERIVATIVES = {"value": "jacobian", "jacobian": "hessian"}
# Blocks hardly ever lose more than that, and with more inputs there are too many corners.
_BLOCKS_LOSE, _MOST_INPUTS, _MOST_OUTPUTS = 3.0, 6, 4


class Subdivision:
    """The boxes of one network over its sets."""

    def __init__(self, stack: Stack, inputs: Inputs) -> None:
        self.stack, self.inputs = stack, inputs
        ends = [(float(s.lo), float(s.hi)) for s in inputs.spans]
        exact = [s.lo == lo and s.hi == hi for s, (lo, hi) in zip(inputs.spans, ends, strict=True)]
        low, high = np.array(ends).T
        # The nearest floats, and one further out.
        self.low = np.where(exact, low, np.nextafter(low, -np.inf))
        self.high = np.where(exact, high, np.nextafter(high, np.inf))
        self.majorants = Majorants(stack, self.low[None], self.high[None])
        self.moves = _moves(stack)
        moving = any(layer.radius > 0 for layer in stack.layers)
        if moving and not any(layer.kept for layer in stack.layers):
            self.still = shrunk(stack, 0.0)
            self.parts = [shrunk(stack, part) for part in _PARTS]
        else:
            self.still, self.parts = None, []

    def show(self, quantity: str, upper: float, max_cells: int) -> int:
        """How many boxes it took to prove that the quantity is at most `upper`.

        NotShown, with the best bound found, where `max_cells` are not enough or none would be.
        """
        boxes = [(self.low, self.high, np.inf)]
        corners = Corners(self, upper)
        count, settled = 0, 0.0
        root = np.max((self.high - self.low) * self.moves)
        while boxes:
            batch, boxes = boxes[-_BATCH:], boxes[:-_BATCH]
            low, high = (np.stack([box[end] for box in batch]) for end in (0, 1))
            count += len(batch)
            bound = self._bounds(quantity, low, high, corners)
            bound = np.fmin(bound, [box[2] for box in batch])
            good = bound <= upper
            settled = max(settled, float(np.max(bound[good], initial=0.0)))
            low, high, bound = low[~good], high[~good], bound[~good]
            if not len(low):
                continue
            length = (high - low) * self.moves
            axis, row = np.argmax(length, 1), np.arange(len(low))
            cut = low[row, axis] / 2 + high[row, axis] / 2
            tiny = ~(length[row, axis] > _SMALLEST * root)
            tiny |= ~((low[row, axis] < cut) & (cut < high[row, axis]))
            if np.any(tiny) or count >= max_cells:
                best = max(settled, float(np.max(bound)), *(box[2] for box in boxes), 0.0)
                raise NotShown(_why(best, count, bool(np.any(tiny))))
            left, right = high.copy(), low.copy()
            left[row, axis] = right[row, axis] = cut
            for a, b in ((low, left), (right, high)):
                keep = self._meet(a, b)
                boxes += zip(a[keep], b[keep], bound[keep].tolist(), strict=True)
        return count

    def known(
        self, quantity: str, low: np.ndarray, high: np.ndarray, stack: Stack | None = None
    ) -> Known:
        return known_of(stack or self.stack, self.majorants, quantity, low, high)

    def at_points(self, points: np.ndarray) -> list[tuple[Known, np.ndarray]]:
        """What is known at points, and how far ∂²Φ/∂θ² may be from what is made of its middles:
        with all parameters, and with those of the centre and a bound of how far it moves."""
        whole = self.known("hessian", points, points)
        found = [(whole, _largest(hessian_blocks(whole)[1]))]
        if self.still is not None:
            fixed = self.known("hessian", points, points, self.still)
            known = [self.known("hessian", points, points, part) for part in self.parts]
            moved = most_growth(self.stack, [Growths(x).hessian() for x in [*known, whole]])
            found.append((fixed, _largest(hessian_blocks(fixed)[1]) + moved))
        return found

    def _bounds(
        self, quantity: str, low: np.ndarray, high: np.ndarray, corners: Corners
    ) -> np.ndarray:
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            known = self.known(quantity, low, high)
            bound = over_boxes(known, quantity)
            bound = np.where(np.isnan(bound), np.inf, bound)
            above = bound > corners.upper
            if quantity == "hessian" and np.any(above):
                corners.lower(known, low, high, bound)
            if quantity in _DERIVATIVES and self.still is not None and np.any(above):
                along = self._along_segments(quantity, low[above], high[above])
                bound[above] = np.fmin(bound[above], along)
        return bound

    def _along_segments(self, quantity: str, low: np.ndarray, high: np.ndarray) -> np.ndarray:
        """‖Y(θ + E)‖ ≤ ‖Y(θ)‖ + ‖E‖ times the mean of ‖∂Y/∂θ‖ at θ + τE, 0 ≤ τ ≤ 1."""
        assert self.still is not None

        def over(stack: Stack, quantity: str) -> np.ndarray:
            return over_boxes(self.known(quantity, low, high, stack), quantity)

        derivative = _DERIVATIVES[quantity]
        steep = np.mean([over(part, derivative) for part in [*self.parts, self.stack]], 0)
        radii = np.array([layer.radius for layer in self.stack.layers])
        length = min(self.stack.shared, float(lengths(radii)))
        bound = (over(self.still, quantity) + length * steep) * WIDER
        return np.where(np.isnan(bound), np.inf, bound)

    def _meet(self, low: np.ndarray, high: np.ndarray) -> np.ndarray:
        """False only for boxes that do not meet the set."""
        if self.inputs.radius is None:
            return np.ones(len(low), bool)
        center = np.array([float(c) for c in self.inputs.center])
        gap = np.maximum(np.maximum(low - center, center - high), 0.0)
        size = np.max(np.abs(low), 1) + np.max(np.abs(high), 1) + np.max(np.abs(center))
        radius = float(self.inputs.radius)
        return ~(np.linalg.norm(gap, axis=1) > radius * (1 + 1e-9) + 1e-9 * size)


class Corners:
    """Whether ∂²Φ/∂θ² is at most `upper`, from norms at middles and corners of boxes.

    Of each corner it is kept which bounds were proved there and which could not be.
    """

    def __init__(self, boxes: Subdivision, upper: float) -> None:
        self.boxes, self.upper = boxes, upper
        self.shown: dict[bytes, float] = {}
        self.failed: dict[bytes, float] = {}
        inputs = len(boxes.low)
        few = inputs <= _MOST_INPUTS
        self.places = np.array(list(product((False, True), repeat=inputs))) if few else None

    def lower(self, known: Known, low: np.ndarray, high: np.ndarray, bound: np.ndarray) -> None:
        """Lowers bounds to `upper` where blocks together, not each by itself, show that: at the
        middle and with what the box adds, or at corners and with what is between."""
        if known.ahead.low.shape[1] > _MOST_OUTPUTS:
            return
        apart = _largest(hessian_blocks(known)[1])
        between = np.full(len(low), np.inf)
        if self.places is not None:
            between = off_chords(known, np.maximum(high / 2 - low / 2, 0.0) * (1 + 1e-9))
        # A bound that even the middle can hardly have is not tried: a matter of time only.
        least = (bound - apart) / _BLOCKS_LOSE
        limit = self.upper * (1 - 1e-15) - np.fmin(apart, between)
        worth = (bound > self.upper) & (limit > least) & (limit > 0.4 * self.upper)
        nearer = between < apart
        cells = np.flatnonzero(worth & nearer)
        if len(cells):
            bound[cells[self._corners_below(low[cells], high[cells], limit[cells])]] = self.upper
        cells = np.flatnonzero(worth & ~nearer)
        if len(cells):
            centres = Centres(known)
            good = [centres.below(int(cell), float(limit[cell])) for cell in cells]
            bound[cells[good]] = self.upper

    def _corners_below(self, low: np.ndarray, high: np.ndarray, limit: np.ndarray) -> np.ndarray:
        """Whether the norm is at most `limit` at all corners of each box."""
        assert self.places is not None
        # Few different limits, so that they are met again at corners of other boxes.
        slack = np.maximum(self.upper - limit, 1e-4 * self.upper)
        step = np.ceil(4 * np.log2(slack / self.upper) + 1e-9) / 4
        limit = np.minimum(self.upper * (1 - 2.0**step), limit)
        points = np.where(self.places, high[:, None], low[:, None])  # (c, corners, d)
        keys = [[point.tobytes() for point in own] for own in points]
        asked: dict[bytes, tuple[float, np.ndarray]] = {}
        for own, row, t in zip(points, keys, limit.tolist(), strict=True):
            if any(self.failed.get(key, -1.0) >= t for key in row):
                continue
            for point, key in zip(own, row, strict=True):
                before = asked.get(key, (np.inf, point))[0]
                if self.shown.get(key, np.inf) > t and before > t:
                    asked[key] = (t, point)
        names = list(asked)
        for start in range(0, len(names), _BATCH):
            self._look(names[start : start + _BATCH], asked)
        return np.array(
            [
                all(self.shown.get(key, np.inf) <= t for key in row)
                for row, t in zip(keys, limit.tolist(), strict=True)
            ]
        )

    def _look(self, names: list[bytes], asked: dict[bytes, tuple[float, np.ndarray]]) -> None:
        points = np.stack([asked[key][1] for key in names])
        ways = self.boxes.at_points(points)
        centres = [Centres(known) for known, _ in ways]
        for cell, key in enumerate(names):
            t = asked[key][0]
            apart, best = min((float(apart[cell]), k) for k, (_, apart) in enumerate(ways))
            if centres[best].below(cell, t - apart * (1 + 1e-15)):
                self.shown[key] = t
            else:
                self.failed[key] = max(t, self.failed.get(key, -1.0))


def _largest(blocks: np.ndarray) -> np.ndarray:
    return largest_eigenvalues(np.where(np.isfinite(blocks), blocks, 1e100))


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

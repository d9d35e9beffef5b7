"""Branch and bound over boxes: an upper bound of a supremum, at any time."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

Boxes = Float[np.ndarray, "b d"]
Evaluate = Callable[
    [Boxes, Boxes, float],
    tuple[Float[np.ndarray, " b"], Float[np.ndarray, " b"], Int[np.ndarray, " b"]],
]


@dataclass(frozen=True)
class Cover:
    """Boxes that cover the root, each with an upper bound of the function over it.

    `upper` is the largest of `bound`, `lower` the largest of what `evaluate` said cannot be
    undercut; `cells` boxes were evaluated in all. `finished` says whether the wanted gap was
    reached.
    """

    upper: float
    lower: float
    cells: int
    finished: bool
    lo: Boxes
    hi: Boxes
    bound: Float[np.ndarray, " b"]

    @property
    def leaves(self) -> int:
        return len(self.bound)


def branch_and_bound(
    evaluate: Evaluate,
    lo: Float[np.ndarray, " d"],
    hi: Float[np.ndarray, " d"],
    *,
    gap: float = 0.05,
    max_cells: int = 100_000,
    batch: int = 64,
    lower: float = 0.0,
    known: float = np.inf,
) -> Cover:
    r"""sup f over the box [lo, hi] for f ≥ 0: the boxes with the largest bounds are halved next.

    **Arguments:**

    - `evaluate(lo, hi, lower)`: for boxes (b, d), b ≤ batch, and what is known to be reached:
      upper bounds of f over each (inf or NaN if none is found), what no such bound can undercut
      (a value that f reaches, or what the bounds come to on the smallest boxes; 0 if unknown), and
      the coordinate to halve. The order of f's size is all that is asked of the bounds: a box
      gets no larger bound than the box it comes from.
    - `gap`: stop when upper ≤ (1 + gap)·lower.
    - `max_cells`: stop after so many boxes; `batch` boxes are evaluated at a time.
    - `lower`: a value that is known beforehand not to be undercut.
    - `known`: an upper bound from elsewhere; stop as soon as it cannot be improved.

    **Returns:** a `Cover`. It stops early, with what is proved so far, on KeyboardInterrupt.

    **Raises:** ValueError for an empty box or a budget of less than one box.
    """
    lo, hi = np.asarray(lo, np.float64), np.asarray(hi, np.float64)
    if lo.ndim != 1 or lo.shape != hi.shape or not np.all(lo <= hi):
        raise ValueError(f"a box needs two vectors of one length with lo <= hi; got {lo}, {hi}")
    if max_cells < 1 or batch < 2 or not gap >= 0:
        raise ValueError(
            f"branch and bound needs max_cells >= 1, batch >= 2 and gap >= 0; got {max_cells}, "
            f"{batch}, {gap}"
        )
    order = itertools.count(1)
    heap: list[tuple] = [(-np.inf, 0, lo, hi, -1)]
    cells = 0
    try:
        while cells < max_cells and -heap[0][0] > (1 + gap) * lower and lower < known:
            # An interrupt may come anywhere: `heap` covers the root at all times.
            rest = list(heap)
            children = _children(rest, (1 + gap) * lower, min(batch, max_cells - cells), cells == 0)
            if not children:
                break
            found, reached, axis = evaluate(
                np.stack([x[1] for x in children]), np.stack([x[2] for x in children]), lower
            )
            for (above, low, high), bound, split in zip(children, found, axis, strict=True):
                own = np.inf if np.isnan(bound) else float(bound)
                heapq.heappush(rest, (max(above, -own), next(order), low, high, int(split)))
            heap, cells = rest, cells + len(children)
            lower = max(lower, float(np.max(reached)))
    except KeyboardInterrupt:
        pass
    bounds = np.array([-one[0] for one in heap])
    return Cover(
        float(np.max(bounds)),
        float(lower),
        cells,
        bool(np.isfinite(np.max(bounds)) and np.max(bounds) <= (1 + gap) * lower),
        np.stack([one[2] for one in heap]),
        np.stack([one[3] for one in heap]),
        bounds,
    )


def _children(rest: list[tuple], wanted: float, room: int, root: bool) -> list[tuple]:
    """(−bound of the parent, lo, hi) of the next boxes to evaluate, taken from the heap `rest`."""
    if root:
        above, _, lo, hi, _ = heapq.heappop(rest)
        return [(above, lo, hi)]
    children: list[tuple] = []
    while rest and len(children) + 2 <= room and -rest[0][0] > wanted:
        above, _, lo, hi, axis = rest[0]
        middle = lo[axis] + (hi[axis] - lo[axis]) / 2
        if not lo[axis] < middle < hi[axis]:
            break  # no number lies between the ends
        heapq.heappop(rest)
        left, right = hi.copy(), lo.copy()
        left[axis] = right[axis] = middle
        children += [(above, lo, left), (above, right, hi)]
    return children


class Remembered:
    """Values of a function at points, each computed once, in batches of one size.

    `function` takes points (batch, d) and returns an array, or a tuple of arrays, of leading axis
    batch. Points are the same where their floats are.
    """

    def __init__(
        self, function: Callable[[np.ndarray], tuple[np.ndarray, ...]], batch: int
    ) -> None:
        self._function, self._batch = function, batch
        self._known: dict[bytes, tuple] = {}

    def __len__(self) -> int:
        return len(self._known)

    def __call__(self, points: Float[np.ndarray, "b d"]) -> list[np.ndarray]:
        points = np.ascontiguousarray(points + 0.0)  # −0.0 is 0.0
        keys = [point.tobytes() for point in points]
        new = list({key: at for at, key in enumerate(keys) if key not in self._known}.values())
        for start in range(0, len(new), self._batch):
            chosen = new[start : start + self._batch]
            padded = chosen + [chosen[0]] * (self._batch - len(chosen))
            values = self._function(points[padded])
            for place, at in enumerate(chosen):
                self._known[keys[at]] = tuple(np.asarray(v)[place] for v in values)
        return [
            np.stack(column) for column in zip(*(self._known[key] for key in keys), strict=True)
        ]

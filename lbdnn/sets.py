"""The sets a statement speaks about: of inputs, and of parameters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Numbers = float | Sequence[float] | np.ndarray


@dataclass(frozen=True)
class Box:
    """{x : lo ≤ x ≤ hi}, entrywise; scalars stand for every entry. As a set of inputs."""

    lo: Numbers
    hi: Numbers

    def __post_init__(self) -> None:
        lo, hi = np.asarray(self.lo, float), np.asarray(self.hi, float)
        if not (np.all(np.isfinite(lo)) and np.all(np.isfinite(hi))):
            raise ValueError("a box needs finite ends; got NaN or infinity")
        if lo.ndim > 1 or hi.ndim > 1:
            raise ValueError("a box takes scalars or one value per input")
        if lo.ndim == hi.ndim == 1 and lo.shape != hi.shape:
            raise ValueError(f"a box with {lo.size} lower and {hi.size} upper ends")
        if np.any(lo > hi):
            raise ValueError(f"a box needs lo <= hi; got lo = {self.lo}, hi = {self.hi}")

    def ends(self, n: int) -> tuple[np.ndarray, np.ndarray]:
        """(lo, hi), each (n,), float64."""
        for end in (self.lo, self.hi):
            if np.ndim(end) == 1 and len(np.asarray(end)) != n:
                raise ValueError(f"the network has {n} inputs; the box has {len(np.asarray(end))}")
        return tuple(np.broadcast_to(np.asarray(e, float), (n,)).copy() for e in (self.lo, self.hi))  # pyright: ignore


@dataclass(frozen=True)
class Ball:
    """{θ : ‖θ − center‖₂ ≤ radius}; `center` None means the given parameters, 0 the origin."""

    radius: float
    center: Any = None

    def __post_init__(self) -> None:
        _check_radius(self.radius)


@dataclass(frozen=True)
class LayerBalls:
    """{θ : ‖V_j − V_j,c‖_F ≤ radii[j] for every layer j}."""

    radii: Sequence[float]
    center: Any = None

    def __post_init__(self) -> None:
        for radius in self.radii:
            _check_radius(radius)


def _check_radius(radius: float) -> None:
    if not (math.isfinite(radius) and radius >= 0):
        raise ValueError(f"a radius must be a finite number >= 0; got {radius}")

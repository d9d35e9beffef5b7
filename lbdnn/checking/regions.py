"""The sets in exact numbers, and points of theirs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from flint import arb, arb_mat

from ..networks import Chain, Theta
from ..sets import Ball, Box, LayerBalls
from .definiteness import euclidean, spectral_norm
from .spans import NotShown, Span

# A witness may be outside by what rounding did to it; it is moved into the set, exactly.
_ROUNDED = arb(1e-9)
_ULPS = arb(2) ** -48


class Refused(Exception):
    """What makes a certificate or a part of it wrong, in one clause."""


@dataclass(frozen=True)
class Inputs:
    """Entrywise [lo, hi], and within a radius of the centre where that is not None."""

    spans: list[Span]
    center: list[arb]
    radius: arb | None

    def norm(self) -> arb:
        """An upper bound of ‖σ‖."""
        corner = euclidean([span.magnitude() for span in self.spans])
        if self.radius is None:
            return corner
        reach = (euclidean([abs(c).upper() for c in self.center]) + self.radius).upper()
        return reach if reach < corner else corner

    def moved_in(self, sigma: list[float]) -> list[arb]:
        """The point, moved into the set where rounding put it outside; Refused where it is far."""
        point = _finite(sigma, len(self.spans), "sigma")
        if self.radius is not None:
            return _into_ball(point, self.center, self.radius, "sigma")
        return [_into_span(x, span, "sigma") for x, span in zip(point, self.spans, strict=True)]


@dataclass(frozen=True)
class Parameters:
    """{θ : ‖θ − c‖ ≤ radius, ‖V_j − c_j‖ ≤ radii[j], |θ − c| ≤ half}; None where unlimited.

    c and half are given as vectors, in the order of `net.ravel`.
    """

    shapes: list[tuple[int, int]]
    center: list[arb]
    radius: arb | None
    radii: list[arb] | None
    half: list[arb] | None

    def split(self, vector: list[arb]) -> list[arb_mat]:
        """As the matrices V_jᵀ."""
        found, start = [], 0
        for rows, columns in self.shapes:
            size = rows * columns
            found.append(arb_mat(rows, columns, vector[start : start + size]))
            start += size
        return found

    @cached_property
    def centers(self) -> list[arb_mat]:
        """The centre as the matrices V_jᵀ."""
        return self.split(self.center)

    @cached_property
    def norms(self) -> list[arb]:
        """Upper bounds of ‖V_j‖₂ at the centre."""
        return [spectral_norm(v) for v in self.centers]

    def layer_radii(self) -> list[arb]:
        """Upper bounds of ‖V_j − c_j‖."""
        if self.half is not None:
            each = self.split(self.half)
            return [euclidean([x for row in m.tolist() for x in row]) for m in each]
        if self.radii is not None:
            return self.radii
        assert self.radius is not None
        return [self.radius] * len(self.shapes)

    def row_radii(self, layer: int) -> list[arb]:
        """Upper bounds of how far the rows of V_jᵀ are from those of the centre."""
        if self.half is not None:
            return [euclidean(row) for row in self.split(self.half)[layer].tolist()]
        return [self.layer_radii()[layer]] * self.shapes[layer][0]

    def reach(self) -> arb:
        """An upper bound of ‖θ − c‖."""
        return self.radius if self.radius is not None else euclidean(self.layer_radii())

    def moved_in(self, theta: list[float]) -> list[arb]:
        """As `Inputs.moved_in`."""
        point = _finite(theta, len(self.center), "theta")
        if self.half is not None:
            spans = [Span(c - h, c + h) for c, h in zip(self.center, self.half, strict=True)]
            return [_into_span(x, span, "theta") for x, span in zip(point, spans, strict=True)]
        if self.radius is not None:
            return _into_ball(point, self.center, self.radius, "theta")
        assert self.radii is not None
        found, start = [], 0
        for (rows, columns), radius in zip(self.shapes, self.radii, strict=True):
            own = slice(start, start + rows * columns)
            found += _into_ball(point[own], self.center[own], radius, "theta")
            start += rows * columns
        return found


def inputs_of(region: Any, net: Chain) -> Inputs:
    """A set of inputs in exact numbers."""
    if isinstance(region, Box):
        lo, hi = (_exact(end) for end in region.ends(net.inputs))
        center = [(a + b) / 2 for a, b in zip(lo, hi, strict=True)]
        return Inputs([Span(a, b) for a, b in zip(lo, hi, strict=True)], center, None)
    if isinstance(region, Ball):
        center = _vector(region.center, net.inputs)
        radius = arb(float(region.radius))
        return Inputs([Span(c - radius, c + radius) for c in center], center, radius)
    raise Refused(f"{type(region).__name__} is no set of inputs")


def parameters_of(region: Any, net: Chain, theta: Theta) -> Parameters:
    """A set of parameters in exact numbers."""
    shapes = [a.shape for a in net.affine]
    if isinstance(region, Box):
        lo, hi = (_exact(end) for end in region.ends(net.size, "parameter"))
        center = [(a + b) / 2 for a, b in zip(lo, hi, strict=True)]
        half = [(b - a) / 2 for a, b in zip(lo, hi, strict=True)]
        return Parameters(shapes, center, None, None, half)
    if not isinstance(region, Ball | LayerBalls):
        raise Refused(f"{type(region).__name__} is no set of parameters")
    if region.center is None:
        leaves = [np.asarray(w, np.float64).ravel() for w in net.weights(theta)]
        center = _exact(np.concatenate(leaves))
    else:
        center = _vector(region.center, net.size)
    if isinstance(region, Ball):
        return Parameters(shapes, center, arb(float(region.radius)), None, None)
    radii = _exact(np.asarray(region.radii, float))
    if len(radii) != len(shapes):
        raise Refused(f"the network has {len(shapes)} layers, the set {len(radii)} radii")
    return Parameters(shapes, center, None, radii, None)


def _exact(values: np.ndarray) -> list[arb]:
    return [arb(x) for x in values.tolist()]


def _vector(value: Any, n: int) -> list[arb]:
    array = np.asarray(0.0 if value is None else value, float)
    if array.ndim == 1 and len(array) != n:
        raise Refused(f"the centre of a set has {len(array)} entries in place of {n}")
    if not np.all(np.isfinite(array)):
        raise Refused("the centre of a set holds NaN or infinity")
    return _exact(np.broadcast_to(array, (n,)))


def _finite(values: Any, n: int, name: str) -> list[arb]:
    if not isinstance(values, list) or len(values) != n:
        raise Refused(f"the witness's {name} is no list of {n} numbers")
    if not all(isinstance(x, float) and np.isfinite(x) for x in values):
        raise Refused(f"the witness's {name} holds something that is no finite number")
    return [arb(x) for x in values]


def _into_span(x: arb, span: Span, name: str) -> arb:
    lo, hi = span
    room = _ROUNDED * (hi - lo) + _ULPS * abs(lo).max(abs(hi))
    if x < lo - room or x > hi + room:
        raise Refused(f"the witness's {name} lies outside the set")
    return x.max(lo).min(hi)


def _into_ball(point: list[arb], center: list[arb], radius: arb, name: str) -> list[arb]:
    shift = [x - c for x, c in zip(point, center, strict=True)]
    length = sum((s * s for s in shift), arb(0)).sqrt()
    size = sum((c * c for c in center), arb(0)).sqrt()
    if length > radius + _ROUNDED * radius + _ULPS * size:
        raise Refused(f"the witness's {name} lies outside the set")
    if length <= radius:
        return point
    if radius == 0:
        return center
    factor = radius / length
    if not factor.is_finite():
        raise NotShown(f"whether the witness's {name} lies in the set is not decided")
    factor = factor.min(arb(1))
    return [c + s * factor for c, s in zip(center, shift, strict=True)]

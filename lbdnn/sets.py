"""The sets a statement speaks about: of inputs, and of parameters.

Users write `Box`, `Ball` and `LayerBalls`; methods read their common forms, `InputRegion` and
`ParameterRegion`, pytrees of arrays that can be batched.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .intervals import euclidean, up
from .networks import Chain, Theta

Numbers = float | Sequence[float] | np.ndarray


class InputRegion(NamedTuple):
    """{σ : lo ≤ σ ≤ hi, ‖σ − center‖₂ ≤ radius}; lo, hi, center (n,), radius () maybe inf."""

    lo: Float[Array, " n"]
    hi: Float[Array, " n"]
    center: Float[Array, " n"]
    radius: Float[Array, ""]

    def norm(self) -> Float[Array, ""]:
        """An upper bound of ‖σ‖₂ over the region."""
        corner = euclidean(jnp.maximum(jnp.abs(self.lo), jnp.abs(self.hi)))
        return jnp.minimum(corner, up(euclidean(self.center) + self.radius))

    def project(self, sigma: Float[Array, " n"]) -> Float[Array, " n"]:
        """A point of the region near σ (the nearest for a box or a ball)."""
        shift = jnp.clip(sigma, self.lo, self.hi) - self.center
        return self.center + shift * _shrink(jnp.linalg.norm(shift), self.radius)


class ParameterRegion(NamedTuple):
    """{θ : ‖θ − c‖₂ ≤ radius, ‖V_j − c_j‖_F ≤ layers[j], |θ − c| ≤ entries}.

    `center` and `entries` are lists of the matrices V_jᵀ; unused limits are infinite.
    """

    center: list[Float[Array, "n_out n_in"]]
    radius: Float[Array, ""]
    layers: Float[Array, " k"]
    entries: list[Float[Array, "n_out n_in"]]

    def layer_radii(self) -> Float[Array, " k"]:
        """Upper bounds of ‖V_j − c_j‖_F over the region, one a layer."""
        own = jnp.stack([euclidean(entry) for entry in self.entries])
        return jnp.minimum(jnp.minimum(self.layers, own), self.radius)

    def norm(self) -> Float[Array, ""]:
        """An upper bound of ‖θ‖₂ over the region."""
        center = euclidean(jnp.stack([euclidean(c) for c in self.center]))
        return up(center + self.reach())

    def reach(self) -> Float[Array, ""]:
        """An upper bound of ‖θ − c‖₂ over the region."""
        return jnp.minimum(self.radius, euclidean(self.layer_radii()))

    def project(self, weights: Sequence[Array]) -> list[Array]:
        """A point of the region near the given weights."""
        shifts = []
        for w, c, entry, limit in zip(weights, self.center, self.entries, self.layers, strict=True):
            shift = jnp.clip(w - c, -entry, entry)
            shifts.append(shift * _shrink(jnp.linalg.norm(shift), limit))
        total = jnp.sqrt(sum(jnp.sum(s**2) for s in shifts))
        return [
            c + s * _shrink(total, self.radius) for c, s in zip(self.center, shifts, strict=True)
        ]


def _shrink(norm: Array, limit: Array) -> Array:
    # The guard keeps inf/0 and 0/0 out of the value and of its derivative.
    inside = norm <= limit
    return jnp.where(inside, 1.0, limit / jnp.where(inside, 1.0, norm))


@dataclass(frozen=True)
class Box:
    """{x : lo ≤ x ≤ hi}, entrywise; scalars stand for every entry.

    As a set of inputs `lo` and `hi` are scalars or (n,); as a set of parameters scalars or
    vectors (p,) in the order of `net.ravel`.
    """

    lo: Numbers
    hi: Numbers

    def __post_init__(self) -> None:
        lo, hi = np.asarray(self.lo, float), np.asarray(self.hi, float)
        if lo.ndim > 1 or hi.ndim > 1 or (lo.ndim == hi.ndim == 1 and lo.shape != hi.shape):
            raise ValueError(
                f"a box takes scalars or one value per entry; got shapes {lo.shape} and {hi.shape}"
            )
        if not (np.all(np.isfinite(lo)) and np.all(np.isfinite(hi))):
            raise ValueError("a box needs finite ends; got NaN or infinity")
        if np.any(lo > hi):
            raise ValueError(f"a box needs lo <= hi; got lo = {self.lo}, hi = {self.hi}")

    def ends(self, size: int, what: str = "input") -> tuple[np.ndarray, np.ndarray]:
        """(lo, hi), each (size,), float64."""
        return _vector(self.lo, size, what), _vector(self.hi, size, what)

    def input_region(self, net: Chain) -> InputRegion:
        lo, hi = self.ends(net.inputs)
        lo, hi = normal_below(lo), normal_above(hi)
        return InputRegion._make((lo, hi, (lo + hi) / 2, np.float64(math.inf)))

    def parameter_region(self, net: Chain, theta: Theta) -> ParameterRegion:
        lo, hi = self.ends(net.size, "parameter")
        center = (lo + hi) / 2
        # The rounded centre moves; the half-width covers both ends from where it landed.
        half = np.maximum(hi - center, center - lo)
        return _normal(_split(net, center), math.inf, _infinite(net), _split(net, half))


@dataclass(frozen=True)
class Ball:
    """{x : ‖x − center‖₂ ≤ radius}.

    As a set of parameters: `center` None means the given parameters θ, 0 the origin, else
    parameters of the network or a vector (p,). As a set of inputs: None and 0 mean the origin.
    """

    radius: float
    center: Any = None

    def __post_init__(self) -> None:
        _check_radius(self.radius)

    def input_region(self, net: Chain) -> InputRegion:
        center = _vector(0.0 if self.center is None else self.center, net.inputs, "input")
        # Subnormal numbers count as 0 in compiled code, and the ends of the box are rounded.
        lost = _TINY * np.sum((center != 0) & (np.abs(center) < _TINY))
        center = np.where(np.abs(center) < _TINY, 0.0, center)
        radius = normal_above(np.asarray(self.radius + lost))
        lo, hi = center - radius, center + radius
        if radius > 0:
            lo, hi = np.nextafter(lo, -np.inf), np.nextafter(hi, np.inf)
        return InputRegion._make((normal_below(lo), normal_above(hi), center, radius))

    def parameter_region(self, net: Chain, theta: Theta) -> ParameterRegion:
        center = _center(net, theta, self.center)
        return _normal(center, self.radius, _infinite(net), _unbounded(net))


@dataclass(frozen=True)
class LayerBalls:
    """{θ : ‖V_j − V_j,c‖_F ≤ radii[j] for every layer j}; `center` as for `Ball`."""

    radii: Sequence[float]
    center: Any = None

    def __post_init__(self) -> None:
        if np.ndim(self.radii) != 1:
            raise ValueError(
                f"LayerBalls takes a list of radii, one a layer; got {self.radii!r}; for one "
                "radius of all parameters together use Ball"
            )
        for radius in self.radii:
            _check_radius(radius)

    def parameter_region(self, net: Chain, theta: Theta) -> ParameterRegion:
        if len(self.radii) != len(net.affine):
            raise ValueError(
                f"the network has {len(net.affine)} layers; LayerBalls has {len(self.radii)} radii"
            )
        center = _center(net, theta, self.center)
        radii = np.asarray(self.radii, float)
        return _normal(center, math.inf, radii, _unbounded(net))


# The smallest normal number.
_TINY = float(np.finfo(np.float64).tiny)


def normal_below(x: np.ndarray) -> np.ndarray:
    """x, subnormal numbers moved down to 0 or the largest negative normal one."""
    return np.where((x != 0) & (np.abs(x) < _TINY), np.where(x > 0, 0.0, -_TINY), x)


def normal_above(x: np.ndarray) -> np.ndarray:
    """x, subnormal numbers moved up to 0 or the smallest positive normal one."""
    return -normal_below(-x)


def _normal(
    center: list[np.ndarray], radius: float, layers: np.ndarray, entries: list[np.ndarray]
) -> ParameterRegion:
    """The region, or a slightly larger one, without subnormal numbers: compiled code takes them
    for 0."""
    lost = [(c != 0) & (np.abs(c) < _TINY) for c in center]
    moved = np.array([float(np.sum(one)) for one in lost]) * _TINY
    return ParameterRegion._make(
        (
            [np.where(one, 0.0, c) for one, c in zip(lost, center, strict=True)],
            normal_above(np.asarray(radius + np.sum(moved))),
            normal_above(layers + moved),
            [normal_above(e + one * _TINY) for e, one in zip(entries, lost, strict=True)],
        )
    )


InputSet = Box | Ball
ParameterSet = Ball | LayerBalls | Box


def _check_radius(radius: float) -> None:
    if not (isinstance(radius, Real) and math.isfinite(radius) and radius >= 0):
        raise ValueError(f"a radius must be a finite number >= 0; got {radius!r}")


def _vector(value: Numbers, size: int, what: str) -> np.ndarray:
    array = np.asarray(value, float)
    if array.ndim > 1:
        raise ValueError(f"the set has an array of shape {array.shape}; pass a vector or a scalar")
    if not np.all(np.isfinite(array)):
        raise ValueError("the set has NaN or infinity in it; pass finite numbers")
    if array.ndim == 1 and len(array) != size:
        raise ValueError(f"the network has {size} {what}s; the set has {len(array)}")
    return np.broadcast_to(array, (size,)).copy()


def _center(net: Chain, theta: Theta, center: Any) -> list[np.ndarray]:
    if center is None:
        center = theta
    if isinstance(center, tuple | list) and not all(isinstance(x, Real) for x in center):
        center = tuple(center)
        net.validate(center)
        return [np.asarray(w, np.float64) for w in net.weights(center)]
    return _split(net, _vector(center, net.size, "parameter"))


def _split(net: Chain, vector: np.ndarray) -> list[np.ndarray]:
    ends = np.cumsum([math.prod(a.shape) for a in net.affine])[:-1]
    pieces = np.split(vector, ends)
    return [piece.reshape(a.shape) for piece, a in zip(pieces, net.affine, strict=True)]


def _infinite(net: Chain) -> np.ndarray:
    return np.full(len(net.affine), math.inf)


def _unbounded(net: Chain) -> list[np.ndarray]:
    return [np.full(a.shape, math.inf) for a in net.affine]


def batch(regions: Sequence[Any]) -> Any:
    """Regions of one network as one region with a leading axis, for `jax.vmap`."""
    return jax.tree.map(lambda *leaves: np.stack(leaves), *regions)

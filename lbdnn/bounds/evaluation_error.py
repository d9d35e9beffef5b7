"""How far a network that is evaluated in floating point is from the real one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, DTypeLike

from ..activations import Activation
from ..compilation import QUICK
from ..intervals import Interval, euclidean, up
from ..networks import Affine, Chain, Pointwise, Residual, Scaling, Theta
from ..networks.operations import Operation
from ..sets import InputRegion, InputSet, ParameterRegion, ParameterSet
from .layers import image, magnitude, through_affine
from .problem import checked_regions

# An activation is off by at most so many half-ulps of |ς| + |z||ς'|; the worst measured are 14.
_HALF_ULPS = 24
# What an exponential that underflows may take from a product, in smallest normal numbers.
_FLOOR = 1e9


def evaluation_error(
    net: Chain,
    theta: Theta,
    *,
    inputs: InputSet,
    parameters: ParameterSet | None = None,
    dtype: DTypeLike = np.float32,
) -> float:
    r"""sup ‖Φ̂(σ, θ) − Φ(σ, θ)‖₂, Φ̂ the network as deployed: σ and θ rounded to `dtype`, then all
    operations in it, one after the other, sums in any order.

    For each operation x ↦ y, entry by entry, with |x̂ − x| ≤ e, u half the distance from 1 to the
    next number, γ_n = nu/(1 − nu) (Higham 2002, §3.1):

    - affine, V = [W, b], n columns: |V|[e; 0] + δ[|x| + e; 1] + γ_{n+2}(|V| + δ)[|x| + e; 1], where
      δ is the rounding of the weights themselves;
    - activation: sup|ς'|·e over all that x̂ can be, and its own error, assumed to be at most
      24u(|ς| + |z||ς'|) (measured for the library's own in float32 and float64: 14);
    - scaling, sum of a shortcut: likewise.

    Beside, smallest normal numbers for underflow. Products must be in the full precision of `dtype`
    (those of `Chain` are; a device's "fast" products of float32 are not).

    **Returns:** the bound, to be added to that of ‖Φ‖ where the deployed network is meant; inf
    where Φ̂ may overflow or leave an activation's domain.

    **Raises:** ValueError as `certify` does, for a `dtype` that is no floating-point type, and for
    operations that have no bound yet.
    """
    try:
        known = jnp.issubdtype(jnp.dtype(dtype), jnp.floating)
    except TypeError:
        known = False
    if not known:
        raise ValueError(f"dtype must be a floating-point type such as 'float32'; got {dtype!r}")
    net.validate(theta)
    with jax.enable_x64(True):
        box, region = checked_regions(net, theta, inputs, parameters)
        stored = [_stored(np.asarray(centre), jnp.dtype(dtype)) for centre in region.center]
        return float(_error(net, jnp.dtype(dtype), box, region, stored))


class _Stored(NamedTuple):
    """Weights as numbers of the type, and which of them it may take for 0."""

    value: Array | np.ndarray
    small: Array | np.ndarray


def _stored(centre: np.ndarray, dtype: np.dtype) -> _Stored:
    # In NumPy, as compiled code takes subnormal numbers for 0.
    with np.errstate(over="ignore"):
        value = centre.astype(dtype).astype(centre.dtype)
    return _Stored(value, (centre != 0) & (np.abs(centre) < 2 * float(jnp.finfo(dtype).tiny)))


@partial(jax.jit, static_argnums=(0, 1), compiler_options=QUICK)
def _error(
    net: Chain,
    dtype: np.dtype,
    inputs: InputRegion,
    parameters: ParameterRegion,
    stored: list[_Stored],
) -> Array:
    info = jnp.finfo(dtype)
    x = Interval(inputs.lo, inputs.hi)
    error = up(float(info.eps) / 2 * x.magnitude()) + float(info.tiny)
    fits = jnp.all(up(x.magnitude() + error) < float(info.max))
    radii = parameters.layer_radii()
    given = zip(parameters.center, radii, parameters.entries, stored, strict=True)
    end = _through(net.written_out, given, _Evaluated(x, error, fits), info)
    found: Array = euclidean(end.error)
    return jnp.where(end.fits & ~jnp.isnan(found), found, jnp.inf)


class _Evaluated(NamedTuple):
    """Where x is over the sets, |x̂ − x| ≤ error, and whether every x̂ so far is a number."""

    x: Interval
    error: Array
    fits: Array


def _through(
    operations: Sequence[Operation], given: Iterator[tuple], at: _Evaluated, info: Any
) -> _Evaluated:
    u, tiny = float(info.eps) / 2, float(info.tiny)
    for operation in operations:
        x, error, fits = at
        size = up(x.magnitude() + error)
        if isinstance(operation, Residual):
            end = _through(operation.operations, given, at, info)
            total = x + end.x
            both = up(error + end.error)
            own = up(u * up(total.magnitude() + both)) + tiny
            at = _Evaluated(total, up(both + own), end.fits)
        elif isinstance(operation, Affine):
            at = _affine(operation, next(given), at, info)
        elif isinstance(operation, Scaling):
            scale, offset = (jnp.abs(jnp.asarray(v)) for v in (operation.scale, operation.offset))
            # The constants are rounded too, or taken for 0: four roundings at most.
            whole = up(up(up(scale + tiny) * size) + offset + tiny)
            own = up(4.1 * u * whole) + up(tiny * size) + 4 * tiny
            error = up(up(scale * error) + own)
            fits = fits & jnp.all(jnp.stack([scale, offset, whole]) * (1 + 8 * u) < info.max)
            at = _Evaluated(image(operation, x), error, fits)
        elif isinstance(operation, Pointwise):
            at = _pointwise(operation, at, info)
        else:
            raise ValueError(
                "the evaluation error knows affine layers, activations, fixed scalings and "
                f"residual blocks; got {type(operation).__name__}"
            )
        reached = jnp.max(up(at.x.magnitude() + at.error))
        at = at._replace(fits=at.fits & (reached < float(info.max)))
    return at


def _affine(operation: Affine, given: tuple, at: _Evaluated, info: Any) -> _Evaluated:
    centre, radius, entries, stored = given
    x, error, fits = at
    u, n = float(info.eps) / 2, operation.n_in + 2
    room = jnp.minimum(radius, entries)
    # Weights that are numbers of `dtype` already are not rounded; small ones may be taken for 0.
    off = jnp.abs(stored.value - centre)
    rounded = jnp.where(room > 0, up(u * up(jnp.abs(centre) + room)), off)
    small = stored.small
    rounded = jnp.where((rounded > 0) | (room > 0) | small, rounded + float(info.tiny), 0.0)
    rounded = jnp.where(small, jnp.maximum(rounded, 2 * float(info.tiny)), rounded)
    one = jnp.ones(int(operation.bias))
    size = jnp.concatenate([up(x.magnitude() + error), one])
    carried = jnp.concatenate([error, 0 * one])
    moved = up(jnp.minimum(radius, euclidean(entries, 1)))

    def weighted(v: Array) -> Array:
        # Sums of products ≥ 0: 1e-9 covers their roundings.
        return up((jnp.abs(centre) @ v) * (1 + 1e-9)) + up(moved * euclidean(v))

    lost = up((rounded @ size) * (1 + 1e-9))
    # In any order no partial sum exceeds the sum of the sizes.
    terms = up(weighted(size) + lost) * (1 + 4 * n * u)
    heaviest = jnp.max(jnp.abs(centre) + jnp.minimum(room, radius), initial=0.0) * (1 + 2 * u)
    fits = fits & jnp.all(terms < float(info.max)) & (heaviest < float(info.max))
    share = n * u / (1 - n * u) if n * u < 1 else jnp.inf
    own = up(share * up(weighted(size) + lost))
    error = up(up(weighted(carried) + lost) + own) + 2 * n * float(info.tiny)
    grown = euclidean(jnp.concatenate([x.magnitude(), one]))
    interval, _ = through_affine(operation, centre, entries, radius, x, grown)
    return _Evaluated(interval, error, fits)


def _pointwise(operation: Pointwise, at: _Evaluated, info: Any) -> _Evaluated:
    x, error, fits = at
    u, ς = float(info.eps) / 2, operation.activation
    wide = x + Interval(-error, error)
    slope = magnitude(*ς.enclose(1, wide.lo, wide.hi))
    value = magnitude(*ς.enclose(0, wide.lo, wide.hi))
    argument = wide.magnitude() + _largest_parameter(ς)
    own = up(_HALF_ULPS * u * up(value + up(argument * slope))) + _FLOOR * float(info.tiny)
    return _Evaluated(image(operation, x), up(up(slope * error) + own), fits)


def _largest_parameter(activation: Activation) -> float:
    return max(map(abs, activation.parameters), default=0.0)

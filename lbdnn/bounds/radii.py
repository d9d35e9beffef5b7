"""Bounds as functions of the radius of the parameter ball, and the radius for a wanted bound."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import jax
import numpy as np
from jaxtyping import Float

from ..networks import Chain, Theta
from ..sets import Ball, InputSet, batch
from .certification import named
from .method import WIDENING, Method
from .problem import checked_quantities

# Radii of one call, in the search for the largest: always as many, so that it is compiled once.
_TOGETHER = 16
# The smallest positive radius to try, over the largest.
_RANGE = 1e-18


@dataclass(frozen=True)
class BoundsByRadius:
    r"""Bounds over the balls {θ + θ̃ : ‖θ̃‖ ≤ r} about one θ, for every r in `radii`.

    `radii` (k,) ascend; `upper[quantity]` (k,) float64 does not decrease, and is inf where there is
    no bound. `method` says what proved them.
    """

    radii: Float[np.ndarray, " k"]
    upper: Mapping[str, Float[np.ndarray, " k"]]
    method: str

    def __getitem__(self, quantity: str) -> Float[np.ndarray, " k"]:
        return self.upper[quantity]

    def remainder(self, length: float | Float[np.ndarray, "*s"]) -> Float[np.ndarray, "*s"]:
        r"""Bounds of ‖Φ(σ,θ+θ̃) − Φ(σ,θ) − ∂Φ/∂θ(σ,θ)θ̃‖ for all ‖θ̃‖ ≤ `length`, θ the centre.

        With H(s) and J(s) the bounds of ∂²Φ/∂θ² and ∂Φ/∂θ on the ball of radius s, the derivative
        of the remainder along θ̃, at the distance s from θ, is at most

            g(s) = min(∫₀ˢ H(u) du, J(s) + J(0)),   and   ‖R‖ ≤ ∫₀^‖θ̃‖ g(s) ds,

        which is at most ½H(r)r² and 2J(r)r for each r of `radii`. Between two radii H and J are
        those at the larger one: the closer the radii, the smaller the bound.

        **Raises:** ValueError for a length that is negative or above the largest radius, and where
        there are bounds of neither "hessian" nor "jacobian".
        """
        steps = np.asarray(length, np.float64)
        if not np.all((steps >= 0) & (steps <= self.radii[-1])):
            raise ValueError(
                f"the radii go up to {self.radii[-1]:g}; got a step of length {length}: pass "
                "lengths from 0 to that, or bounds at larger radii"
            )
        none = np.full(len(self.radii), math.inf)
        second = np.asarray(self.upper.get("hessian", none))
        first = np.asarray(self.upper.get("jacobian", none))
        if not np.any(np.isfinite([second, first])):
            raise ValueError(
                "a remainder follows from bounds of 'hessian' or 'jacobian', and there are none: "
                "ask for these quantities, or for smaller radii"
            )
        ends = np.concatenate([[0.0], self.radii])
        # Of the segment from 0 to the step, what lies between two radii; each is the difference of
        # two given numbers, so that its error is one rounding.
        widths = np.clip(steps[..., None], ends[:-1], ends[1:]) - ends[:-1]
        slope = np.where(widths > 0, second, 0.0)
        grown = np.cumsum(slope * widths, -1)
        before = np.concatenate([np.zeros_like(grown[..., :1]), grown[..., :-1]], -1)
        curved = np.where(widths > 0, before + slope * widths / 2, 0.0) * widths
        straight = np.where(widths > 0, first + first[0], 0.0) * widths
        return np.sum(np.minimum(curved, straight), -1) * (1 + WIDENING)


@dataclass(frozen=True)
class LargestRadius:
    """On the ball of this radius the quantity is proved to be at most `upper` ≤ `wanted`.

    `beyond` is the smallest larger radius that was tried and for which the method proves no more
    than a bound above `wanted`; inf where it proved it for all that were tried.
    """

    quantity: str
    wanted: float
    radius: float
    upper: float
    beyond: float
    method: str


def bounds_by_radius(
    net: Chain,
    theta: Theta,
    radii: Sequence[float] | Float[np.ndarray, " k"],
    *,
    inputs: InputSet,
    quantities: Sequence[str] | None = None,
    method: str | Method = "layerwise",
) -> BoundsByRadius:
    r"""Bounds over balls of many radii about θ, in one batched call.

    A bound on a ball holds on each smaller one. So a bound above that of a larger ball is replaced
    by it, and the curves do not decrease.

    **Arguments:**

    - `radii`: (k,), ascending, in the units of θ. The call is compiled once for their number.
    - `inputs`, `quantities`, `method`: as for `certify`.

    **Raises:** ValueError, in one sentence, for radii that do not ascend from 0 or more, weights
    with NaN, sets that do not fit the network, unknown names.
    """
    method = _checked(net, theta, inputs, method)
    wanted = checked_quantities(quantities)
    given = np.array(radii, np.float64)
    if given.ndim != 1 or not given.size or not np.all(np.diff(given, prepend=0.0) >= 0):
        raise ValueError(f"radii must be finite numbers >= 0 in ascending order; got {radii}")
    return BoundsByRadius(given, _on_balls(net, theta, inputs, method, given, wanted), repr(method))


def largest_radius(
    net: Chain,
    theta: Theta,
    quantity: str,
    wanted: float,
    *,
    inputs: InputSet,
    method: str | Method = "layerwise",
    accuracy: float = 1e-3,
    limit: float | None = None,
) -> LargestRadius:
    r"""The largest radius of a ball about θ on which the quantity is proved to be at most `wanted`.

    Bracketing, then bisection, with a batch of radii a round, so that one compilation serves all.
    Each radius is judged by its own bound; the search does not rely on the bounds being monotone.

    **Arguments:**

    - `quantity`: "value", "jacobian", "hessian" or "input_jacobian".
    - `wanted`: its bound.
    - `inputs`, `method`: as for `certify`.
    - `accuracy`: the search ends when `beyond` is within this fraction of the radius.
    - `limit`: the largest radius to try; by default 10⁶ times the larger of ‖θ‖ and 1.

    **Returns:** a `LargestRadius`. Where the bound holds even at `limit`, `radius` is `limit` and
    `beyond` inf: some quantities are bounded over all θ. Where it holds for θ itself and not for a
    radius of 1e-18 times `limit`, `radius` is 0.

    **Raises:** ValueError, in one sentence, where the bound at radius 0 is above `wanted` already,
    and for what `certify` refuses.
    """
    method = _checked(net, theta, inputs, method)
    checked_quantities(quantity)
    for name, value in (("wanted", wanted), ("limit", limit)):
        if value is not None and not 0 < value < math.inf:
            raise ValueError(f"{name} must be a positive number; got {value}")
    if not 1e-12 <= accuracy < 1:
        raise ValueError(f"accuracy must be from 1e-12 to 1; got {accuracy}")
    size = max(1.0, float(np.linalg.norm(np.asarray(net.ravel(theta), np.float64))))
    low, upper, high = 0.0, math.inf, float(1e6 * size if limit is None else limit)
    radii = np.concatenate([[0.0], np.geomspace(_RANGE * high, high, _TOGETHER - 1)])
    radii[-1] = high
    while True:
        bounds = _on_balls(net, theta, inputs, method, radii, (quantity,))[quantity]
        if not np.isfinite(upper) and not bounds[0] <= wanted:
            raise ValueError(_too_much(quantity, float(bounds[0]), wanted))
        for radius, bound in zip(radii, bounds, strict=True):
            if bound <= wanted:
                low, upper = float(radius), float(bound)
        if low == high:
            return LargestRadius(quantity, wanted, low, upper, math.inf, repr(method))
        high = min([float(radius) for radius in radii if radius > low], default=high)
        if low == 0 or high - low <= accuracy * low:
            return LargestRadius(quantity, wanted, low, upper, high, repr(method))
        radii = np.linspace(low, high, _TOGETHER + 2)[1:-1]


def _on_balls(
    net: Chain,
    theta: Theta,
    inputs: InputSet,
    method: Method,
    radii: Float[np.ndarray, " k"],
    quantities: Sequence[str],
) -> dict[str, Float[np.ndarray, " k"]]:
    with jax.enable_x64(True):
        balls = batch([Ball(float(r)).parameter_region(net, theta) for r in radii])
        boxes = batch([inputs.input_region(net)] * len(radii))
        upper = method.bounds(net, boxes, balls, quantities)
    missing = np.full(len(radii), math.inf)
    found = {q: np.asarray(upper.get(q, missing)) for q in quantities}
    return {q: np.minimum.accumulate(v[::-1])[::-1] for q, v in found.items()}


def _checked(net: Chain, theta: Theta, inputs: InputSet, method: str | Method) -> Method:
    net.validate(theta)
    if not net.affine:
        raise ValueError("the network has no parameters; pass one with an affine layer")
    if not hasattr(inputs, "input_region"):
        raise ValueError(f"{inputs!r} is no set of inputs; pass Box(lo, hi) or Ball(radius)")
    return named(method)


def _too_much(quantity: str, bound: float, wanted: float) -> str:
    if math.isinf(bound):
        return (
            f"this method finds no finite bound of {quantity} even at radius 0; try another "
            "method or a smaller set of inputs"
        )
    return (
        f"the bound of {quantity} is {bound:g} at radius 0 already, above the wanted {wanted:g}: "
        "pass a larger one, or a tighter method"
    )

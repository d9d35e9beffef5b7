"""What is asked: the checks of a network, its sets and the quantities that all bounds share."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..networks import Chain, Theta
from ..sets import Ball, InputRegion, InputSet, ParameterRegion, ParameterSet
from .method import ALL, QUANTITIES


def checked_quantities(quantities: str | Sequence[str] | None) -> tuple[str, ...]:
    """The names as a tuple; None stands for `QUANTITIES`.

    Raises ValueError for a name that is no quantity.
    """
    wanted = (quantities,) if isinstance(quantities, str) else tuple(quantities or QUANTITIES)
    for quantity in wanted:
        if quantity not in ALL:
            raise ValueError(f"the quantities are {', '.join(ALL)}; got {quantity!r}")
    return wanted


def checked_regions(
    net: Chain, theta: Theta, inputs: InputSet, parameters: ParameterSet | None
) -> tuple[InputRegion, ParameterRegion]:
    """The common forms of both sets, in float64 under `jax.enable_x64(True)`.

    Raises ValueError for weights with NaN and sets that do not fit the network or do not hold θ.
    """
    parameters = Ball(0.0) if parameters is None else parameters
    _check_sets(net, inputs, parameters)
    box, region = inputs.input_region(net), parameters.parameter_region(net, theta)
    _check_inside(net, theta, region)
    return box, region


def _check_sets(net: Chain, inputs: object, parameters: object) -> None:
    if not hasattr(inputs, "input_region"):
        raise ValueError(f"{inputs!r} is no set of inputs; pass Box(lo, hi) or Ball(radius)")
    if not hasattr(parameters, "parameter_region"):
        raise ValueError(
            f"{parameters!r} is no set of parameters; pass Ball(radius), LayerBalls(radii) or "
            "Box(lo, hi)"
        )
    if not net.affine:
        raise ValueError("the network has no parameters; pass one with an affine layer")


def _check_inside(net: Chain, theta: Theta, region: ParameterRegion) -> None:
    weights = [np.asarray(w, np.float64) for w in net.weights(theta)]
    shifts = [np.abs(w - c) for w, c in zip(weights, region.center, strict=True)]
    layers = [float(np.linalg.norm(s)) for s in shifts]
    slack = 1 + 1e-12
    inside = (
        math.hypot(*layers) <= float(region.radius) * slack
        and all(a <= b * slack for a, b in zip(layers, region.layers, strict=True))
        and all(np.all(s <= e * slack) for s, e in zip(shifts, region.entries, strict=True))
    )
    if not inside:
        raise ValueError(
            "the parameters θ lie outside the set of parameters; enlarge it, or centre it at θ "
            "(center=None)"
        )

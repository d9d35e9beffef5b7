"""From a network and two sets to a certificate."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from importlib.metadata import version

import jax
import numpy as np

from ..certificate import Bound, Certificate, fingerprint
from ..certificate.described_sets import described, in_words
from ..networks import Chain, Theta
from ..search import Attack, Witness
from ..sets import Ball, InputRegion, InputSet, ParameterRegion, ParameterSet
from .cover import Interval
from .dissipativity import Dissipation
from .layerwise import Layerwise
from .method import ARITHMETIC, QUANTITIES, Method, Proving
from .polynomial import Polynomial
from .refined import Refined

# The attack evaluates in floating point, at a point that rounding may have moved out of the sets.
_LOWERED = 1e-12

_NAMED: dict[str, Method] = {
    "polynomial": Polynomial(),
    "layerwise": Layerwise(),
    "dissipation": Dissipation(),
    "interval": Interval(),
    "refined": Refined(),
}


def certify(
    net: Chain,
    theta: Theta,
    *,
    inputs: InputSet,
    parameters: ParameterSet | None = None,
    quantities: Sequence[str] | None = None,
    method: str | Method = "layerwise",
    attack: Attack | None = Attack(),  # noqa: B008  (frozen)
) -> Certificate:
    r"""Bounds of Φ and of its derivatives over a set of inputs and a set of parameters.

    **Arguments:**

    - `net`, `theta`: the network and its parameters, the centre of the parameter set unless the
      set names its own.
    - `inputs`: `Box(lo, hi)` or `Ball(radius)`.
    - `parameters`: `Ball(radius)`, `LayerBalls(radii)` or `Box(lo, hi)`; None: θ alone.
    - `quantities`: some of "value", "jacobian" (∂Φ/∂θ), "hessian" (∂²Φ/∂θ²), "input_jacobian"
      (∂Φ/∂σ); None: all that exist.
    - `method`: a method such as `Layerwise()`, or "polynomial", "layerwise", "dissipation",
      "interval" or "refined" for its defaults.
    - `attack`: what finds the lower bounds; None leaves them 0.

    **Returns:** a `Certificate`, computed in float64 for the weights as stored.

    **Raises:** ValueError, in one sentence, for weights with NaN, sets that do not fit the
    network, unknown names, and a quantity asked for by name that has no bound over the set.
    """
    began = time.perf_counter()
    net.validate(theta)
    method = named(method)
    wanted = (quantities,) if isinstance(quantities, str) else tuple(quantities or QUANTITIES)
    for quantity in wanted:
        if quantity not in QUANTITIES:
            raise ValueError(f"the quantities are {', '.join(QUANTITIES)}; got {quantity!r}")
    parameters = Ball(0.0) if parameters is None else parameters
    _check_sets(net, inputs, parameters)
    with jax.enable_x64(True):
        box = inputs.input_region(net)
        region = parameters.parameter_region(net, theta)
        _check_inside(net, theta, region)
        upper, proofs = _bounded(method, net, box, region, wanted)
        bounds: dict[str, Bound] = {}
        missing: dict[str, str] = {}
        for quantity in wanted:
            most = float(upper[quantity])
            if not math.isfinite(most):
                missing[quantity] = _why(net, quantity)
                if quantities is not None:
                    raise ValueError(missing[quantity])
                continue
            found = None if attack is None else attack(net, quantity, box, region)
            if found is not None and float(found.value) > most:
                raise ArithmeticError(
                    f"the {quantity} reaches {float(found.value)!r} at {_readable(net, found)}, "
                    f"above its bound {most!r}: this is a defect of lbdnn; please report it"
                )
            bounds[quantity] = Bound(
                quantity,
                "euclidean" if quantity == "value" else "operator",
                most,
                0.0 if found is None else max(float(found.value), 0.0) * (1 - _LOWERED),
                repr(method),
                None if found is None else _readable(net, found),
                proofs.get(quantity),
            )
        centred = getattr(parameters, "center", 0) is None
        radius = float(region.reach()) * (1 if centred else 2)
    sets = {"inputs": described(inputs, net), "parameters": described(parameters, net)}
    return Certificate(
        bounds=bounds,
        network=fingerprint(net, theta),
        inputs=in_words(sets["inputs"]),
        parameters=in_words(sets["parameters"]),
        radius=radius,
        arithmetic=ARITHMETIC,
        missing=missing,
        versions={name: version(name) for name in ("lbdnn", "jax", "jaxlib", "numpy")},
        seconds=time.perf_counter() - began,
        sets=sets,
    )


def _bounded(
    method: Method,
    net: Chain,
    inputs: InputRegion,
    parameters: ParameterRegion,
    quantities: Sequence[str],
) -> tuple[dict[str, np.ndarray], dict[str, dict]]:
    """Upper bounds, and the proofs of those for which the method gives one."""
    if isinstance(method, Proving):
        return method.proved(net, inputs, parameters, quantities)
    return method.bounds(net, inputs, parameters, quantities), {}


def named(method: str | Method) -> Method:
    """A method from its name, with its defaults; a method as it is.

    Raises ValueError for an unknown name.
    """
    if hasattr(method, "bounds") and not isinstance(method, str | type):
        return method
    if not isinstance(method, str) or method not in _NAMED:
        raise ValueError(
            f"the methods are {', '.join(_NAMED)}; got {method!r}: pass one of these names, or an "
            "object such as Layerwise()"
        )
    return _NAMED[method]


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


def _readable(net: Chain, found: Witness) -> dict[str, list]:
    def flat(weights: list) -> list[float]:
        return np.asarray(net.ravel(net.with_weights(weights))).tolist()

    return {
        "sigma": np.asarray(found.sigma).tolist(),
        "theta": flat(found.weights),
        "directions": [
            flat(d) if isinstance(d, list) else np.asarray(d).tolist() for d in found.directions
        ],
    }


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


def _why(net: Chain, quantity: str) -> str:
    kinked = sorted({a.name for a in net.activations if a.kinks})
    if quantity == "hessian" and kinked:
        return (
            f"{', '.join(kinked)} has no second derivative at its kinks and the set may cross one, "
            "so ∂²Φ/∂θ² has no bound; ask for 'jacobian' (the remainder is then at most "
            "2·sup‖∂Φ/∂θ‖·‖θ̃‖), or certify a smaller set"
        )
    return (
        f"this method finds no finite bound of {quantity} over the set; try a smaller set or "
        "another method"
    )

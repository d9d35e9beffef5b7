"""From a network and two sets to a certificate."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from importlib.metadata import version

import jax
import numpy as np

from ..certificate import MEANINGS, Bound, Certificate, fingerprint
from ..certificate.described_sets import described, in_words
from ..networks import Chain, Theta
from ..search import Attack, Witness
from ..sets import Ball, InputRegion, InputSet, ParameterRegion, ParameterSet
from .cover import Interval
from .dissipativity import Dissipation
from .layerwise import Layerwise
from .method import ARITHMETIC, Method, Proving
from .polynomial import Polynomial
from .problem import checked_quantities, checked_regions
from .refined import Refined

# The attack evaluates in floating point, at a point that rounding may have moved out of the sets.
_LOWERED = 1e-12

_NORMS = {"value": "euclidean", "input_jacobian_max": "maximum"}
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
      (∂Φ/∂σ); None: those of these that exist. On request also "input_jacobian_max" (∂Φ/∂σ between
      maximum norms), "input_hessian" (∂²Φ/∂σ²) and "mixed_hessian" (∂²Φ/∂σ∂θ).
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
    wanted = checked_quantities(quantities)
    parameters = Ball(0.0) if parameters is None else parameters
    with jax.enable_x64(True):
        box, region = checked_regions(net, theta, inputs, parameters)
        upper, proofs = _bounded(method, net, box, region, wanted)
        bounds: dict[str, Bound] = {}
        missing: dict[str, str] = {}
        for quantity in wanted:
            most = float(upper.get(quantity, math.inf))
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
                _NORMS.get(quantity, "operator"),
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


def _why(net: Chain, quantity: str) -> str:
    kinked = sorted({a.name for a in net.activations if a.kinks})
    if quantity.endswith("hessian") and kinked:
        return (
            f"{', '.join(kinked)} has no second derivative at its kinks and the set may cross one, "
            f"so {MEANINGS[quantity]} has no bound; ask for 'jacobian' (the remainder is then at "
            "most 2·sup‖∂Φ/∂θ‖·‖θ̃‖), or certify a smaller set"
        )
    return (
        f"this method finds no finite bound of {quantity} over the set; try a smaller set or "
        "another method"
    )

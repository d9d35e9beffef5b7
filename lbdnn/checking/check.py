"""From a certificate to a verdict, in ball arithmetic."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import flint
from flint import arb

from ..certificate import Bound, Certificate, fingerprint
from ..certificate.described_sets import in_words, remade
from ..networks import Chain, Theta
from .definiteness import euclidean
from .dissipation import Proof
from .dissipation_quantities import check_hessian, check_input_jacobian, check_jacobian
from .enclosure import Enclosure, Image, enclose
from .evaluation import attained
from .input_curves import InputCurves
from .layer_norms import LayerNorms
from .reach import enclosures, images_over_boxes
from .regions import Inputs, Parameters, Refused, inputs_of, parameters_of
from .spans import NotShown
from .stacked_layers import stacked
from .subdivision import Subdivision
from .verdict import Finding, Row, Verdict

_BITS = 128
_METHODS = ("Interval", "Polynomial", "Layerwise", "Dissipation", "Refined")
_NORMS = {
    "value": "euclidean",
    "jacobian": "operator",
    "hessian": "operator",
    "input_jacobian": "operator",
    "input_jacobian_max": "maximum",
    "input_hessian": "operator",
    "mixed_hessian": "operator",
}
_DISSIPATION = {
    "jacobian": check_jacobian,
    "hessian": check_hessian,
    "input_jacobian": check_input_jacobian,
}


def checked(certificate: Certificate, net: Chain, theta: Theta, max_cells: int) -> Verdict:
    """See `lbdnn.check`."""
    began = time.perf_counter()
    with flint.ctx.workprec(_BITS):
        try:
            inputs, parameters = _statement(certificate, net, theta)
        except Refused as error:
            return Verdict((), str(error), time.perf_counter() - began)
        region = _Region(net, inputs, parameters, max_cells)
        rows = tuple(
            Row(
                quantity,
                _found(lambda b=bound: _lower(b, region)),
                _found(lambda b=bound: _upper(b, region)),
            )
            for quantity, bound in certificate.bounds.items()
        )
    return Verdict(rows, None, time.perf_counter() - began)


def _statement(certificate: Certificate, net: Chain, theta: Theta) -> tuple[Inputs, Parameters]:
    """The sets; Refused where the certificate speaks of something else or says nonsense."""
    try:
        net.validate(theta)
    except ValueError as error:
        raise Refused(f"the parameters are not the network's ({error})") from None
    if certificate.network != fingerprint(net, theta):
        raise Refused("the certificate is for another network or other parameters")
    sets = certificate.sets
    if set(sets) != {"inputs", "parameters"}:
        raise Refused("the certificate does not give its sets in numbers")
    try:
        for what, words in (("inputs", certificate.inputs), ("parameters", certificate.parameters)):
            if in_words(sets[what]) != words:
                raise Refused(f"the set of {what} in words is not the one in numbers")
        inputs = inputs_of(remade(sets["inputs"]), net)
        parameters = parameters_of(remade(sets["parameters"]), net, theta)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise Refused(f"a set cannot be made again ({error})") from None
    for quantity, bound in certificate.bounds.items():
        if bound.quantity != quantity or _NORMS.get(quantity) != bound.norm:
            raise Refused(f"{quantity!r} with norm {bound.norm!r} is no quantity")
        numbers = (bound.lower, bound.upper)
        if not all(isinstance(x, float) and math.isfinite(x) and x >= 0 for x in numbers):
            raise Refused(f"the bounds of {quantity} are no finite numbers >= 0")
        if bound.lower > bound.upper:
            raise Refused(f"the lower bound of {quantity} is above its upper bound")
        if quantity in certificate.missing:
            raise Refused(f"{quantity} is both bounded and missing")
    centred = sets["parameters"].get("center", 0) is None
    longest = parameters.reach() * (1 if centred else 2)
    # Of a small box far from 0 the half-width is known to an ulp of its centre only.
    far = euclidean([abs(c).upper() for c in parameters.center])
    room = longest * arb(1e-12) + far * arb(1e-15) + arb(1e-300)
    if not abs(arb(certificate.radius) - longest) <= room:
        raise Refused("the radius is not that of the set of parameters")
    return inputs, parameters


class _Region:
    """A network over its sets, with what is made once for all quantities."""

    def __init__(self, net: Chain, inputs: Inputs, parameters: Parameters, max_cells: int) -> None:
        self.net, self.inputs, self.parameters = net, inputs, parameters
        self.max_cells = max_cells
        self._made: dict[str, Any] = {}

    def known(self) -> Enclosure:
        """The enclosure; NotShown where there is none."""
        return self._once("known", lambda: enclose(self.net, self.inputs, self.parameters))

    def norms(self) -> LayerNorms:
        """The norms of the layers; NotShown where there is no enclosure."""
        return self._once("norms", lambda: LayerNorms(self.known(), self.parameters))

    def images(self, parts: int) -> list[Image]:
        """Those of the layers over boxes of inputs, `parts` along each axis."""

        def make() -> list[Image]:
            return images_over_boxes(self.boxes(), len(self.known().layers), parts)

        return self._once(f"images {parts}", make)

    def boxes(self) -> Subdivision:
        """The boxes of inputs; NotShown where there is no enclosure over them."""

        def make() -> Subdivision:
            return Subdivision(stacked(self.net, self.parameters, self.known()), self.inputs)

        return self._once("boxes", make)

    def _once(self, name: str, make: Callable[[], Any]) -> Any:
        if name not in self._made:
            try:
                self._made[name] = make()
            except NotShown as error:
                self._made[name] = error
        if isinstance(self._made[name], NotShown):
            raise self._made[name]
        return self._made[name]


def _found(check: Callable[[], str]) -> Finding:
    began = time.perf_counter()
    try:
        how = check()
    except NotShown as error:
        return Finding("not verified", str(error), time.perf_counter() - began)
    except Refused as error:
        return Finding("refused", str(error), time.perf_counter() - began)
    return Finding("verified", how, time.perf_counter() - began)


def _lower(bound: Bound, region: _Region) -> str:
    witness = bound.witness
    if witness is None:
        if bound.lower == 0:
            return "as norms are not negative"
        raise NotShown("no witness")
    if not isinstance(witness, dict) or set(witness) != {"sigma", "theta", "directions"}:
        raise Refused("the witness is no sigma, theta and directions")
    sigma = region.inputs.moved_in(witness["sigma"])
    theta = region.parameters.moved_in(witness["theta"])
    value = attained(
        region.net, bound.quantity, sigma, theta, region.parameters, witness["directions"]
    )
    if value >= bound.lower:
        return "attained at its witness"
    if value < bound.lower:
        raise Refused(f"its witness attains only {float(value.upper())!r}")
    raise NotShown("whether its witness attains it is not decided")


def _upper(bound: Bound, region: _Region) -> str:
    method = bound.method.partition("(")[0]
    if method not in _METHODS:
        raise NotShown(f"the method {bound.method!r} is not known to the checker")
    if bound.proof is None:
        return _by_own_bound(bound, region)
    kind = bound.proof.get("kind") if isinstance(bound.proof, dict) else None
    if kind != "dissipation" or bound.quantity not in _DISSIPATION:
        raise NotShown(f"proofs of kind {kind!r} are not known to the checker")
    if method not in ("Dissipation", "Refined"):
        raise Refused(f"the proof is not one of {method}")
    nodes = enclosures(region.net, region.inputs, region.parameters, bound.proof, region.images)
    proof = Proof(bound.proof, bound.quantity, nodes, region.parameters)
    _DISSIPATION[bound.quantity](proof, arb(bound.upper))
    return "by dissipation inequalities"


def _by_own_bound(bound: Bound, region: _Region) -> str:
    """Without a proof: by this package's own bounds, if one is small enough."""
    reasons = []
    for own in (_by_whole_set, _by_boxes):
        try:
            return own(bound, region)
        except NotShown as error:
            reasons.append(str(error))
    raise NotShown(f"{bound.method} gives no proof; {'; '.join(dict.fromkeys(reasons))}")


def _by_whole_set(bound: Bound, region: _Region) -> str:
    """By one enclosure of everything and norms of layers."""
    if bound.quantity == "value":
        own, how = region.known().value, "by an enclosure"
    elif bound.quantity == "hessian":
        if region.norms().hessian_at_most(arb(bound.upper)):
            return "by norms of layers"
        raise NotShown("the checker's own bound from norms of layers is larger")
    elif bound.quantity in ("jacobian", "input_jacobian"):
        own, how = getattr(region.norms(), bound.quantity), "by norms of layers"
    else:
        own, how = getattr(InputCurves(region.norms()), bound.quantity), "by norms of layers"
    if own <= bound.upper:
        return how
    raise NotShown(f"the checker's own bound {how} is {float(own.upper()):.6g}")


def _by_boxes(bound: Bound, region: _Region) -> str:
    """By enclosures over boxes of inputs, halved where that is needed."""
    count = region.boxes().show(bound.quantity, bound.upper, region.max_cells)
    return f"by enclosures over {count} boxes of inputs"

"""What the layers of a network take and give, where the earlier ones have a part of the radius."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from flint import arb

from ..networks import Chain
from .cell_forward import forward
from .cell_growths import shrunk
from .cell_norms import lengths
from .definiteness import spectral_norm
from .dissipation import Proof, levels_of
from .dissipation_quantities import check_storage
from .enclosure import Enclosure, Image, Moved, enclose
from .regions import Inputs, Parameters, Refused
from .spans import Span
from .subdivision import Subdivision

_MOST, _BATCH = 10**6, 1024


def enclosures(
    net: Chain,
    inputs: Inputs,
    parameters: Parameters,
    proof: dict[str, Any],
    images: Callable[[int], list[Image]],
) -> list[Enclosure]:
    """One for each node V = i/N of the shared radius: the parameters within r√V of the centre.

    Where the proof brings bounds of ∂Φ_j/∂θ they are checked, and say how far such parameters take
    Φ_j from its `images` with those of the centre, a function of the number of `parts` of an axis.
    Refused where they are none.
    """
    levels, radius = levels_of(proof), parameters.radius
    if radius is None:
        balls, radii = [parameters] * (levels + 1), []
    else:
        radii = [(radius * (arb(i) / levels).sqrt()).upper() for i in range(levels)] + [radius]
        balls = [replace(parameters, radius=own) for own in radii]
    found = [enclose(net, inputs, ball) for ball in balls]
    given = proof.get("reach", [])
    if not isinstance(given, list):
        raise Refused("the proof's reach of the parameters is no list")
    if given and (not radii or net.residual):
        raise Refused("the proof has a reach of parameters where there is none")
    for own in given:
        if not isinstance(own, dict) or own.get("levels") != levels:
            raise Refused("the proof's reach of the parameters has other levels than the proof")
        moves = _moves(Proof(own, "jacobian", found, parameters), radii)
        made = images(_parts(proof, net.inputs))
        found = [
            enclose(net, inputs, ball, _moved(made, far))
            for ball, far in zip(balls, moves, strict=True)
        ]
    return found


def images_over_boxes(boxes: Subdivision, count: int, parts: int) -> list[Image]:
    """Of the first `count` layers with the centre's parameters, over equal boxes of the inputs."""
    stack = shrunk(boxes.stack, 0.0)
    ends = zip(boxes.low.tolist(), boxes.high.tolist(), strict=True)
    edges = np.stack([np.linspace(low, high, parts + 1) for low, high in ends], 1)
    places = np.stack([g.ravel() for g in np.indices((parts,) * len(boxes.low))], 1)
    axes = np.arange(len(boxes.low))
    sizes, norms = np.zeros(count), np.zeros(count)
    spans: list[list[np.ndarray]] = [[] for _ in range(count)]
    for start in range(0, len(places), _BATCH):
        own = places[start : start + _BATCH]
        known = forward(stack, boxes.majorants, edges[own, axes], edges[own + 1, axes])
        ranges = [*known.ranges[1:], (known.low, known.high)]
        for j, (bent, (low, high)) in enumerate(zip(known.bents[:count], ranges, strict=False)):
            # NaN stays NaN, which is refused later.
            sizes[j] = np.maximum(sizes[j], np.max(lengths(np.maximum(-bent.low, bent.high))))
            norms[j] = np.maximum(norms[j], np.max(lengths(np.maximum(-low, high))))
            spans[j] += [np.min(low, 0), -np.max(high, 0)]
    found = []
    for size, norm, own in zip(sizes.tolist(), norms.tolist(), spans, strict=True):
        low, high = np.min(own[::2], 0).tolist(), (-np.min(own[1::2], 0)).tolist()
        found.append(
            Image(
                arb(size), [Span(arb(a), arb(b)) for a, b in zip(low, high, strict=True)], arb(norm)
            )
        )
    return found


def _parts(proof: dict[str, Any], inputs: int) -> int:
    parts = proof.get("parts")
    if not isinstance(parts, int) or isinstance(parts, bool) or parts < 1:
        raise Refused("the proof's number of parts of an axis is none")
    if parts > 1 and parts**inputs > _MOST:
        raise Refused("the proof has more boxes of inputs than are looked at")
    return parts


def _moves(proof: Proof, radii: list[arb]) -> list[list[tuple[arb, list[arb]]]]:
    """At each node how far Φ_0, …, Φ_k are moved, in norm and entry by entry: √V r‖∂Φ_j/∂θ‖."""
    storage = check_storage(proof)[: len(proof.known.layers)]
    found = []
    for node, radius in enumerate(radii):
        at = []
        for nodes in storage:
            y = nodes[node]
            diagonal = [y[n, n].upper() for n in range(y.nrows())]
            entries = [(radius * d.sqrt()).upper() if d > 0 else arb(0) for d in diagonal]
            at.append(((radius * spectral_norm(y).sqrt()).upper(), entries))
        found.append(at)
    return found


def _moved(images: list[Image], far: list[tuple[arb, list[arb]]]) -> list[Moved]:
    before = [arb(0), *(norm for norm, _ in far)]
    return [
        Moved(image, before[j], norm, entries)
        for j, (image, (norm, entries)) in enumerate(zip(images, far, strict=True))
    ]

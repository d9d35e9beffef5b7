"""Bounds of ‖∂Φ/∂σ‖ of a network over a box of inputs: methods, and values that are reached."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, get_args

import jax
import jax.numpy as jnp
import numpy as np

from experiments.lipschitz.layer_rows import Row
from lbdnn import Attack, Ball, Box, Chain, Dissipation, Layerwise, Model, Refined, derivatives
from lbdnn.bounds import Interval, Method
from lbdnn.bounds.method import WIDENING
from lbdnn.intervals import interval
from lbdnn.networks import Affine, Pointwise, Residual
from lbdnn.spectra.stability.secants import box, secants
from lbdnn.structured.lipschitz import composition, lipschitz_constant, operation_constants

MethodName = Literal["product", "semidefinite", "layerwise", "interval", "dissipation", "refined"]
METHODS = get_args(MethodName)
_QUICK = METHODS[:4]
# Of a network with more neurons the semidefinite program is solved on request only.
MOST_NEURONS = 1000

NORMS = {"euclidean": "input_jacobian", "maximum": "input_jacobian_max"}
_LOCAL: dict[str, Method] = {
    "layerwise": Layerwise(),
    "interval": Interval(),
    "dissipation": Dissipation(levels=1, steps=300),
    "refined": Refined(gap=0.05, max_cells=8000, cells=8000, steps=300),
}
_TOGETHER = 1000


@dataclass(frozen=True)
class Given:
    """A network, a box of its inputs, and the methods asked for.

    None: all of them, but with `quick` the quick ones, and the semidefinite program only up to
    `MOST_NEURONS`. `quick` is a shorter attack, too.
    """

    model: Model
    inputs: Box
    methods: tuple[str, ...] | None = None
    quick: bool = False

    @property
    def net(self) -> Chain:
        return self.model.net

    @property
    def neurons(self) -> int:
        """All values that an activation is applied to."""
        sizes, size = 0, self.net.inputs
        for operation in self.net.elementary:
            size = operation.outputs(size)
            sizes += size if isinstance(operation, Pointwise) else 0
        return sizes


def layers(model: Model) -> Iterator[Row]:
    """A row an operation, over all of space; those inside a shortcut block follow it."""
    size = model.net.inputs
    for operation, own in model.net.steps(model.theta):
        found = _constant(operation, own, size)
        yield _layer(operation, size) | {"constant": found["norm_upper"], **found}
        if isinstance(operation, Residual):
            within = size
            for inner, part in zip(operation.operations, own, strict=True):
                yield _layer(inner, within) | {
                    "inside": True, "constant": "", **_constant(inner, part, within)
                }  # fmt: skip
                within = inner.outputs(within)
        size = operation.outputs(size)


def _layer(operation: Any, size: int) -> Row:
    name = operation.activation.name if isinstance(operation, Pointwise) else ""
    kind = name or type(operation).__name__.lower()
    return {"kind": kind, "inputs": size, "outputs": operation.outputs(size), "inside": False}


def _constant(operation: Any, own: Any, size: int) -> Row:
    try:
        found = operation_constants(Chain((operation,), size), (own,))[0]
    except ValueError:
        return {"norm_lower": "", "norm_upper": np.inf}
    known = isinstance(operation, Affine) or found.lower > 0
    return {"norm_lower": found.lower if known else "", "norm_upper": found.upper}


def pieces(given: Given) -> dict[tuple[str, str], Callable[[], list[Row] | str]]:
    """By method and set, what computes its rows, or says why there are none."""
    asked = (_QUICK if given.quick else METHODS) if given.methods is None else given.methods
    work: dict[tuple[str, str], Callable[[], list[Row] | str]] = {}
    for name in (name for name in METHODS if name in asked and name not in _LOCAL):
        for over, inputs in (("all space", None), ("box", given.inputs)):
            work[name, over] = partial(_of_chain, given, name, inputs)
    work["attack", "box"] = partial(reached, given)
    for name in (name for name in METHODS if name in asked and name in _LOCAL):
        work[name, "box"] = partial(_of_box, given, name)
    return {key: partial(_timed, piece, *key) for key, piece in work.items()}


def _timed(piece: Callable[[], list[Row] | str], method: str, over: str) -> list[Row] | str:
    began = time.perf_counter()
    try:
        found = piece()
    except ValueError as error:
        return str(error)
    seconds = round(time.perf_counter() - began, 2)
    if isinstance(found, str):
        return found
    return [{"method": method, "over": over, **row, "seconds": seconds} for row in found]


def _of_chain(given: Given, method: Any, inputs: Box | None) -> list[Row] | str:
    if method == "semidefinite" and given.methods is None and given.neurons > MOST_NEURONS:
        return (
            f"{given.neurons} neurons, and its time grows with their cube; "
            "ask for it by --methods semidefinite"
        )
    net, theta = given.net, given.model.theta
    norms = tuple(NORMS) if method == "product" else ("euclidean",)
    bound: Any = partial(lipschitz_constant, net, theta, inputs=inputs, method=method)
    found = {norm: bound(norm=norm).upper for norm in norms}
    if method == "product" and inputs is None and net.residual:
        # Over all space more is known of shortcut blocks than 1 + the norm of the inside.
        whole = composition(*operation_constants(net, theta)).upper
        found["euclidean"] = min(found["euclidean"], whole)
    return _finite(found)


def _of_box(given: Given, name: str) -> list[Row] | str:
    with jax.enable_x64(True):
        regions = (
            given.inputs.input_region(given.net),
            Ball(0.0).parameter_region(given.net, given.model.theta),
        )
        found = _LOCAL[name].bounds(given.net, *regions, tuple(NORMS.values()))
    return _finite({norm: float(found[q]) for norm, q in NORMS.items() if q in found})


def _finite(found: dict[str, float]) -> list[Row] | str:
    rows: list[Row] = [
        {"norm": norm, "upper": value} for norm, value in found.items() if np.isfinite(value)
    ]
    return rows or "it finds no finite bound: slopes of an activation have none there"


def reached(given: Given) -> list[Row]:
    """‖∂Φ/∂σ‖ from below in both norms, at points of the box that the attack and chance find.

    At these points the derivative is enclosed with all errors of rounding, kinks included, so that
    no Lipschitz constant over a box with an inside is less; where inputs are fixed, one over the
    others may be. (An ascent alone finds little where
    slopes are piecewise constant, as of ReLU networks.)
    """
    net, theta = given.net, given.model.theta
    lo, hi = given.inputs.ends(net.inputs)
    rows = []
    with jax.enable_x64(True):
        theta = jax.tree.map(lambda leaf: jnp.asarray(np.asarray(leaf), jnp.float64), theta)
        region = given.inputs.input_region(net)
        about = Ball(0.0).parameter_region(net, theta)
        drawn = _steepest_drawn(given, lo, hi)
        attack = Attack(starts=32, steps=100) if given.quick else Attack()
        for norm, quantity in NORMS.items():
            climbed = np.asarray(attack(net, quantity, region, about).sigma)
            # A step inward from a kink.
            points = [climbed, climbed + 1e-6 * (lo / 2 + hi / 2 - climbed), drawn[norm]]
            points = [np.clip(point, lo, hi) for point in points]
            values = [proved_slope(net, theta, point, norm) for point in points]
            best = int(np.argmax(values))
            rows.append({"norm": norm, "lower": values[best], "witness": points[best].tolist()})
    return rows


def _steepest_drawn(given: Given, lo: np.ndarray, hi: np.ndarray) -> dict[str, np.ndarray]:
    """Of random points those where the derivative, in floating point, is largest."""
    draw = np.random.default_rng(0)
    slope = jax.jit(jax.vmap(partial(derivatives.input_jacobian, given.net, given.model.theta)))
    best = dict.fromkeys(NORMS, (-1.0, lo / 2 + hi / 2))
    for _ in range(2 if given.quick else 10):
        share = draw.uniform(size=(_TOGETHER, len(lo)))
        points = (1 - share) * lo + share * hi  # the width of the box may overflow
        found = np.nan_to_num(np.asarray(slope(points)))
        sizes = {
            "euclidean": np.linalg.norm(found, 2, (-2, -1)),
            "maximum": np.abs(found).sum(-1).max(-1),
        }
        for norm, values in sizes.items():
            place = int(np.argmax(values))
            if values[place] > best[norm][0]:
                best[norm] = float(values[place]), points[place]
    return {norm: point for norm, (_, point) in best.items()}


def proved_slope(net: Chain, theta: Any, point: np.ndarray, norm: str) -> float:
    """≤ ‖∂Φ/∂σ‖ at a point (n,), in a norm of `NORMS`; less, or 0, at a kink, where there is none,
    and 0 beyond 10³⁰⁰.

    `theta` in float64, 64 bits enabled. The enclosure of secants from a point to itself is one of
    the derivative, and at a kink of all that it jumps between.
    """
    found = secants(net, theta, box(interval(point)), jnp.asarray(False)).matrix
    middle, radius = np.asarray(found.midpoint()), np.asarray(found.radius())
    if not np.all(np.isfinite(middle) & np.isfinite(radius)):
        return 0.0
    # Scaled, so that no square below over- or underflows.
    largest = float(np.max(np.abs(middle) + radius))
    if not 1e-290 < largest < 1e300:
        return 0.0
    scale = math.ldexp(1.0, math.frexp(largest)[1])
    # Sums below err by less than WIDENING times the same sums of sizes.
    middle, radius = middle / scale, radius / scale
    radius = radius + 2 * WIDENING * np.abs(middle)
    if norm == "maximum":
        least = np.maximum(np.abs(middle) - radius, 0).sum(-1).max()
    else:
        vector = np.linalg.svd(middle)[2][0]
        moved = np.linalg.norm(middle @ vector) - np.linalg.norm(radius @ np.abs(vector))
        least = max(moved, 0.0) / np.linalg.norm(vector)
    return float(least) * (1 - WIDENING) * scale

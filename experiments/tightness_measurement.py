"""Bounds by every method, and what an attack finds, for many networks of one structure."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from experiments.taylor_remainders import attacked_remainders, remainder_bounds
from lbdnn import (
    Attack,
    Ball,
    Box,
    Chain,
    Dissipation,
    Layerwise,
    Polynomial,
    Refined,
    derivatives,
)
from lbdnn.bounds import QUANTITIES, Interval, Method
from lbdnn.networks import Theta
from lbdnn.sets import batch

REFINED = Refined(gap=0.04, max_cells=16_000, levels=(3, 8), steps=800)
# Those that take milliseconds.
FAST: dict[str, Method] = {
    "polynomial (all norms)": Polynomial(budgeted=False),
    "polynomial (budgeted)": Polynomial(budgeted=True),
    "layerwise": Layerwise(),
}
METHODS: dict[str, Method] = FAST | {
    "dissipation": Dissipation(levels=2, steps=300),
    "interval": Interval(cells=10_000),
    "refined": REFINED,
}


@dataclass(frozen=True)
class Case:
    """Networks of one structure, a box of inputs, and balls of parameters about each θ.

    `radii` holds the radii of each network's balls, as many for each; `about` what else a table
    says of each of them.
    """

    label: str
    net: Chain
    thetas: Sequence[Theta]
    inputs: Box
    radii: Sequence[Sequence[float]]
    about: Sequence[Sequence[Mapping[str, Any]]]

    def split(self) -> list[Case]:
        """Each network as a case of its own."""
        return [
            replace(self, thetas=[theta], radii=[radii], about=[about])
            for theta, radii, about in zip(self.thetas, self.radii, self.about, strict=True)
        ]


def upper_bounds(
    case: Case, methods: Mapping[str, Method], quantities: Sequence[str] = QUANTITIES
) -> dict[str, dict[str, np.ndarray]]:
    """Name of a method to quantity to bounds, (networks, radii); inf where a quantity has none.

    "remainder" is the Taylor remainder of steps of the lengths in `radii`.

    A method that cannot treat the network at all (an activation without affine growth has no
    polynomial) is left out.
    """
    found = {}
    own = [quantity for quantity in quantities if quantity != "remainder"]
    with jax.enable_x64(True):
        inputs, parameters, shape = _regions(case)
        for name, method in methods.items():
            try:
                bounds = method.bounds(case.net, inputs, parameters, own)
            except ValueError as error:
                print(f"{case.label}: no bound by {name}: {error}", file=sys.stderr)
                continue
            found[name] = {quantity: v.reshape(shape) for quantity, v in bounds.items()}
            if "remainder" in quantities:
                found[name]["remainder"] = np.stack(
                    [
                        remainder_bounds(case.net, theta, case.inputs, radii, method)
                        for theta, radii in zip(case.thetas, case.radii, strict=True)
                    ]
                )
    return found


def attacked(case: Case, quantity: str, attack: Attack) -> np.ndarray:
    """The largest values found, (networks, radii). A larger ball inherits a smaller one's find."""
    if quantity == "remainder":
        pairs = zip(case.thetas, case.radii, strict=True)
        found = [attacked_remainders(case.net, t, case.inputs, r, attack) for t, r in pairs]
        found = np.stack(found)
    else:
        with jax.enable_x64(True):
            inputs, parameters, shape = _regions(case)
            found = np.asarray(attack(case.net, quantity, inputs, parameters).value).reshape(shape)
    order = np.argsort(case.radii, axis=1, kind="stable")
    nested = np.maximum.accumulate(np.take_along_axis(found, order, 1), axis=1)
    return np.take_along_axis(nested, np.argsort(order, axis=1), 1)


def exact_at_centre(case: Case, quantities: Sequence[str]) -> dict[str, float]:
    """Exact values at the centre of the box, for the first network's own parameters."""
    net, theta = case.net, case.thetas[0]
    with jax.enable_x64(True):
        sigma = jnp.asarray(case.inputs.input_region(net).center)
        theta = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float64), theta)
        exact = {
            "value": lambda: jnp.linalg.norm(net(theta, sigma)),
            "jacobian": lambda: derivatives.jacobian_norm(net, theta, sigma),
            "hessian": lambda: derivatives.hessian_norm(net, theta, sigma),
            "input_jacobian": lambda: derivatives.input_jacobian_norm(net, theta, sigma),
        }
        return {quantity: float(exact[quantity]()) for quantity in quantities}


def rows(
    case: Case,
    upper: Mapping[str, Mapping[str, np.ndarray]],
    found: Mapping[str, np.ndarray],
) -> list[dict[str, Any]]:
    """A row for each network, radius, quantity and method."""
    return [
        {
            "network": case.label,
            "parameters": case.net.size,
            **case.about[i][j],
            "radius": case.radii[i][j],
            "quantity": quantity,
            "method": method,
            "upper": float(upper[method][quantity][i, j]),
            "attack": float(values[i, j]),
            "ratio": ratio(float(upper[method][quantity][i, j]), float(values[i, j])),
        }
        for quantity, values in found.items()
        for method in upper
        for i in range(len(case.thetas))
        for j in range(len(case.radii[i]))
        if np.isfinite(upper[method][quantity][i, j])
        and (quantity != "remainder" or case.radii[i][j] > 0)  # a step of length 0 leaves none
    ]


def ratio(upper: float, attack: float) -> float:
    """upper / attack; 1 where both are 0."""
    if attack > 0:
        return upper / attack
    return 1.0 if upper == 0 else float("inf")


def _regions(case: Case) -> tuple[Any, Any, tuple[int, int]]:
    parameters = [
        Ball(radius).parameter_region(case.net, theta)
        for theta, radii in zip(case.thetas, case.radii, strict=True)
        for radius in radii
    ]
    inputs = [case.inputs.input_region(case.net)] * len(parameters)
    return batch(inputs), batch(parameters), (len(case.thetas), len(case.radii[0]))

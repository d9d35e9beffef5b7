"""What is said of non-expansive networks: robustness, and convergence."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from experiments.claims.claim import Claim
from experiments.claims.contraction import contract, leaky, ratio
from experiments.claims.sources import SUMMARY


def robust() -> Claim:
    rng = np.random.default_rng(0)
    first, last = rng.normal(size=(16, 2)), rng.normal(size=(2, 16))
    constant = float(np.linalg.norm(last, 2) * np.linalg.norm(first, 2))
    points = rng.uniform(-1, 1, (100, 2))

    def logits(x: np.ndarray) -> np.ndarray:
        return leaky(x @ first.T + 0.3) @ last.T

    def scaled(x: np.ndarray) -> np.ndarray:
        return logits(x) / constant

    directions = np.stack(
        [np.cos(angles := np.linspace(0, 2 * np.pi, 24, endpoint=False)), np.sin(angles)], -1
    )
    # Radii by which rays may go before the label changes, to 0.02.
    radii = np.arange(0.02, 3, 0.02)
    tried = points[:, None, None] + radii[:, None, None] * directions
    changed = [_changed(network, points, tried).any(-1) for network in (logits, scaled)]
    attacked, same = (np.where(one.any(-1), radii[one.argmax(-1)], np.inf) for one in changed)
    margins = np.abs(np.diff(scaled(points))[:, 0])
    certified = margins / np.sqrt(2)
    # Of the identity, non-expansive: (1, 0) has the margin 1.
    moved = np.array([0.5, 0.5])
    return Claim(
        "non-expansive-is-robust",
        f"{SUMMARY}, key results",
        "Non-expansive neural networks are more robust against adversarial attacks than standard "
        "ones.",
        "As an implication: false if a non-expansive network has adversarial examples as close as "
        "one without constraint. What certain trained networks reach on certain images is another "
        "matter, of counting, and not judged here.",
        "false",
        "Divide any network by its Lipschitz constant: it is non-expansive, has the same labels "
        "everywhere, and so the same adversarial examples. A constant bounds how values change; "
        "labels change where the margin, the largest value less the second, is used up.",
        "With the constant L no δ with ‖δ‖ < margin/(√2L) changes a label, as two values together "
        "change their difference by at most √2L‖δ‖: it is the margin in proportion to L that "
        "training must enlarge. The √2 is attained by the identity: (1, 0) is at the distance "
        "1/√2 from a tie.",
        {
            "constant of a random network": constant,
            "and divided by it": {
                "points where an attack succeeds at another radius": int(np.sum(attacked != same)),
                "median radius of the attacks": float(np.median(attacked)),
                "median margin/√2": float(np.median(certified)),
                "points attacked within margin/√2": int(np.sum(same < certified)),
            },
            "identity at (1, 0)": {
                "margin/√2": float(1 / np.sqrt(2)),
                "distance of a tie": float(np.linalg.norm(moved - [1, 0])),
            },
        },
    )


def _changed(
    network: Callable[[np.ndarray], np.ndarray], points: np.ndarray, tried: np.ndarray
) -> np.ndarray:
    return network(tried).argmax(-1) != network(points).argmax(-1)[:, None, None]


def convergent() -> Claim:
    x = np.array([1.0, -2.0])
    quarter = np.array([[0.0, -1.0], [1.0, 0.0]])
    orbit = [x]
    for _ in range(4):
        orbit.append(quarter @ orbit[-1])
    # −∇V of V = ½ΣV_i with minima on a line: converges, though the constant is 1.
    wide = np.array([[0.6, 0.8]])
    state = x
    for _ in range(60):
        state = contract(state, 4 / 3, wide)
    # Sharp steps, the second a little shorter than for the constant 1.
    ends = [x, -10 * x]
    for _ in range(300):
        ends = [contract(z + 1.7 * leaky(quarter @ z + 1), 4 / 3, quarter) for z in ends]
    return Claim(
        "non-expansive-is-stable",
        f"{SUMMARY}, key results",
        "Approaches based on dynamical systems provide formal guarantees for stability and "
        "convergence.",
        "Of a non-expansive map N: stability means that nearby orbits stay nearby, convergence "
        "that x, N(x), N(N(x)), … has a limit. True of each if it follows for all such N.",
        "holds with a correction",
        "Stability follows from the definition. Convergence does not: a quarter turn, a step that "
        "preserves spheres, is non-expansive and turns forever; x ↦ x + 1 runs away. Of a network "
        "that is applied once, as a classifier is, convergence says nothing.",
        "A constant L < 1 suffices: then by Banach ‖Nᵏ(x) − x̄‖ ≤ Lᵏ‖x − x̄‖ for one x̄. So "
        "does 0 < h < 2/(β‖A‖²) for a gradient step that has a fixed point, though its constant "
        "may be 1: it is averaged, (1 − α)I + αT with a non-expansive T and 0 < α < 1 (Baillon "
        "and Haddad; Krasnoselskii and Mann).",
        {
            "orbit of (1, −2) under a quarter turn": [point.tolist() for point in orbit],
            "gradient step, A = (0.6, 0.8), h = 4/3, from (1, −2)": {
                "after 60 steps": state.tolist(),
                "stretches a pair along the kernel by": ratio(
                    lambda x: contract(x, 4 / 3, wide), x, x + np.array([0.8, -0.6])
                ),
            },
            "steps with h_C = 4/3, h_E = 1.7 in turn, L = 0.9: distance of two orbits": {
                "at the start": float(np.linalg.norm(11 * x)),
                "after 300 steps": float(np.linalg.norm(ends[0] - ends[1])),
            },
        },
    )

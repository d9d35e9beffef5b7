"""Theorem 6 of Drgoňa et al. (2020), both ways, and the inequality that it rests on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from experiments.claims.claim import Claim
from experiments.spectral_atlas.models import Model
from lbdnn import Chain, FullyConnected, spectra

Rows = Mapping[Model, Mapping[str, Any]]

# tanh(A₁ tanh(A₀ x)): both spectral radii 0.5, the product's 100.499.
SHEAR = (np.array([[0.5, 10.0], [0.0, 0.5]]), np.array([[0.5, 0.0], [10.0, 0.5]]))
# Nilpotent, so ρ = 0; yet tanh(Ax) has three fixed points.
NILPOTENT = np.array([[2.0, -0.5], [8.0, -2.0]])
# ReLU(−2x) sends x > 0 to 0 and x < 0 to −2x > 0: every orbit is at 0 after two steps.
FLIP = np.array([[-2.0]])


def layers(activation: str, *weights: np.ndarray) -> tuple[Chain, Any]:
    """x ↦ ς(A_L ς(⋯ς(A_0 x)))."""
    sizes = (weights[0].shape[1], *(len(weight) for weight in weights))
    net = FullyConnected(sizes, activation, bias=False, output=activation)
    return net, net.with_weights(list(weights))


def radius(matrix: np.ndarray) -> float:
    return float(np.abs(np.linalg.eigvals(matrix)).max())


def gelfand() -> Claim:
    first, second = SHEAR
    return Claim(
        "spectral-radius-of-a-product",
        "Drgoňa et al. (2020), equation (10)",
        "ρ(A_1 ⋯ A_m) ≤ ρ(A_1) ⋯ ρ(A_m).",
        "True if it holds for all square matrices; one pair that violates it makes it false.",
        "false",
        "The spectral radius is submultiplicative for commuting matrices, not in general. "
        "Gelfand's formula ρ(A) = lim ‖Aᵏ‖^(1/k) speaks of powers of one matrix.",
        "‖A_1 ⋯ A_m‖ ≤ ‖A_1‖ ⋯ ‖A_m‖ for an induced norm, hence ρ(A_1 ⋯ A_m) ≤ Π‖A_i‖.",
        {
            "A_0": first.tolist(),
            "A_1": second.tolist(),
            "ρ(A_0)": radius(first),
            "ρ(A_1)": radius(second),
            "ρ(A_1 A_0)": radius(second @ first),
        },
    )


def sufficient(rows: Rows) -> Claim:
    net, theta = layers("tanh", *SHEAR)
    orbit = np.asarray(spectra.trajectory(net, theta, np.array([1e-3, 1e-3]), 50))
    single, own = layers("tanh", NILPOTENT)
    fixed = [
        o for o in _fixed(single, own) if o.stability == "stable" and np.abs(o.points).max() > 0.1
    ]
    tested = [r for r in rows.values() if r["sufficient_condition"]]
    decided = [r for r in tested if r["attractor"] != "undecided"]
    against = {str(m): r["attractor"] for m, r in rows.items() if r["sufficient_agrees"] is False}
    return Claim(
        "theorem-6-sufficient",
        "Drgoňa et al. (2020), theorem 6, sufficient condition",
        "If ρ(A_i) ≤ 1 for every weight and ρ(Λ) ≤ 1 for every activation matrix at every x, the "
        "network is globally (asymptotically) stable.",
        "Asymptotic stability: every orbit ends at one fixed point. One network that meets the "
        "condition with strict inequality and has another attractor makes the claim false. Atlas: "
        "a model disagrees if its layers and activation meet the condition on all of R² and its "
        "orbits end elsewhere than at a single point; undecided models are left out.",
        "false",
        "The proof multiplies spectral radii, equation (10). Weights that are not normal can grow "
        "in turn though none has a large eigenvalue, and even for a single layer Λ A is another "
        "matrix than A. Strict inequalities do not help: with ς(z) = z/2 in place of tanh, "
        "ρ(A_i) = ρ(Λ) = ½ and x ↦ A₁ς(A₀x) grows by 50.2 a step. With '≤' it fails for the "
        "identity too: x ↦ ReLU(x) keeps every x > 0.",
        "For zero bias and ς(0) = 0, with K = sup|ς(z)/z|: Kᴸ Π‖A_i‖ < 1 in one norm induced by an "
        "absolute vector norm, or ρ(|A_L| K ⋯ K |A_0|) < 1; then 0 is globally "
        "exponentially stable (L: number of activations).",
        {
            "two tanh layers": {
                "weights": [weight.tolist() for weight in SHEAR],
                "ρ(A_i)": [radius(weight) for weight in SHEAR],
                "sup |tanh(z)/z|": 1.0,
                "ρ(A*(0)) = ρ(A_1 A_0)": radius(SHEAR[1] @ SHEAR[0]),
                "x": orbit[0].tolist(),
                "x after 50 steps": orbit[-1].tolist(),
            },
            "two layers with ς(z) = z/2": {
                "ρ(A_i)": [radius(weight) for weight in SHEAR],
                "Λ": 0.5,
                "ρ(A*)": radius(SHEAR[1] @ (0.5 * SHEAR[0])),
            },
            "one tanh layer, nilpotent": {
                "weight": NILPOTENT.tolist(),
                "ρ(A)": radius(NILPOTENT),
                "stable fixed points away from 0": [o.points[0].tolist() for o in fixed],
                "moduli of their multipliers": [np.abs(o.multipliers).tolist() for o in fixed],
            },
            "atlas": {
                "models that meet the condition": len(tested),
                "of these decided": len(decided),
                "single point": sum(r["attractor"] == "single point" for r in decided),
                "disagreeing": against,
            },
        },
    )


def necessary(rows: Rows) -> Claim:
    net, theta = layers("relu", FLIP)
    x = np.array([-1.0])
    stable = {m: r for m, r in rows.items() if r["attractor"] == "single point"}
    against = [m for m, r in stable.items() if not r["necessary_condition"]]
    without = [m for m in against if m.activation not in ("logistic", "softplus")]
    evidence: dict[str, Any] = {
        "x ↦ ReLU(−2x)": {
            "orbit of −1": np.ravel(spectra.trajectory(net, theta, x, 3)).tolist(),
            "A*(−1)": np.ravel(spectra.linearize(net, theta, x).matrix).tolist(),
        },
        "atlas": {
            "models whose orbits end at a single point": len(stable),
            "with ρ(A*(x)) > 1 somewhere on the grid": len(against),
            "of these with ς(0) = 0, so that A* has no pole": len(without),
        },
    }
    if without:
        model = max(without, key=lambda m: stable[m]["largest_radius"])
        evidence["the atlas' model of largest radius among the last"] = {
            "model": str(model),
            "largest ρ(A*(x)) on the grid": stable[model]["largest_radius"],
            "all orbits end at": stable[model]["points"][0],
        }
    return Claim(
        "theorem-6-necessary",
        "Drgoňa et al. (2020), theorem 6, necessary condition",
        "If the network is globally stable, ρ(A*(x)) ≤ 1 at every x.",
        "One network that is globally asymptotically stable, with ρ(A*(x)) > 1 at some x, makes it "
        "false. Atlas: a model disagrees if all its orbits end at a single point and "
        "ρ(A*(x)) > 1 + 1e-5 at a point of the grid.",
        "false",
        "A*(x) says where x goes in one step; the next point may lie where the map contracts. "
        "x ↦ ReLU(−2x) sends every x to 0 in two steps, and |Φ(x)| ≤ 2|x|, so 0 is globally "
        "asymptotically stable; yet A*(x) = −2 for every x < 0.",
        "At the equilibrium only: if x̄ is Lyapunov stable and Φ is C¹ near it, ρ(Φ'(x̄)) ≤ 1 "
        "(otherwise its unstable manifold leaves every small neighbourhood).",
        evidence,
    )


def depth() -> Claim:
    grid = np.stack(np.meshgrid(*[np.linspace(-1, 1, 81)] * 2), -1).reshape(-1, 2)
    flipped, largest = {}, {}
    for count in (1, 2, 4, 8):
        net, theta = layers("tanh", *[NILPOTENT] * count)
        radii = spectra.spectral_radius(spectra.linearize(net, theta, grid).matrix)
        largest[count] = float(np.max(radii))
        net, theta = layers("relu", *[FLIP] * count)
        flipped[count] = float(np.max(np.abs(spectra.linearize(net, theta, grid[:, :1]).matrix)))
    return Claim(
        "depth",
        "Drgoňa et al. (2020), section 4, dynamical effects of network depth",
        "With equal layers, depth necessarily shrinks the spectral radius of A*(x) if the layers "
        "are asymptotically stable, and expands it exponentially if they are unstable.",
        "Stable and unstable layers mean ρ(A) < 1 and ρ(A) > 1, as in theorem 6. The claim is "
        "false if the largest ρ(A*(x)) over a square does not shrink for some stable layer, or "
        "does not grow for some unstable one.",
        "false",
        "A*(x) of equal layers is Λ_L A ⋯ Λ_1 A with different Λ_i: not a power of one matrix, and "
        "equation (10) does not hold for products. tanh layers with a nilpotent A (ρ(A) = 0) have "
        "fixed points x̄ ≠ 0, where A*(x̄) x̄ = x̄: ρ(A*(x̄)) ≥ 1 at every depth. ReLU layers with "
        "A = −2 give the zero map from two layers on.",
        "If K‖A‖ ≤ q in a norm induced by an absolute norm, ‖A*(x)‖ ≤ qᴸ for L layers: it shrinks "
        "if q < 1. It grows like ρ(A)ᴸ where all Λ_i are 1, as for linear layers.",
        {
            "tanh, A nilpotent (ρ = 0), largest ρ(A*(x)) on [−1, 1]² by layers": largest,
            "ReLU, A = −2 (ρ = 2), largest |A*(x)| on [−1, 1] by layers": flipped,
        },
    )


def _fixed(net: Chain, theta: Any) -> list[spectra.PeriodicOrbit]:
    return spectra.fixed_points(net, theta, np.random.default_rng(0).uniform(-1, 1, (64, 2)))

"""What Drgoňa et al. (2020), section 4, say of biases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import jax.numpy as jnp
import numpy as np

from experiments.claims.claim import Claim
from experiments.spectral_atlas.models import Model, Weights
from lbdnn import FullyConnected, spectra
from lbdnn.activations import get

Rows = Mapping[Model, Mapping[str, Any]]


def equilibrium(rows: Rows, weights: Weights) -> Claim:
    chosen = [
        (model, row)
        for model, row in rows.items()
        if model.bias
        and row["attractor"] == "single point"
        and row["sufficient_condition"]
        and row["largest_layer_radius"] < 1
    ]
    to_bias, to_image = [], []
    for model, row in chosen:
        last = np.asarray(weights.theta(model)[-2])[:, 2]
        point, image = (
            np.array(row["points"][0]),
            np.asarray(get(model.activation)(jnp.asarray(last))),
        )
        to_bias.append(float(np.linalg.norm(point - last)))
        to_image.append(float(np.linalg.norm(point - image)))
    net = FullyConnected((2, 2))
    half = np.diag([0.5, 0.5])
    found = spectra.fixed_points(net, (np.c_[half, [1.0, 2.0]],), np.zeros((1, 2)))
    return Claim(
        "equilibrium-at-b_L",
        "Drgoňa et al. (2020), section 4, dynamical effects of bias terms",
        "If the conditions of theorem 6 hold strictly, the equilibrium is the bias of the last "
        "layer, x̄ = b_L.",
        "True if Φ(b_L) = b_L for all such networks. Atlas: a model with bias whose orbits end at "
        "a single point agrees if that lies within 1e-3 of b_L; as its last layer has an "
        "activation there, the distance from ς(b_L) is given too.",
        "false",
        "x̄ = b_L needs A*(b_L) b_L + (the other biases' part of b*) = 0. A single linear layer "
        "already has x̄ = (I − A)⁻¹b. The bias b_L is the value of a network whose last weight is "
        "0, or whose last hidden layer vanishes at it.",
        "With q = Kᴸ Π‖A_i‖ < 1 (K = sup|ς'|, L activations, a norm induced by an absolute norm) "
        "there is exactly one equilibrium x̄, and ‖x̄ − Φ(0)‖ ≤ q‖Φ(0)‖/(1 − q).",
        {
            "x ↦ x/2 + (1, 2)": {
                "b_L": [1.0, 2.0],
                "x̄": found[0].points[0].tolist(),
            },
            "atlas": {
                "models with bias, the condition met, ρ(A_i) < 1, orbits ending at a point": len(
                    chosen
                ),
                "within 1e-3 of b_L": sum(d <= 1e-3 for d in to_bias),
                "within 1e-3 of ς(b_L)": sum(d <= 1e-3 for d in to_image),
                "median distance from b_L": float(np.median(to_bias)) if chosen else None,
                "median distance from ς(b_L)": float(np.median(to_image)) if chosen else None,
            },
        },
    )


def spectrum(rows: Rows) -> Claim:
    changed: Counter[tuple[str, str]] = Counter()
    differences, pairs, decided = [], 0, 0
    for model, row in rows.items():
        twin = rows.get(replace(model, bias=False))
        if not model.bias or twin is None:
            continue
        pairs += 1
        shifted = row["largest_radius_shifted"] - twin["largest_radius_shifted"]
        differences.append(abs(shifted))
        kinds = (twin["attractor"], row["attractor"])
        if "undecided" not in kinds:
            decided += 1
            changed[kinds] += kinds[0] != kinds[1]
    relu = FullyConnected((1, 1), output="relu")
    moved = spectra.linearize(relu, (np.array([[0.5, -1.0]]), None), np.ones(1)).matrix
    plain = spectra.linearize(relu, (np.array([[0.5, 0.0]]), None), np.ones(1)).matrix
    return Claim(
        "bias-and-spectrum",
        "Drgoňa et al. (2020), section 4, dynamical effects of bias terms",
        "Biases do not affect eigenvalues, stability or convergence; they only move attractors.",
        "True if A*(x) and the kind of attractor are the same with and without biases. Atlas: a "
        "pair of models that share their weights disagrees if their kinds of attractor, both "
        "decided, differ.",
        "false",
        "A bias moves what each neuron receives, so in general Λ_z changes, and with it A*(x) and "
        "its eigenvalues. Only the weights A_i stay.",
        "For linear networks A* = A_L ⋯ A_0 does not depend on biases; if 1 is not an "
        "eigenvalue of it, a bias only moves the fixed point, to (I − A*)⁻¹b*. Otherwise even "
        "this fails: x ↦ x keeps every point, x ↦ x + 1 none.",
        {
            "ReLU(x/2 + b) at x = 1: A* for b = 0 and b = −1": [plain.item(), moved.item()],
            "atlas": {
                "pairs": pairs,
                "of these both decided": decided,
                "pairs whose attractor differs in kind": sum(changed.values()),
                "from (without bias), to (with bias)": {
                    f"{a} → {b}": n for (a, b), n in changed.most_common() if n
                },
                "median change of the largest ρ(A*(x)) on the grid, shifted form": float(
                    np.median(differences)
                )
                if differences
                else None,
            },
        },
    )

"""Lemma 3 and proposition 12 of Drgoňa et al. (2020): the pointwise affine form."""

from __future__ import annotations

import warnings
from typing import Any

import jax
import numpy as np

from experiments.claims.claim import Claim
from experiments.spectral_atlas.models import ACTIVATIONS, Weights, models, network
from lbdnn import FullyConnected, derivatives, spectra

# Random, so that no neuron receives exactly 0.
POINTS = np.random.default_rng(0).uniform(-6, 6, (200, 2))
# Depths and activations of proposition 12.
DEPTHS = (1, 4, 8)
COMPARED = ("relu", "selu", "gelu", "tanh")


def exactness(weights: Weights) -> Claim:
    found: dict[str, float] = {}
    with jax.enable_x64(True), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        for activation in ACTIVATIONS:
            chosen = models(depths=(8,), activations=(activation,))
            net, thetas = network(8, activation), weights.stacked(chosen)
            for form in ("paper", "shifted"):
                key = f"{activation}, {form} form"
                found[key] = float(np.max(_defects(net, thetas, form)))
        net = FullyConnected((1, 1), output="logistic", bias=False)
        theta = (np.ones((1, 1)), None)
        zero = np.zeros(1)
        printed = spectra.linearize(net, theta, zero, form="paper")
        shifted = spectra.linearize(net, theta, zero)
        thin = FullyConnected((2, 1), output="relu", bias=False)
        cancelled = spectra.linearize(thin, (np.array([[1.0, -1.0]]), None), np.ones(2))
    return Claim(
        "lemma-3",
        "Drgoňa et al. (2020), lemma 3 and remark 11",
        "For every activation, Φ(x) = A*(x) x + b*(x), where Λ_z = diag(ς(z)/z) with ς'(0) at 0.",
        "True if both sides agree to rounding at every x at which A* is defined by the text, 0 "
        "included (remark 11).",
        "holds with a correction",
        "Λ_z z = ς(z) wherever z ≠ 0, and the rest is substitution. At z = 0 the product is 0 "
        "whatever is put for ς(z)/z, so the identity fails there if ς(0) ≠ 0 (logistic, softplus). "
        "Near it A*(x) x and b*(x) are huge and cancel. The text also says that A*(x) is undefined "
        "where an entry of x is 0: it is where a neuron *receives* 0, as ReLU(x₁ − x₂) at (1, 1).",
        "With Λ_z = diag((ς(z) − ς(0))/z) and ς(0) moved into b* it holds at every x and has no "
        "pole.",
        {
            "largest |Φ(x) − A* x − b*| / (1 + ‖Φ(x)‖), depth 8, all constraints": found,
            "logistic(x) at x = 0": {
                "Φ": 0.5,
                "A* x + b*, printed form": float(printed.offset[0]),
                "A* x + b*, shifted form": float(shifted.offset[0]),
            },
            "A* of ReLU(x₁ − x₂) at (1, 1), with ς'(0)": np.ravel(cancelled.matrix).tolist(),
        },
    )


def _defects(net: Any, thetas: Any, form: Any) -> np.ndarray:
    matrix, offset = jax.vmap(lambda t: spectra.linearize(net, t, POINTS, form=form))(thetas)
    values = jax.vmap(lambda t: jax.vmap(net, (None, 0))(t, POINTS))(thetas)
    built = np.einsum("mbij,bj->mbi", matrix, POINTS) + np.asarray(offset)
    size = 1 + np.abs(values).max(-1, keepdims=True)
    return np.abs(built - np.asarray(values)) / size


def relu_is_taylor(weights: Weights) -> Claim:
    found = {}
    with jax.enable_x64(True):
        for activation in COMPARED:
            worst = 0.0
            for count in DEPTHS:
                chosen = models(depths=(count,), activations=(activation,))
                net, thetas = network(count, activation), weights.stacked(chosen)
                matrix = jax.vmap(lambda t, n=net: spectra.linearize(n, t, POINTS).matrix)(thetas)
                slope = jax.vmap(lambda t, n=net: _slopes(n, t))(thetas)
                size = 1 + np.abs(slope).max((-2, -1), keepdims=True)
                worst = max(worst, float(np.max(np.abs(matrix - slope) / size)))
            found[activation] = worst
    return Claim(
        "proposition-12",
        "Drgoňa et al. (2020), proposition 12",
        "For ReLU networks A*(x) is the derivative ∂Φ/∂x.",
        "True if both agree to rounding wherever the derivative exists.",
        "holds",
        "Where no neuron receives 0, ReLU(z)/z = ReLU'(z), so the factors Λ_i of both are equal. "
        "The same argument holds for every activation linear on each side of 0 (leaky ReLU), "
        "with biases too; for no other.",
        "",
        {"largest |A* − ∂Φ/∂x| / (1 + |∂Φ/∂x|) over the atlas": found},
    )


def _slopes(net: Any, theta: Any) -> Any:
    return jax.vmap(lambda x: derivatives.input_jacobian(net, theta, x))(POINTS)

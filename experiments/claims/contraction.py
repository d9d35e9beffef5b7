"""What the slides say of Lipschitz constants of gradient and of expansive steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np

from experiments.claims.claim import Claim
from experiments.claims.random_parameters import random_parameters
from experiments.claims.sources import SLIDES
from lbdnn.structured import flows
from lbdnn.structured.weights import Orthogonal

Constants = Literal["published", "sharp"]
LIPSCHITZ = f"{SLIDES}, Lipschitz-constrained networks"
STEPS = (0.25, 0.5, 1.0, 4 / 3, 1.75, 2.0)
GRADIENT = flows.GradientFlow(Orthogonal(4, 4))


def leaky(z: Any) -> Any:
    """Σ of the slides: max(z, z/2)."""
    return np.maximum(z, z / 2)


def contract(x: np.ndarray, h: float, a: np.ndarray) -> np.ndarray:
    """x − hAᵀΣ(Ax)."""
    return x - h * a.T @ leaky(a @ x)


def ratio(f: Callable[[np.ndarray], np.ndarray], x: np.ndarray, y: np.ndarray) -> float:
    """‖f(x) − f(y)‖/‖x − y‖."""
    return float(np.linalg.norm(f(x) - f(y)) / np.linalg.norm(x - y))


def attacked() -> list[float]:
    """The largest stretching of a pair that ascent finds, at STEPS.

    From 8 pairs, each for parameters of its own.
    """

    def found(step: Any, own: Any, pair: Any) -> Any:
        return flows.lipschitz_ratio(lambda x: x + step * GRADIENT(own, x), *pair, steps=150)

    with jax.enable_x64(True):
        pairs = 2 * np.random.default_rng(0).normal(size=(8, 2, GRADIENT.n))
        over = jax.vmap(jax.vmap(found, (None, 0, 0)), (0, None, None))
        return np.max(
            jax.jit(over)(jnp.array(STEPS), random_parameters(GRADIENT, 8), pairs), axis=1
        ).tolist()


def contractive() -> Claim:
    one = np.eye(1)
    low, high = np.array([[-1.0], [-2.0]]), np.array([[1.0], [2.0]])
    table = {}
    for h, attack in zip(STEPS, attacked(), strict=True):
        table[f"h = {h:.4g}"] = {
            "published": flows.contraction_constant(h, constants="published"),
            "sharp": flows.contraction_constant(h),
            "attacked": attack,
            "pair (−1, −2), A = 1": ratio(lambda x, h=h: contract(x, h, one), *low),
            "pair (1, 2), A = 1": ratio(lambda x, h=h: contract(x, h, one), *high),
        }
    # Monotone and steep as the hypotheses of the published constant have it, but no gradient.
    turn = np.array([[0.5, -np.sqrt(0.75)], [np.sqrt(0.75), 0.5]])
    turned = [float(np.linalg.norm(np.eye(2) - h * turn, 2)) for h in STEPS]
    return Claim(
        "contraction-constant",
        LIPSCHITZ,
        "Steps x − hAᵀΣ(Ax + b) with orthogonal A and Σ(z) = max(z, z/2) have the Lipschitz "
        "constant √(1 − h + h²).",
        "True if no pair of points is stretched by more, for all A, b and h ≥ 0; sharp if for each "
        "h some A, b and pair are stretched by as much.",
        "holds, not sharp",
        "g(x) = AᵀΣ(Ax + b) has (x − y)ᵀ(g(x) − g(y)) ≥ ½‖x − y‖² and ‖g(x) − g(y)‖ ≤ ‖x − y‖, "
        "so the square of the stretching is at most 1 − 2h/2 + h². This uses that Σ is monotone "
        "and forgets that g is a gradient: differences obey (I − hAᵀDA)(x − y) with D diagonal in "
        "[½, 1], a symmetric matrix with eigenvalues within [1 − h, 1 − h/2].",
        "The constant is max(1 − h/2, h − 1): 1 − h/2 for h ≤ 4/3, attained where all neurons "
        "receive z < 0, and h − 1 for h ≥ 4/3, attained where they receive z > 0. It is least, "
        "1/3, at h = 4/3 and below 1 for 0 < h < 2; √(1 − h + h²) is at least 0.866, at h = ½, "
        "and below 1 for h < 1 only. For the hypotheses of its proof the published constant is "
        "sharp: the field ½x + √¾Jx, J a quarter turn, attains it at every h.",
        {
            "stretching by steps": table,
            "by ½x + √¾Jx, at the same h": turned,
        },
    )


def wide() -> Claim:
    h, a = 0.5, np.array([[1.0, 0.0]])
    pair = np.array([[1.0, 0.0], [1.0, 1.0]])
    step = flows.largest_expansive_step(h, constants="published")

    def network(x: np.ndarray) -> np.ndarray:
        return contract(x + step * leaky(x + 3.0), h, a)

    return Claim(
        "orthogonal-not-square",
        f"{LIPSCHITZ}: 'We consider orthogonal weight matrices'",
        "The contraction constant √(1 − h + h²) holds for matrices with orthonormal rows or "
        "columns, square or not.",
        "An orthogonal matrix is square; layers that change width have AAᵀ = I or AᵀA = I only. "
        "False if for one of the two a pair is stretched by more than the constant.",
        "false",
        "For AᵀA = I, at least as many rows as columns, nothing in the proof changes. A with "
        "AAᵀ = I and more columns than rows has a kernel, and the step leaves x as it is along it: "
        "the constant is 1, and nothing is left to pay for an expansive step.",
        "For h‖A‖² ≤ 2 steps never expand, whatever the shape of A; they contract by "
        "max(1 − hs²/2, h‖A‖² − 1) if the smallest s with ‖Ax‖ ≥ s‖x‖ is positive.",
        {
            "A": a.tolist(),
            "pair": pair.tolist(),
            "h": h,
            "published constant": flows.contraction_constant(h, constants="published"),
            "stretched by": ratio(lambda x: contract(x, h, a), *pair),
            "after an expansive step that the published constraint admits, stretched by": ratio(
                network, *pair
            ),
        },
    )


def expansive() -> Claim:
    rng = np.random.default_rng(0)
    pair = np.array([[1.0, 2.0], [3.0, 1.0]])
    turns = np.linalg.qr(rng.normal(size=(2000, 4, 4)))[0]
    slopes = rng.choice([0.5, 1.0], (2000, 4, 1))
    return Claim(
        "expansion-constant",
        LIPSCHITZ,
        "Steps x + hΣ(Wx + v) with orthogonal W have the Lipschitz constant 1 + h.",
        "True if no pair of points is stretched by more, for all W, v and h ≥ 0; sharp if for each "
        "h some W, v and pair are stretched by as much.",
        "holds",
        "The triangle inequality, as Σ and W have the constant 1. It is sharp: with W = I, and "
        "where x + v > 0, the step multiplies differences by 1 + h. For a given W it is the "
        "largest ‖I + hDW‖, D diagonal in [½, 1], which may be less: W = −I contracts.",
        "",
        {
            f"h = {h:.4g}": {
                "1 + h": 1 + h,
                "pair ((1, 2), (3, 1)), W = I, v = 0": ratio(
                    lambda x, h=h: x + h * leaky(x), *pair
                ),
                "the same pair, W = −I": ratio(lambda x, h=h: x + h * leaky(-x), *pair),
                "largest ‖I + hDW‖ of 2000 random W and D, n = 4": float(
                    np.max(np.linalg.norm(np.eye(4) + h * slopes * turns, 2, (1, 2)))
                ),
            }
            for h in (0.1547, 1.0, 2.0)
        },
    )


def longest(h: float, constants: Constants) -> float | str:
    """The largest h_E > 0 that may go with h_C = h, "none" where there is none."""
    if flows.contraction_constant(h, constants=constants) >= 1:
        return "none"
    return flows.largest_expansive_step(h, constants=constants)


def alternating() -> Claim:
    best = 2 / np.sqrt(3) - 1
    largest = {
        f"h_C = {h:.4g}": {name: longest(h, name) for name in ("published", "sharp")}
        for h in (0.25, 0.5, 0.75, 1.0, 4 / 3, 1.75)
    }
    # Positive everywhere: the slopes of Σ are 1, in both steps.
    pair = np.array([[1.0, 2.0], [3.0, 1.0]])

    def both(x: np.ndarray, contraction: float, expansion: float) -> np.ndarray:
        return contract(x + expansion * leaky(x), contraction, np.eye(2))

    return Claim(
        "pairs-do-not-expand",
        LIPSCHITZ,
        "If √(1 − h_C + h_C²)(1 + h_E) ≤ 1 for each pair of an expansive and a contractive step, "
        "the network has ‖N(x) − N(y)‖ ≤ ‖x − y‖.",
        "True if the condition suffices for all weights and depths; sharp if no longer steps will "
        "do.",
        "holds, not sharp",
        "Lipschitz constants multiply. But the condition admits h_E ≤ 2/√3 − 1 = 0.1547 only, at "
        "h_C = ½, and none for h_C ≥ 1. With these steps every pair contracts, by 0.866 at least, "
        "so that values of deep networks hardly depend on the input.",
        "max(1 − h_C/2, h_C − 1)(1 + h_E) ≤ 1 is sufficient for all weights, and necessary: with "
        "A = W = I and biases that put all neurons on the side wanted, a pair of points is "
        "stretched by the left-hand side. It admits h_E ≤ 2, at h_C = 4/3, 12.9 times as much, "
        "and some h_E > 0 for all 0 < h_C < 2.",
        {
            "largest h_E": largest,
            "2/√3 − 1": float(best),
            "ratio of the largest": float(2 / best),
            "constant of a pair, h_C = ½, h_E = 2/√3 − 1": flows.contraction_constant(0.5)
            * (1 + best),
            "pair ((1, 2), (3, 1)), W = A = I, stretched by": {
                "h_C = 4/3, h_E = 2": ratio(lambda x: both(x, 4 / 3, 2.0), *pair),
                "h_C = 4/3, h_E = 2.1": ratio(lambda x: both(x, 4 / 3, 2.1), *pair),
            },
        },
    )

"""What the slides say of fields as gradients and sphere-preserving fields."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from experiments.claims.claim import Claim
from experiments.claims.integration import runge_kutta
from experiments.claims.sources import SLIDES
from lbdnn.structured import flows

LAST = f"{SLIDES}, last formulas"
POINTS = np.random.default_rng(0).uniform(-1, 1, (40, 3))
NODES = 12


def network(x: Any) -> Any:
    """A field without structure, tanh(Mx + m)."""
    weight = jnp.array([[1.0, 2.0, -1.0], [0.5, -1.0, 1.5], [2.0, 0.0, 0.3]])
    return jnp.tanh(weight @ x + 0.5)


def parts() -> Claim:
    turn = np.array([[0.0, -1.0, 2.0], [1.0, 0.0, 0.5], [-2.0, -0.5, 0.0]])
    fields = {
        "tanh(Mx + m)": network,
        "(x₂x₃, x₁², x₁ − x₃³)": lambda x: jnp.array([x[1] * x[2], x[0] ** 2, x[0] - x[2] ** 3]),
        "∇(sin x₁ + x₂x₃²)": lambda x: jnp.array([jnp.cos(x[0]), x[2] ** 2, 2 * x[1] * x[2]]),
        "cos(x₁)Sx, S skew-symmetric": lambda x: jnp.cos(x[0]) * (turn @ x),
    }

    def measured(f: Any, x: Any) -> tuple[Any, Any, Any]:
        _, gradient, tangential = flows.decompose(f, x, nodes=NODES)
        return jnp.abs(x @ tangential), jnp.linalg.norm(gradient), jnp.linalg.norm(tangential)

    evidence: dict[str, Any] = {}
    names = ("|xᵀX_S|", "‖∇U‖", "‖X_S‖")
    with jax.enable_x64(True):

        @jax.jit
        def all_measured(points: Any) -> Any:
            return {name: jax.vmap(partial(measured, f))(points) for name, f in fields.items()}

        for name, values in all_measured(POINTS).items():
            evidence[name] = {
                f"largest {what}": float(np.max(value))
                for what, value in zip(names, values, strict=True)
            }

        def kinked(x: Any) -> Any:
            return jnp.array([jax.nn.relu(x[1]), 0.0])

        sides = [
            float(flows.potential(kinked, jnp.array([1.0, s]), nodes=1)) / s for s in (1e-3, -1e-3)
        ]
    evidence["(ReLU(x₂), 0), U(1, s)/s for s = 0.001 and −0.001"] = sides
    return Claim(
        "gradient-and-tangential-parts",
        LAST,
        "f = ∇U + X_S with U(x) = ∫₀¹ xᵀf(tx)dt and X_S a field that preserves spheres.",
        "True if xᵀ(f(x) − ∇U(x)) = 0 for all fields f for which U is defined, continuous ones; "
        "measured, to the error of the quadrature.",
        "holds with a correction",
        "U(sx) = ∫₀ˢ xᵀf(τx)dτ, and its derivative in s at 1 is xᵀ∇U(x) = xᵀf(x): X_S is "
        "orthogonal to x, and ‖x‖ constant along its orbits. This needs that U is differentiable. "
        "For f = (ReLU(x₂), 0), a layer of the slides' kind, U = ½x₁ReLU(x₂) is not on the line "
        "x₂ = 0, so that ∇U is not defined there.",
        "For f of class C¹ it holds, and U is the only such function with U(0) = 0: for another, "
        "C, the difference has xᵀ∇(U − C) = 0, so it is constant along rays. For kinked f it holds "
        "where U is differentiable, almost everywhere.",
        evidence,
    )


def approximation() -> Claim:
    def gradient(x: Any) -> Any:
        return flows.decompose(network, x, nodes=NODES).gradient

    def tangential(x: Any) -> Any:
        return flows.decompose(network, x, nodes=NODES).tangential

    @jax.jit
    def alternated(points: Any, count: Any) -> Any:
        """Of both parts, and the flow of their sum, by as many steps."""

        def pair(_: Any, x: Any) -> Any:
            return runge_kutta(tangential, runge_kutta(gradient, x, 1 / count), 1 / count)

        def whole(_: Any, x: Any) -> Any:
            return runge_kutta(network, x, 1 / count)

        def ends(x: Any) -> Any:
            return tuple(jax.lax.fori_loop(0, count, one, x) for one in (pair, whole))

        return jax.vmap(ends)(points)

    errors = {}
    with jax.enable_x64(True):
        for count in (16, 32, 64, 128):
            apart, whole = map(np.asarray, alternated(POINTS, count))
            errors[count] = float(np.max(np.linalg.norm(apart - whole, axis=1)))
    halved = list(errors.values())
    # Increasing maps, and x ↦ −x: at ±1 the errors differ by at least 2.
    rng = np.random.default_rng(0)
    rising = np.sort(rng.uniform(-2, 2, (1000, 2)), axis=1)
    nearest = float(np.min(np.max(np.abs(rising - [1.0, -1.0]), axis=1)))
    return Claim(
        "approximation-by-parts",
        LAST,
        "If f_i = ∇U_i + X_S^i, F can be approximated with flow maps of gradient and "
        "sphere-preserving fields.",
        "F is not defined there. True for F the composition of flow maps of C¹ fields f_i if "
        "alternating flows of both parts converge to it; false for all continuous F if one of "
        "them keeps a distance from all compositions of flow maps.",
        "holds with a correction",
        "For such F it is the product formula of Lie and Trotter: k times the flow of ∇U for the "
        "time h/k and that of X_S for h/k have the distance O(1/k) from the flow of f for h, "
        "uniformly on bounded sets. Measured, the error halves as k doubles. For other F it can "
        "fail: in one dimension flow maps increase, and every increasing φ has an error of at "
        "least 1 from x ↦ −x on [−1, 1], as (φ(1) + 1) − (φ(−1) − 1) ≥ 2.",
        "Continuous F need another sense of 'approximate' (in L², for n ≥ 2, compositions of flow "
        "maps are dense) or more dimensions; neither is decided by computing, and not decided "
        "here. Nor are there bounds on how many flow maps it takes.",
        {
            "largest distance from the flow of tanh(Mx + m) for h = 1, by k": errors,
            "ratios of successive ones": [a / b for a, b in pairwise(halved)],
            "largest error at ±1 from x ↦ −x, least over 1000 increasing maps": nearest,
        },
    )

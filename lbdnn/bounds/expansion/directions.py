"""Finitely many output directions that bound a norm over all of them."""

from __future__ import annotations

import math
from itertools import pairwise, product

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float


class Directions:
    r"""Unit vectors u_1 … u_N of Rᵐ, and a bound of sup_{‖u‖=1} g(u) from g(u_1) … g(u_N) for every
    seminorm g, such as g(u) = ‖∇²_θ(uᵀΦ)‖.

    - m = 1: u = 1.
    - m = 2: N directions, Δ = π/N apart. Between neighbours u = (sin(Δ − φ)u₁ + sin(φ)u₂)/sin Δ, so
      g(u) ≤ (f₁ sin(Δ − φ) + f₂ sin φ)/sin Δ, which is largest at an end or, if its top is between
      them (min(f₁, f₂) > cos Δ max(f₁, f₂)), there: √(f₁² + f₂² − 2f₁f₂ cos Δ)/sin Δ.
    - m ≥ 3: all of {−1, 0, 1}ᵐ up to sign, normalised. With |u| sorted, x_1 ≥ … ≥ x_m ≥ 0, u is
      Σ_j (x_j − x_{j+1}) v_j, v_j with j entries ±1, so g(u) ≤ Σ_j x_j (√j G_j − √(j−1) G_{j−1})
      ≤ √Σ_j max(√j G_j − √(j−1) G_{j−1}, 0)², G_j the largest of the g(v_j/√j): at most √Σ(√j −
      √(j−1))² = 1.13, 1.16, 1.18, 1.20 times the largest G for m = 3, 4, 5, 6.
    """

    def __init__(self, outputs: int, excess: float) -> None:
        if outputs == 2:
            count = math.ceil(math.pi / (2 * math.acos(1 / (1 + excess))))
            angles = math.pi * np.arange(max(count, 2)) / max(count, 2)
            self.vectors = np.stack([np.cos(angles), np.sin(angles)], 1)
        else:
            signs = np.array(
                [v for v in product((0, 1, -1), repeat=outputs) if _first(v) > 0], float
            )
            self.vectors = signs / np.sqrt(np.sum(signs**2, 1, keepdims=True))
            self._sizes = np.sum(signs != 0, 1)

    def supremum(self, values: Float[Array, "*b N"]) -> Float[Array, "*b"]:
        """≥ sup g over all unit vectors."""
        count, outputs = self.vectors.shape
        slack = 1 + 1e-13
        if outputs == 1:
            return values[..., 0]
        if outputs == 2:
            step = math.pi / count
            after = jnp.roll(values, -1, -1)
            least, greatest = jnp.minimum(values, after), jnp.maximum(values, after)
            root = values**2 + after**2 - 2 * values * after * math.cos(step)
            between = jnp.sqrt(jnp.maximum(root, 0.0)) / math.sin(step)
            # A margin: the chord is a bound at any rate.
            inside = least > math.cos(step) * greatest * (1 - 1e-9)
            return jnp.max(jnp.where(inside, between, greatest), -1) * (1 + 1e-12)
        levels = [
            jnp.max(jnp.where(self._sizes == j, values, 0.0), -1) for j in range(1, outputs + 1)
        ]
        scaled = [jnp.zeros_like(levels[0])]
        scaled += [math.sqrt(j) * level for j, level in enumerate(levels, 1)]
        steps = [jnp.maximum(b - a, 0.0) + 1e-15 * b for a, b in pairwise(scaled)]
        return jnp.sqrt(sum(x**2 for x in steps)) * slack


def _first(v: tuple[int, ...]) -> int:
    return next((x for x in v if x), 0)

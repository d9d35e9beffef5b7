"""The soft exponential: a logarithm, the identity or an exponential, as its parameter says."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

import jax.numpy as jnp
from jaxtyping import Array

from .activation import Activation
from .constants import LARGEST_SCALE, SMALLEST_SCALE, parameter

_INF = math.inf


def _linear(x: Array, alpha: float) -> Array:
    return x


def _exponential(x: Array, alpha: float) -> Array:
    return jnp.expm1(alpha * x) / alpha + alpha


def _logarithm(x: Array, alpha: float) -> Array:
    x = jnp.where(x > _pole(alpha), x, jnp.nan)
    far = x > 1e30  # where α·z may overflow, and the constants do not count
    z = -alpha * (jnp.where(far, 0, x) + alpha)
    # XLA's log1p loses 8 bits of float64 between −1/2 and −0.3 (measured with jaxlib 0.10.2).
    near = jnp.where(
        z < -0.25, jnp.log(1 + jnp.minimum(z, -0.25)), jnp.log1p(jnp.maximum(z, -0.25))
    )
    return jnp.where(far, jnp.log(x) + math.log(-alpha), near) / -alpha


def _pole(alpha: float) -> float:
    """1/α − α, correctly rounded."""
    return float(1 / Fraction(alpha) - Fraction(alpha))


@dataclass(frozen=True)
class _Derivative:
    """Of the order given: constants, αᵈ⁻¹exp(αz), or −(d−1)!·(−1)ᵈ⁻¹/(α(z − pole)ᵈ)."""

    order: int

    def __call__(self, x: Array, alpha: float) -> Array:
        d = self.order
        if alpha == 0:
            return jnp.full_like(x, float(d == 1))
        if alpha > 0:
            return alpha ** (d - 1) * jnp.exp(alpha * x)
        pole = _pole(alpha)
        distance = jnp.where(x > pole, x - pole, jnp.nan)
        return (-1) ** d * math.factorial(d - 1) / alpha / distance**d


@cache
def soft_exponential(alpha: float = 0.0) -> Activation:
    """(exp(αz) − 1)/α + α for α > 0; z for α = 0, where learning starts; −log(1 − α(z + α))/α for
    α < 0, defined for z > 1/α − α only, NaN elsewhere (Godfrey and Gashler 2015).

    For α ≠ 0 neither ς nor its derivatives are bounded on the domain and no line bounds ς:
    enclosures on intervals exist, global constants do not.
    """
    alpha = parameter("soft_exponential", "alpha", alpha, -LARGEST_SCALE, LARGEST_SCALE)
    if 0 < abs(alpha) < SMALLEST_SCALE:
        raise ValueError(
            f"the parameter alpha of soft_exponential must be 0 or at least {SMALLEST_SCALE:g} in "
            f"magnitude; got {alpha}"
        )
    domain, growth = (-_INF, _INF), (_INF, _INF)
    if alpha > 0:
        function, formula = _exponential, r"\frac{e^{\alpha z} - 1}{\alpha} + \alpha"
        limits = ((alpha - 1 / alpha, _INF), (0.0, _INF), (0.0, _INF), (0.0, _INF))
    elif alpha < 0:
        function, formula = _logarithm, r"-\frac{\log(1 - \alpha(z + \alpha))}{\alpha}"
        limits = ((-_INF, _INF), (_INF, 0.0), (-_INF, 0.0), (_INF, 0.0))
        domain = (_pole(alpha), _INF)
    else:
        function, formula = _linear, "z"
        limits = ((-_INF, _INF), (1.0, 1.0), (0.0, 0.0), (0.0, 0.0))
        growth = (1.0, 0.0)
    return Activation(
        "soft_exponential",
        function,
        extremes=((), (), (), ()),
        limits=limits,
        growth=growth,
        parameters=(alpha,),
        derivatives=(_Derivative(1), _Derivative(2), _Derivative(3)),
        domain=domain,
        formula=formula,
    )

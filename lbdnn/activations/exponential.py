"""Linear on one side, exponential on the other: ELU, CELU, SELU, PELU."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cache

import jax.numpy as jnp
from jaxtyping import Array

from .activation import Activation
from .constants import parameter, scale

_INF = math.inf
_UNDEFINED = ((0.0, -_INF), (0.0, _INF))


@dataclass(frozen=True)
class _Unit:
    """slope·z for z > 0, height·(exp(z/length) − 1) for z ≤ 0; or a derivative of it."""

    slope: float
    height: float
    length: float
    order: int = 0

    def __call__(self, x: Array, *parameters: float) -> Array:
        power = jnp.minimum(x, 0) / self.length  # 0, not overflow, where it is not selected
        if self.order == 0:
            return jnp.where(x > 0, self.slope * x, self.height * jnp.expm1(power))
        right = self.slope if self.order == 1 else 0.0
        return jnp.where(x > 0, right, self.height / self.length**self.order * jnp.exp(power))

    def activation(self, name: str, parameters: tuple[float, ...], formula: str) -> Activation:
        slope, height, length = self.slope, self.height, self.length
        steepness = height / length
        if steepness == slope:
            slopes, curvatures = ((0.0, slope),), ((0.0, steepness / length), (0.0, 0.0))
        else:
            slopes, curvatures = ((0.0, steepness), (0.0, slope)), _UNDEFINED
        # For z < 0, |ς| − slope·|z| is greatest where the exponential has that slope.
        ratio = abs(steepness) / slope
        excess = slope * length * (ratio - 1 - math.log(ratio)) if ratio > 1 else 0.0
        return Activation(
            name,
            self,
            extremes=(((0.0, 0.0),) if height < 0 else (), slopes, curvatures, _UNDEFINED),
            limits=((-height, _INF), (0.0, slope), (0.0, 0.0), (0.0, 0.0)),
            growth=(slope, excess),
            parameters=parameters,
            derivatives=tuple(replace(self, order=d) for d in (1, 2, 3)),
            formula=formula,
        )


@cache
def elu(alpha: float = 1.0) -> Activation:
    """z for z > 0, α(eᶻ − 1) else (Clevert et al. 2016). The slope jumps at 0 unless α = 1."""
    alpha = parameter("elu", "alpha", alpha)
    formula = r"\max(z, 0) + \alpha(e^{\min(z, 0)} - 1)"
    return _Unit(1.0, alpha, 1.0).activation("elu", (alpha,), formula)


@cache
def celu(alpha: float = 1.0) -> Activation:
    """z for z > 0, α(exp(z/α) − 1) else, α > 0 (Barron 2017): the slope is continuous."""
    alpha = scale("celu", "alpha", alpha)
    formula = r"\max(z, 0) + \alpha(e^{\min(z, 0)/\alpha} - 1)"
    return _Unit(1.0, alpha, alpha).activation("celu", (alpha,), formula)


# λ and λα of Klambauer et al. (2017).
selu = _Unit(1.0507009873554804934, 1.7580993408473768600, 1.0).activation(
    "selu", (), r"\lambda\max(z, 0) + \lambda\alpha(e^{\min(z, 0)} - 1)"
)


@cache
def pelu(a: float = 1.0, b: float = 1.0) -> Activation:
    """(a/b)z for z > 0, a(exp(z/b) − 1) else, a, b > 0 and learned (Trottier et al. 2017)."""
    a, b = scale("pelu", "a", a), scale("pelu", "b", b)
    formula = r"\tfrac{a}{b}\max(z, 0) + a(e^{\min(z, 0)/b} - 1)"
    return _Unit(a / b, a, b).activation("pelu", (a, b), formula)

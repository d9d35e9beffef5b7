"""The mean slope of an activation between 0 and z: the diagonal of Λ_z."""

from __future__ import annotations

import math
from functools import cache

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy.polynomial.chebyshev import cheb2poly, chebfit, chebpts1, chebval

from ..activations import Activation
from ..compilation import at_once

# Of the quadrature that the fits are made from: exact for polynomials of degree 39.
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(20)
_DEGREE = {4: 6, 8: 12}  # bytes of a float: largest degree of the fit


def mean_slope(activation: Activation, z: Float[Array, "*s"]) -> Float[Array, "*s"]:
    r"""(ς(z) − ς(0))/z, elementwise, and ς'(0) at z = 0: ∫₀¹ ς'(tz) dt for a smooth ς.

    Where ς(0) ≠ 0 the difference loses digits near 0; there a polynomial stands for it, fitted to
    the integral to within the rounding of the arithmetic of z.

    **Raises:** ValueError where 0 is not in the activation's domain.
    """
    at_zero = value_at_zero(activation)
    away = z != 0
    quotient = (activation(z) - at_zero) / jnp.where(away, z, 1)
    if at_zero == 0:
        # Times z, which is 0 there: for the derivative.
        limit = activation.slope_at_zero + _half_curvature(activation) * z
        return jnp.where(away, quotient, limit)
    radius, coefficients = _fit(activation, jnp.dtype(z.dtype).itemsize)
    near = jnp.abs(z) <= radius
    # Far points would overflow in the polynomial, and their derivatives with them.
    polynomial = jnp.polyval(
        jnp.asarray(coefficients[::-1], z.dtype), jnp.where(near, z, 0), unroll=16
    )
    return jnp.where(near, polynomial, quotient)


def slope_of_ray(activation: Activation, z: Float[Array, "*s"]) -> Float[Array, "*s"]:
    """ς(z)/z, elementwise, and ς'(0) at z = 0 (Drgoňa et al., equation 4 and remark 11).

    It has a pole at 0 where ς(0) ≠ 0.
    """
    value_at_zero(activation)
    away = z != 0
    quotient = activation(z) / jnp.where(away, z, 1)
    return jnp.where(away, quotient, activation.slope_at_zero)


def value_at_zero(activation: Activation) -> float:
    """ς(0); ValueError where it is not defined."""
    if not math.isfinite(activation.value_at_zero):
        raise ValueError(
            f"{activation} is not defined at 0, so it has no mean slope from there; use another "
            "activation"
        )
    return activation.value_at_zero


@cache
def _half_curvature(activation: Activation) -> float:
    """ς''(0)/2, 0 at a kink."""
    if 0.0 in activation.kinks or 0.0 in activation.jumps:
        return 0.0
    return at_once(lambda: float(activation.derivative(2, jnp.zeros(())))) / 2


@cache
def _fit(activation: Activation, bytes_: int) -> tuple[float, tuple[float, ...]]:
    """(radius, coefficients of z⁰, z¹, …) of a polynomial that is the mean slope near 0."""
    # Some roundings: those of the slopes themselves.
    tolerance = 2.0 ** (-49 if bytes_ >= 8 else -22)
    breaks = (*activation.kinks, *activation.jumps, *activation.domain)
    radius = min([0.5, *map(abs, breaks)])
    while radius > 2.0**-20:
        nodes, between = chebpts1(_DEGREE.get(bytes_, 6) + 1), np.linspace(-1, 1, 101)
        values = _integral(activation, radius * np.concatenate([nodes, between]))
        series = chebfit(nodes, values[: len(nodes)], len(nodes) - 1)
        exact = values[len(nodes) :]
        for terms in range(1, len(nodes) + 1):
            error = np.max(np.abs(chebval(between, series[:terms]) - exact))
            if error <= tolerance * np.max(np.abs(exact)):
                powers = cheb2poly(series[:terms])
                return radius, tuple(float(c / radius**k) for k, c in enumerate(powers))
        radius /= 2
    # A kink at 0, or nothing smooth: the quotient everywhere but at 0.
    return 0.0, (activation.slope_at_zero,)


def _integral(activation: Activation, z: np.ndarray) -> np.ndarray:
    """∫₀¹ ς'(tz) dt by quadrature, in float64."""
    points = z[:, None] * (1 + _NODES) / 2
    slopes = at_once(lambda: np.asarray(activation.derivative(1, jnp.asarray(points))))
    return slopes @ (_WEIGHTS / 2)

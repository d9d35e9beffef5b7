"""Fixed points and periodic orbits of x ↦ Φ(x), and their stability."""

from __future__ import annotations

from functools import partial
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Complex, Float

from ..networks import Chain, Theta
from .affine_maps import checked_points
from .orbits import check_iterable
from .spectrum import eigenvalues

Stability = Literal["stable", "unstable", "marginal"]


class PeriodicOrbit(NamedTuple):
    """An orbit that closes after `period` steps; of period 1: a fixed point.

    `points` (period, n), in turn; `multipliers` (n,) are the eigenvalues of the derivative of
    Φ∘⋯∘Φ around it, `residual` is the largest ‖Φ(x) − next x‖. `stability`: "stable" if all
    multipliers lie inside the unit circle, so that near orbits approach it (given that Φ is C¹
    there), "unstable" if one lies outside, "marginal" if one is within `MARGIN` of the circle and
    none outside. All three speak of the derivative as JAX has it: at a kink (ReLU at 0) it is a
    convention, and they decide nothing.
    """

    points: Float[np.ndarray, "period n"]
    multipliers: Complex[np.ndarray, " n"]
    residual: float
    stability: Stability


MARGIN = 1e-6


def fixed_points(
    net: Chain, theta: Theta, starts: Float[ArrayLike, "b n"], *, tolerance: float = 1e-9
) -> list[PeriodicOrbit]:
    """The fixed points that Newton's method finds from the given starts, in float64.

    Not necessarily all there are. See `periodic_orbits`, of which this is the case of period 1.
    """
    return periodic_orbits(net, theta, 1, starts, tolerance=tolerance)


def periodic_orbits(
    net: Chain,
    theta: Theta,
    period: int,
    starts: Float[ArrayLike, "b n"],
    *,
    tolerance: float = 1e-9,
) -> list[PeriodicOrbit]:
    """The orbits of exactly that least period found by Newton's method on Φ^period(x) = x.

    Each once, the stable ones first; those that come nearer than 1e-6·(1 + ‖x‖) count as one, so
    of a continuum of fixed points those are given that Newton's method ends at.

    **Arguments:**

    - `starts`: (b, n); Newton's method runs from each, in one compiled batch (optimistix).
    - `tolerance`: largest residual of a point that counts, over 1 + ‖x‖. (So a residual that
      tends to 0 at infinity, as that of softplus, counts as a fixed point far out.)

    **Raises:** ValueError if the network does not map its inputs to as many outputs, or `period`
    is not positive.
    """
    check_iterable(net)
    if period < 1:
        raise ValueError(f"a period is at least 1; got {period}")
    with jax.enable_x64(True):
        theta = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float64), theta)
        points = checked_points(net, theta, jnp.asarray(starts, jnp.float64))
        orbits, slopes, residuals = _newton(net, theta, points.reshape(-1, net.inputs), period)
        multipliers = np.asarray(eigenvalues(slopes))
    orbits, residuals = np.asarray(orbits), np.asarray(residuals)
    found: list[PeriodicOrbit] = []
    for orbit, own, residual in zip(orbits, multipliers, residuals, strict=True):
        size = 1 + np.abs(orbit).max()
        if not residual <= tolerance * size or _closes_sooner(orbit, size):
            continue
        if any(_near(orbit[0], point, size) for other in found for point in other.points):
            continue
        found.append(PeriodicOrbit(orbit, own, float(residual), _stability(own)))
    return sorted(found, key=lambda orbit: float(np.abs(orbit.multipliers).max()))


def _near(x: np.ndarray, y: np.ndarray, size: float) -> bool:
    return bool(np.abs(x - y).max() <= 1e-6 * size)


def _closes_sooner(orbit: np.ndarray, size: float) -> bool:
    period = len(orbit)
    shorter = [p for p in range(1, period) if period % p == 0]
    return any(_near(orbit[p], orbit[0], size) for p in shorter)


def _stability(multipliers: np.ndarray) -> Stability:
    radius = np.abs(multipliers).max()
    if radius > 1 + MARGIN:
        return "unstable"
    return "stable" if radius < 1 - MARGIN else "marginal"


@partial(jax.jit, static_argnames=("net", "period"))
def _newton(
    net: Chain, theta: Theta, starts: Float[Array, "b n"], period: int
) -> tuple[Array, Array, Array]:
    """Orbits (b, period, n), derivatives around them (b, n, n), residuals (b,)."""
    import optimistix

    def around(x: Array) -> Array:
        for _ in range(period):
            x = net(theta, x)
        return x

    def root(start: Array) -> tuple[Array, Array, Array]:
        # A singular derivative (a continuum of fixed points) needs least squares.
        solution = optimistix.least_squares(
            lambda x, _: around(x) - x,
            optimistix.LevenbergMarquardt(rtol=1e-14, atol=1e-14),
            start,
            max_steps=200,
            throw=False,
        )
        states = [solution.value]
        for _ in range(period):
            states.append(net(theta, states[-1]))
        orbit = jnp.stack(states)
        slope = jax.jacfwd(around)(orbit[0])
        return orbit[:-1], slope, jnp.max(jnp.abs(orbit[-1] - orbit[0]))

    return jax.vmap(root)(starts)

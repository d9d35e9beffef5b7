"""Certified regions of attraction: ellipsoids that a network maps into themselves, contracting."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from ...compilation import QUICK
from ...intervals import Interval, euclidean, from_interval, interval, up
from ...networks import Chain, Theta
from ..orbits import check_iterable
from .inverse import inverse
from .secants import Region, Secants, ellipsoid, secants

_BISECTIONS = 40
_DOUBLINGS = 60
_DAMPING = (0.0, 0.25, 0.5, 0.75)


@dataclass(frozen=True)
class RegionOfAttraction:
    r"""E = {x : ‖x − centre‖_P ≤ level}, ‖z‖_P = √(zᵀPz), in which every orbit stays and converges.

    There is exactly one fixed point x̄ in E, and ‖Φ(x) − x̄‖_P ≤ rate·‖x − x̄‖_P for every x in E.

    - `centre` (n,); `root` (n, n), upper triangular: P = rootᵀ·root.
    - `level`: of the norm, not of its square.
    - `rate`: q < 1, rounded upward; close to 1 unless a smaller one was asked for.
    - `error`: ‖x̄ − centre‖_P is at most this.
    - `fixed_point`: (lo, hi), a box that contains x̄.
    """

    centre: Float[np.ndarray, " n"]
    root: Float[np.ndarray, "n n"]
    level: float
    rate: float
    error: float
    fixed_point: tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]

    @property
    def volume(self) -> float:
        """The volume of E, to rounding."""
        from scipy.special import gammaln

        n = len(self.centre)
        unit = n / 2 * np.log(np.pi) - gammaln(n / 2 + 1)
        with np.errstate(divide="ignore", over="ignore"):
            size = n * np.log(self.level) - np.sum(np.log(np.abs(np.diag(self.root))))
            return float(np.exp(unit + size))

    def contains(self, x: Float[ArrayLike, "*batch n"]) -> np.ndarray:
        """Whether points are in E, but for rounding: shape (…,)."""
        shifted = np.asarray(x, float) - self.centre
        return np.linalg.norm(shifted @ self.root.T, axis=-1) <= self.level


def region_of_attraction(
    net: Chain, theta: Theta, fixed_point: Float[ArrayLike, " n"], *, rate: float = 1.0
) -> RegionOfAttraction:
    r"""An inner estimate, proved, of the region of attraction of a fixed point of x ↦ Φ(x).

    P solves the discrete Lyapunov equation (J/s)ᵀP(J/s) − P = −I at J = Φ'(x̂), for a few
    ρ(J) ≤ s ≤ 1, x̂ the point at which Newton's method ends. For a level c let E_c be the ellipsoid
    about x̂. With q ≥ ‖S‖_P for every secant S of Φ between points of E_c (`secants`: interval
    slopes over E_c and the mean value theorem) and r ≥ ‖Φ(x̂) − x̂‖_P, the two inequalities

        q < 1,     r ≤ (1 − q) c

    suffice: ‖Φ(x) − x̂‖_P ≤ q‖x − x̂‖_P + r ≤ c, so Φ maps E_c into itself and contracts there, and
    Banach's theorem gives the one fixed point x̄ in E_c, ‖x̄ − x̂‖_P ≤ r/(1 − q), which every orbit
    from E_c approaches. Neither P nor x̂ needs to be exact. The largest c is found by bisection, for
    each s, and the largest of these ellipsoids is returned; x̄ is enclosed by the smallest.

    Φ need not be differentiable: it must be Lipschitz on E_c. Computed in float64, everything
    that the proof rests on rounded outward.

    **Arguments:**

    - `fixed_point` (n,): near a fixed point, such as one of `fixed_points`.
    - `rate`: the largest q wanted. q grows with c, so a smaller one gives a smaller region, from
      which orbits converge faster; at 1 the region is as large as the proof allows.

    **Raises:** ValueError if the network does not map its inputs to as many outputs, if no
    contracting fixed point is found near the given point, or nothing could be proved about it.
    """
    check_iterable(net)
    net.validate(theta)
    with jax.enable_x64(True):
        theta = jax.tree.map(lambda leaf: jnp.asarray(np.asarray(leaf), jnp.float64), theta)
        if not 0 < rate <= 1:
            raise ValueError(f"a rate of convergence is in (0, 1]; got {rate}")
        given = np.asarray(fixed_point, float)
        if given.shape != (net.inputs,) or not np.isfinite(given).all():
            raise ValueError(
                f"a fixed point is {net.inputs} finite numbers; got an array of shape {given.shape}"
            )
        x, slope, residual = map(np.asarray, _polished(net, theta, jnp.asarray(given)))
        if not (np.isfinite(x).all() and residual <= 1e-6 * (1 + np.abs(x).max())):
            raise ValueError("Newton's method finds no fixed point from the given one")
        radius = float(np.abs(np.linalg.eigvals(slope)).max())
        if radius >= rate:
            raise ValueError(
                f"the spectral radius of Φ' at the fixed point is {radius:.6g}: it must be below "
                f"{rate:g}, the largest rate of convergence wanted"
            )
        roots = [root for t in _DAMPING if (root := _root(slope, radius**t)) is not None]
        regions = [_largest(net, theta, x, root, rate) for root in roots]
        proved = [region for region in regions if region is not None]
        if not proved:
            raise ValueError(
                "no region of attraction could be proved about the fixed point: Φ may have a kink "
                f"there, or the spectral radius {radius:.6g} of Φ' be too close to {rate:g}"
            )
        return max(proved, key=lambda region: region.volume)


def _root(slope: np.ndarray, damping: float) -> np.ndarray | None:
    from scipy.linalg import LinAlgError, cholesky, solve_discrete_lyapunov

    n = len(slope)
    try:
        p = solve_discrete_lyapunov(slope.T / max(damping, 1e-6), np.eye(n))
        root = cholesky((p + p.T) / 2)
    except (LinAlgError, ValueError):
        return None
    return root / np.abs(root).max()


def _largest(
    net: Chain, theta: Theta, x: np.ndarray, root: np.ndarray, wanted: float
) -> RegionOfAttraction | None:
    """The largest ellipsoid about x of that shape for which the inequalities are proved."""
    centre, matrix = jnp.asarray(x), jnp.asarray(root)
    axes = inverse(matrix)

    def proved(level: float) -> tuple[float, float] | None:
        found = secants(net, theta, _of_level(centre, axes, level), jnp.asarray(False))
        rate, error = map(float, _contraction(found, centre, matrix, level))
        return (rate, error) if rate < 1 and rate <= wanted and error <= level else None

    level = 1.0 + float(np.abs(x).max())
    for _ in range(_DOUBLINGS):  # downward, to the first that is proved
        if proved(level) is not None:
            break
        level /= 2
    else:
        return None
    low, high = level, 2 * level
    for _ in range(_DOUBLINGS):
        if proved(high) is None:
            break
        low, high = high, 2 * high
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        if proved(middle) is None:
            high = middle
        else:
            low = middle
    found = proved(low)
    assert found is not None
    smaller = [proved(low / 2**k) for k in range(_DOUBLINGS)]
    rate, error = found[0], min(own[1] for own in smaller if own is not None)
    reach = up(euclidean(axes.magnitude(), 1) * error)
    about = interval(centre) + Interval(-reach, reach)
    ends = np.asarray(about.lo), np.asarray(about.hi)
    return RegionOfAttraction(x, root, low, rate, error, ends)


@partial(jax.jit, compiler_options=QUICK)
def _of_level(centre: Array, axes: Interval, level: Array) -> Region:
    return ellipsoid(centre, axes * interval(level))


@partial(jax.jit, compiler_options=QUICK)
def _contraction(found: Secants, centre: Array, root: Array, level: Array) -> tuple[Array, Array]:
    """(q, r/(1 − q)), rounded upward; inf where q is not below 1."""
    rate = from_interval(root @ found.matrix / interval(level)).norm()
    moved = root @ (found.middle - interval(centre))
    distance = interval(euclidean(moved.magnitude()))
    error = (distance / (1 - interval(rate))).hi
    return rate, jnp.where(rate < 1, error, jnp.inf)


@partial(jax.jit, static_argnames="net", compiler_options=QUICK)
def _polished(net: Chain, theta: Theta, x: Array) -> tuple[Array, Array, Array]:
    """A fixed point by Newton's method, Φ' and |Φ(x) − x| there."""

    def step(_: int, x: Array) -> Array:
        shift = jax.jacfwd(partial(net, theta))(x) - jnp.eye(net.inputs)
        return x - jnp.linalg.lstsq(shift, net(theta, x) - x)[0]

    x = jax.lax.fori_loop(0, 20, step, x)
    return x, jax.jacfwd(partial(net, theta))(x), jnp.max(jnp.abs(net(theta, x) - x))

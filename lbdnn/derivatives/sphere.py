"""The largest value of a convex, even function on the unit sphere, enclosed from both sides."""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import minimize, nnls

# u -> (f(u), a subgradient of f there).
Oracle = Callable[[np.ndarray], tuple[float, np.ndarray]]


def sphere_maximum(
    oracle: Oracle, m: int, *, gap: float, max_evaluations: int
) -> tuple[float, float]:
    r"""Lower and upper bounds of sup {f(u) : u ∈ R^m, ‖u‖ = 1} for f ≥ 0 sublinear and even.

    Sublinear: f(u + v) ≤ f(u) + f(v), and f(cu) = c f(u) for c ≥ 0. Such an f is convex, so its
    maximum over the sphere may hide behind local ones.

    **Lower bound.** The largest ‖q‖ of the subgradients q met: by convexity f(q/‖q‖) ≥ ‖q‖, and
    ‖q‖ ≥ qᵀu = f(u). From every u that beats the others, q/‖q‖ is improved further by BFGS.

    **Upper bound.** Let the columns u_i of an invertible U be unit vectors, f_i = f(u_i), and let
    the unit vector u = Uc lie in their cone, c ≥ 0. Then f(u) ≤ Σ c_i f(u_i), and for every λ ≥ 0

        f(u) ≤ fᵀc ≤ (f + λ)ᵀc = (U⁻ᵀ(f + λ))ᵀu ≤ ‖U⁻ᵀ(f + λ)‖.

    The best λ solves a non-negative least-squares problem, the dual of max {fᵀc : c ≥ 0, ‖Uc‖ ≤ 1}:
    nothing is lost after the first step.

    For m = 2 this is a closed form. On an arc of angle Δ < π the first step reads, at angle t,
    f(u) ≤ g(t) = (f_1 sin(Δ − t) + f_2 sin t)/sin Δ: a sinusoid of amplitude
    √(f_1² + f_2² − 2 f_1 f_2 cos Δ)/sin Δ. As g'' = −g ≤ 0 it is concave on the arc, so its peak
    lies inside iff g'(0) ≥ 0 ≥ g'(Δ), that is f_2 ≥ f_1 cos Δ and f_1 ≥ f_2 cos Δ. Hence f is at
    most that amplitude where min(f_1, f_2) > max(f_1, f_2) cos Δ, and at most max(f_1, f_2)
    elsewhere. The worst case, f_1 = f_2, is f_1/cos(Δ/2): the gap falls as Δ²/8.

    **Algorithm.** f is even, so the 2^(m−1) orthants with u_1 ≥ 0 suffice. The cone with the
    largest bound is cut at the middle of its longest edge, until that bound is at most (1 + gap)
    times the lower bound or `max_evaluations` calls of the oracle are spent. The upper bound is inf
    where there are more orthants than that.
    """
    climb = _Climb(oracle)
    corners = np.eye(m)
    values = np.array([climb(u) for u in corners])
    if 2 ** (m - 1) > max_evaluations:
        return climb.best, math.inf
    order = itertools.count()
    cones = []
    for signs in itertools.product((1.0, -1.0), repeat=m - 1):
        signed = corners * np.array([1.0, *signs])
        heapq.heappush(cones, (-_cone_bound(signed, values), next(order), signed, values))
    while -cones[0][0] > (1 + gap) * climb.best and climb.evaluations < max_evaluations:
        _, _, corners, values = heapq.heappop(cones)
        cosines = corners.T @ corners
        ends = np.unravel_index(np.argmin(cosines), cosines.shape)
        middle = corners[:, ends].sum(1)
        middle /= np.linalg.norm(middle)
        value = climb(middle)
        for end in ends:
            part, at = corners.copy(), values.copy()
            part[:, end], at[end] = middle, value
            heapq.heappush(cones, (-_cone_bound(part, at), next(order), part, at))
    return climb.best, max(climb.best, -cones[0][0])


def _cone_bound(corners: np.ndarray, values: np.ndarray) -> float:
    """min over λ ≥ 0 of ‖U⁻ᵀ(f + λ)‖; any λ gives a bound, so an inexact one does no harm."""
    scale = float(values.max())
    if scale == 0:
        return 0.0
    inverse = np.linalg.inv(corners).T
    slack, _ = nnls(inverse, -inverse @ (values / scale))
    return scale * float(np.linalg.norm(inverse @ (values / scale + slack)))


@dataclass
class _Climb:
    """f, remembering its values and the best one found by ascents from where it is called."""

    oracle: Oracle
    best: float = 0.0
    evaluations: int = 0
    known: dict[tuple[float, ...], float] = field(default_factory=dict)

    def __call__(self, u: np.ndarray) -> float:
        first = u[np.argmax(np.abs(u) > 1e-9)]
        key = tuple(np.round(u * math.copysign(1.0, first), 9).tolist())
        self.evaluations += key in self.known  # so that the search ends in any case
        if key not in self.known:
            best = self.best
            self.known[key], slope = self._evaluate(u)
            if self.best > best and len(u) > 1:
                options = {"maxiter": 10, "gtol": 1e-5}
                minimize(self._descent, slope / self.best, self.best, jac=True, options=options)
        return self.known[key]

    def _descent(self, v: np.ndarray, scale: float) -> tuple[float, np.ndarray]:
        """−f(v/‖v‖)/scale and its gradient."""
        length = np.linalg.norm(v)
        u = v / length
        value, slope = self._evaluate(u)
        return -value / scale, (value * u - slope) / (scale * length)

    def _evaluate(self, u: np.ndarray) -> tuple[float, np.ndarray]:
        self.evaluations += 1
        value, slope = self.oracle(u)
        self.best = max(self.best, math.hypot(*slope))
        return value, slope

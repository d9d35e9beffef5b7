"""Smooth projection on a ball."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from ...networks import Chain
from .law import Around, Law, Metric, Signals, applied, traced
from .leakage import check_center


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Projected(Around):
    r"""θ̂' = proj(v), v the rate of a law: θ̂ never leaves ‖θ̂ − c‖ ≤ (1 + δ)R.

    With p(θ) = (‖θ − c‖² − R²) / (((1 + δ)² − 1)R²), which is 0 on the ball and 1 where θ̂ may not
    go beyond, and Γ of the law at that time,

        proj(v) = v − p Γ∇p ∇pᵀv / (∇pᵀΓ∇p)    where p > 0 and ∇pᵀv > 0,    else v

    (p held to ≤ 1), continuous in θ̂ and v. In the metric of the law it costs nothing: for every θ*
    of the ball, (θ* − θ̂)ᵀΓ⁻¹(proj(v) − v) ≥ 0, as (θ* − θ̂)ᵀ∇p ≤ 0 where p > 0.

    *Continuous time.* ∇pᵀproj(v) = (1 − p)∇pᵀv or less, so p does not grow where p = 1. Noise of a
    law is multiplied by 1 − p: then 1 − p is bounded below by a geometric Brownian motion, which
    does not reach 0. (A solver of the equation keeps this to its own accuracy.)

    *Sampled.* With v = θ̂⁺ − θ̂ of the law, w = θ̂ + proj(v), and ρ = (1 + δ)R,

        θ̂⁺ = c + (w − c) min(1, ρ/‖w − c‖),

    so that ‖θ̂⁺ − c‖ ≤ ρ, but for roundings, for every finite v: steps of any length, and noise.
    How much the last factor does: ρ² − ‖θ̂ − c‖² = (1 − p)(ρ² − R²) and, as Γ is positive definite,
    (θ̂ − c)ᵀproj(v) ≤ (1 − p)‖θ̂ − c‖‖v‖ give ‖w − c‖² − ρ² ≤ (1 − p)(2ρ‖v‖ − ρ² + R²) + ‖proj(v)‖²,
    which for 2ρ‖v‖ ≤ ρ² − R² is at most ‖proj(v)‖², so θ̂⁺ is nearer than ‖proj(v)‖²/(2ρ) to w: of
    second order in the period. The factor itself never moves θ̂ away from a point of the ball in the
    Euclidean norm; in that of Γ⁻¹ it may, by this much. Parameters that Γ never moves, at s from
    theirs of c, stay: the others are put into their ball of radius √(ρ² − s²), which stands for ρ
    in the last denominator.

    **Arguments:**

    - `law`: what moves θ̂; the projection is the outermost of what changes θ̂.
    - `radius`: R. `margin`: δ.
    - `center`: c, (p,) in the order of `net.ravel`; None: 0.

    **Raises:** ValueError for a radius or margin that is not positive; where a simulation starts,
    for θ̂(0) beyond (1 + δ)R. Values that are being traced (a batch of θ̂(0)) pass; then the first
    sample puts θ̂ on the ball, as far as what moves can, while in continuous time it stays outside
    as long as the law wants.

    Krstić, Kanellakopoulos, Kokotović, *Nonlinear and adaptive control design* (1995), appendix E.
    """

    law: Law
    radius: float
    margin: float = 0.1
    center: Float[ArrayLike, " p"] | None = None

    def __post_init__(self) -> None:
        sizes = (self.radius, self.margin)
        if all(isinstance(x, int | float) for x in sizes) and not min(sizes) > 0:
            raise ValueError(
                f"a projection needs radius > 0 and margin > 0; got {self.radius} and {self.margin}"
            )

    def rate(
        self, net: Chain, state: object, theta: Float[Array, " p"], signals: Signals
    ) -> tuple[object, Float[Array, " p"]]:
        moved, rate = self.law.rate(net, state, theta, signals)
        return moved, self._projected(state, theta, rate)

    def step(
        self, net: Chain, state: object, theta: Float[Array, " p"], signals: Signals, period: float
    ) -> tuple[object, Float[Array, " p"]]:
        state, wanted = self.law.step(net, state, theta, signals, period)
        move = wanted - theta
        own = self._projected(state, theta, move)
        # Where nothing is to be done, exactly what the law does.
        moved = jnp.where(jnp.all(own == move), wanted, theta + own)
        return state, self._nearest(moved, self.law.metric(state))

    def _nearest(self, theta: Array, metric: Metric) -> Array:
        """The nearest point of ‖θ̂ − c‖ ≤ (1 + δ)R, parameters without gain where they are."""
        center = 0 if self.center is None else jnp.asarray(self.center, theta.dtype)
        shift, reach = theta - center, self.radius * (1 + self.margin)
        gains = jnp.asarray(metric)
        moves = (jnp.diagonal(gains) if gains.ndim == 2 else gains) != 0
        square = jnp.sum(jnp.where(moves, shift, 0) ** 2)
        room = reach**2 - jnp.sum(jnp.where(moves, 0, shift) ** 2)
        outside = (square > room) & (square > 0)
        root = jnp.where(room > 0, jnp.sqrt(jnp.where(room > 0, room, 1)), 0)
        factor = root / jnp.sqrt(jnp.where(outside, square, 1))
        return jnp.where(outside & moves, center + factor * shift, theta)

    def noise(self, state: object, theta: Array, vector: Array) -> Array:
        share = jnp.clip(self._share(theta), 0, 1)
        return (1 - share) * self.law.noise(state, theta, vector)

    def check(self, theta: ArrayLike, period: float | None, damping: float = 0.0) -> None:
        check_center(self.center, theta)
        if not traced(theta, self.center, self.radius, self.margin):
            center = 0.0 if self.center is None else np.asarray(self.center)
            distance = float(np.linalg.norm(np.asarray(theta) - center))
            reach = float(self.radius * (1 + self.margin))
            if distance > reach * (1 + 1e-6):
                raise ValueError(
                    f"the initial parameters are {distance:.6g} from the center of the projection, "
                    f"which lets them go to (1 + margin) · radius = {reach:.6g}; pass a larger "
                    "radius, another center or other parameters"
                )
        self.law.check(theta, period, damping)

    def _shift(self, theta: Array) -> Array:
        return theta if self.center is None else theta - jnp.asarray(self.center, theta.dtype)

    def _share(self, theta: Array) -> Array:
        """p(θ)."""
        square = jnp.sum(self._shift(theta) ** 2)
        wide = (1 + self.margin) ** 2 - 1
        return (square / self.radius**2 - 1) / wide

    def _projected(self, state: object, theta: Array, move: Array) -> Array:
        shift, share = self._shift(theta), jnp.minimum(self._share(theta), 1)
        image = applied(self.law.metric(state), shift)
        outward, size = jnp.sum(shift * move), jnp.sum(shift * image)
        active = (share > 0) & (outward > 0) & (size > 0)
        factor = jnp.where(active, share * outward / jnp.where(active, size, 1), 0)
        return move - factor * image

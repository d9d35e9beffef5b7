"""Terms that pull the parameters towards a point."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from ...networks import Chain
from .law import Around, Law, Signals, plus
from .tracking import check_gains


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Leakage(Around):
    r"""Adds −(k_θ + k_e‖r‖)(θ̂ − θ₀) to Φ'ᵀr in a law: σ- and e-modification about θ₀.

    So θ̂' = Γ(Φ'ᵀr − (k_θ + k_e‖r‖)(θ̂ − θ₀)) for the tracking-error law, beside the damping of the
    law itself, which is about 0: set that to 0 for a pull to θ₀ alone. The pull of e-modification
    vanishes with the error, that of σ-modification does not.

    **Arguments:**

    - `law`: what it is added to.
    - `damping`: k_θ. `error_damping`: k_e.
    - `center`: θ₀, (p,) in the order of `net.ravel`; None: 0.

    Ioannou, Kokotović, *Instability analysis and improvement of robustness of adaptive control*
    (1984): σ. Narendra, Annaswamy, *A new adaptive law for robust adaptation without persistent
    excitation* (1987): e.
    """

    law: Law
    damping: float = 0.0
    error_damping: float = 0.0
    center: Float[ArrayLike, " p"] | None = None

    def rate(
        self, net: Chain, state: object, theta: Float[Array, " p"], signals: Signals
    ) -> tuple[object, Float[Array, " p"]]:
        return self.law.rate(net, state, theta, self._pulled(theta, signals))

    def step(
        self, net: Chain, state: object, theta: Float[Array, " p"], signals: Signals, period: float
    ) -> tuple[object, Float[Array, " p"]]:
        return self.law.step(net, state, theta, self._pulled(theta, signals), period)

    def check(self, theta: ArrayLike, period: float | None, damping: float = 0.0) -> None:
        check_center(self.center, theta)
        check_gains(damping=self.damping, error_damping=self.error_damping)
        self.law.check(theta, period, self.damping + damping)

    def _pulled(self, theta: Array, signals: Signals) -> Signals:
        shift = theta if self.center is None else theta - jnp.asarray(self.center)
        strength = self.damping + self.error_damping * norm(signals.filtered_error)
        return plus(signals, -strength * shift)


def norm(vector: Float[Array, " n"]) -> Float[Array, ""]:
    """‖vector‖₂, with derivative 0 at 0."""
    square = jnp.sum(vector**2)
    return jnp.where(square > 0, jnp.sqrt(jnp.where(square > 0, square, 1)), 0)


def check_center(center: Float[ArrayLike, " p"] | None, theta: ArrayLike) -> None:
    if center is not None and np.shape(center) != np.shape(theta):
        raise ValueError(
            f"a center has {np.size(theta)} numbers, one a parameter (net.ravel gives them); got "
            f"shape {np.shape(center)}"
        )

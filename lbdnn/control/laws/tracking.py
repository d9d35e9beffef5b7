"""The tracking-error law."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from ...networks import Chain
from .law import Deterministic, Metric, Signals, traced, transposed


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class TrackingLaw(Deterministic):
    """θ̂' = Γ(Φ'ᵀr − k_θ θ̂), Γ = `gain`·I or diag(`gain`); sampled by forward Euler.

    `gain` is a number or (p,), see `gains_by_layer`. `damping` is k_θ, the σ-modification.

    Patil, Le, Greene, Dixon, *Lyapunov-derived control and adaptive update laws for inner and outer
    layer weights of a deep neural network* (2022).
    """

    gain: float | Float[Array, " p"] = 1.0
    damping: float = 1e-4

    def init(self, net: Chain) -> None:
        return None

    def rate(
        self, net: Chain, state: None, theta: Float[Array, " p"], signals: Signals
    ) -> tuple[None, Float[Array, " p"]]:
        direction = transposed(signals, signals.filtered_error) - self.damping * theta
        return None, self.gain * direction

    def step(
        self, net: Chain, state: None, theta: Float[Array, " p"], signals: Signals, period: float
    ) -> tuple[None, Float[Array, " p"]]:
        return None, theta + period * self.rate(net, state, theta, signals)[1]

    def metric(self, state: None) -> Metric:
        return self.gain

    def check(self, theta: ArrayLike, period: float | None, damping: float = 0.0) -> None:
        if np.ndim(self.gain) not in (0, 1) or np.shape(self.gain) not in ((), np.shape(theta)):
            raise ValueError(
                f"the gain of the law is a number or {np.size(theta)} numbers, one a parameter; "
                f"got shape {np.shape(self.gain)}"
            )
        check_gains(gain=self.gain, damping=self.damping)
        if period is not None and not traced(self.gain, self.damping, damping):
            check_damping(period, float(np.max(self.gain)), self.damping + damping)


def check_gains(**gains: ArrayLike) -> None:
    """Refuses gains, where they are known, that are not finite and >= 0."""
    for name, gain in gains.items():
        if not traced(gain) and not np.all(np.isfinite(gain) & (np.asarray(gain) >= 0)):
            raise ValueError(f"the {name} of a law is finite and >= 0; got {gain}")


def check_damping(period: float, gain: float, damping: float) -> None:
    """Refuses |1 − period·‖Γ‖·k_θ| > 1: θ̂' = −k_θΓθ̂ grows where it should fall."""
    if period * gain * damping > 2:
        raise ValueError(
            f"period · gain · damping = {period * gain * damping:.3g} is more than 2, so that "
            "damping makes the parameters grow; pass a shorter period, or less gain or damping"
        )

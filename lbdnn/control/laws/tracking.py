"""The tracking-error law."""

from __future__ import annotations

from dataclasses import dataclass

import jax
from jaxtyping import Array, Float

from ...networks import Chain
from .law import Signals, transposed


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class TrackingLaw:
    """θ̂' = Γ(Φ'ᵀr − k_θ θ̂), Γ = `gain`·I; sampled by forward Euler.

    `damping` is k_θ, the σ-modification.

    Patil, Le, Greene, Dixon, *Lyapunov-derived control and adaptive update laws for inner and outer
    layer weights of a deep neural network* (2022).
    """

    gain: float = 1.0
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

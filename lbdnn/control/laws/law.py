"""What an adaptation law is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ...networks import Chain

matmul = jax.lax.Precision.HIGHEST


class Signals(NamedTuple):
    """What a law may use at one time."""

    inputs: Float[Array, " N"]  # X, of the network
    jacobian: Float[Array, "n p"]  # Φ'(X, θ̂)
    filtered_error: Float[Array, " n"]  # r
    drift: Float[Array, " n"]  # f̂, of the observer
    prediction_error: Float[Array, " n"]  # E = f̂ − Φ(X, θ̂)
    # v ↦ Φ'ᵀv by one backward pass: for a law that needs no more, Φ' is then not computed at all.
    pullback: Callable[[Float[Array, " n"]], Float[Array, " p"]] | None = None


class Law(Protocol):
    """A pair of pure functions, and the same in continuous time.

    `init(net)` gives the law's own state. `step` gives that and θ̂ (p,) one period later, `rate` the
    derivatives of both. `net` is the network that learns. Gains are data of a pytree.
    """

    def init(self, net: Chain) -> Any: ...
    def step(
        self, net: Chain, state: Any, theta: Float[Array, " p"], signals: Signals, period: float
    ) -> tuple[Any, Float[Array, " p"]]: ...
    def rate(
        self, net: Chain, state: Any, theta: Float[Array, " p"], signals: Signals
    ) -> tuple[Any, Float[Array, " p"]]: ...


def transposed(signals: Signals, error: Float[Array, " n"]) -> Float[Array, " p"]:
    """Φ'ᵀ error."""
    if signals.pullback is not None:
        return signals.pullback(error)
    return jnp.matmul(signals.jacobian.T, error, precision=matmul)

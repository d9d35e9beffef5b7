"""Adaptation laws: how the parameters of the network move."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

matmul = jax.lax.Precision.HIGHEST


class Signals(NamedTuple):
    """What a law may use at one sample."""

    jacobian: Float[Array, "n p"]  # Φ'(X, θ̂)
    filtered_error: Float[Array, " n"]  # r = ė + α₁e
    prediction_error: Float[Array, " n"]  # E = f̂ − Φ(X, θ̂)


class Law(Protocol):
    """`init(p)` gives the law's own state; `step` the parameters and the state one period later."""

    def init(self, size: int) -> Any: ...
    def step(
        self, state: Any, theta: Float[Array, " p"], signals: Signals, period: float
    ) -> tuple[Any, Float[Array, " p"]]: ...


@dataclass(frozen=True)
class TrackingLaw:
    """θ̂' = Γ(Φ'ᵀr − k_θ θ̂), Γ = `gain`·I, by forward Euler (Patil et al. 2022).

    `damping` is k_θ, the σ-modification.
    """

    gain: float = 1.0
    damping: float = 1e-4

    def init(self, size: int) -> None:
        return None

    def step(
        self, state: None, theta: Float[Array, " p"], signals: Signals, period: float
    ) -> tuple[None, Float[Array, " p"]]:
        rate = self.gain * (_transposed(signals, signals.filtered_error) - self.damping * theta)
        return None, theta + period * rate


class LeastSquares(NamedTuple):
    """Γ (p, p), symmetric, and a unit vector (p,) near its first eigenvector."""

    gain: Float[Array, "p p"]
    direction: Float[Array, " p"]


@dataclass(frozen=True)
class CompositeLaw:
    r"""θ̂' = −k_θΓθ̂ + ΓΦ'ᵀ(r + α₃E), Γ' = β₀(1 − ‖Γ‖/κ₀)Γ − ΓΦ'ᵀΦ'Γ, by forward Euler.

    Least squares with bounded-gain forgetting (Patil et al. 2023, equations of the adaptation law).
    Γ moves first, and θ̂ with the new Γ, as in the published code. Neither the projection of θ̂ nor
    the gate on Γ's eigenvalues of the paper is applied. ‖Γ‖ ≤ κ₀ is not guaranteed: the estimate of
    ‖Γ‖ may miss a growing direction for long (`exact_norm` avoids that), and Γ becomes indefinite
    where period·‖Φ'ΓΦ'ᵀ‖ > 1.

    **Arguments:**

    - `prediction_gain`: α₃. `damping`: k_θ.
    - `forgetting`: β₀, in 1/s. `largest_gain`: κ₀ > ‖Γ(0)‖. `initial_gain`: Γ(0) = that times I.
    - `exact_norm`: ‖Γ‖ by an eigenvalue decomposition, O(p³) a step; otherwise by one step of the
      power method from the last direction, O(p²), a lower bound of ‖Γ‖.
    """

    prediction_gain: float = 20.0
    damping: float = 1e-4
    forgetting: float = 10.0
    largest_gain: float = 2.0
    initial_gain: float = 1.0
    exact_norm: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.initial_gain < self.largest_gain:
            raise ValueError(
                "the composite law needs 0 < initial_gain < largest_gain; got "
                f"{self.initial_gain} and {self.largest_gain}"
            )

    def init(self, size: int) -> LeastSquares:
        gain = self.initial_gain * jnp.eye(size, dtype=jnp.result_type(float))
        # No direction is special: one that stays an eigenvector would hide the others.
        direction = jnp.cos(jnp.arange(size, dtype=gain.dtype))
        return LeastSquares(gain, direction / jnp.linalg.norm(direction))

    def step(
        self, state: LeastSquares, theta: Float[Array, " p"], signals: Signals, period: float
    ) -> tuple[LeastSquares, Float[Array, " p"]]:
        gain, direction = state
        if self.exact_norm:
            norm = jnp.max(jnp.abs(jnp.linalg.eigvalsh(gain, symmetrize_input=False)))
        else:
            image = jnp.matmul(gain, direction, precision=matmul)
            norm = jnp.linalg.norm(image)
            direction = image / jnp.maximum(norm, jnp.finfo(norm.dtype).tiny)
        factor = 1 + period * self.forgetting * (1 - norm / self.largest_gain)
        images = jnp.matmul(gain, signals.jacobian.T, precision=matmul)  # ΓΦ'ᵀ
        gain = factor * gain - period * jnp.matmul(images, images.T, precision=matmul)
        error = signals.filtered_error + self.prediction_gain * signals.prediction_error
        rate = _transposed(signals, error) - self.damping * theta
        theta = theta + period * jnp.matmul(gain, rate, precision=matmul)
        return LeastSquares(gain, direction), theta


def _transposed(signals: Signals, error: Float[Array, " n"]) -> Float[Array, " p"]:
    return jnp.matmul(signals.jacobian.T, error, precision=matmul)

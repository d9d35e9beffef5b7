"""The composite law: least squares with bounded-gain forgetting."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ...networks import Chain
from .law import Signals, matmul, transposed


class LeastSquares(NamedTuple):
    """Γ (p, p), symmetric, and a unit vector (p,) near its first eigenvector."""

    gain: Float[Array, "p p"]
    direction: Float[Array, " p"]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class CompositeLaw:
    r"""θ̂' = −k_θΓθ̂ + ΓΦ'ᵀ(r + α₃E), Γ' = β₀(1 − ‖Γ‖/κ₀)Γ − ΓΦ'ᵀΦ'Γ.

    Least squares with bounded-gain forgetting (Patil et al. 2023, equations of the adaptation law).
    Sampled by forward Euler; Γ moves first, and θ̂ with the new Γ, as in the published code.
    ‖Γ‖ ≤ κ₀ is not guaranteed: the estimate of ‖Γ‖ may miss a growing direction for long
    (`exact_norm` avoids that), and Γ becomes indefinite where period·‖Φ'ΓΦ'ᵀ‖ > 1.

    **Arguments:**

    - `prediction_gain`: α₃. `damping`: k_θ.
    - `forgetting`: β₀, in 1/s. `largest_gain`: κ₀ > ‖Γ(0)‖. `initial_gain`: Γ(0) = that times I.
    - `exact_norm`: ‖Γ‖ by an eigenvalue decomposition, O(p³) a step; otherwise by one step of the
      power method from the last direction, O(p²), a lower bound of ‖Γ‖. In continuous time there
      are no steps, and the norm is always exact.

    **Raises:** ValueError unless 0 < initial_gain < largest_gain.
    """

    prediction_gain: float = 20.0
    damping: float = 1e-4
    forgetting: float = 10.0
    largest_gain: float = 2.0
    initial_gain: float = 1.0
    exact_norm: bool = field(default=False, metadata={"static": True})

    def __post_init__(self) -> None:
        ends = (self.initial_gain, self.largest_gain)
        if all(isinstance(x, (int, float)) for x in ends) and not 0 < ends[0] < ends[1]:
            raise ValueError(
                "the composite law needs 0 < initial_gain < largest_gain; got "
                f"{self.initial_gain} and {self.largest_gain}"
            )

    def init(self, net: Chain) -> LeastSquares:
        gain = self.initial_gain * jnp.eye(net.size, dtype=jnp.result_type(float))
        # No direction is special: one that stays an eigenvector would hide the others.
        direction = jnp.cos(jnp.arange(net.size, dtype=gain.dtype))
        return LeastSquares(gain, direction / jnp.linalg.norm(direction))

    def rate(
        self, net: Chain, state: LeastSquares, theta: Float[Array, " p"], signals: Signals
    ) -> tuple[LeastSquares, Float[Array, " p"]]:
        gain = state.gain
        images = jnp.matmul(gain, signals.jacobian.T, precision=matmul)  # ΓΦ'ᵀ
        change = self._forgetting(_norm(gain)) * gain - jnp.matmul(
            images, images.T, precision=matmul
        )
        moved = LeastSquares(change, jnp.zeros_like(state.direction))
        return moved, jnp.matmul(gain, self._descent(theta, signals), precision=matmul)

    def step(
        self,
        net: Chain,
        state: LeastSquares,
        theta: Float[Array, " p"],
        signals: Signals,
        period: float,
    ) -> tuple[LeastSquares, Float[Array, " p"]]:
        gain, direction = state
        descent = self._descent(theta, signals)
        # One product with Γ for all, and then one pass that changes it in place: Γ_{i+1} v follows
        # from Γ_i v. Γ is large, and moving it is what takes time.
        columns = [signals.jacobian.T, descent[:, None]]
        if not self.exact_norm:
            columns.append(direction[:, None])
        products = jnp.matmul(gain, jnp.concatenate(columns, 1), precision=matmul)
        count = signals.filtered_error.size
        images, image = products[:, :count], products[:, count]  # ΓΦ'ᵀ, Γ descent
        if self.exact_norm:
            norm = _norm(gain)
        else:
            norm = jnp.linalg.norm(products[:, -1])
            direction = products[:, -1] / jnp.maximum(norm, jnp.finfo(norm.dtype).tiny)
        growth = 1 + period * self._forgetting(norm)
        inner = jnp.matmul(images.T, descent, precision=matmul)
        image = growth * image - period * jnp.matmul(images, inner, precision=matmul)
        # A sum of outer products becomes one loop over Γ; a product of matrices would be stored.
        outer = sum(row[:, None] * row[None, :] for row in images.T)
        return LeastSquares(growth * gain - period * outer, direction), theta + period * image

    def _forgetting(self, norm: Array) -> Array:
        """β."""
        return self.forgetting * (1 - norm / self.largest_gain)

    def _descent(self, theta: Array, signals: Signals) -> Array:
        """θ̂' without Γ."""
        error = signals.filtered_error + self.prediction_gain * signals.prediction_error
        return transposed(signals, error) - self.damping * theta


def _norm(gain: Float[Array, "p p"]) -> Float[Array, ""]:
    """The spectral norm of a symmetric matrix."""
    return jnp.max(jnp.abs(jnp.linalg.eigvalsh(gain, symmetrize_input=False)))

"""The composite law: least squares with bounded-gain forgetting."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float

from ...networks import Chain
from .law import Deterministic, Metric, Signals, matmul, traced, transposed
from .tracking import check_damping, check_gains


class LeastSquares(NamedTuple):
    """Γ (p, p), symmetric, and a unit vector (p,) near its first eigenvector."""

    gain: Float[Array, "p p"]
    direction: Float[Array, " p"]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class CompositeLaw(Deterministic):
    r"""θ̂' = −k_θΓθ̂ + ΓΦ'ᵀ(r + α₃E), Γ' = β₀(1 − ‖Γ‖/κ₀)Γ − ΓΦ'ᵀΦ'Γ.

    Least squares with bounded-gain forgetting (Patil et al. 2023, equations of the adaptation law).
    Sampled by forward Euler; Γ moves first, and θ̂ with the new Γ, as in the published code.
    ‖Γ‖ ≤ κ₀ is not guaranteed: the estimate of ‖Γ‖ may miss a growing direction for long
    (`exact_norm` avoids that), and Γ becomes indefinite where period·‖Φ'ΓΦ'ᵀ‖ > 1.

    **Arguments:**

    - `prediction_gain`: α₃. `damping`: k_θ.
    - `forgetting`: β₀, in 1/s. `largest_gain`: κ₀ > ‖Γ(0)‖. `initial_gain`: Γ(0) = that times I,
      or its diagonal (p,), see `gains_by_layer`; a parameter whose entry is 0 never moves.
    - `exact_norm`: ‖Γ‖ by an eigenvalue decomposition, O(p³) a step; otherwise by one step of the
      power method from the last direction, O(p²), a lower bound of ‖Γ‖. In continuous time there
      are no steps, and the norm is always exact.
    - `gate`: (λ_Γmin, λ_Γmax); Γ' = 0 unless all eigenvalues of Γ, but for parameters that never
      move, lie between. Sampled, a step of Γ that would leave the gate is not made, and a later one
      may be: Γ never leaves. In continuous time, where Γ' = 0 outside, Γ stays where it left, as
      the published law has it. Decided exactly but for roundings, by two factorisations, O(p³).

    **Raises:** ValueError unless 0 < initial_gain < largest_gain.
    """

    prediction_gain: float = 20.0
    damping: float = 1e-4
    forgetting: float = 10.0
    largest_gain: float = 2.0
    initial_gain: float | Float[Array, " p"] = 1.0
    exact_norm: bool = field(default=False, metadata={"static": True})
    gate: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        first, largest = self.initial_gain, self.largest_gain
        known = isinstance(first, int | float) and isinstance(largest, int | float)
        if known and not 0 < first < largest:
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
        if self.gate is not None:
            change = jnp.where(self._within(gain, self.gate), change, 0)
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
        images, before = products[:, :count], products[:, count]  # ΓΦ'ᵀ, Γ descent
        if self.exact_norm:
            norm = _norm(gain)
        else:
            norm = jnp.linalg.norm(products[:, -1])
            direction = products[:, -1] / jnp.maximum(norm, jnp.finfo(norm.dtype).tiny)
        growth = 1 + period * self._forgetting(norm)
        inner = jnp.matmul(images.T, descent, precision=matmul)
        image = growth * before - period * jnp.matmul(images, inner, precision=matmul)
        # A sum of outer products becomes one loop over Γ; a product of matrices would be stored.
        outer = sum(row[:, None] * row[None, :] for row in images.T)
        moved = growth * gain - period * outer
        if self.gate is not None:
            inside = self._within(moved, self.gate)
            moved = jnp.where(inside, moved, gain)
            image = jnp.where(inside, image, before)
        return LeastSquares(moved, direction), theta + period * image

    def metric(self, state: LeastSquares) -> Metric:
        return state.gain

    def check(self, theta: ArrayLike, period: float | None, damping: float = 0.0) -> None:
        if np.shape(self.initial_gain) not in ((), np.shape(theta)):
            raise ValueError(
                f"the initial gain is a number or {np.size(theta)} numbers, one a parameter; got "
                f"shape {np.shape(self.initial_gain)}"
            )
        check_gains(
            prediction_gain=self.prediction_gain,
            damping=self.damping,
            forgetting=self.forgetting,
            largest_gain=self.largest_gain,
        )
        if not traced(self.initial_gain, self.largest_gain):
            gains = np.ravel(self.initial_gain)
            if np.min(gains) < 0 or not 0 < np.max(gains) < self.largest_gain:
                raise ValueError(
                    "the composite law needs 0 <= initial_gain < largest_gain, not all 0"
                )
            if self.gate is not None and not traced(self.gate):
                low, high = self.gate
                moving = gains[gains > 0]
                if not 0 <= low < np.min(moving) <= np.max(moving) < high:
                    raise ValueError(
                        "the gate needs 0 <= lower < initial_gain < upper; got "
                        f"{low:g} and {high:g} for gains from {moving.min():g} to {moving.max():g}"
                    )
        if period is None:
            return
        if not traced(self.forgetting) and period * self.forgetting > 2:
            raise ValueError(
                f"period · forgetting = {period * self.forgetting:.3g} is more than 2, so that the "
                "gain oscillates about its largest value and grows; pass a shorter period"
            )
        if not traced(self.largest_gain, self.damping, damping):
            check_damping(period, float(self.largest_gain), self.damping + damping)

    def _within(self, gain: Array, gate: tuple[float, float]) -> Bool[Array, ""]:
        # A matrix is positive definite exactly if it has a Cholesky factor.
        still = jnp.diagonal(gain) == 0
        eye = jnp.eye(gain.shape[0], dtype=gain.dtype)
        gain = gain + jnp.diag(jnp.where(still, (gate[0] + gate[1]) / 2, 0))
        factors = jnp.linalg.cholesky(jnp.stack([gain - gate[0] * eye, gate[1] * eye - gain]))
        return jnp.all(jnp.isfinite(factors))

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

"""The two-link benchmark as the paper and as its published code have it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lbdnn import FullyConnected, control

Law = Literal["tracking", "composite"]
LAWS: tuple[Law, ...] = ("tracking", "composite")
PERIOD = 0.01


@dataclass(frozen=True)
class Setting:
    """What differs between the paper and its code.

    - `drift_with_inertia`: whether f = −M⁻¹(C + F)ẋ has its M⁻¹.
    - `position`: x(0), in rad; ẋ(0) = 0.
    - `drift_gain`: k_f. `solver`: of the plant between samples; None for that of `simulate`.
    - `signal_to_noise`: of the measured positions and velocities, in dB, relative to the mean
      square of each of the reference's; None for no noise.
    - `horizon`, `limit`: of the predictive controller, the latter in N m.
    """

    name: str
    drift_with_inertia: bool
    position: tuple[float, float]
    drift_gain: float
    solver: Literal["euler"] | None
    signal_to_noise: float | None
    horizon: int
    limit: float

    @property
    def plant(self) -> control.TwoLink:
        return control.TwoLink(drift_with_inertia=self.drift_with_inertia)

    def controller(
        self, layers: int, neurons: int, law: Law, *, exact_norm: bool = False
    ) -> control.LbDNN:
        """With the gains of the paper: α₁ = 5, k_r = 5, α₂ = 10, α₃ = 20, β₀ = 10, κ₀ = 2."""
        net = FullyConnected((4, *[neurons] * layers, 2), "tanh")
        own = (
            control.TrackingLaw() if law == "tracking"
            else control.CompositeLaw(exact_norm=exact_norm)
        )  # fmt: skip
        return control.LbDNN(net, self.plant, own, drift_gain=self.drift_gain)


PAPER = Setting("paper", True, (1.0, -1.0), 10.0, None, 50.0, 5, 50.0)
CODE = Setting("code", False, (-1.0, 1.0), 20.0, "euler", None, 3, 100.0)

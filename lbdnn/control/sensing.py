"""Between plant and controller: what is measured, and what becomes of a command."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Sensor:
    """What a controller receives of the state X, (N,).

    **Arguments:**

    - `noise`: standard deviations of what is added, a number or (N,); see `noise_of`. None: none.
    - `delay`: in s, a multiple of the control period; until then X(0) is measured.
    - `feedback`: whether there is any at a time in s; see `Lost`. None: always. A function at the
      top of a module, or anything hashable. It may be applied to an array of times.
    """

    noise: float | Float[ArrayLike, " N"] | None = None
    delay: float = field(default=0.0, metadata={"static": True})
    feedback: Callable[[Float[Array, ""]], Bool[Array, ""]] | None = field(
        default=None, metadata={"static": True}
    )


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Actuator:
    """What becomes of a command u, (m,): limited to [`lower`, `upper`], `delay` s later.

    Limits are numbers or (m,), in the units of the controls; None: none. The delay is a multiple of
    the control period; until then the plant gets 0, limited. A controller does not know of any.
    """

    lower: float | Float[ArrayLike, " m"] | None = None
    upper: float | Float[ArrayLike, " m"] | None = None
    delay: float = field(default=0.0, metadata={"static": True})

    def limited(self, control: Float[Array, " m"]) -> Float[Array, " m"]:
        return jnp.clip(control, self.lower, self.upper)


@dataclass(frozen=True)
class Lost:
    """No feedback during `intervals` [a, b), in s: for `Sensor(feedback=Lost(…))`."""

    intervals: tuple[tuple[float, float], ...]

    def __call__(self, time: Float[Array, "*times"]) -> Bool[Array, "*times"]:
        found = jnp.ones(jnp.shape(time), bool)
        # A sample at the end of an interval may fall on either side by rounding: half a microsecond
        # is far below any control period and far above roundings of times.
        for start, end in self.intervals:
            found &= (time < start - 5e-7) | (time >= end - 5e-7)
        return found


def noise_of(signals: Float[ArrayLike, "T N"], signal_to_noise: float) -> Float[np.ndarray, " N"]:
    """Standard deviations of noise `signal_to_noise` dB below the mean square of each signal."""
    power = np.mean(np.asarray(signals) ** 2, axis=0)
    return np.sqrt(power) * 10 ** (-signal_to_noise / 20)

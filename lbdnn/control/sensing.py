"""Between plant and controller: what is measured, and what becomes of a command."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float

from .laws import traced


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Sensor:
    """What a controller receives of the state X, (N,).

    **Arguments:**

    - `noise`: standard deviations of what is added, a number or (N,), in the units of the states;
      see `noise_of`. None: none.
    - `delay`: in s, a multiple of the control period; until then X(0) is measured.
    - `feedback`: whether there is any at a time in s; see `Lost`. None: always. A function at the
      top of a module, or anything hashable. It may be applied to an array of times.
    """

    noise: float | Float[ArrayLike, " N"] | None = None
    delay: float = field(default=0.0, metadata={"static": True})
    feedback: Callable[[Float[Array, ""]], Bool[Array, ""]] | None = field(
        default=None, metadata={"static": True}
    )

    def check(self, states: int, key: Array | None) -> None:
        """Raises ValueError for noise that is none of `states` states, or without a key."""
        if self.noise is not None:
            _check_numbers("noise", self.noise, states)
            if not traced(self.noise) and not np.min(np.asarray(self.noise)) >= 0:
                raise ValueError(f"noise takes standard deviations >= 0; got {self.noise}")
        if (self.noise is None) != (key is None):
            raise ValueError("noise needs a key (jax.random.key(seed)), and a key is for noise")


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Actuator:
    """What becomes of a command u, (m,): limited to [`lower`, `upper`], `delay` s later.

    Limits are numbers or (m,), in the units of the controls; None: none. The delay is a multiple of
    the control period; until then the plant gets 0, limited. A controller does not know of any.
    """

    lower: float | Sequence[float] | Float[ArrayLike, " m"] | None = None
    upper: float | Sequence[float] | Float[ArrayLike, " m"] | None = None
    delay: float = field(default=0.0, metadata={"static": True})

    def limited(self, control: Float[Array, " m"]) -> Float[Array, " m"]:
        lower, upper = (None if b is None else jnp.asarray(b) for b in (self.lower, self.upper))
        return jnp.clip(control, lower, upper)

    def check(self, controls: int) -> None:
        check_limits(self.lower, self.upper, controls)


@dataclass(frozen=True)
class Lost:
    """No feedback during `intervals` [a, b), in s: for `Sensor(feedback=Lost(…))`.

    **Raises:** ValueError for an interval that is no pair of numbers a < b.
    """

    intervals: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        # Tuples of numbers, whatever was given: hashable.
        given = np.asarray(self.intervals, float)
        if given.size and (given.ndim != 2 or given.shape[1] != 2):
            raise ValueError(f"intervals are pairs (start, end); got shape {given.shape}")
        for start, end in given.reshape(-1, 2):
            if not start < end:
                raise ValueError(f"an interval starts before it ends; got ({start:g}, {end:g})")
        object.__setattr__(self, "intervals", tuple(map(tuple, given.reshape(-1, 2).tolist())))

    def __call__(self, time: Float[Array, "*times"]) -> Bool[Array, "*times"]:
        found = jnp.ones(jnp.shape(time), bool)
        # A sample at the end of an interval may fall on either side by rounding: half a microsecond
        # is far below any control period, and beside it there is what times are rounded by.
        time = jnp.asarray(time, jnp.result_type(float))
        late = time + 2 * jnp.finfo(time.dtype).eps * jnp.abs(time) + 5e-7
        for start, end in self.intervals:
            found &= (late < start) | (late >= end)
        return found


def noise_of(signals: Float[ArrayLike, "T N"], signal_to_noise: float) -> Float[np.ndarray, " N"]:
    """Standard deviations of noise `signal_to_noise` dB below the mean square of each signal."""
    power = np.mean(np.asarray(signals) ** 2, axis=0)
    return np.sqrt(power) * 10 ** (-signal_to_noise / 20)


def check_limits(
    lower: Sequence[float] | ArrayLike | None,
    upper: Sequence[float] | ArrayLike | None,
    controls: int,
) -> None:
    """Raises ValueError for limits that are not of `controls` controls, or leave nothing between.

    It looks at values that are known.
    """
    for name, limit in (("lower", lower), ("upper", upper)):
        if limit is not None:
            _check_numbers(name, limit, controls)
    low, high = (-np.inf if lower is None else lower), (np.inf if upper is None else upper)
    if not traced(low, high) and not np.all(np.asarray(low) <= np.asarray(high)):
        raise ValueError(f"limits need lower <= upper; got {lower} and {upper}")


def _check_numbers(name: str, values: Sequence[float] | ArrayLike, size: int) -> None:
    if np.shape(values) not in ((), (size,)):
        raise ValueError(f"{name} takes a number or {size} numbers; got shape {np.shape(values)}")

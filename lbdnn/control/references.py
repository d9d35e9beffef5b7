"""Reference trajectories with their derivatives."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float


class Motion(NamedTuple):
    """Position, velocity and acceleration, each (n,), at one time in s; NaN if it is not told."""

    position: Float[Array, " n"]
    velocity: Float[Array, " n"]
    acceleration: Float[Array, " n"]
    time: Float[Array, ""] | float = math.nan

    def state(self, order: int) -> Float[Array, " N"]:
        """X_d: what a plant of this order should have for its state."""
        return self.position if order == 1 else jnp.concatenate([self.position, self.velocity])

    def highest(self, order: int) -> Float[Array, " n"]:
        """The derivative that the control of a plant of this order sets."""
        return self.velocity if order == 1 else self.acceleration


@dataclass(frozen=True)
class Reference:
    """x_d(t), twice differentiable; its derivatives are made automatically.

    `position(t)` maps a time in s to (n,): `Constant`, `Sinusoids`, or a function; define it at the
    top of a module: equal functions are the same object.
    """

    position: Callable[[Float[Array, ""]], Float[Array, " n"]]

    def __call__(self, time: Float[Array, ""]) -> Motion:
        def velocity(t: Array) -> tuple[Array, Array]:
            position, slope = jax.jvp(self.position, (t,), (jnp.ones_like(t),))
            return slope, position

        time = jnp.asarray(time, jnp.result_type(float))
        slope, curvature, position = jax.jvp(
            velocity, (time,), (jnp.ones_like(time),), has_aux=True
        )
        return Motion(position, slope, curvature, time)


@dataclass(frozen=True)
class Constant:
    """x_d(t) = `position`, (n,), in the units of the plant: for `Reference(Constant(…))`."""

    position: Float[ArrayLike, " n"]

    def __post_init__(self) -> None:
        object.__setattr__(self, "position", _numbers("position", self.position, 1))

    def __call__(self, time: Float[Array, ""]) -> Float[Array, " n"]:
        return jnp.asarray(self.position, time.dtype)


@dataclass(frozen=True)
class Sinusoids:
    """x_d(t) = offset + Σₖ amplitudeₖ sin(frequencyₖ t + phaseₖ): for `Reference(Sinusoids(…))`.

    **Arguments:**

    - `amplitude`, `frequency` in rad/s, `phase` in rad: broadcast to one shape, (n,) or (n, K) for
      K sinusoids in each coordinate.
    - `offset`: a number or (n,).

    **Raises:** ValueError for numbers that are not finite, or shapes that do not go together.
    """

    amplitude: Float[ArrayLike, "n K"]
    frequency: Float[ArrayLike, "n K"]
    phase: Float[ArrayLike, "n K"] = 0.0
    offset: float | Float[ArrayLike, " n"] = 0.0

    def __post_init__(self) -> None:
        try:
            terms = np.broadcast_arrays(self.amplitude, self.frequency, self.phase)
            if terms[0].ndim == 1:
                terms = [values[:, None] for values in terms]
            offset = np.broadcast_to(self.offset, terms[0].shape[:1])
        except ValueError as error:
            raise ValueError(
                f"sinusoids take shapes that broadcast to (n,) or (n, K): {error}"
            ) from None
        for name, values in zip(("amplitude", "frequency", "phase"), terms, strict=True):
            object.__setattr__(self, name, _numbers(name, values, 2))
        object.__setattr__(self, "offset", _numbers("offset", offset, 1))

    def __call__(self, time: Float[Array, ""]) -> Float[Array, " n"]:
        amplitude, frequency, phase, offset = (
            jnp.asarray(values, time.dtype)
            for values in (self.amplitude, self.frequency, self.phase, self.offset)
        )
        return offset + jnp.sum(amplitude * jnp.sin(frequency * time + phase), axis=1)


def _numbers(name: str, values: ArrayLike, dimensions: int) -> tuple:
    """As nested tuples, which are hashable."""
    array = np.asarray(values, float)
    if array.ndim != dimensions or not array.size or not np.all(np.isfinite(array)):
        raise ValueError(
            f"{name} takes finite numbers, (n,){' or (n, K)' if dimensions == 2 else ''}; got "
            f"shape {array.shape}"
        )
    listed = array.tolist()
    return tuple(listed) if dimensions == 1 else tuple(map(tuple, listed))


def ten_state(frequency: Float[ArrayLike, " n"]) -> Reference:
    """0.5 + sin(ωt), ω `frequency` in rad/s: the benchmark of the ResNet paper.

    Patil, Le, Griffis, Dixon, *Deep residual neural network (ResNet)-based adaptive control: a
    Lyapunov-based approach* (2022).
    """
    return Reference(Sinusoids(1.0, frequency, offset=0.5))


def two_link_position(time: Float[Array, ""]) -> Float[Array, " 2"]:
    """0.25 e^(−sin t) (sin t, cos t), in rad: the benchmark of Patil et al. (2023)."""
    return 0.25 * jnp.exp(-jnp.sin(time)) * jnp.stack([jnp.sin(time), jnp.cos(time)])


TWO_LINK = Reference(two_link_position)


def underwater_vehicle_position(time: Float[Array, ""]) -> Float[Array, " 6"]:
    """(2 cos t/2, 2 sin t/2, t/10, 0, 0, −t/8), in m and rad: a helix of Patil et al. (2023)."""
    zero = jnp.zeros_like(time)
    plane = 2 * jnp.cos(0.5 * time), 2 * jnp.sin(0.5 * time)
    return jnp.stack([*plane, 0.1 * time, zero, zero, -0.125 * time])


UUV = Reference(underwater_vehicle_position)

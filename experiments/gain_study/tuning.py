"""Gains by gradient descent through the closed loop."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float

from experiments.gain_study.loops import NOISE, NOMINAL, outcome

RATE = 0.1  # of Adam, on logarithms of gains


class Tuned(NamedTuple):
    gains: Float[np.ndarray, " 7"]
    cost: float


def cost_of(
    error: Float[Array, "*seeds"], control: Float[Array, "*seeds"], scales: tuple[float, float]
) -> Float[Array, ""]:
    """Mean over seeds of error and control, each relative to what the nominal gains give."""
    return jnp.mean(error) / scales[0] + jnp.mean(control) / scales[1]


def tuned(
    seed: int, seeds: int, t1: float, steps: int, scales: tuple[float, float]
) -> Iterator[Tuned]:
    """Gains and cost before each step of Adam on log gains; the same seeds throughout.

    Forward-mode derivatives: seven directions through the whole run, no matter how long it is. The
    descent follows the median over the seeds: the first second of the composite law is so sensitive
    that slopes of single runs, exact as they are, hold for changes below 1e-5 only, and their mean
    over 32 seeds points uphill; their median agrees with differences over a tenth.
    """
    with jax.enable_x64(True):
        keys = jax.random.split(jax.random.key(seed), seeds)
        noise = jnp.asarray(NOISE)

        def cost(logarithms: Array, key: Array) -> tuple[Array, Array]:
            found = outcome(jnp.exp(logarithms), key, noise, t1)
            own = cost_of(found.error, found.control, scales)
            return own, own

        slopes = jax.vmap(jax.jacfwd(cost, has_aux=True), (None, 0))
        optimizer = optax.adam(RATE)

        @jax.jit
        def step(logarithms: Array, state: optax.OptState) -> tuple[Array, optax.OptState, Array]:
            slope, own = slopes(logarithms, keys)
            change, state = optimizer.update(jnp.median(slope, 0), state)
            return logarithms + jnp.asarray(change), state, jnp.mean(own)

        logarithms = jnp.log(jnp.asarray(NOMINAL))
        state = optimizer.init(logarithms)
        for _ in range(steps + 1):
            before = np.exp(np.asarray(logarithms))
            with jax.enable_x64(True):
                logarithms, state, own = step(logarithms, state)
            yield Tuned(before, float(own))

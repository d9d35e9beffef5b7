"""The two-link benchmark of the paper, as a function of the gains."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from experiments.tracking.settings import PAPER, PERIOD
from experiments.tracking.study import noise_of
from experiments.tracking.two_link import T1
from lbdnn import FullyConnected, control
from lbdnn.control.references import TWO_LINK

NET = FullyConnected((4, 3, 3, 3, 2), "tanh")
# Name to (symbol, the paper's value).
GAINS = {
    "error_gain": ("α₁", 5.0),
    "feedback_gain": ("k_r", 5.0),
    "observer_gain": ("α₂", 10.0),
    "drift_gain": ("k_f", 10.0),
    "prediction_gain": ("α₃", 20.0),
    "forgetting": ("β₀", 10.0),
    "initial_gain": ("Γ(0)", 1.0),
}
NOISE = noise_of(TWO_LINK, 2, PAPER.signal_to_noise, T1)
NOMINAL = np.array([value for _, value in GAINS.values()])
_OF_LAW = ("prediction_gain", "forgetting", "initial_gain")


class Outcome(NamedTuple):
    """Root mean squares: of ‖e‖ over the second half, in deg; of ‖u‖ over all, in N m."""

    error: Float[Array, "*lanes"]
    control: Float[Array, "*lanes"]
    diverged: Float[Array, "*lanes"]  # bool


def controller(gains: Float[Array, " 7"]) -> control.LbDNN:
    """The composite controller with these gains, κ₀ = 2 Γ(0) as in the paper."""
    own = dict(zip(GAINS, gains, strict=True))
    law = control.CompositeLaw(
        largest_gain=2 * own["initial_gain"], **{name: own[name] for name in _OF_LAW}
    )
    rest = {name: gain for name, gain in own.items() if name not in _OF_LAW}
    return control.LbDNN(NET, PAPER.plant, law, **rest)


def outcome(gains: Float[Array, " 7"], key: Array, noise: Array, t1: float) -> Outcome:
    """One run: weights and noise from the key."""
    weights, disturbance = jax.random.split(key)
    run = control.simulate(
        PAPER.plant,
        controller(gains),
        TWO_LINK,
        jnp.array([*PAPER.position, 0.0, 0.0]),
        NET.init(weights),
        t1=t1,
        control_period=PERIOD,
        sensor=control.Sensor(noise),
        key=disturbance,
    )
    late = run.error[run.error.shape[0] // 2 :]
    error = jnp.rad2deg(jnp.sqrt(jnp.mean(jnp.sum(late**2, 1))))
    effort = jnp.sqrt(jnp.mean(jnp.sum(run.control**2, 1)))
    return Outcome(error, effort, jnp.isfinite(run.diverged_at))


def outcomes(
    gains: Float[np.ndarray, "draws 7"], seed: int, seeds: int, t1: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`Outcome` of each draw of gains (a row) with each seed (a column), in float64.

    Error and control of a run that diverges are infinite: medians over seeds count it as worst.
    """
    with jax.enable_x64(True):
        keys = jax.random.split(jax.random.key(seed), seeds)
        found = _all(jnp.asarray(gains), keys, jnp.asarray(NOISE), t1)
        error, control, lost = map(np.asarray, found)
        return np.where(lost, np.inf, error), np.where(lost, np.inf, control), lost


def _over_all(gains: Array, keys: Array, noise: Array, t1: float) -> Outcome:
    def each(own: Array) -> Outcome:
        return jax.vmap(lambda key: outcome(own, key, noise, t1))(keys)

    return jax.vmap(each)(gains)


_all = jax.jit(_over_all, static_argnums=3)

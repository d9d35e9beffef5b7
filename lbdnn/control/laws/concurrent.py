"""Concurrent learning: recorded data beside the present."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int

from ...networks import Chain
from .law import Around, Law, Metric, Signals, matmul, plus
from .layers import last_parameters
from .tracking import check_gains


class History(NamedTuple):
    """The state of the law inside, and what is recorded: the first `recorded` of M places.

    `excited_at`: the time in s when the recorded data were first finitely exciting, inf before;
    times count samples with feedback.
    """

    law: Any
    inputs: Float[Array, "M N"]  # X_j
    drifts: Float[Array, "M n"]  # f̂_j
    recorded: Int[Array, ""]
    last: Float[Array, "n q"]  # Φ' of the sample that was recorded last
    samples: Int[Array, ""]  # so far
    excited_at: Float[Array, ""]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class ConcurrentLearning(Around):
    r"""Adds k_c Σ_j Φ'(X_j, θ̂)ᵀ(f̂_j − Φ(X_j, θ̂)) over recorded samples j to Φ'ᵀr in a law.

    The observer's f̂ stands for the drift, so record only after its transient. With Y the stack of
    the Φ'(X_j, θ̂) to the last `layers` layers, (nM, q), a sample is recorded where

    - ‖Φ' − Φ'_last‖² ≥ novelty·‖Φ'‖² (Frobenius), and
    - a place is free, or a replacement makes the least singular value of Y (of its min(nM, q))
      larger: then the replacement which makes it largest.

    Data are finitely exciting once λ_min(YᵀY) ≥ excitation, which needs nM ≥ q; see `excited_at` in
    the law's state, `run.final.law` after `simulate`. Then, for Φ linear in what is learned and f̂_j
    true, θ̂ → θ* without further excitation; errors of f̂_j leave ‖θ̂ − θ*‖ at most their norm over
    the least singular value. A nonlinear Φ has Y at the present θ̂, and no such theorem.

    A sample costs M evaluations of Φ with derivatives; a recorded one M eigenvalue problems of size
    min(nM, q) too.

    **Arguments:**

    - `law`: what it is added to.
    - `gain`: k_c. `size`: M.
    - `novelty`: from 0 to 1; `excitation`: the threshold, > 0.
    - `start`: the time in s before which nothing is recorded.
    - `layers`: how many of the last layers Y is about; None: all. Choose it as the law's gains.

    **Raises:** ValueError for sizes that are no such integers, and in continuous time: data are
    recorded at samples.

    Chowdhary, Johnson, *A singular value maximizing data recording algorithm for concurrent
    learning* (2011); Chowdhary, Yucelen, Mühlegg, Johnson (2013).
    """

    law: Law
    gain: float = 1.0
    novelty: float = 0.05
    excitation: float = 1e-3
    start: float = 1.0
    size: int = field(default=10, metadata={"static": True})
    layers: int | None = field(default=None, metadata={"static": True})

    def __post_init__(self) -> None:
        if self.size < 1 or (self.layers is not None and self.layers < 1):
            raise ValueError(f"size and layers are at least 1; got {self.size} and {self.layers}")

    def init(self, net: Chain) -> History:
        m, n = self.size, net.outputs
        dtype = jnp.result_type(float)
        empty = (jnp.zeros((m, net.inputs), dtype), jnp.zeros((m, n), dtype))
        last = jnp.zeros((n, last_parameters(net, self.layers)), dtype)
        none, never = jnp.asarray(0), jnp.asarray(jnp.inf, dtype)
        return History(self.law.init(net), *empty, none, last, none, never)

    def rate(
        self, net: Chain, state: History, theta: Float[Array, " p"], signals: Signals
    ) -> tuple[History, Float[Array, " p"]]:
        raise ValueError(_SAMPLED)

    def step(
        self, net: Chain, state: History, theta: Float[Array, " p"], signals: Signals, period: float
    ) -> tuple[History, Float[Array, " p"]]:
        state = self._recorded(net, state, theta, signals, period)
        recalled = plus(signals, self.gain * _recalled(net, state, theta))
        own, theta = self.law.step(net, state.law, theta, recalled, period)
        return state._replace(law=own, samples=state.samples + 1), theta

    def metric(self, state: History) -> Metric:
        return self.law.metric(state.law)

    def noise(self, state: History, theta: Array, vector: Array) -> Array:
        return self.law.noise(state.law, theta, vector)

    def check(self, theta: ArrayLike, period: float | None, damping: float = 0.0) -> None:
        if period is None:
            raise ValueError(_SAMPLED)
        check_gains(gain=self.gain, novelty=self.novelty, excitation=self.excitation)
        self.law.check(theta, period, damping)

    def _recorded(
        self, net: Chain, state: History, theta: Array, signals: Signals, period: float
    ) -> History:
        time = state.samples * jnp.asarray(period, state.excited_at.dtype)
        newest = signals.jacobian[:, theta.size - state.last.shape[1] :]
        change = jnp.sum((newest - state.last) ** 2)
        free = state.recorded < self.size
        # What times are rounded by.
        late = time * (1 + 2 * jnp.finfo(time.dtype).eps) + 5e-7
        novel = (late >= self.start) & (change >= self.novelty * jnp.sum(newest**2))

        def considered() -> History:
            stack = _regressors(net, state, theta, newest.shape[1])
            place, better = _best_place(stack, newest)
            better = better | free
            place = jnp.where(free, state.recorded, place)
            after = state._replace(
                inputs=state.inputs.at[place].set(signals.inputs),
                drifts=state.drifts.at[place].set(signals.drift),
                recorded=jnp.minimum(state.recorded + 1, self.size),
                last=newest,
            )
            least = _least_eigenvalue(stack.at[place].set(newest))
            met = better & (least >= self.excitation)
            earliest = jnp.minimum(state.excited_at, jnp.where(met, time, jnp.inf))
            after = after._replace(excited_at=earliest)
            return jax.tree.map(lambda new, old: jnp.where(better, new, old), after, state)

        return jax.lax.cond(novel, considered, lambda: state)


_SAMPLED = "concurrent learning records data at samples; use simulate, not simulate_continuous"


def _recalled(net: Chain, state: History, theta: Array) -> Float[Array, " p"]:
    """Σ_j Φ'(X_j, θ̂)ᵀ(f̂_j − Φ(X_j, θ̂))."""

    def values(vector: Array) -> Array:
        return jax.vmap(net, (None, 0))(net.unravel(vector), state.inputs)

    found, pulled = jax.vjp(values, theta)
    used = jnp.arange(state.inputs.shape[0]) < state.recorded
    return pulled(jnp.where(used[:, None], state.drifts - found, 0))[0]


def _regressors(net: Chain, state: History, theta: Array, q: int) -> Float[Array, "M n q"]:
    """Φ'(X_j, θ̂) to the last q parameters; zero where nothing is recorded."""
    fixed, moving = theta[: theta.size - q], theta[theta.size - q :]

    def value(last: Array, inputs: Array) -> Array:
        return net(net.unravel(jnp.concatenate([fixed, last])), inputs)

    stack = jax.vmap(jax.jacrev(value), (None, 0))(moving, state.inputs)
    used = jnp.arange(state.inputs.shape[0]) < state.recorded
    return stack * used[:, None, None]


def _gram(stack: Float[Array, "M n q"]) -> Float[Array, "k k"]:
    """YᵀY or YYᵀ, the smaller."""
    rows = stack.reshape(-1, stack.shape[-1])
    rows = rows.T if rows.shape[0] < rows.shape[1] else rows
    return jnp.matmul(rows.T, rows, precision=matmul)


def _best_place(
    stack: Float[Array, "M n q"], newest: Float[Array, "n q"]
) -> tuple[Int[Array, ""], Array]:
    """Where `newest` makes the least singular value largest, and whether it grows."""

    def least(own: Array) -> Array:
        return jnp.asarray(jnp.linalg.eigvalsh(_gram(own)))[0]

    after = jax.vmap(lambda place: least(stack.at[place].set(newest)))(jnp.arange(len(stack)))
    place = jnp.argmax(after)
    return place, after[place] > least(stack)


def _least_eigenvalue(stack: Float[Array, "M n q"]) -> Float[Array, ""]:
    """λ_min(YᵀY)."""
    if stack.shape[0] * stack.shape[1] < stack.shape[2]:
        return jnp.zeros((), stack.dtype)
    return jnp.asarray(jnp.linalg.eigvalsh(_gram(stack)))[0]

"""Laws with noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ...networks import Chain
from .law import Around, Law, Metric, Signals, rooted
from .projection import Projected


class Noisy(NamedTuple):
    """The state of the law that gets noise, and the key of all further noise."""

    law: Any
    key: Array | None


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Langevin(Around):
    r"""dθ̂ = (what a law says) dt + √(2T) Γ^½ dW: Langevin dynamics in the metric of the law.

    Where a law goes down a function, −Γ∇U(θ̂) with a fixed Γ, the density of θ̂ tends to one
    proportional to exp(−U/T), whatever Γ is: with damping k_θ alone, to normal, of variance T/k_θ.
    Parameters whose gain is 0 get no noise. Γ moves by its own law; it gets no noise.

    Sampled: Euler-Maruyama, √(2T·period) Γ^½ ξ with the Γ after the step. In continuous time:
    `simulate_continuous` integrates the stochastic equation (Itô's).

    **Arguments:**

    - `law`: what gets noise; put a projection around this law, not inside.
    - `temperature`: T ≥ 0, in the units of U.
    - `key`: of the noise, needed where it is sampled; runs that share it share their noise. In
      continuous time `simulate_continuous` takes one.

    **Raises:** ValueError for a negative temperature, for a projection inside, and for a sampled
    loop without a key.

    Welling, Teh, *Bayesian learning via stochastic gradient Langevin dynamics* (2011); Girolami,
    Calderhead, *Riemann manifold Langevin and Hamiltonian Monte Carlo methods* (2011).
    """

    law: Law
    temperature: float
    key: Array | None = None

    def __post_init__(self) -> None:
        if isinstance(self.temperature, int | float) and not self.temperature >= 0:
            raise ValueError(f"a temperature is a number >= 0; got {self.temperature}")
        inner: Any = self.law
        while isinstance(inner, Around):
            if isinstance(inner, Projected | Langevin):
                raise ValueError(
                    f"a {type(inner).__name__} law stands inside a Langevin law; "
                    "write Projected(Langevin(…)), with one Langevin law"
                )
            inner = inner.law

    @property
    def stochastic(self) -> bool:
        return True

    def init(self, net: Chain) -> Noisy:
        return Noisy(self.law.init(net), self.key)

    def rate(
        self, net: Chain, state: Noisy, theta: Float[Array, " p"], signals: Signals
    ) -> tuple[Noisy, Float[Array, " p"]]:
        moved, rate = self.law.rate(net, state.law, theta, signals)
        return Noisy(moved, state.key), rate

    def step(
        self, net: Chain, state: Noisy, theta: Float[Array, " p"], signals: Signals, period: float
    ) -> tuple[Noisy, Float[Array, " p"]]:
        own, moved = self.law.step(net, state.law, theta, signals, period)
        if state.key is None:
            raise ValueError("a Langevin law that is sampled needs a key (jax.random.key(seed))")
        following, now = jax.random.split(state.key)
        drawn = jax.random.normal(now, theta.shape, theta.dtype)
        after = Noisy(own, following)
        return after, moved + jnp.sqrt(period) * self.noise(after, theta, drawn)

    def metric(self, state: Noisy) -> Metric:
        return self.law.metric(state.law)

    def noise(self, state: Noisy, theta: Array, vector: Array) -> Array:
        return jnp.sqrt(2 * self.temperature) * rooted(self.metric(state), vector)

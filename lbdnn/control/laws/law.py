"""What an adaptation law is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
from jax.core import Tracer
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from ...networks import Chain

matmul = jax.lax.Precision.HIGHEST

Metric = Float[Array, ""] | Float[Array, " p"] | Float[Array, "p p"] | float


class Signals(NamedTuple):
    """What a law may use at one time."""

    inputs: Float[Array, " N"]  # X, of the network
    jacobian: Float[Array, "n p"]  # Φ'(X, θ̂)
    filtered_error: Float[Array, " n"]  # r
    drift: Float[Array, " n"]  # f̂, of the observer
    prediction_error: Float[Array, " n"]  # E = f̂ − Φ(X, θ̂)
    added: Float[Array, " p"] | None = None  # by a law around: to Φ'ᵀr, before Γ
    # v ↦ Φ'ᵀv by one backward pass: for a law that needs no more, Φ' is then not computed at all.
    pullback: Callable[[Float[Array, " n"]], Float[Array, " p"]] | None = None


class Law(Protocol):
    """A pair of pure functions, and the same in continuous time.

    `net` is the network that learns; gains are data of a pytree.

    - `init(net)`: the law's own state.
    - `step`: that and θ̂ (p,) one period later. `rate`: the derivatives of both.
    - `metric(state)`: Γ, a number, its diagonal (p,), or (p, p).
    - `noise(state, theta, vector)`: what a law with `stochastic` makes of white noise (p,) per √s
      in continuous time, (p,).
    - `check(theta, period, damping)`: raises ValueError, in one sentence, for what cannot work: at
      θ̂(0), and sampled with this period in s (None: continuous). `damping`: what laws around add
      to k_θ. It looks at values: arguments and gains that are being traced pass.
    """

    @property
    def stochastic(self) -> bool: ...
    def init(self, net: Chain) -> Any: ...
    def step(
        self, net: Chain, state: Any, theta: Float[Array, " p"], signals: Signals, period: float
    ) -> tuple[Any, Float[Array, " p"]]: ...
    def rate(
        self, net: Chain, state: Any, theta: Float[Array, " p"], signals: Signals
    ) -> tuple[Any, Float[Array, " p"]]: ...
    def metric(self, state: Any) -> Metric: ...
    def noise(
        self, state: Any, theta: Float[Array, " p"], vector: Float[Array, " p"]
    ) -> Float[Array, " p"]: ...
    def check(
        self, theta: Float[ArrayLike, " p"], period: float | None, damping: float = 0.0
    ) -> None: ...


class Around:
    """Gives a law around another one, its `law`, what it does not change."""

    law: Law

    @property
    def stochastic(self) -> bool:
        return self.law.stochastic

    def init(self, net: Chain) -> Any:
        return self.law.init(net)

    def metric(self, state: Any) -> Metric:
        return self.law.metric(state)

    def noise(self, state: Any, theta: Array, vector: Array) -> Array:
        return self.law.noise(state, theta, vector)

    def check(self, theta: ArrayLike, period: float | None, damping: float = 0.0) -> None:
        self.law.check(theta, period, damping)


class Deterministic:
    """Gives a law without noise its part in that."""

    stochastic = False

    def noise(self, state: Any, theta: Array, vector: Array) -> Array:
        return jnp.zeros_like(theta)


def transposed(signals: Signals, error: Float[Array, " n"]) -> Float[Array, " p"]:
    """Φ'ᵀ error, and what is added."""
    if signals.pullback is not None:
        product = signals.pullback(error)
    else:
        product = jnp.matmul(signals.jacobian.T, error, precision=matmul)
    return product if signals.added is None else product + signals.added


def plus(signals: Signals, direction: Float[Array, " p"]) -> Signals:
    """With `direction` added."""
    added = direction if signals.added is None else signals.added + direction
    return signals._replace(added=added)


def applied(metric: Metric, vector: Float[Array, " p"]) -> Float[Array, " p"]:
    """Γ vector."""
    if jnp.ndim(metric) < 2:
        return metric * vector
    return jnp.matmul(jnp.asarray(metric), vector, precision=matmul)


def rooted(metric: Metric, vector: Float[Array, " p"]) -> Float[Array, " p"]:
    """R vector, with RRᵀ = Γ; O(p³) for a matrix. Rows of zeros may be in Γ."""
    if jnp.ndim(metric) < 2:
        return jnp.sqrt(jnp.asarray(metric)) * vector
    matrix = jnp.asarray(metric)
    still = jnp.diagonal(matrix) == 0
    root = jnp.linalg.cholesky(matrix + jnp.diag(still.astype(matrix.dtype)))
    return jnp.where(still, 0, jnp.matmul(root, vector, precision=matmul))


def traced(*values: object) -> bool:
    """Whether any number in these pytrees is not known yet."""
    return any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(values))

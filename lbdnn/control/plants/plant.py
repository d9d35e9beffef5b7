"""What a plant is."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import jax.numpy as jnp
from jaxtyping import Array, Float


class Variable(NamedTuple):
    """A state or control, with its unit."""

    name: str
    unit: str


class Plant(Protocol):
    """ẋ = rate(x, u): state x (N,), control u (m,). Pure; a pytree whose leaves are numbers."""

    @property
    def states(self) -> tuple[Variable, ...]: ...
    @property
    def controls(self) -> tuple[Variable, ...]: ...
    def rate(
        self, state: Float[Array, " N"], control: Float[Array, " m"]
    ) -> Float[Array, " N"]: ...


class AffinePlant(Plant, Protocol):
    """x⁽ᵏ⁾ = drift(X) + effectiveness(X) u with k = `order`: X = x (k = 1) or X = [x; ẋ] (k = 2).

    N = k n. `drift`: (n,), `effectiveness`: (n, m) of full row rank.
    """

    @property
    def order(self) -> int: ...
    def drift(self, state: Float[Array, " N"]) -> Float[Array, " n"]: ...
    def effectiveness(self, state: Float[Array, " N"]) -> Float[Array, "n m"]: ...


class Affine:
    """Gives an affine plant its `rate`."""

    def rate(
        self: AffinePlant, state: Float[Array, " N"], control: Float[Array, " m"]
    ) -> Float[Array, " N"]:
        """Ẋ."""
        highest = self.drift(state) + self.effectiveness(state) @ control
        if self.order == 1:
            return highest
        return jnp.concatenate([state[highest.size :], highest])

"""What a plant is."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple, Protocol, TypeAlias

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

Scalar: TypeAlias = float | Float[Array, ""]
Vector: TypeAlias = tuple[Scalar, ...] | Float[Array, " k"]

# Accelerators would otherwise multiply float32 matrices in fewer bits.
matmul = partial(jnp.matmul, precision=jax.lax.Precision.HIGHEST)


class Variable(NamedTuple):
    """A state or control, with its unit; "1" where it has none."""

    name: str
    unit: str


class Plant(Protocol):
    """ẋ = rate(x, u): state x (N,), control u (m,). Pure; a pytree whose leaves are numbers.

    Map over these numbers or differentiate in them as in any argument. Plants of this package whose
    numbers are Python's are hashable too.
    """

    @property
    def states(self) -> tuple[Variable, ...]: ...
    @property
    def controls(self) -> tuple[Variable, ...]: ...
    def rate(
        self, state: Float[Array, " N"], control: Float[Array, " m"]
    ) -> Float[Array, " N"]: ...


class AffinePlant(Plant, Protocol):
    """x⁽ᵏ⁾ = drift(X) + effectiveness(X) u with k = `order`: X = x (k = 1) or X = [x; ẋ] (k = 2).

    N = k n. `drift`: (n,), `effectiveness`: (n, m); a controller that inverts it needs full row
    rank.
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
        highest = self.drift(state) + matmul(self.effectiveness(state), control)
        if self.order == 1:
            return highest
        return jnp.concatenate([state[highest.size :], highest])

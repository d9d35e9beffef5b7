"""Residual networks without a proved property, to compare flows with."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ...activations import Activation
from ...networks import Chain, ResidualNetwork, Theta
from ...networks.fully_connected import named
from ...networks.initializers import he
from ..weights.parametrization import matmul, store_numbers, store_sizes


@dataclass(frozen=True)
class ResNet:
    r"""x ↦ x + h(BΣ(Ax + b) + c), `blocks` times, each with A, b, B, c of its own.

    With `normalized` A and B are divided by their spectral norms, so that a block has the Lipschitz
    constant 1 + hβ, |ς'| ≤ β, and the network (1 + hβ)^blocks: the naive practice. Norms are
    estimated from below, by 32 power iterations, as in training they must be cheap; what is proved
    of a network is proved of its weights.

    **Property:** none, but for that bound in exact arithmetic with exact norms.

    **Arguments:** `n`, `width` (rows of A), `blocks`, and by keyword `step` h > 0, by default
    1/blocks, `activation` and `normalized`. Parameters are those of `lbdnn.ResidualNetwork((n,),
    blocks=blocks, hidden=(width,), preactivation=False)`. `init` draws A and B after He et al.,
    b = 0, c = 0.

    **Raises:** ValueError for sizes that are no positive integers, and a step that is not positive.

    He et al. (2016, arXiv 1512.03385); for division by an estimated norm Miyato et al. (2018, arXiv
    1802.05957).
    """

    n: int
    width: int
    blocks: int
    _: KW_ONLY
    step: float | None = None
    activation: str | Activation = "relu"
    normalized: bool = False

    def __post_init__(self) -> None:
        store_sizes(self, "n", "width", "blocks")
        if self.step is None:
            object.__setattr__(self, "step", 1 / self.blocks)
        store_numbers(self, "step")
        assert self.step is not None
        if self.step <= 0:
            raise ValueError(f"the step must be positive; got {self.step!r}")
        object.__setattr__(self, "activation", named(self.activation))

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the states."""
        return (self.n,)

    @property
    def output(self) -> tuple[int, ...]:
        """The same."""
        return self.shape

    @property
    def net(self) -> Chain:
        """The network."""
        return ResidualNetwork(
            (self.n,),
            self.activation,
            blocks=self.blocks,
            hidden=(self.width,),
            preactivation=False,
        )

    def init(self, key: Array) -> Theta:
        """Random parameters."""
        return self.net.init(key, he())

    def __call__(self, parameters: Any, x: Float[Array, " n"]) -> Float[Array, " n"]:
        """The state after all blocks."""
        net, theta = self.unrolled(parameters)
        return net(theta, x)

    def unrolled(self, parameters: Any) -> tuple[Chain, Theta]:
        """The network and its weights: h is a factor of the outer ones."""
        net = self.net
        weights = net.weights(parameters)
        if self.normalized:
            weights = [normalized(weight) for weight in weights]
        assert self.step is not None
        scaled = [self.step * w if i % 2 else w for i, w in enumerate(weights)]
        return net, net.with_weights(scaled)


def normalized(weight: Float[Array, "m n1"]) -> Float[Array, "m n1"]:
    """[A/‖A‖, b] of [A, b], ‖A‖ estimated from below; its derivative is that of the estimate."""
    matrix = weight[:, :-1]
    fixed = jax.lax.stop_gradient(matrix)
    gram = matmul(fixed.T, fixed)
    for _ in range(5):  # to the power of 32
        gram = gram / jnp.linalg.norm(gram)
        gram = matmul(gram, gram)
    # The columns of a power of the Gram matrix tend to the singular vector; the longest is used.
    column = gram[:, jnp.argmax(jnp.sum(gram**2, 0))]
    norm = jnp.linalg.norm(matmul(matrix, column / jnp.linalg.norm(column)))
    return jnp.concatenate([matrix / norm, weight[:, -1:]], 1)

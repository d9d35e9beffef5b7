"""Layers one after the other."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import jax
from jaxtyping import Array, Float

from ...networks import Chain, Theta
from .layer import Layer


@dataclass(frozen=True)
class Flow:
    r"""x ↦ Ψ_k ∘ … ∘ Ψ_1(x), each Ψ_i a `Layer`.

    **Property:** what all layers keep, their composition keeps: det = 1, the sum, the norm, the
    symplectic form. Its Lipschitz constant is at most the product of theirs.

    `flow(parameters, x)` is a pure function of arrays; parameters are a tuple, one entry a layer.
    Frozen and hashable, as the layers are.

    **Arguments:** `layers`, one or more, of one number of states, first applied first.

    **Raises:** ValueError for no layers, and different numbers of states.
    """

    layers: tuple[Layer, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", tuple(self.layers))
        sizes = sorted({layer.n for layer in self.layers})
        if len(sizes) != 1:
            found = "none" if not sizes else f"layers of {' and '.join(map(str, sizes))} states"
            raise ValueError(f"a flow needs layers of one number of states; got {found}")

    @property
    def n(self) -> int:
        """The number of states."""
        return self.layers[0].n

    @property
    def lipschitz(self) -> float:
        """A Lipschitz constant for all parameters, in real arithmetic; inf where none is proved."""
        return math.prod(layer.lipschitz for layer in self.layers)

    def init(self, key: Array) -> tuple[Any, ...]:
        """Random parameters."""
        keys = jax.random.split(key, len(self.layers))
        return tuple(layer.init(own) for layer, own in zip(self.layers, keys, strict=True))

    def __call__(self, parameters: tuple[Any, ...], x: Float[Array, " n"]) -> Float[Array, " n"]:
        """The state after all layers.

        **Raises:** ValueError for another number of parameters or an x of another shape.
        """
        for layer, own in self._paired(parameters):
            x = layer(own, x)
        return x

    def unrolled(self, parameters: tuple[Any, ...]) -> tuple[Chain, Theta]:
        r"""The same map as a network, for `lbdnn.certify`, `lbdnn.spectra.linearize` and the rest.

        Values agree to rounding. Parameters of the network are the weights themselves, those of one
        layer (A and −hAᵀ, say) apart from each other, and with zeros where a part of the state is
        selected. So what is certified over inputs is about the flow; a ball of parameters is one
        around these weights, in which A and −hAᵀ change independently, and derivatives in θ are by
        them.

        **Returns:** `(net, theta)`, to be evaluated as `net(theta, x)`.

        **Raises:** ValueError where a layer has no such form (`SpherePreserving`).
        """
        found = [layer.unrolled(own) for layer, own in self._paired(parameters)]
        operations = tuple(operation for each, _ in found for operation in each)
        return Chain(operations, self.n), tuple(own for _, each in found for own in each)

    def _paired(self, parameters: tuple[Any, ...]) -> list[tuple[Layer, Any]]:
        if not isinstance(parameters, tuple | list) or len(parameters) != len(self.layers):
            raise ValueError(
                f"parameters must be a tuple of {len(self.layers)} entries, one a layer; make them "
                "with init"
            )
        return list(zip(self.layers, parameters, strict=True))

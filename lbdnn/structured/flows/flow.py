"""Layers one after the other."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

import jax
from jaxtyping import Array, Float

from ...networks import Chain, Theta
from .filter import Shape
from .unrolling import Unrolled


class Stage(Protocol):
    """What a flow is made of: `Layer`, `Linear`, `AveragePooling`, `Flatten`.

    It maps arrays of `shape` to arrays of shape `output`; the rest is as for `Layer`.
    """

    @property
    def shape(self) -> Shape: ...
    @property
    def output(self) -> Shape: ...
    @property
    def lipschitz(self) -> float: ...
    def init(self, key: Array) -> Any: ...
    def __call__(self, parameters: Any, x: Array) -> Array: ...
    def weights(self, parameters: Any) -> Any: ...
    def apply(self, weights: Any, x: Array) -> Array: ...
    def unrolled(self, parameters: Any) -> Unrolled: ...


@dataclass(frozen=True)
class Flow:
    r"""x ↦ Ψ_k ∘ … ∘ Ψ_1(x), each Ψ_i a `Layer`, or what changes the shape of the state.

    **Property:** what all layers keep, their composition keeps: det = 1, the sum, the norm, the
    symplectic form. Its Lipschitz constant is at most the product of theirs.

    Between layers of one shape `Linear`, `AveragePooling` and `Flatten` lead to another.

    `flow(parameters, x)` is a pure function of arrays; parameters are a tuple, one entry a layer.
    Frozen and hashable, as the layers are.

    **Arguments:** `layers`, one or more, first applied first.

    **Raises:** ValueError for no layers, and layers that do not fit together.
    """

    layers: tuple[Stage, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", tuple(self.layers))
        if not self.layers:
            raise ValueError("a flow needs at least one layer; got none")
        for at, (one, other) in enumerate(pairwise(self.layers), 1):
            if one.output != other.shape:
                raise ValueError(
                    f"layer {at} (from 0) takes states of shape {other.shape}; the one before it "
                    f"gives {one.output}"
                )

    @property
    def n(self) -> int:
        """The number of states at the entry."""
        return math.prod(self.shape)

    @property
    def shape(self) -> Shape:
        """Of the states at the entry."""
        return self.layers[0].shape

    @property
    def output(self) -> Shape:
        """Of the states at the exit."""
        return self.layers[-1].output

    @property
    def lipschitz(self) -> float:
        """A Lipschitz constant for all parameters, in real arithmetic; inf where none is proved."""
        return math.prod(layer.lipschitz for layer in self.layers)

    def init(self, key: Array) -> tuple[Any, ...]:
        """Random parameters."""
        keys = jax.random.split(key, len(self.layers))
        return tuple(layer.init(own) for layer, own in zip(self.layers, keys, strict=True))

    def __call__(self, parameters: tuple[Any, ...], x: Float[Array, "*n"]) -> Float[Array, "*m"]:
        """The state after all layers.

        **Raises:** ValueError for another number of parameters or an x of another shape.
        """
        for layer, own in self.paired(parameters):
            x = layer(own, x)
        return x

    def weights(self, parameters: tuple[Any, ...]) -> tuple[Any, ...]:
        """What `apply` takes: weights that are made from the parameters, one entry a layer."""
        return tuple(layer.weights(own) for layer, own in self.paired(parameters))

    def apply(self, weights: tuple[Any, ...], x: Float[Array, "*n"]) -> Float[Array, "*m"]:
        """The state after all layers, as a call, where weights are made once for many calls.

        A call makes weights from parameters each time, though once for all x of a batch that
        `jax.vmap(flow, (None, 0))` maps it over.
        """
        for layer, own in self.paired(weights):
            x = layer.apply(own, x)
        return x

    def unrolled(self, parameters: tuple[Any, ...]) -> tuple[Chain, Theta]:
        r"""The same map as a network, for `lbdnn.certify`, `lbdnn.spectra.linearize` and the rest.

        Values agree to rounding. Parameters of the network are the weights themselves, those of one
        layer (A and −hAᵀ, say) apart from each other, and with zeros where a part of the state is
        selected. So what is certified over inputs is about the flow; a ball of parameters is one
        around these weights, in which A and −hAᵀ change independently, and derivatives in θ are by
        them.

        The network takes and gives images as x.ravel(). Convolutions are written out as matrices.

        **Returns:** `(net, theta)`, to be evaluated as `net(theta, x)`.

        **Raises:** ValueError where a layer has no such form (`SpherePreserving`), and for images
        that make matrices of more than 2²⁴ entries.
        """
        found = [layer.unrolled(own) for layer, own in self.paired(parameters)]
        operations = tuple(operation for each, _ in found for operation in each)
        return Chain(operations, self.n), tuple(own for _, each in found for own in each)

    def paired(self, parameters: tuple[Any, ...]) -> list[tuple[Stage, Any]]:
        """Layers, each with its parameters.

        **Raises:** ValueError for another number of parameters.
        """
        if not isinstance(parameters, tuple | list) or len(parameters) != len(self.layers):
            raise ValueError(
                f"parameters must be a tuple of {len(self.layers)} entries, one a layer; make them "
                "with init"
            )
        return list(zip(self.layers, parameters, strict=True))

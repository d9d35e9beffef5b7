"""A network: a chain of operations, and the order of its parameters."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..activations import Activation
from .initializers import uniform
from .operations import (
    Affine,
    Initializer,
    Operation,
    Parameters,
    Pointwise,
    Repeat,
    Residual,
    apply_in_turn,
    init_each,
)

Theta = tuple[Parameters, ...]


@dataclass(frozen=True)
class Chain:
    r"""A network Φ(σ, θ): its operations, applied one after the other.

    It is static and hashable (so a jitted function can take it as a static argument); its
    parameters θ are a separate pytree, one entry an operation. `net(theta, sigma)` is a pure
    function of arrays; map it over points with `jax.vmap(net, (None, 0))`.

    **Arguments:**

    - `operations`: the links, first applied first.
    - `inputs`: the number of inputs.
    """

    operations: tuple[Operation, ...]
    inputs: int

    def __post_init__(self) -> None:
        _ = self.outputs

    @cached_property
    def outputs(self) -> int:
        """The number of outputs."""
        size = self.inputs
        for place, operation in enumerate(self.operations):
            try:
                size = operation.outputs(size)
            except ValueError as error:
                raise ValueError(f"operation {place}: {error}") from None
        return size

    def __call__(self, theta: Theta, sigma: Float[Array, " n"]) -> Float[Array, " m"]:
        """Φ(σ, θ): shapes (inputs,) to (outputs,).

        Raises ValueError where θ or σ does not have the network's shapes.
        """
        _check(self.operations, theta)
        if np.shape(sigma) != (self.inputs,):
            raise ValueError(
                f"the network takes one input of shape ({self.inputs},); got {np.shape(sigma)}; "
                "map it over points with jax.vmap(net, (None, 0))"
            )
        return apply_in_turn(self.operations, theta, jnp.asarray(sigma))

    def init(self, key: Array, initializer: Initializer | None = None) -> Theta:
        """Random parameters; by default all U(−0.5, 0.5), as in the published benchmarks."""
        initializer = uniform(0.5) if initializer is None else initializer
        keys = jax.random.split(key, len(self.operations))
        return init_each(self.operations, keys, initializer)

    def validate(self, theta: Theta) -> None:
        """Checks concrete parameters: their structure, their shapes, no NaN or infinity.

        Raises ValueError naming the layer. It looks at values, so call it outside `jax.jit`.
        """
        _check(self.operations, theta)
        for j, weight in enumerate(self.weights(theta)):
            if not jnp.issubdtype(weight.dtype, jnp.floating):
                raise ValueError(
                    f"layer {j} of θ holds {weight.dtype}; pass floating-point weights"
                )
            if not np.all(np.isfinite(np.asarray(weight))):
                raise ValueError(f"layer {j} of θ holds NaN or infinity; pass finite weights")

    @cached_property
    def written_out(self) -> tuple[Operation, ...]:
        """The operations, repetitions written out, inside a residual block too."""
        return tuple(_written_out(self.operations))

    @cached_property
    def elementary(self) -> tuple[Operation, ...]:
        """The operations that are made of no others, in the order of evaluation.

        Repetitions are written out; of a residual block it is what F is made of.
        """
        return tuple(_opened(self.written_out))

    @cached_property
    def affine(self) -> tuple[Affine, ...]:
        """The elementary operations that hold parameters."""
        return tuple(o for o in self.elementary if isinstance(o, Affine))

    @cached_property
    def activations(self) -> tuple[Activation, ...]:
        """Those of the elementary operations."""
        return tuple(o.activation for o in self.elementary if isinstance(o, Pointwise))

    @property
    def residual(self) -> bool:
        """Whether there are shortcuts."""
        return any(isinstance(o, Residual) for o in self.written_out)

    def steps(self, theta: Theta) -> list[tuple[Operation, Parameters]]:
        """`written_out` with parameters.

        Those of a `Residual` are a tuple, one entry for each of its operations.
        """
        own = _unstacked(self.operations, theta)
        return list(zip(self.written_out, own, strict=True))

    def at(self, weights: Sequence[Array], sigma: Float[Array, " n"]) -> Float[Array, " m"]:
        """Φ from the matrices V_jᵀ in order, repetitions written out: quick to differentiate."""
        theta = _restack(self.written_out, iter(weights))
        return apply_in_turn(self.written_out, theta, sigma)

    @property
    def size(self) -> int:
        """p, the number of parameters."""
        return sum(math.prod(a.shape) for a in self.affine)

    def weights(self, theta: Theta) -> list[Array]:
        """The matrices V_jᵀ, each (n_out, n_in + bias), in the order of `affine`."""
        return jax.tree.leaves(list(_unstacked(self.operations, theta)))

    def with_weights(self, weights: Sequence[Array] | Sequence[np.ndarray]) -> Theta:
        """The inverse of `weights`."""
        theirs = [np.shape(w) for w in weights]
        if theirs != [a.shape for a in self.affine]:
            raise ValueError(
                f"the network's weights have shapes {[a.shape for a in self.affine]}; got {theirs}"
            )
        return _restack(self.operations, iter(weights))

    def ravel(self, theta: Theta) -> Float[Array, " p"]:
        """θ as one vector, [vec V_0; …; vec V_k], columns stacked, bias in the last row of V_j.

        NumPy parameters give a NumPy vector of their own precision.
        """
        weights = self.weights(theta)
        xp = _namespace(weights)
        return xp.concatenate([xp.ravel(w) for w in weights] or [xp.zeros(0)])

    def unravel(self, vector: Float[Array, " p"]) -> Theta:
        """The inverse of `ravel`; like it, it makes NumPy arrays of NumPy arrays."""
        if np.shape(vector) != (self.size,):
            raise ValueError(
                f"the network has {self.size} parameters; got an array of shape {np.shape(vector)}"
            )
        ends = np.cumsum([math.prod(a.shape) for a in self.affine])
        pieces = _namespace([vector]).split(vector, ends[:-1])
        return self.with_weights(
            [piece.reshape(a.shape) for piece, a in zip(pieces, self.affine, strict=False)]
        )


def _check(operations: Sequence[Operation], theta: Theta, stack: tuple[int, ...] = ()) -> None:
    if not isinstance(theta, tuple | list) or len(theta) != len(operations):
        found = f"{len(theta)} entries" if isinstance(theta, tuple | list) else type(theta).__name__
        raise ValueError(
            f"θ must be a tuple of {len(operations)} entries, one an operation; got {found}; "
            "make it with net.init, net.unravel or net.with_weights"
        )
    for place, (operation, own) in enumerate(zip(operations, theta, strict=True)):
        if isinstance(operation, Repeat):
            _check(operation.operations, own, (*stack, operation.times))
        elif isinstance(operation, Residual):
            _check(operation.operations, own, stack)
        elif isinstance(operation, Affine):
            shape = (*stack, *operation.shape)
            if not hasattr(own, "shape") or own.shape != shape:
                found = f"shape {np.shape(own)}" if hasattr(own, "shape") else repr(own)
                raise ValueError(
                    f"operation {place}, an affine layer {operation.n_in} -> {operation.n_out}, "
                    f"needs a parameter of shape {shape}; got {found}"
                )
        elif own is not None:
            raise ValueError(
                f"operation {place} ({type(operation).__name__}) has no parameters and needs None; "
                f"got {type(own).__name__}"
            )


def _written_out(operations: Sequence[Operation]) -> Iterator[Operation]:
    for operation in operations:
        if isinstance(operation, Repeat):
            yield from tuple(_written_out(operation.operations)) * operation.times
        elif isinstance(operation, Residual):
            yield Residual(tuple(_written_out(operation.operations)))
        else:
            yield operation


def _opened(operations: Sequence[Operation]) -> Iterator[Operation]:
    for operation in operations:
        if isinstance(operation, Residual):
            yield from _opened(operation.operations)
        else:
            yield operation


def _unstacked(operations: Sequence[Operation], theta: Theta) -> Iterator[Parameters]:
    """The parameters of the operations written out."""
    for operation, own in zip(operations, theta, strict=True):
        if isinstance(operation, Repeat):
            for one in operation.unstack(own):
                yield from _unstacked(operation.operations, one)
        elif isinstance(operation, Residual):
            yield tuple(_unstacked(operation.operations, own))
        else:
            yield own


def _restack(operations: Sequence[Operation], weights: Iterator[Any]) -> Theta:
    theta: list[Parameters] = []
    for operation in operations:
        if isinstance(operation, Repeat):
            blocks = [_restack(operation.operations, weights) for _ in range(operation.times)]
            stack = _namespace(jax.tree.leaves(blocks)).stack
            theta.append(jax.tree.map(lambda *leaves, stack=stack: stack(leaves), *blocks))
        elif isinstance(operation, Residual):
            theta.append(_restack(operation.operations, weights))
        elif isinstance(operation, Affine):
            theta.append(next(weights))
        else:
            theta.append(None)
    return tuple(theta)


def _namespace(leaves: Sequence[object]) -> ModuleType:
    # NumPy stays NumPy: outside 64-bit mode JAX would round float64 weights.
    return np if all(isinstance(leaf, np.ndarray) for leaf in leaves) else jnp

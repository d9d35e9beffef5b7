"""The operations a network is a chain of: static, hashable; parameters come from outside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from ..activations import Activation

# What an operation takes as parameters: an array, None, or (Residual, Repeat) a tuple of such; in
# a Repeat with a leading axis, one entry a repetition.
Parameters: TypeAlias = Any
Initializer: TypeAlias = Callable[[Array, int, int, bool], Array]


class Operation(Protocol):
    """One link of a chain.

    `apply(parameters, x)` maps (n,) to (`outputs(n)`,). `outputs(n)` raises ValueError, in one
    sentence, where the operation does not take n inputs.
    """

    def outputs(self, inputs: int) -> int: ...
    def apply(self, parameters: Parameters, x: Array) -> Array: ...
    def init(self, key: Array, initializer: Initializer) -> Parameters: ...


@dataclass(frozen=True)
class Affine:
    """x ↦ Vᵀ[x; 1], or Vᵀx without bias; its parameter is Vᵀ, shape (n_out, n_in [+ 1]).

    The bias is the last column of Vᵀ (the last row of V, as in the papers).
    """

    n_in: int
    n_out: int
    bias: bool = True

    @property
    def shape(self) -> tuple[int, int]:
        """Of the parameter."""
        return (self.n_out, self.n_in + self.bias)

    def outputs(self, inputs: int) -> int:
        if inputs != self.n_in:
            raise ValueError(f"an affine layer of {self.n_in} inputs is given {inputs}")
        return self.n_out

    def weight(self, parameters: Array) -> Array:
        """W: the parameter without its bias column, shape (n_out, n_in)."""
        return parameters[:, : self.n_in]

    def apply(self, parameters: Parameters, x: Array) -> Array:
        product = jnp.matmul(self.weight(parameters), x, precision=jax.lax.Precision.HIGHEST)
        return product + parameters[:, self.n_in] if self.bias else product

    def init(self, key: Array, initializer: Initializer) -> Array:
        return initializer(key, self.n_out, self.n_in, self.bias)


@dataclass(frozen=True)
class Pointwise:
    """x ↦ ς(x), element by element."""

    activation: Activation

    def outputs(self, inputs: int) -> int:
        return inputs

    def apply(self, parameters: Parameters, x: Array) -> Array:
        return self.activation(x)

    def init(self, key: Array, initializer: Initializer) -> None:
        return None


@dataclass(frozen=True)
class Scaling:
    """x ↦ scale ∘ x + offset, fixed: no parameters, so θ and p do not see it."""

    scale: tuple[float, ...]
    offset: tuple[float, ...]

    def outputs(self, inputs: int) -> int:
        if not len(self.scale) == len(self.offset) == inputs:
            raise ValueError(
                f"a scaling of {len(self.scale)} values and {len(self.offset)} offsets is given "
                f"{inputs} inputs"
            )
        return inputs

    def apply(self, parameters: Parameters, x: Array) -> Array:
        dtype = jnp.result_type(x, float)  # integer inputs must not round the scale
        return jnp.asarray(self.scale, dtype) * x + jnp.asarray(self.offset, dtype)

    def init(self, key: Array, initializer: Initializer) -> None:
        return None


@dataclass(frozen=True)
class Residual:
    """x ↦ x + F(x), F the operations one after the other; its parameters are a tuple like θ.

    The shortcut adds, so F must keep the size. (He et al. 2016, arXiv 1603.05027, equation 3.)
    """

    operations: tuple[Operation, ...]

    def __post_init__(self) -> None:
        if not self.operations:
            raise ValueError("a residual block needs at least one operation")

    def outputs(self, inputs: int) -> int:
        size = outputs_of(self.operations, inputs)
        if size != inputs:
            raise ValueError(f"a residual block must keep its size; it maps {inputs} to {size}")
        return size

    def apply(self, parameters: Parameters, x: Array) -> Array:
        return x + apply_in_turn(self.operations, parameters, x)

    def init(self, key: Array, initializer: Initializer) -> tuple[Parameters, ...]:
        keys = jax.random.split(key, len(self.operations))
        return init_each(self.operations, keys, initializer)


# Compiling grows with the number of unrolled layers, running with the steps of a scan.
UNROLL_UP_TO = 20


@dataclass(frozen=True)
class Repeat:
    """The same operations `times` over, each time with its own parameters, kept stacked."""

    operations: tuple[Operation, ...]
    times: int

    def outputs(self, inputs: int) -> int:
        size = outputs_of(self.operations, inputs)
        if size != inputs:
            raise ValueError(f"a repeated block must keep its size; it maps {inputs} to {size}")
        return size

    def unstack(self, parameters: Parameters) -> list[tuple[Parameters, ...]]:
        """The parameters of each repetition."""
        leaves, structure = jax.tree.flatten(parameters)
        slices = [_slices(leaf) for leaf in leaves]
        return [structure.unflatten([each[i] for each in slices]) for i in range(self.times)]

    def apply(self, parameters: Parameters, x: Array) -> Array:
        def block(state: Array, one: tuple[Parameters, ...]) -> tuple[Array, None]:
            return apply_in_turn(self.operations, one, state), None

        if self.times > UNROLL_UP_TO:
            return jax.lax.scan(block, x, parameters, length=self.times)[0]
        for one in self.unstack(parameters):
            x, _ = block(x, one)
        return x

    def init(self, key: Array, initializer: Initializer) -> tuple[Parameters, ...]:
        keys = jax.random.split(key, (self.times, len(self.operations)))
        blocks = [init_each(self.operations, row, initializer) for row in keys]
        return jax.tree.map(lambda *leaves: jnp.stack(leaves), *blocks)


def _slices(stack: Array | np.ndarray) -> list[Any]:
    """The entries along the first axis."""
    if isinstance(stack, np.ndarray):
        return list(stack)  # outside 64-bit mode JAX would round float64 weights
    # Indexing each would make the gradient a sum over the whole stack an entry; that of a split is
    # one concatenation.
    return [jax.lax.squeeze(one, (0,)) for one in jax.lax.split(stack, (1,) * len(stack))]


def outputs_of(operations: Sequence[Operation], inputs: int) -> int:
    """The number of outputs of the operations one after the other."""
    for operation in operations:
        inputs = operation.outputs(inputs)
    return inputs


def apply_in_turn(
    operations: Sequence[Operation], parameters: Sequence[Parameters], x: Array
) -> Array:
    """The operations one after the other, each with its own parameters."""
    for operation, own in zip(operations, parameters, strict=True):
        x = operation.apply(own, x)
    return x


def init_each(
    operations: Sequence[Operation], keys: Array, initializer: Initializer
) -> tuple[Parameters, ...]:
    """Random parameters, one key an operation."""
    return tuple(o.init(k, initializer) for o, k in zip(operations, keys, strict=True))


def stacked(operations: Sequence[Operation]) -> tuple[Operation, ...]:
    """The same chain with equal consecutive blocks (Pointwise, Affine) as one `Repeat`."""
    result: list[Operation] = []
    place = 0
    while place < len(operations):
        block = tuple(operations[place : place + 2])
        times = 0
        if _is_layer(block):
            times = 1
            while tuple(operations[place + 2 * times : place + 2 * times + 2]) == block:
                times += 1
        if times > 1:
            result.append(Repeat(block, times))
            place += 2 * times
        else:
            result.append(operations[place])
            place += 1
    return tuple(result)


def _is_layer(block: tuple[Operation, ...]) -> bool:
    match block:
        case (Pointwise(), Affine(n_in, n_out)):
            return n_in == n_out
    return False

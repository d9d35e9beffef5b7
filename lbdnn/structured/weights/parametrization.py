"""What all parametrizations of weights have in common."""

from __future__ import annotations

import math
import operator
from functools import partial
from numbers import Real
from typing import Any, Protocol

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

# Properties are to hold to the last digits, also where products are faster in fewer.
matmul = partial(jnp.matmul, precision=jax.lax.Precision.HIGHEST)


class Parametrization(Protocol):
    """A differentiable map from unconstrained parameters to weights with a property.

    Frozen and hashable: it holds the sizes and the numbers of the property, no arrays. Calls are
    pure, and work under `jax.jit`, `jax.grad` and, for a batch of weights, `jax.vmap`.

    - `shape`: that of the weight, (n_out, n_in), or (n_out, n_in, kh, kw) for the kernel of a
      convolution. That has a field `convolution` too, the size of images, padding and stride.
    - `init(key)`: random parameters, a pytree of real arrays; any others of their shapes will do.
    - `parametrization(parameters)`: the weight.
    - `defect(weight)`: how far a weight, from wherever it comes, is from the property; 0 where it
      holds. Sums and eigenvalues are computed in the arithmetic of the weight: to its rounding.

    Parameters and weights of other shapes raise ValueError.
    """

    @property
    def shape(self) -> tuple[int, ...]: ...
    def init(self, key: Array) -> Any: ...
    def __call__(self, parameters: Any) -> Float[Array, "n_out n_in *taps"]: ...
    def defect(self, weight: Float[Array, "n_out n_in *taps"]) -> Float[Array, ""]: ...


def store_sizes(owner: object, *names: str) -> None:
    """Keeps the fields as integers; raises ValueError for one that is no positive integer."""
    for name in names:
        value = getattr(owner, name)
        try:
            size = operator.index(value)
        except TypeError:
            size = 0
        if size < 1 or isinstance(value, bool):
            raise ValueError(f"{name} must be a positive integer; got {value!r}")
        object.__setattr__(owner, name, size)


def store_numbers(owner: object, *names: str) -> None:
    """Keeps the fields as floats; raises ValueError for one that is no finite number."""
    for name in names:
        value = getattr(owner, name)
        if not isinstance(value, Real) or isinstance(value, bool) or not math.isfinite(value):
            raise ValueError(f"{name} must be a finite number; got {value!r}")
        object.__setattr__(owner, name, float(value))


def store_range(owner: Any) -> None:
    """As `store_numbers` for `least` and `greatest`; raises ValueError if least > greatest."""
    store_numbers(owner, "least", "greatest")
    if owner.least > owner.greatest:
        raise ValueError(
            f"least must be at most greatest; got {owner.least!r} and {owner.greatest!r}"
        )


def shaped(array: Any, shape: tuple[int, ...], what: str) -> Array:
    """The array; raises ValueError if it has another shape."""
    if jnp.shape(array) != shape:
        raise ValueError(f"the {what} must have shape {shape}; got {jnp.shape(array)}")
    return jnp.asarray(array, jnp.result_type(array, float))


def excess(*amounts: Array) -> Float[Array, ""]:
    """The largest of all entries, 0 if none is above 0."""
    return jnp.max(jnp.stack([jnp.max(amount, initial=0.0) for amount in amounts]))

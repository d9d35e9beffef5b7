"""What every affine layer receives, and how the outputs depend on what it returns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..networks import Affine, Chain, Operation, Repeat, Residual, Theta

# (layer, s_j without the appended 1, B_j) -> anything.
Record = Callable[[Affine, Float[Array, " n_in"], Float[Array, "m n_out"]], Any]

matmul = partial(jnp.matmul, precision=jax.lax.Precision.HIGHEST)


def record_layers(
    net: Chain,
    theta: Theta,
    sigma: Float[Array, " n"],
    record: Record,
    *,
    unroll_up_to: int = 0,
) -> tuple[Any, ...]:
    r"""`record(layer, s_j, B_j)` for every affine layer Φ_j = V_jᵀs_j, B_j = ∂Φ/∂Φ_j (m × n_out).

    One forward pass and one backward pass with m seeds, neither of which forms ∂Φ/∂V_j. Mapped
    over N points, the backward pass is one matrix product of N·m rows a layer.

    **Arguments:**

    - `unroll_up_to`: a `Repeat` of more repetitions is a loop; an unrolled one runs faster (up to
      twice) and takes longer to compile.

    **Returns:** one entry an operation of `net`, like θ: None where there is no affine layer,
    stacked records for a `Repeat`, a tuple for a `Residual`.
    """
    sigma = floating(sigma)
    value = jax.eval_shape(net, theta, sigma)  # raises where the shapes are not the network's
    _, tape = _forward(net.operations, theta, sigma.astype(value.dtype), unroll_up_to)
    seeds = jnp.eye(net.outputs, dtype=value.dtype)
    return _backward(net.operations, theta, tape, seeds, record, unroll_up_to)[1]


def floating(x: Float[Array, "*s"]) -> Float[Array, "*s"]:
    """x as a floating-point array: derivatives in integers do not exist."""
    x = jnp.asarray(x)
    return x if jnp.issubdtype(x.dtype, jnp.floating) else x.astype(float)


def _forward(
    operations: Sequence[Operation], theta: Theta, x: Array, unroll_up_to: int
) -> tuple[Array, tuple[Any, ...]]:
    """The value, and what `_backward` needs of every operation: s_j, or the pullback."""
    tape = []
    for operation, own in zip(operations, theta, strict=True):
        if isinstance(operation, Repeat):
            x, saved = jax.lax.scan(
                lambda x, one, block=operation.operations: _forward(block, one, x, unroll_up_to),
                x,
                own,
                length=operation.times,
                unroll=operation.times <= unroll_up_to,
            )
        elif isinstance(operation, Residual):
            change, saved = _forward(operation.operations, own, x, unroll_up_to)
            x = x + change
        elif isinstance(operation, Affine):
            x, saved = operation.apply(own, x), x
        else:
            x, saved = jax.vjp(partial(operation.apply, own), x)
        tape.append(saved)
    return x, tuple(tape)


def _backward(
    operations: Sequence[Operation],
    theta: Theta,
    tape: Any,
    seeds: Array,
    record: Record,
    unroll_up_to: int,
) -> tuple[Array, tuple[Any, ...]]:
    """The seeds pulled back through the operations, and the records in forward order."""
    records = []
    for operation, own, saved in reversed(list(zip(operations, theta, tape, strict=True))):
        entry = None
        if isinstance(operation, Repeat):
            seeds, entry = jax.lax.scan(
                lambda seeds, one, block=operation.operations: _backward(
                    block, one[0], one[1], seeds, record, unroll_up_to
                ),
                seeds,
                (own, saved),
                length=operation.times,
                reverse=True,
                unroll=operation.times <= unroll_up_to,
            )
        elif isinstance(operation, Residual):
            inner, entry = _backward(operation.operations, own, saved, seeds, record, unroll_up_to)
            seeds = seeds + inner
        elif isinstance(operation, Affine):
            entry = record(operation, saved, seeds)
            seeds = matmul(seeds, operation.weight(own))
        else:
            (seeds,) = jax.vmap(saved)(seeds)
        records.append(entry)
    return seeds, tuple(reversed(records))

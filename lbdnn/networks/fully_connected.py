"""The fully connected network, as a chain."""

from __future__ import annotations

from collections.abc import Sequence

from ..activations import Activation, get
from .chain import Chain
from .operations import Affine, Operation, Pointwise, Repeat, Scaling

Scale = tuple[Sequence[float], Sequence[float]]


def FullyConnected(
    sizes: Sequence[int],
    activation: str | Activation | Sequence[str | Activation] = "tanh",
    *,
    bias: bool = True,
    output: str | Activation = "linear",
    input_scaling: Scale | None = None,
    output_scaling: Scale | None = None,
) -> Chain:
    r"""Φ_0 = V_0ᵀ[σ; 1], Φ_j = V_jᵀ[ς_j(Φ_{j−1}); 1], j = 1..k (Patil et al. 2025).

    **Arguments:**

    - `sizes`: (inputs, hidden widths…, outputs).
    - `activation`: one for all hidden layers, or one a hidden layer.
    - `bias`: without it no layer has a bias parameter.
    - `output`: "linear" or an activation after the last layer.
    - `input_scaling`, `output_scaling`: fixed (scale, offset), one value an entry, applied as
      scale ∘ x + offset to σ and to the result; they are not parameters.

    **Returns:** a `Chain`. Equal consecutive hidden layers are kept stacked.
    """
    sizes = tuple(int(n) for n in sizes)
    if len(sizes) < 2 or min(sizes) < 1:
        raise ValueError(f"sizes must be two or more positive integers; got {sizes}")
    hidden = len(sizes) - 2
    if isinstance(activation, str | Activation):
        activation = [activation] * hidden
    if len(activation) != hidden:
        raise ValueError(f"{hidden} hidden layers need {hidden} activations; got {len(activation)}")
    activations = [_named(a) for a in activation]

    operations: list[Operation] = []
    if input_scaling is not None:
        operations.append(_scaling(input_scaling))
    operations.append(Affine(sizes[0], sizes[1], bias))
    pending: tuple[tuple[Operation, ...], int] | None = None
    for j, ς in enumerate(activations, start=1):
        block = (Pointwise(ς), Affine(sizes[j], sizes[j + 1], bias))
        if pending and pending[0] == block:
            pending = (block, pending[1] + 1)
            continue
        operations += _flush(pending)
        pending = (block, 1)
    operations += _flush(pending)
    if output != "linear":
        operations.append(Pointwise(_named(output)))
    if output_scaling is not None:
        operations.append(_scaling(output_scaling))
    return Chain(tuple(operations), sizes[0])


def _flush(pending: tuple[tuple[Operation, ...], int] | None) -> Sequence[Operation]:
    if pending is None:
        return ()
    block, times = pending
    return block if times == 1 else (Repeat(block, times),)


def _named(activation: str | Activation) -> Activation:
    return get(activation) if isinstance(activation, str) else activation


def _scaling(scaling: Scale) -> Scaling:
    scale, offset = (tuple(float(v) for v in part) for part in scaling)
    return Scaling(scale, offset)

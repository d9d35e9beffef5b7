"""The fully connected network, as a chain."""

from __future__ import annotations

from collections.abc import Sequence
from operator import index

from ..activations import Activation, get
from .chain import Chain
from .operations import Affine, Operation, Pointwise, Scaling, stacked

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
    sizes = _checked(sizes)
    hidden = len(sizes) - 2
    if isinstance(activation, str | Activation):
        activation = [activation] * hidden
    if len(activation) != hidden:
        raise ValueError(f"{hidden} hidden layers need {hidden} activations; got {len(activation)}")

    operations: list[Operation] = []
    if input_scaling is not None:
        operations.append(scaling(input_scaling))
    operations.append(Affine(sizes[0], sizes[1], bias))
    for ς, n_in, n_out in zip(activation, sizes[1:-1], sizes[2:], strict=True):
        operations += [Pointwise(named(ς)), Affine(n_in, n_out, bias)]
    if output != "linear":
        operations.append(Pointwise(named(output)))
    if output_scaling is not None:
        operations.append(scaling(output_scaling))
    return Chain(stacked(operations), sizes[0])


def _checked(sizes: Sequence[int]) -> tuple[int, ...]:
    whole = positive_integers(sizes)
    if whole is None or len(whole) < 2:
        raise ValueError(f"sizes must be two or more positive integers; got {sizes!r}")
    return whole


def positive_integers(values: Sequence[int]) -> tuple[int, ...] | None:
    """The values as such; None if they are not."""
    try:
        whole = tuple(index(n) for n in values)
    except TypeError:
        return None
    return whole if all(n > 0 for n in whole) else None


def named(activation: str | Activation) -> Activation:
    return get(activation) if isinstance(activation, str) else activation


def scaling(values: Scale) -> Scaling:
    scale, offset = (tuple(float(v) for v in part) for part in values)
    return Scaling(scale, offset)

"""The residual network, as a chain."""

from __future__ import annotations

from collections.abc import Sequence

from ..activations import Activation
from .chain import Chain
from .fully_connected import FullyConnected, Scale, named, positive_integers, scaling
from .operations import Affine, Operation, Pointwise, Repeat, Residual


def ResidualNetwork(
    sizes: Sequence[int],
    activation: str | Activation = "tanh",
    *,
    blocks: int,
    hidden: Sequence[int] | None = None,
    preactivation: bool = True,
    bias: bool = True,
    output: str | Activation = "linear",
    input_scaling: Scale | None = None,
    output_scaling: Scale | None = None,
) -> Chain:
    r"""η_1 = V_0ᵀ[σ; 1], η_{p+1} = η_p + F_p(ς(η_p)) for p = 1..b, Φ = V_eᵀ[ς(η_{b+1}); 1].

    Each F_p is a fully connected network with parameters of its own and as many outputs as inputs.
    Without pre-activation F_p and V_e act on η itself. Networks of Lyapunov-based control are of
    this form: that of Patil, Le, Griffis, Dixon (arXiv 2404.07385), b blocks of k hidden layers of
    L neurons between n inputs and n outputs, is `ResidualNetwork((n,), blocks=b, hidden=[L] * k,
    preactivation=False, bias=False)`. The activation at the entry of each block, with a zeroth
    block that changes the size (here V_0), is that of Nino, Patil, Insinger, Eisman, Dixon (arXiv
    2503.14372); the one before V_e is that of He, Zhang, Ren, Sun (2016, arXiv 1603.05027).

    **Arguments:**

    - `sizes`: (inputs, width, outputs), the width that of every η_p. (inputs, width): Φ = η_{b+1},
      without V_e. (width,): the blocks act on σ, without V_0 and V_e.
    - `activation`: one for the whole network.
    - `blocks`: b.
    - `hidden`: the widths of the hidden layers of each F_p; None: one layer, as wide as η. With ()
      F_p is one affine layer.
    - `preactivation`: whether an activation stands at the entry of each block and before V_e.
    - `bias`: without it no layer has a bias parameter.
    - `output`, `input_scaling`, `output_scaling`: as for `FullyConnected`.

    **Returns:** a `Chain`. The blocks are kept stacked.

    **Raises:** ValueError for sizes or numbers of blocks and layers that are no such integers.
    """
    whole = positive_integers(sizes)
    if whole is None or not 1 <= len(whole) <= 3:
        raise ValueError(
            "sizes must be (inputs, width, outputs), (inputs, width) or (width,) in positive "
            f"integers; got {sizes!r}"
        )
    if positive_integers((blocks,)) is None:
        raise ValueError(f"the number of blocks must be a positive integer; got {blocks!r}")
    inputs, width = whole[0], whole[min(len(whole), 2) - 1]
    widths = (width,) if hidden is None else positive_integers(hidden)
    if widths is None:
        raise ValueError(
            "hidden must be the widths of a block's hidden layers, a sequence of positive "
            f"integers; got {hidden!r}"
        )
    entry = [Pointwise(named(activation))] if preactivation else []
    inside = FullyConnected((width, *widths, width), named(activation), bias=bias)
    block = Residual((*entry, *inside.operations))

    operations: list[Operation] = []
    if input_scaling is not None:
        operations.append(scaling(input_scaling))
    if len(whole) > 1:
        operations.append(Affine(inputs, width, bias))
    operations.append(Repeat((block,), blocks) if blocks > 1 else block)
    if len(whole) > 2:
        operations += [*entry, Affine(width, whole[2], bias)]
    if output != "linear":
        operations.append(Pointwise(named(output)))
    if output_scaling is not None:
        operations.append(scaling(output_scaling))
    return Chain(tuple(operations), inputs)

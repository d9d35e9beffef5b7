"""Bounds of parts: of each output alone, of each layer's block of the derivatives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import jax
import numpy as np
from jaxtyping import Float

from ..networks import Affine, Chain, Pointwise, Scaling, Theta
from ..networks.operations import Operation
from ..sets import InputSet, ParameterRegion, ParameterSet, batch
from .certification import named
from .layerwise import Layerwise
from .method import Method
from .problem import checked_quantities, checked_regions


@dataclass(frozen=True)
class BlockBounds:
    """Upper bounds of the blocks of derivatives, one a layer, in the order of `net.affine`.

    jacobian (k,): ‖∂Φ/∂V_j‖. hessian (k, k): ‖∂²Φ/∂V_i∂V_j‖, as maps of a pair of directions.
    """

    jacobian: Float[np.ndarray, " k"]
    hessian: Float[np.ndarray, "k k"]


def bounds_by_block(
    net: Chain, theta: Theta, *, inputs: InputSet, parameters: ParameterSet | None = None
) -> BlockBounds:
    """Bounds of the layers' blocks of ∂Φ/∂θ and ∂²Φ/∂θ², by `Layerwise`.

    The norm of ∂Φ/∂θ is at most the Euclidean norm of `jacobian`, that of ∂²Φ/∂θ² at most the
    largest eigenvalue of `hessian`. inf where there is no bound.

    **Raises:** ValueError as `certify` does.
    """
    net.validate(theta)
    with jax.enable_x64(True):
        box, region = checked_regions(net, theta, inputs, parameters)
        found = Layerwise().blocks(net, box, region)
    return BlockBounds(found["jacobian"], found["hessian"])


def bounds_by_output(
    net: Chain,
    theta: Theta,
    *,
    inputs: InputSet,
    parameters: ParameterSet | None = None,
    quantities: str | Sequence[str] | None = None,
    method: str | Method = "layerwise",
) -> dict[str, Float[np.ndarray, " m"]]:
    r"""Bounds of each output Φ_i alone, |Φ_i|, ‖∂Φ_i/∂θ‖ and so on, by quantity.

    The norm of ∂²Φ/∂θ² unfolded, the matrices ∂²Φ_i/∂θ² one above the other, mp × p, is at most the
    Euclidean norm of the bounds of "hessian".

    **Arguments:** as for `certify`. All outputs go through the method in one batch.

    **Raises:** ValueError as `certify` does, and for a network whose outputs are no neurons of an
    affine layer, followed at most by activations and scalings.
    """
    net.validate(theta)
    wanted = checked_quantities(quantities)
    with jax.enable_x64(True):
        box, region = checked_regions(net, theta, inputs, parameters)
        groups: dict[Chain, list[int]] = {}
        for output in range(net.outputs):
            groups.setdefault(_one_output(net, output), []).append(output)
        bounds = {quantity: np.full(net.outputs, np.inf) for quantity in wanted}
        for alone, outputs in groups.items():
            regions = batch([_row(region, output) for output in outputs])
            found = named(method).bounds(alone, batch([box] * len(outputs)), regions, wanted)
            for quantity in wanted:
                if quantity in found:
                    bounds[quantity][outputs] = found[quantity]
    return bounds


def _one_output(net: Chain, output: int) -> Chain:
    """The network that ends in one output; equal for outputs that end alike."""
    operations = list(net.written_out)
    end: list[Operation] = []
    while operations and isinstance(operations[-1], Pointwise | Scaling):
        operation = operations.pop()
        if isinstance(operation, Scaling):
            operation = Scaling((operation.scale[output],), (operation.offset[output],))
        end.append(operation)
    if not (operations and isinstance(operations[-1], Affine)):
        raise ValueError(
            "bounds by output need a network that ends in an affine layer, with activations and "
            f"scalings after it at most; this one ends in {type(operations[-1]).__name__}"
            if operations
            else "bounds by output need a network with an affine layer"
        )
    last = operations.pop()
    assert isinstance(last, Affine)
    return Chain((*operations, Affine(last.n_in, 1, last.bias), *end[::-1]), net.inputs)


def _row(region: ParameterRegion, output: int) -> ParameterRegion:
    """The region without the weights of the other outputs, which do not count."""
    *before, last = region.center
    *entries, own = region.entries
    row = slice(output, output + 1)
    return region._replace(
        center=[*map(np.asarray, before), np.asarray(last)[row]],
        entries=[*map(np.asarray, entries), np.asarray(own)[row]],
    )

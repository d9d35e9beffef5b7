"""Lipschitz constants of the operations of a network, one by one, for its weights as stored."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...networks import Affine, Chain, Operation, Parameters, Pointwise, Residual, Scaling, Theta
from ..flows.field import slopes
from .constant import Constant, composition, exactly, residual
from .dense import matrix_norm
from .euler import euler_step
from .layers import outward_slopes


def operation_constants(net: Chain, theta: Theta) -> tuple[Constant, ...]:
    r"""Lipschitz constants of the operations of `net.written_out`, in order, over all of space.

    - Affine: ‖W‖₂. Activation: its steepest slope. Fixed scaling: its largest factor.
    - Shortcut x + F(x): 1 + that of F; for F(x) = BΣ(Ax + b) that of `euler_step`, which recognises
      steps of gradient flows from their weights, as stored and rounded.

    All errors of rounding are counted.

    **Raises:** ValueError for parameters that do not fit the network, activations without a
    Lipschitz constant, and operations that have none here.
    """
    net.validate(theta)
    return tuple(_constant(operation, own) for operation, own in net.steps(theta))


def _constant(operation: Operation, own: Parameters) -> Constant:
    match operation:
        case Affine():
            return matrix_norm(_weight(operation, own))
        case Pointwise():
            return Constant(0.0, max(map(abs, _slopes(operation))))
        case Scaling(scale, _):
            return exactly(max(map(abs, scale)))
        case Residual((Affine() as first, Pointwise() as middle, Affine() as last)):
            weights = _weight(first, own[0]), _weight(last, own[2])
            return euler_step(*weights, slopes=_slopes(middle))
        case Residual(operations):
            return residual(composition(*_constants(operations, own)))
    raise ValueError(f"no Lipschitz constant of an operation {type(operation).__name__} is known")


def _constants(operations: Sequence[Operation], own: Parameters) -> list[Constant]:
    return [_constant(*each) for each in zip(operations, own, strict=True)]


def _slopes(operation: Pointwise) -> tuple[float, float]:
    slopes(operation.activation)  # refuses activations without a Lipschitz constant
    return outward_slopes(operation.activation)


def _weight(operation: Affine, own: Parameters) -> np.ndarray:
    return np.asarray(own).astype(np.float64)[:, : operation.n_in]

"""Lipschitz constants of the operations of a network, one by one, for its weights as stored."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...networks import Affine, Chain, Operation, Parameters, Pointwise, Residual, Scaling, Theta
from ..flows.field import slopes
from .constant import Constant, composition, exactly, product_above, residual, sum_above
from .dense import matrix_norm
from .flows import gradient_step
from .singular_values import least_singular_value

_ROUNDING = float(np.finfo(np.float64).eps)


def operation_constants(net: Chain, theta: Theta) -> tuple[Constant, ...]:
    r"""Lipschitz constants of the operations of `net.written_out`, in order, over all of space.

    - Affine: ‖W‖₂. Activation: its steepest slope. Fixed scaling: its largest factor.
    - Shortcut x + F(x): 1 + that of F; and for F(x) = BΣ(Ax + b), slopes of Σ in [α, β], α ≥ 0,
      the smaller of this and, as B = −τAᵀ + E for whatever τ ≥ 0,

          max(1 − τα s², τβ‖A‖² − 1) + β‖A‖‖E‖,

      s the least singular value of A (`gradient_step`). τ is the one with the smallest E in
      Frobenius's norm.

    So steps of gradient flows are recognised from their weights, as stored and rounded. All errors
    of rounding are counted.

    **Raises:** ValueError for parameters that do not fit the network, activations without a
    Lipschitz constant, and operations that have none here.
    """
    net.validate(theta)
    return tuple(_constant(operation, own) for operation, own in net.steps(theta))


def _constant(operation: Operation, own: Parameters) -> Constant:
    match operation:
        case Affine():
            return matrix_norm(_weight(operation, own))
        case Pointwise(activation):
            return Constant(0.0, max(map(abs, slopes(activation))))
        case Scaling(scale, _):
            return exactly(max(map(abs, scale)))
        case Residual((Affine() as first, Pointwise() as middle, Affine() as last)):
            found = _block(_weight(first, own[0]), middle, _weight(last, own[2]))
            return Constant(0.0, found)
        case Residual(operations):
            return residual(composition(*_constants(operations, own)))
    raise ValueError(f"no Lipschitz constant of an operation {type(operation).__name__} is known")


def _constants(operations: Sequence[Operation], own: Parameters) -> list[Constant]:
    return [_constant(*each) for each in zip(operations, own, strict=True)]


def _block(inner: np.ndarray, middle: Pointwise, outer: np.ndarray) -> float:
    """Of x + BΣ(Ax + b)."""
    norm, (alpha, beta) = matrix_norm(inner), slopes(middle.activation)
    steepest = max(abs(alpha), abs(beta))
    branch = composition(norm, Constant(0.0, steepest), matrix_norm(outer))
    plain = residual(branch).upper
    size = float(np.sum(inner * inner))
    step = -float(np.sum(inner.T * outer)) / size if size > 0 else 0.0
    if not (alpha >= 0 and 0 < step < np.inf):
        return plain
    least = least_singular_value(inner) if alpha > 0 else 0.0
    symmetric = gradient_step(norm, step, slopes=(alpha, beta), least_singular_value=least).upper
    rest = outer + step * inner.T
    # Two roundings an entry, and what 1e-9 covers: those of the sums of squares.
    sizes = float(np.linalg.norm(outer)) + step * float(np.linalg.norm(inner))
    lost = 2 * _ROUNDING * sizes * (1 + 1e-9)
    rest_norm = sum_above(matrix_norm(rest).upper, lost + float(np.finfo(np.float64).tiny))
    excess = product_above(product_above(steepest, norm.upper), rest_norm)
    return min(plain, sum_above(symmetric, excess))


def _weight(operation: Affine, own: Parameters) -> np.ndarray:
    return np.asarray(own).astype(np.float64)[:, : operation.n_in]

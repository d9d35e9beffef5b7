"""How far logits in floating point are from the real ones, over a ball of images."""

from __future__ import annotations

import math
from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jaxtyping import DTypeLike, Float

from ...networks import Affine, Chain, Operation, Parameters, Pointwise, Residual, Scaling, Theta
from ..flows.field import slopes
from ..lipschitz import Constant, matrix_norm
from ..lipschitz.euler import frobenius

# An activation is assumed to be off by at most so many half-ulps of |ς| + |z||ς'|, and an
# exponential that underflows by so many smallest numbers, as in `lbdnn.evaluation_error`.
_HALF_ULPS = 24
_FLOOR = 1e9
# What sums and products of non-negative numbers here lose themselves, many times over.
_SLACK = 1 + 1e-9


def logit_error(
    net: Chain,
    theta: Theta,
    constants: Sequence[Constant],
    *,
    size: float,
    dtype: DTypeLike = np.float64,
) -> float:
    r"""≥ ‖Φ̂(x) − Φ(x)‖₂ for all x with ‖x‖₂ ≤ size, Φ̂ the network evaluated in `dtype`.

    x is rounded to `dtype` first, then come the operations one after the other, sums in any order,
    products in the full precision. An operation adds an error of its own to what comes before it,
    which grows by its Lipschitz constant L_i: e_{i+1} ≤ L_i e_i + own_i. The own error is bounded
    in norms, for affine ones by γ_{n+3}(‖W‖_F‖x̂‖ + ‖c‖), γ_n = nu/(1 − nu), u half the distance
    from 1 to the next number (Higham 2002, §3.1). In deep networks that is far less than the error
    entry by entry of `lbdnn.evaluation_error`, which does not know L_i.

    **Arguments:** `constants`, those of `operation_constants(net, theta)`; `dtype`, one that holds
    the weights exactly.

    **Returns:** the bound; inf where a value may overflow.

    **Raises:** ValueError for weights that `dtype` does not hold, and operations without a bound.
    """
    info = jnp.finfo(dtype)
    for weight in map(np.asarray, net.weights(theta)):
        if not np.array_equal(weight.astype(info.dtype), weight):
            raise ValueError(f"weights in {weight.dtype} are not exact in {info.dtype}")
    unit, tiny = float(info.eps) / 2, float(info.tiny)
    error = unit * size + tiny * math.sqrt(net.inputs)
    width = net.inputs
    if not _SLACK * (size + error) < float(info.max) / 4:
        return math.inf
    with np.errstate(over="ignore", invalid="ignore"):
        for (operation, own), constant in zip(net.steps(theta), constants, strict=True):
            growth, largest = _growth(operation, own, width, unit, tiny)
            local = growth @ [size + error, 0.0, 1.0]
            most = largest @ [size + error, 0.0, 1.0]
            # Two bounds of the image of a ball: by norms, and about the image of 0.
            image = min(growth[0] @ [size, 0.0, 1.0], constant.upper * size + growth[0, 2])
            size, error = _SLACK * image, _SLACK * (constant.upper * error + local[1])
            width = operation.outputs(width)
            if not _SLACK * most < float(info.max) / 4:
                return math.inf
    return float(error)


def _growth(
    operation: Operation, own: Parameters, width: int, unit: float, tiny: float
) -> tuple[Float[np.ndarray, "3 3"], Float[np.ndarray, " 3"]]:
    """M with (‖y‖, ‖ŷ − y‖, 1) ≤ M (‖x‖, ‖x̂ − x‖, 1) for y the operation of x, and m, such that
    no number on the way is more than m · (‖x‖, ‖x̂ − x‖, 1)."""
    match operation:
        case Affine():
            matrix = np.asarray(own).astype(np.float64)
            weight, bias = matrix[:, : operation.n_in], matrix[:, operation.n_in :]
            norm, offset = matrix_norm(weight).upper, frobenius(bias)
            terms = (operation.n_in + 3) * unit
            lost = terms / (1 - terms) if terms < 1 else math.inf
            # Weights below the normal numbers may be taken for 0.
            entries = lost * frobenius(weight) + tiny * math.sqrt(weight.size)
            least = tiny * (operation.n_in + 1) * len(matrix)
            return _rows((norm, offset), (entries, lost * offset + least))
        case Pointwise(activation):
            steepest = max(map(abs, slopes(activation)))
            offset = math.sqrt(width) * abs(activation.value_at_zero)
            own_error = _HALF_ULPS * unit
            least = _FLOOR * tiny * math.sqrt(width)
            return _rows((steepest, offset), (2 * own_error * steepest, own_error * offset + least))
        case Scaling(scale, moved):
            largest, offset = max(map(abs, scale)), math.hypot(*moved)
            return _rows(
                (largest, offset),
                (5 * unit * largest + tiny, 5 * (unit * offset + tiny * width)),
            )
        case Residual(operations):
            inside, most = np.eye(3), np.zeros(3)
            for each, its in zip(operations, own, strict=True):
                growth, largest = _growth(each, its, width, unit, tiny)
                most = np.maximum(most, largest @ inside)
                inside = growth @ inside
                width = each.outputs(width)
            total = inside + np.diag([1.0, 1.0, 0.0])
            total[1] += unit * (total[0] + total[1])
            return total, np.maximum(most, total[0] + total[1])
    raise ValueError(f"no rounding error of an operation {type(operation).__name__} is known")


def _rows(
    image: tuple[float, float], own: tuple[float, float]
) -> tuple[Float[np.ndarray, "3 3"], Float[np.ndarray, " 3"]]:
    """Of ‖y‖ ≤ image · (‖x‖, 1), with an own error ≤ own · (‖x̂‖, 1)."""
    (gain, offset), (share, least) = image, own
    growth = np.array([[gain, 0.0, offset], [share, gain + share, least], [0.0, 0.0, 1.0]])
    return growth, growth[0] + growth[1]

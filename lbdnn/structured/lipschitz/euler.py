"""The Lipschitz constant of a residual layer with dense weights, as stored."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import ArrayLike, Float

from .constant import (
    Constant,
    above,
    composition,
    exactly,
    product_above,
    residual,
    sum_above,
)
from .dense import matrix_norm
from .flows import gradient_step
from .singular_values import least_singular_value

_EPSILON, _TINY = float(np.finfo(np.float64).eps), float(np.finfo(np.float64).tiny)
# What sums and products of non-negative numbers lose themselves, many times over.
_SLACK = 1 + 1e-9


def euler_step(
    inner: Float[ArrayLike, "m n"],
    outer: Float[ArrayLike, "n m"] | None,
    step: float = 1.0,
    *,
    slopes: tuple[float, float] = (0.0, 1.0),
) -> Constant:
    r"""Of x ↦ x + hBΣ(Ax + b), Σ entry by entry with slopes in [α, β], for exactly these numbers.

    An increment is J = I + hBDA times that of x, D diagonal with entries in [α, β]. With
    μ = (α + β)/2, ϱ = (β − α)/2, λ = max(|α|, |β|), the constant is at most each of

    - 1 + |h|λ‖B‖‖A‖ (`residual`).
    - ‖I + hμBA‖ + |h|ϱ‖B‖‖A‖, as D = μI + Δ, |Δ| ≤ ϱ.
    - For α ≥ 0 and any τ > 0 and E = hB + τAᵀ: max(1 − τα s², τβ‖A‖² − 1) + λ‖E‖‖A‖, s the least
      singular value of A (`gradient_step`), as J = I − τAᵀDA + EDA. τ makes E least in Frobenius'
      norm: gradient steps are recognised from their weights, also rounded ones.
    - (c + √(c² + 4))/2, c ≥ ‖hBDA‖, where no state is both read by A and moved by B: a shear. Then
      N = hBDA has N² = 0; in a basis of ker N and of what is orthogonal to it, orthonormal,
      J = [[I, M], [0, I]] with ‖M‖ = ‖N‖, and the norm is that of [[1, ‖M‖], [0, 1]].

    `upper` is the least of these, all errors of rounding counted; `lower` is max(0, 1 − c).

    **Arguments:** `inner` A; `outer` B, None for the identity; `step` h; `slopes` (α, β).

    **Raises:** ValueError for what is no real, finite, non-empty matrix, shapes that do not fit, a
    step that is not finite, and slopes not α ≤ β, both finite.
    """
    inner, outer, low, high = _checked(inner, outer, step, slopes)
    norm, size = matrix_norm(inner), abs(step)
    a, real = inner.astype(np.float64), outer.dtype.kind in "fiu"
    gradient = real and np.array_equal(outer, -a.T)
    other = norm if gradient else matrix_norm(outer)
    b = outer.astype(np.float64)
    product = composition(exactly(size), norm, other).upper
    branch = product_above(max(abs(low), abs(high)), product)
    if branch == 0:
        return exactly(1.0)
    middle = low / 2 + high / 2
    spread = product_above(above(max(high - middle, middle - low)), product)
    found = [residual(Constant(0.0, branch)).upper]
    with np.errstate(over="ignore", invalid="ignore"):
        found.append(sum_above(_linear_norm(a, b, step, middle, identity=True), spread))
        if low >= 0:
            found.append(_nearly_gradient(a, b, step, norm, (low, high), gradient))
        if not np.any(a.any(0) & b.any(1)):
            moved = sum_above(_linear_norm(a, b, step, middle, identity=False), spread)
            half = above(min(moved, branch) / 2)
            found.append(above(half + above(above(math.hypot(1.0, half)))))
    return Constant(residual(Constant(0.0, branch)).lower, min(found))


def _linear_norm(
    a: Float[np.ndarray, "m n"],
    b: Float[np.ndarray, "n m"],
    step: float,
    middle: float,
    *,
    identity: bool,
) -> float:
    """≥ ‖hμBA‖, ≥ ‖I + hμBA‖ with the identity.

    Each entry errs by at most γ times that of |hμ||B||A| + I, beside what underflows.
    """
    width, n = a.shape
    factor = step * middle
    matrix = factor * (b @ a) + (np.eye(n) if identity else 0.0)
    sizes = abs(factor) * frobenius(a) * frobenius(b) + math.sqrt(n)
    lost = (width + 6) * _EPSILON * sizes + 8 * n * (width + 1) * (1 + abs(factor)) * _TINY
    return _with_error(matrix, lost)


def _nearly_gradient(
    a: Float[np.ndarray, "m n"],
    b: Float[np.ndarray, "n m"],
    step: float,
    norm: Constant,
    slopes: tuple[float, float],
    gradient: bool,
) -> float:
    """max(1 − τα s², τβ‖A‖² − 1) + λ‖E‖‖A‖."""
    largest = float(np.max(np.abs(a)))
    scaled = a / largest
    tau = step if gradient else -step * float(np.sum(scaled.T * (b / largest)) / np.sum(scaled**2))
    if not 0 < tau < math.inf:
        return math.inf
    least = least_singular_value(a) if slopes[0] > 0 else 0.0
    exact = gradient_step(norm, tau, slopes=slopes, least_singular_value=least).upper
    if gradient:
        return exact
    sizes = abs(step) * frobenius(b) + tau * frobenius(a)
    rest = _with_error(step * b + tau * a.T, 4 * _EPSILON * sizes + 8 * a.size * _TINY)
    return sum_above(exact, product_above(slopes[1], product_above(norm.upper, rest)))


def _with_error(matrix: Float[np.ndarray, "m n"], error: float) -> float:
    """≥ ‖M + E‖ for ‖E‖ ≤ the error; inf where a number overflowed."""
    if not (np.all(np.isfinite(matrix)) and math.isfinite(error)):
        return math.inf
    return sum_above(matrix_norm(matrix).upper, _SLACK * error)


def frobenius(matrix: Float[np.ndarray, "*s"]) -> float:
    """About ‖·‖_F ≥ ‖·‖, also where squares would over- or underflow."""
    largest = float(np.max(np.abs(matrix), initial=0.0))
    return largest * float(np.linalg.norm(matrix / largest)) + _TINY if largest > 0 else 0.0


def _checked(
    inner: ArrayLike, outer: ArrayLike | None, step: float, slopes: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray, float, float]:
    inner = np.asarray(inner)
    if inner.ndim != 2:
        raise ValueError(f"the inner weight needs 2 axes; got shape {inner.shape}")
    outer = np.eye(len(inner)) if outer is None else np.asarray(outer)
    if outer.shape != inner.T.shape:
        raise ValueError(
            f"an inner weight of shape {inner.shape} needs an outer one of shape "
            f"{inner.T.shape}; got {outer.shape}"
        )
    if not math.isfinite(step):
        raise ValueError(f"a step must be finite; got {step!r}")
    low, high = map(float, slopes)
    if not -math.inf < low <= high < math.inf:
        raise ValueError(f"slopes must be least <= greatest, both finite; got {slopes!r}")
    return inner, outer, low, high

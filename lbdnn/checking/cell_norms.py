r"""Upper bounds of norms of many small matrices of floats.

Sums of products of numbers ≥ 0, with up to 4·10⁴ roundings, are widened by 1e-11. That of
matrices X with entries of both signs comes from H = G⁴, G = XᵀX scaled to trace 1:
λ_max(H) ≤ (t₁ + √((n − 1)(n t₂ − t₁²)))/n with t₁ = tr H, t₂ = ‖H‖_F² (Wolkowicz and Styan 1980).
Rounding changes a computed product of matrices with inner dimension m by at most
(m + 2)2⁻⁵²‖A‖_F‖B‖_F.
"""

from __future__ import annotations

import numpy as np

WIDER = 1 + 1e-11
TINY = 1e-150
_U = 2.0**-52


def lengths(x: np.ndarray, axis: int | tuple[int, ...] = -1) -> np.ndarray:
    """≥ Euclidean norms."""
    return np.sqrt(np.sum(x * x, axis)) * WIDER + TINY


def spectral_norms(x: np.ndarray) -> np.ndarray:
    """≥ ‖X‖₂ for x (…, m, n), and at most Frobenius' norm but for rounding."""
    if x.shape[-2] < x.shape[-1]:
        x = np.swapaxes(x, -1, -2)
    m, n = x.shape[-2:]
    frobenius = np.sqrt(np.sum(x * x, (-2, -1)))
    if n == 1 or x.size == 0:
        return frobenius * WIDER + TINY
    size = frobenius + TINY
    x = x / size[..., None, None]
    gram = np.swapaxes(x, -1, -2) @ x
    square = gram @ gram
    fourth = square @ square
    # Of computed entries, Frobenius' norm of the difference: ‖G‖_F, ‖G²‖_F ≤ 1.
    lost = 8 * (m + 2 * n + 8) * _U
    first = np.sum(square * square, (-2, -1)) + lost * n
    second = np.sum(fourth * fourth, (-2, -1)) + lost
    spread = np.maximum(n * second - first * first, 0.0) + 4 * n * n * lost
    largest = np.minimum((first + np.sqrt((n - 1) * spread)) / n, np.sqrt(second)) + lost
    norm = size * largest**0.125
    return np.fmin(norm * WIDER, frobenius * WIDER) + TINY


def largest_eigenvalues(m: np.ndarray) -> np.ndarray:
    """≥ the largest eigenvalue of symmetric M ≥ 0, (…, n, n): at most max_i (Mx)_i/x_i for every
    x > 0 (Collatz, Wielandt)."""
    power = m / (np.max(m, (-2, -1), keepdims=True) + TINY) + 0.05 * np.eye(m.shape[-1])
    for _ in range(6):
        power = power @ power
        power = power / np.max(power, (-2, -1), keepdims=True)
    x = np.sum(power, -1)
    x = x / np.max(x, -1, keepdims=True) + 1e-12
    return np.max((m @ x[..., None])[..., 0] / x, -1) * WIDER + TINY

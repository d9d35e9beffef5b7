r"""Bounds of Φ and its derivatives by recursion over the operations, as products of weight norms.

The shape of the network and the constants of its activations enter, its weights do not. It is in
the style of Patil, Fallin, Nino, Hart, Dixon (2025, arXiv 2503.21007); the lemmas of that paper are
not reproduced: what is computed is the following derivation.

**Notation.** x is the vector that reaches an operation, E = (E_0, …, E_k) a direction in parameter
space, E_j a perturbation of V_jᵀ, e_j = ‖E_j‖_F, Σ e_j² = 1; δx and δ²x are the first and second
derivative of x along E; Ẽ and W are E_j and V_jᵀ without their bias column; w_j = ‖V_j‖_F, which
is not less than ‖V_jᵀ‖₂ and ‖W‖₂.

**Value.** Keep a polynomial u and a constant vector c ≥ 0 with |x| ≤ |v| + c entrywise for some
vector v, ‖v‖ ≤ u. At the input u = ‖σ‖, c = 0.

- Activation with |ς(z)| ≤ α₁|z| + α₀: |ς(x)| ≤ α₁|v| + (α₁c + α₀), so u → α₁u, c → α₁c + α₀. (From
  c = 0 this is the layer's growth ‖[ς(x); 1]‖ ≤ α₁‖x‖ + √(α₀²L + 1), L the width: the triangle
  inequality for (α₁|v|, 0) + (α₀, …, α₀, 1).)
- Scaling x → s∘x + o: u → max|s| u, c → |s|∘c + |o|.
- Affine: the vector in front of the weights is s = [x; 1] (x without bias), with
  ‖s‖ ≤ u + √(‖c‖² + 1) and ‖s‖² ≤ (u + ‖c‖)² + 1 = u² + 2‖c‖u + ‖c‖² + 1 (without bias the 1 is
  absent). Then u → w_j‖s‖, c → 0. At the input these are 1 + ‖σ‖ and, exactly, 1 + ‖σ‖².

**Slope.** Keep p_i with ‖δx‖ ≤ Σ_i p_i e_i, one for each layer passed.

- Affine: δ(V_jᵀs) = E_j s + W δx, so p_i → w_j p_i, and the new p_j = ‖s‖.
- Activation: p_i → b₀ p_i, b₀ = sup|ς'|. Scaling: p_i → max|s| p_i.

The block ∂Φ/∂V_i has norm ≤ p_i, and ‖∂Φ/∂θ‖ ≤ J = Σ p_i: norms of blocks summed. The same walk
started from ‖∂σ/∂σ‖ = 1, without the term of E, bounds ‖∂Φ/∂σ‖.

**Curvature.** ‖δ²x‖ ≤ H, the operator norm of ∂²Φ/∂θ² at the end.

- Affine: δ²(V_jᵀs) = 2 Ẽ δx + W δ²x, so H → 2 e_j Σ_{i<j} p_i e_i + w_j H.
- Activation: δ²ς(x) = ς''(x)∘δx∘δx + ς'(x)∘δ²x and ‖δx∘δx‖ ≤ ‖δx‖², so
  H → c₀ (Σ p_i e_i)² + b₀ H, c₀ = sup|ς''|. Scaling: H → max|s| H.

Every e_i ≤ 1 gives 2J for the first and J² for the second term: again norms of blocks, summed.
Along a convex set of parameters the Taylor remainder is at most ½ H ‖θ̃‖².

**All norms at their limit.** u, J, H are polynomials in ‖σ‖ and the w_j with coefficients ≥ 0, so
every w_j may be replaced by θ̄.

**Budgeted.** The layers share one budget, Σ w_j² ≤ θ̄². A product with exponents n_j, N = Σ n_j > 0,
obeys

    Π_j w_j^{n_j} ≤ θ̄^N Π_j (n_j/N)^{n_j/2},

because by the weighted inequality of the arithmetic and geometric means Π_j (w_j²/n_j)^{n_j/N} ≤
Σ_j (n_j/N)(w_j²/n_j) ≤ θ̄²/N over the n_j > 0 (raise it to the power N/2); it is attained at
w_j² = θ̄² n_j/N. Each product is replaced by its own cap. The direction has a budget too:
2 e_j Σ_{i<j} p_i e_i ≤ 2 e_j √(Σ_{i<j} e_i²) √(Σ p_i²) ≤ √(Σ p_i²) ≤ J, and (Σ p_i e_i)² ≤ Σ p_i².

**Cost.** A product holds each w_j at most twice; with n₁ layers once and n₂ layers twice its cap is
θ̄^N 2^{n₂} N^{−N/2}, N = n₁ + 2n₂. So of each product only (n₁, n₂) is kept. Everything in front of
layer j is free of w_j; multiplying it by w_j raises n₁ by one, by w_j² it raises n₂. u and J hold
no squares; u², uJ and J² are carried along beside them.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float

from ..networks import Affine, Chain, Operation, Pointwise, Scaling
from .norm_polynomial import NormPolynomial, times

# Σ_{n₀,n₁,n₂} of ‖σ‖^n₀ times a product of n₁ weight norms and n₂ squares of other ones.
Counts = Float[np.ndarray, "n0 n1 n2"]


def weight_products(net: Chain, budgeted: bool) -> dict[str, Counts]:
    """u + ‖c‖, J, H and the bound of ‖∂Φ/∂σ‖ at the end, by the name of the quantity.

    Terms that hold an infinite sup|ς'| or sup|ς''| are left out: the caller has refused them.
    """
    mixed, crossed = (1.0, 0.0) if budgeted else (2.0, 2.0)
    layers = len(net.affine)
    zero = np.zeros((3, layers + 1, layers + 1))
    one, u, uu = (_monomial(zero, power) for power in range(3))
    input_slope = one
    J, uJ, JJ, H = zero, zero, zero, zero
    c = np.zeros(net.inputs)
    for operation in known_operations(net):
        if isinstance(operation, Affine):
            constant, augmented = math.hypot(*c), math.hypot(*c, operation.bias)
            s = u + times(augmented, one)
            ss = uu + times(2 * constant, u) + times(augmented, times(augmented, one))
            sJ = uJ + times(augmented, J)
            H = times(mixed, J) + _weighted(H)
            u, uu, uJ = _weighted(s), _weighted_twice(ss), _weighted(ss) + _weighted_twice(sJ)
            J, JJ = s + _weighted(J), ss + times(crossed, _weighted(sJ)) + _weighted_twice(JJ)
            input_slope = _weighted(input_slope)
            c = np.zeros(operation.n_out)
        else:
            growth, slope, curvature, c = _elementwise(operation, c)
            H = times(curvature, JJ) + times(slope, H)
            uu, uJ = times(growth, times(growth, uu)), times(growth, times(slope, uJ))
            u, J, JJ = times(growth, u), times(slope, J), times(slope, times(slope, JJ))
            input_slope = times(slope, input_slope)
    value = u + times(math.hypot(*c), one)
    return {"value": value, "jacobian": J, "hessian": H, "input_jacobian": input_slope}


def _elementwise(
    operation: Operation, c: Float[np.ndarray, " n"]
) -> tuple[float, float, float, Float[np.ndarray, " n"]]:
    """(growth, slope, curvature) of an elementwise operation, and the next constant vector."""
    if isinstance(operation, Scaling):
        scale, offset = np.abs(operation.scale), np.abs(operation.offset)
        largest = float(np.max(scale, initial=0.0))
        return largest, largest, 0.0, times(scale, c) + offset
    assert isinstance(operation, Pointwise)
    ς = operation.activation
    slope, curvature = (b if math.isfinite(b) else 0.0 for b in (ς.bound(1), ς.bound(2)))
    return ς.growth[0], slope, curvature, times(ς.growth[0], c) + ς.growth[1]


def capped(counts: Counts, budgeted: bool, roundings: int) -> NormPolynomial:
    """Each product of weight norms at its cap, products of equal degree in θ̄ added.

    The coefficients are raised by `roundings` units of rounding error, all terms being ≥ 0.
    """
    _, ones, twos = counts.shape
    coefficients = np.zeros((len(counts), ones + 2 * twos - 2))
    for n2 in range(twos):
        degree = np.arange(ones) + 2 * n2
        # Where these leave the floats, the smallest normal above 0 and 1 are caps too.
        cap = np.maximum(np.maximum(degree, 1.0) ** (-degree / 2), np.finfo(float).tiny)
        cap = np.minimum(times(np.exp2(n2), cap), 1.0)
        coefficients[:, degree] += times(cap if budgeted else 1.0, counts[:, :, n2])
    used = np.flatnonzero(coefficients.any(axis=0))
    coefficients = coefficients[:, : used[-1] + 1 if used.size else 1]
    return NormPolynomial(times(1 + roundings * np.finfo(float).eps, coefficients))


def _weighted(counts: Counts) -> Counts:
    """Times a weight that no product has yet."""
    return _shifted(counts, 1)


def _weighted_twice(counts: Counts) -> Counts:
    """Times the square of a weight that no product has yet."""
    return _shifted(counts, 2)


def _shifted(counts: Counts, axis: int) -> Counts:
    # The last entry is zero: no product has more weights than there are layers.
    return np.roll(counts, 1, axis)


def _monomial(zero: Counts, power: int) -> Counts:
    counts = zero.copy()
    counts[power, 0, 0] = 1.0
    return counts


def known_operations(net: Chain) -> tuple[Operation, ...]:
    """The operations, repetitions written out; ValueError for one that has no norms here."""
    for operation in net.written_out:
        if not isinstance(operation, Affine | Pointwise | Scaling):
            raise ValueError(
                f"polynomial bounds know affine layers, activations, fixed scalings and their "
                f"repetitions; got {type(operation).__name__}"
            )
    return net.written_out

"""Lipschitz constants of one Euler step of a flow."""

from __future__ import annotations

import math

from .constant import Constant, above, below, product_above, product_below, sum_above


def relative_step(norm: Constant, step: float) -> Constant:
    """τ‖A‖² of the step x − τAᵀΣ(Ax + b): at most 2 makes it non-expansive (`gradient_step`)."""
    return norm.square().times(_checked(step))


def gradient_step(
    norm: Constant,
    step: float,
    *,
    slopes: tuple[float, float] = (0.0, 1.0),
    least_singular_value: float = 0.0,
) -> Constant:
    r"""Of x ↦ x − τAᵀΣ(Ax + b), Σ acting entry by entry with slopes in [α, β], α ≥ 0.

    An increment of the map is (I − τAᵀDA) times that of x, D diagonal with entries in [α, β]. The
    eigenvalues of this symmetric matrix lie in [1 − τβ‖A‖², 1 − τα s²], where s ≤ ‖Ax‖/‖x‖ for
    all x, so that the constant is at most

        max(1 − τα s², τβ‖A‖² − 1),

    for s = 0 or α = 0: max(1, τβ‖A‖² − 1), which is 1 for τβ‖A‖² ≤ 2. No better bound
    depends on these numbers alone: Σ(z) = βz attains it. (Celledoni et al. 2023, arXiv 2210.02373,
    show that it is 1 for τβ‖A‖² ≤ 2, β = 1.)

    `lower` is max(0, 1 − τβ‖A‖²), as no increment shrinks by more; which slopes occur together
    depends on b.

    **Arguments:** `norm`, ‖A‖; `step`, τ ≥ 0; `slopes`, (α, β); `least_singular_value`, s, proved
    by other means.

    **Raises:** ValueError for a negative or infinite step, and slopes not 0 ≤ α ≤ β < ∞.
    """
    low, high = slopes
    if not 0 <= low <= high < math.inf:
        raise ValueError(f"slopes must be 0 <= least <= greatest, finite; got {slopes!r}")
    if not 0 <= least_singular_value < math.inf:
        raise ValueError(f"a singular value is finite, >= 0; got {least_singular_value!r}")
    largest = product_above(high, relative_step(norm, step).upper)
    s = least_singular_value
    least = product_below(product_below(product_below(s, s), low), _checked(step))
    shrunk = 1.0 if least == 0 else above(1 - least)
    # Between 1/2 and 2 the difference is exact.
    kept = max(below(1 - largest), 0.0)
    return Constant(kept, max(shrunk, largest - 1 if largest <= 2 else above(largest - 1)))


def expansive_step(norm: Constant, step: float, *, slope: float = 1.0) -> Constant:
    """Of x ↦ x + τΣ(Wx + v), Σ with slopes of absolute value at most `slope`: at most 1 + τβ‖W‖.

    **Raises:** ValueError for a negative or infinite step or slope.
    """
    if not 0 <= slope < math.inf:
        raise ValueError(f"the slope must be finite and >= 0; got {slope!r}")
    branch = norm.times(_checked(step)).times(slope)
    return Constant(max(below(1 - branch.upper), 0.0), sum_above(1.0, branch.upper))


def _checked(step: float) -> float:
    if not 0 <= step < math.inf:
        raise ValueError(f"a step must be finite and >= 0; got {step!r}")
    return float(step)

r"""Products of norms of layers that share one radius.

For every λ > 0, by weak duality over Σρ_l² ≤ r², 0 ≤ ρ_l ≤ R_l,

    Σ c_l log(n_l + ρ_l) ≤ λr² + Σ_l max_ρ [c_l log(n_l + ρ) − λρ²],

each maximum at ρ = (√(n_l² + 2c_l/λ) − n_l)/2 or at R_l. A λ is looked for in floating point; the
bound that it gives is then enclosed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from flint import arb

_SEARCH = 100


@dataclass
class Factor:
    """(norm + ρ)^power, 0 ≤ ρ ≤ limit."""

    norm: arb
    limit: arb
    power: int


@dataclass
class Term:
    """constant·Π factors."""

    constant: arb
    factors: list[Factor]


def capped(terms: list[Term], radius: arb) -> list[arb]:
    """An upper bound of each term over Σρ² ≤ radius², radius > 0."""
    multipliers = _multipliers(terms, float(radius))
    return [
        _cap(term, radius, arb(multiplier))
        for term, multiplier in zip(terms, multipliers.tolist(), strict=True)
    ]


def _cap(term: Term, radius: arb, multiplier: arb) -> arb:
    if not multiplier > 0 or not multiplier.is_finite():
        multiplier = arb(1)
    total = multiplier * radius * radius
    for factor in term.factors:
        share = 2 * factor.power / multiplier
        best = (((factor.norm**2 + share).sqrt() - factor.norm) / 2).min(factor.limit)
        top = factor.norm + best
        if not top > 0:  # a factor that is 0, or may be: (norm + limit)^power bounds it
            top, best = factor.norm + factor.limit, arb(0)
            if top == 0:
                return arb(0)
        total += factor.power * top.log() - multiplier * best * best
    return (term.constant * total.exp()).upper()


def _multipliers(terms: list[Term], radius: float) -> np.ndarray:
    """For each term nearly the best λ, by ternary search of a convex function of λ."""
    width = max(len(term.factors) for term in terms)
    shape = (len(terms), width)
    norms, limits, powers = np.ones(shape), np.zeros(shape), np.zeros(shape)
    for row, term in enumerate(terms):
        for place, factor in enumerate(term.factors):
            norms[row, place] = max(float(factor.norm), 1e-300)
            limits[row, place] = float(factor.limit)
            powers[row, place] = factor.power

    def bound(log: np.ndarray) -> np.ndarray:
        λ = np.exp(log)[:, None]
        share = powers / λ
        at = np.minimum(share / (norms + np.sqrt(norms**2 + 2 * share)), limits)
        return λ[:, 0] * radius**2 + np.sum(powers * np.log(norms + at) - λ * at**2, 1)

    middle = -2 * np.log(radius)
    low = np.full(len(terms), middle - 60.0)
    high = np.full(len(terms), middle + 10.0)
    for _ in range(_SEARCH):
        left, right = low + (high - low) / 3, high - (high - low) / 3
        better = bound(left) < bound(right)
        high, low = np.where(better, right, high), np.where(better, low, left)
    return np.exp((low + high) / 2)

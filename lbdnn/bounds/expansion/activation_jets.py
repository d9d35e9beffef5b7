"""Second-order expansions of ς, ς' and ς'' of an expanded argument."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from ...activations import Activation
from ...intervals import Interval, natural
from .activation_tables import Table
from .monomials import Monomials

# Roundings of one coefficient or of its bound here: fewer than 32 operations in a chain.
_ROUNDING = 32 * 2.0**-53


class Expansion(NamedTuple):
    """x(t) = Σ coefficients·monomials + ε for |t| ≤ 1, with |ε| ≤ error, entry by entry.

    `fresh` ≤ error is what does not come from the argument's error through the slope.
    """

    coefficients: Float[Array, "c n"]
    error: Float[Array, " n"]
    fresh: Float[Array, " n"]


def expand(
    activations: tuple[Activation, ...],
    tables: tuple[Table, ...],
    kind: Array,
    monomials: Monomials,
    z: Float[Array, "c n"],
    error: Float[Array, " n"],
) -> tuple[Expansion, Expansion, Expansion]:
    r"""ς(z), ς'(z), ς''(z) for z(t) = Σ z_α t^α + ε, |ε| ≤ error; `kind` chooses the activation.

    With q₁ and q₂ the parts of degree 1 and 2, r₁ ≥ |q₁|, r₂ ≥ |q₂|, Δ = q₁ + q₂ + ε and
    ζ = r₁ + r₂ + error, Taylor's theorem for f = ς⁽ᵖ⁾ at z₀ gives

        f(z) = f₀ + f₁Δ + ½f₂Δ² + ⅙f'''(·)Δ³,   |Δ² − q₁²| ≤ (r₂ + error)(ζ + r₁),

    so that the coefficients are f₀, f₁q₁, f₁q₂ + ½f₂q₁², with error at most

        |f₁| error + ½|f₂|(r₂ + error)(ζ + r₁) + ⅙ sup|f'''| ζ³

    and what the radii of f₀, f₁, f₂ and rounding add.
    """
    _, linear, quadratic = monomials.split(z)
    _, r1, r2 = monomials.grades(jnp.abs(z))
    reach = (r1 + r2 + error) * (1 + _ROUNDING)
    square = monomials.squared(linear)
    chosen = [_known(a, t, z[0], reach) for a, t in zip(activations, tables, strict=True)]
    values, radii, thirds = (jnp.stack([one[part] for one in chosen])[kind] for part in range(3))
    results = []
    for p in range(3):
        f0, f1, f2 = values[p], values[p + 1], values[p + 2]
        d0, d1, d2 = radii[p], radii[p + 1], radii[p + 2]
        coefficients = jnp.concatenate([f0[None], f1 * linear, f1 * quadratic + 0.5 * f2 * square])
        bend = 0.5 * (jnp.abs(f2) + d2)
        fresh = bend * (r2 + error) * (reach + r1) + thirds[p] * reach**3 / 6
        fresh = fresh + d0 + d1 * reach + 0.5 * d2 * r1**2
        size = jnp.abs(f0) + jnp.abs(f1) * reach + bend * reach**2
        fresh = (fresh + _ROUNDING * size) * (1 + _ROUNDING)
        results.append(Expansion(coefficients, fresh + jnp.abs(f1) * error, fresh))
    return results[0], results[1], results[2]


def _known(
    activation: Activation, table: Table, z: Array, reach: Array
) -> tuple[Array, Array, Array]:
    """ς⁽ᵖ⁾(z), p = 0..4, radii about them that contain the real values, and sup|ς⁽ᵖ⁺³⁾|, p = 0..2,
    within `reach` of z."""
    ends = [activation.enclose(p, z, z) for p in range(4)]
    fourth = natural(partial(activation.derivative, 4))(Interval(z, z))
    lo = jnp.stack([*(low for low, _ in ends), fourth.lo])
    hi = jnp.stack([*(high for _, high in ends), fourth.hi])
    middle = 0.5 * (lo + hi)
    radius = jnp.maximum(hi - middle, middle - lo) * (1 + _ROUNDING)
    thirds = jnp.stack([table.supremum(p, z - reach, z + reach) for p in (3, 4, 5)])
    return middle, radius, thirds

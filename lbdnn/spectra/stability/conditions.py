"""Norms in which a network contracts: the conditions, and what follows from them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ...compilation import QUICK
from ...intervals import Interval, euclidean, from_interval, interval, up
from .inverse import inverse
from .secants import Form, Secants

Norm = Literal["1", "2", "maximum", "weighted maximum", "quadratic"]
_PRODUCTS: tuple[Norm, ...] = ("1", "2", "maximum")


@dataclass(frozen=True)
class Condition:
    r"""A norm and a factor q with ‖Φ(x) − Φ(y)‖ ≤ q‖x − y‖; it proves stability if q < 1.

    - `form`: "incremental": for all x and y. "origin": for y = 0 = Φ(0) only.
    - `source`: what q bounds. "layers": the product of the norms of the weights and of the
      largest slopes (or ratios |ς(z)/z|). "secants": the norm of an interval matrix that encloses
      all the S with Φ(x) − Φ(y) = S(x − y). "inequality": a linear matrix inequality.
    - `norm`: ‖·‖₁, ‖·‖₂, the maximum norm; "weighted maximum": max_i |x_i|/weights_i;
      "quadratic": √(xᵀPx) with P = rootᵀ·root.
    - `factor`: q, rounded upward.
    - `box`: (lo, hi) where x and y are taken from, absorbing: after `steps` steps (None: so many
      as depend on where it starts) every orbit is in it for ever; without a box, all of space.
    """

    form: Form
    source: Literal["layers", "secants", "inequality"]
    norm: Norm
    factor: float
    weights: Float[np.ndarray, " n"] | None = None
    root: Float[np.ndarray, "n n"] | None = None
    box: tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]] | None = None
    steps: int | None = 0

    @property
    def holds(self) -> bool:
        return self.factor < 1

    def enclosure(self, x: Float[np.ndarray, " n"], moved: Interval) -> Interval:
        r"""Where the fixed point x̄ is, from a point x and an enclosure of Φ(x) − x.

        With r ≥ ‖Φ(x) − x‖: ‖x̄ − x‖ ≤ ‖x̄ − Φ(x)‖ + r ≤ q‖x̄ − x‖ + r, so ‖x̄ − x‖ ≤ r/(1 − q)
        (Banach); along the orbit ‖x̄ − Φᵏ(x)‖ ≤ qᵏ r/(1 − q). If there is a box, x must be in it.
        """
        if not self.holds:
            raise ValueError(f"the factor is {self.factor:.6g}: below 1 it would say where x̄ is")
        if self.root is not None:
            back = inverse(jnp.asarray(self.root))
            return _enclosed_by_ellipsoid(x, moved, self.root, back, self.factor)
        weights = np.ones_like(x) if self.weights is None else self.weights
        return _enclosed(self.norm, x, moved, weights, self.factor)


@partial(jax.jit, static_argnames="norm", compiler_options=QUICK)
def _enclosed(norm: Norm, x: Array, moved: Interval, weights: Array, factor: Array) -> Interval:
    sizes, scales = interval(moved.magnitude()), interval(weights)
    if norm == "1":
        length = sizes.sum().hi
    elif norm == "2":
        length = euclidean(sizes.hi)
    else:
        length = jnp.max((sizes / scales).hi)
    reach = (scales * (interval(length) / (1 - interval(factor)))).hi
    return interval(x) + Interval(-reach, reach)


@partial(jax.jit, compiler_options=QUICK)
def _enclosed_by_ellipsoid(
    x: Array, moved: Interval, root: Array, back: Interval, factor: Array
) -> Interval:
    length = interval(euclidean((root @ moved).magnitude())) / (1 - interval(factor))
    reach = up(euclidean(back.magnitude(), 1) * length.hi)
    return interval(x) + Interval(-reach, reach)


def conditions(
    found: Secants,
    form: Form,
    box: tuple[np.ndarray, np.ndarray] | None = None,
    steps: int | None = 0,
) -> Iterator[Condition]:
    r"""The factors in all norms known here, those that do not hold too.

    **Layers.** Diagonal matrices have ‖D‖ = max|d_i| in every norm induced by an absolute vector
    norm, so ‖S‖ ≤ Π‖A_i‖·ΠK_i, where K_i ≥ |d|. (Not in a general quadratic norm.)

    **Secants.** S lies in an interval matrix [S]; ‖S‖₂ ≤ ‖mid‖₂ + ‖rad‖₂. With the comparison
    matrix M = max|[S]| ≤ |A_L|K⋯K|A_0|, entrywise |Φ(x) − Φ(y)| ≤ M|x − y|. If v > 0 and
    Mv ≤ qv, then max_i |·|_i/v_i contracts by q. Such v, q < 1 exist if and only if ρ(M) < 1:
    v = (λI − M)⁻¹1 = Σ Mᵏ1/λᵏ⁺¹ > 0 for ρ(M) < λ < 1 has Mv = λv − 1 < λv. Because
    ρ(M) ≤ ‖M‖ for the weighted maximum norms and for ‖·‖₁, this condition covers theirs.
    """
    if found.matrix.shape[0] == 0:
        return
    for norm, factor in zip(_PRODUCTS, np.asarray(found.norms).tolist(), strict=True):
        yield Condition(form, "layers", norm, factor, box=box, steps=steps)
    spectral = float(_spectral(found.matrix))
    yield Condition(form, "secants", "2", spectral, box=box, steps=steps)
    weights, factor = weighted(np.asarray(found.matrix.magnitude()))
    yield Condition(form, "secants", "weighted maximum", factor, weights, box=box, steps=steps)


def weighted(m: Float[np.ndarray, "n n"]) -> tuple[Float[np.ndarray, " n"], float]:
    """v > 0 and a proved q with Mv ≤ qv, q close to the spectral radius of M ≥ 0; else q = inf."""
    best = np.ones(len(m)), np.inf
    if not np.isfinite(m).all():
        return best
    radius = float(np.abs(np.linalg.eigvals(m)).max())
    size = max(float(m.sum(1).max()), 1e-300)
    # v is any positive vector: no error of the solution matters. Nearer to ρ the factor is better,
    # but the entries of v may differ by powers of the distance.
    for gap in (1e-6, 1e-3, 0.1, 1.0):
        with np.errstate(all="ignore"):
            shifted = (radius + gap * size) * np.eye(len(m)) - m
            v = np.linalg.solve(shifted, np.ones(len(m)))
            v = v / v.max()
        if not (np.isfinite(v) & (v > 1e-200)).all():
            continue
        factor = float(_largest_quotient(m, v))
        if factor < best[1]:
            best = v, factor
    return best


@partial(jax.jit, compiler_options=QUICK)
def _spectral(matrix: Interval) -> Float[Array, ""]:
    return from_interval(matrix).norm()


@partial(jax.jit, compiler_options=QUICK)
def _largest_quotient(m: Float[Array, "n n"], v: Float[Array, " n"]) -> Float[Array, ""]:
    """≥ max_i (Mv)_i/v_i."""
    return jnp.max(((interval(m) * interval(v)).sum(1) / interval(v)).hi)

"""Bounds of high derivatives of activations, looked up in tables made once."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ...activations import Activation
from ...intervals import Interval, natural

ORDERS = (3, 4, 5)
_PIECES = 4096  # a power of two
_LEVELS = 13  # ranges of 1, 2, 4, … _PIECES pieces


class Table(NamedTuple):
    """sup |ς⁽ᵒ⁾|, o = 3, 4, 5, over ranges of 2ˡ of the equal pieces of [−reach, reach]."""

    reach: Float[Array, ""]
    suprema: Float[Array, "orders levels pieces"]

    def supremum(
        self, order: int, lo: Float[Array, "*s"], hi: Float[Array, "*s"]
    ) -> Float[Array, "*s"]:
        """≥ sup |ς⁽ᵒ⁾| over [lo, hi] ∩ [−reach, reach]: two ranges of equal length cover it."""
        # One piece more at each end: the division is rounded.
        scale = _PIECES / (2 * self.reach)
        first = jnp.floor((jnp.maximum(lo, -self.reach) + self.reach) * scale) - 1
        last = jnp.floor((jnp.minimum(hi, self.reach) + self.reach) * scale) + 1
        first = jnp.clip(first, 0, _PIECES - 1).astype(int)
        last = jnp.maximum(jnp.clip(last, 0, _PIECES - 1).astype(int), first)
        level = 31 - jax.lax.clz((last - first + 1).astype(jnp.int32))
        values = self.suprema[ORDERS.index(order)]
        return jnp.maximum(values[level, first], values[level, last + 1 - (1 << level)])


def table(activation: Activation, reach: float) -> Table:
    """The table over [−reach, reach], by the natural interval extension on each piece.

    Sparse table of Bender and Farach-Colton (The LCA problem revisited, 2000). Step by step, as
    it is made once: compiling the fifth derivative would take longer.
    """
    ends = np.linspace(-1.0, 1.0, _PIECES + 1) * reach
    lo, hi = ends[:-1], ends[1:].copy()
    # Formulas in |z| have two branches at 0. The piece before it ends at the last normal number:
    # over the rest, 10⁻³⁰⁷ long, a smooth function changes by less than the widening below.
    hi[hi == 0] = -(2.0**-1022)
    pieces = Interval(jnp.asarray(lo), jnp.asarray(hi))
    orders = []
    for order in ORDERS:
        value = natural(partial(activation.derivative, order))(pieces)
        size = np.maximum(np.abs(np.asarray(value.lo)), np.abs(np.asarray(value.hi)))
        row = [size * (1 + 1e-12) + 1e-200]
        for level in range(_LEVELS - 1):
            shifted = np.append(row[-1][1 << level :], np.full(1 << level, np.inf))
            row.append(np.maximum(row[-1], shifted))
        orders.append(np.stack(row))
    return Table(jnp.asarray(reach), jnp.asarray(np.stack(orders)))

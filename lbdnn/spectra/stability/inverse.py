"""An enclosure of the inverse of a matrix."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ...compilation import QUICK
from ...intervals import Interval, centred, euclidean, interval, up


@partial(jax.jit, compiler_options=QUICK)
def inverse(root: Float[Array, "n n"]) -> Interval:
    """An enclosure of R⁻¹; (−inf, inf) where R is not proved to have an inverse.

    With R X = I + E, ‖E‖₂ ≤ e < 1: R⁻¹ = X(I + E)⁻¹ = X + XF, ‖F‖₂ ≤ e/(1 − e), and no entry of XF
    is larger than the length of a row of X times that.
    """
    x = jnp.linalg.inv(root)
    defect = interval((centred(root) @ x - jnp.eye(len(root))).norm())
    factor = (defect / (1 - defect)).hi
    spread = up(up(euclidean(x, 1) * factor))[:, None] * jnp.ones_like(x)
    spread = jnp.where(defect.hi < 1, up(spread), jnp.inf)
    return interval(x) + Interval(-spread, spread)

"""Spectral norms of matrices."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float

from ...compilation import QUICK
from ...intervals import spectral_norm
from .constant import Constant
from .rayleigh import quotient
from .scaling import scaled


def matrix_norm(weight: Float[ArrayLike, "m n"]) -> Constant:
    """‖W‖₂ from above and from below, for exactly the numbers given.

    From above as `lbdnn.intervals.spectral_norm` (approximate eigenvectors of the Gram matrix,
    what follows from them bounded), from below as ‖Wv‖/‖v‖ at the singular vector that LAPACK
    finds. All errors of rounding are counted. They differ by some roundings where LAPACK succeeds.

    **Raises:** ValueError for what is not a real, finite, non-empty matrix.
    """
    own = scaled(weight, 2, "a weight matrix")
    if not own.values.any():
        return Constant(0.0, 0.0)
    # The transpose has the same norm, and one program serves both.
    tall = own.values if len(own.values) >= own.values.shape[1] else own.values.T
    with jax.enable_x64(True):
        lower, upper = _bounds(jnp.asarray(tall))
    return own.unscaled(float(lower), float(upper))


@partial(jax.jit, compiler_options=QUICK)
def _bounds(weight: Float[Array, "m n"]) -> tuple[Array, Array]:
    vector = jnp.linalg.svd(weight, full_matrices=False)[2][0]
    apply = partial(jnp.matmul, precision=jax.lax.Precision.HIGHEST)
    return quotient(apply, weight, vector, weight.shape[1]), spectral_norm(weight)

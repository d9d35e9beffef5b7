"""Greatest and least singular values of two-dimensional convolutions."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from ...compilation import QUICK
from .constant import Constant
from .geometry import Convolution
from .rayleigh import quotient, top_vector
from .scaling import Scaled, scaled
from .symbol import torus_bound, torus_least

# Of Lanczos' method. Where many singular values lie near the largest one it has not converged by
# then; the lower bound is then a little below the norm, and holds all the same.
_STEPS = 64


def convolution_norm(
    weight: Float[ArrayLike, "o c kh kw"], convolution: Convolution, *, steps: int = _STEPS
) -> Constant:
    r"""‖A‖₂ of the linear map x ↦ A x of a convolution on images of its size, from both sides.

    From above by the symbol on a torus of which the image is a part (`torus_bound`): the norm
    itself for whole circular convolutions (padding (kernel − 1)/2, strides that divide the image),
    above it for zero padding by about (kernel/image)². From below by ‖Av‖/‖v‖ at the vector that
    Lanczos' method on AᵀA finds. No matrix of the size of an image is formed, and all errors of
    rounding are counted.

    **Arguments:**

    - `weight`: outputs, inputs, height and width of the kernel, in the precision it is stored in.
    - `convolution`: the size of the image, padding, stride and boundary; its kernel is the
      weight's.
    - `steps`: of Lanczos' method.

    **Raises:** ValueError for a weight that is not real and finite, of four axes, and of another
    kernel than the convolution's.
    """
    own = _checked(weight, convolution)
    if not isinstance(steps, int) or steps < 1:
        raise ValueError(f"steps must be a positive integer; got {steps!r}")
    if not own.values.any():
        return Constant(0.0, 0.0)
    upper = torus_bound(own.values, convolution)
    start = np.random.default_rng(0).normal(size=(own.values.shape[1], *convolution.image))
    with jax.enable_x64(True):
        lower = _lower(jnp.asarray(own.values), jnp.asarray(start), convolution, steps)
    return own.unscaled(float(lower), upper)


def convolution_least_singular_value(
    weight: Float[ArrayLike, "o c kh kw"], convolution: Convolution
) -> float:
    r"""s ≥ 0 with s‖x‖ ≤ ‖Ax‖ for all images x; 0 where none is found.

    With circular boundaries, where no output is left out (by strides that do not divide the image,
    or less padding), from the symbol, of which A is the direct sum. With zero padding an image may
    lose what moves outside, and nothing is proved. All errors of rounding are counted.

    **Arguments**, **raises:** as `convolution_norm`.
    """
    own = _checked(weight, convolution)
    if not own.values.any():
        return 0.0
    least = torus_least(own.values, convolution)
    return own.unscaled(least, least).lower


def _checked(weight: ArrayLike, convolution: Convolution) -> Scaled:
    own = scaled(weight, 4, "the weight of a convolution")
    if own.values.shape[2:] != convolution.kernel:
        raise ValueError(
            f"the convolution has a kernel of {convolution.kernel} taps; got a weight of shape "
            f"{own.values.shape}"
        )
    return own


@partial(jax.jit, static_argnames=("convolution", "steps"), compiler_options=QUICK)
def _lower(
    weight: Float[Array, "o c kh kw"],
    start: Float[Array, "c h w"],
    convolution: Convolution,
    steps: int,
) -> Float[Array, ""]:
    vector = top_vector(partial(convolution.apply, weight), start, steps)
    taps = weight.shape[1] * weight.shape[2] * weight.shape[3]
    return quotient(convolution.apply, weight, vector, taps)

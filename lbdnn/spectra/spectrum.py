"""Eigenvalues and singular values of many small matrices, and of a network's layers."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.core import Tracer
from jax.typing import ArrayLike
from jaxtyping import Array, Complex, Float

from ..networks import Chain, Theta


def eigenvalues(matrices: Float[ArrayLike, "*batch n n"]) -> Complex[Array, "*batch n"]:
    """The eigenvalues of each matrix; for n = 2 the one with the larger real part first.

    Compiled closed forms for n ≤ 2; LAPACK for larger n, on the CPU also where the matrices are on
    a device for which JAX has no general eigenvalues (inside a compiled program on such a device
    JAX's NotImplementedError stands).

    **Raises:** ValueError if the matrices are not square.
    """
    matrices = _square(matrices)
    if matrices.shape[-1] <= 2:
        return _closed_form(matrices)
    try:
        return jnp.linalg.eigvals(matrices)
    except NotImplementedError:
        if isinstance(matrices, Tracer):
            raise
        return jnp.linalg.eigvals(jax.device_put(matrices, jax.devices("cpu")[0]))


def spectral_radius(matrices: Float[ArrayLike, "*batch n n"]) -> Float[Array, "*batch"]:
    """The largest |eigenvalue| of each matrix."""
    return jnp.max(jnp.abs(eigenvalues(matrices)), -1)


def singular_values(matrices: Float[ArrayLike, "*batch m n"]) -> Float[Array, "*batch k"]:
    """The min(m, n) singular values of each matrix, the largest first."""
    return jnp.linalg.svd(jnp.asarray(matrices), compute_uv=False)


def planar_pair(matrices: Float[Array, "2 2 *batch"]) -> tuple[Array, Array]:
    """Both eigenvalues of 2 × 2 matrices, entries first: (a + d)/2 ± √(((a − d)/2)² + bc).

    Not scaled: entries whose squares leave the range of the arithmetic give infinities or zeros.
    """
    (a, b), (c, d) = matrices
    middle, half = (a + d) / 2, (a - d) / 2
    square = half * half + b * c
    root = jnp.sqrt(jnp.abs(square))
    apart, turned = jnp.where(square > 0, root, 0), jnp.where(square < 0, root, 0)
    return jax.lax.complex(middle + apart, turned), jax.lax.complex(middle - apart, -turned)


@jax.jit
def _closed_form(matrices: Array) -> Array:
    if matrices.shape[-1] < 2:
        kind = jnp.complex128 if matrices.dtype == jnp.float64 else jnp.complex64
        return matrices[..., 0].astype(kind)
    # Scaled by a power of two, so that no square overflows or vanishes.
    size = jnp.max(jnp.abs(matrices), (-2, -1))
    scale = jnp.where(size > 0, jnp.ldexp(jnp.ones_like(size), jnp.frexp(size)[1] - 1), 1)
    pair = planar_pair(jnp.moveaxis(matrices / scale[..., None, None], (-2, -1), (0, 1)))
    return jnp.stack(pair, -1) * scale[..., None]


def _square(matrices: ArrayLike) -> Array:
    matrices = jnp.asarray(matrices)
    if matrices.ndim < 2 or matrices.shape[-1] != matrices.shape[-2]:
        raise ValueError(
            f"eigenvalues need square matrices; got shape {matrices.shape}; singular_values takes "
            "any matrix"
        )
    return matrices.astype(jnp.result_type(float, matrices))


class LayerSpectrum(NamedTuple):
    """Of one affine layer's weight, without its bias.

    `eigenvalues` and `spectral_radius` are None where it is not square.
    """

    singular_values: Float[Array, " k"]
    norm: Float[Array, ""]
    eigenvalues: Complex[Array, " n"] | None
    spectral_radius: Float[Array, ""] | None


def layer_spectra(net: Chain, theta: Theta) -> list[LayerSpectrum]:
    """The spectrum of every affine layer, in the order of `net.affine`."""
    found = []
    for layer, parameters in zip(net.affine, net.weights(theta), strict=True):
        weight = layer.weight(jnp.asarray(parameters))
        singular = singular_values(weight)
        square = weight.shape[0] == weight.shape[1]
        own = eigenvalues(weight) if square else None
        radius = None if own is None else jnp.max(jnp.abs(own))
        found.append(LayerSpectrum(singular, singular[0], own, radius))
    return found

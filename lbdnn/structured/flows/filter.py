"""The linear map of a convolution, and what a weight of a layer maps to what."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..lipschitz.geometry import Convolution
from ..weights import Parametrization
from ..weights.parametrization import matmul

Shape: TypeAlias = tuple[int, ...]

# Entries of a matrix that a convolution is written out as: 128 MiB in double precision.
_MOST_ENTRIES = 2**24
# Up to so many, the matrix is quicker than the convolution.
_FEW_ENTRIES = 2**16


class Filter(eqx.Module):
    """x ↦ Ax from images (c, h, w) to images, A the convolution with a kernel, or its adjoint.

    `a @ x`, `a.T` and `-a` are those of matrices: `a.T` is exactly the adjoint, ⟨Ax, y⟩ = ⟨x, Aᵀy⟩.
    On small images it is applied as a matrix, made once for all images of a batch; circular
    convolutions with as many taps as the image has pixels by Fourier transforms.
    """

    kernel: Float[Array, "o c kh kw"]
    convolution: Convolution = eqx.field(static=True)
    transposed: bool = eqx.field(static=True, default=False)

    @property
    def spaces(self) -> tuple[Shape, Shape]:
        """Shapes of what it is applied to, and of the result."""
        one, other = _spaces(self.kernel.shape, self.convolution)
        return (other, one) if self.transposed else (one, other)

    @property
    def T(self) -> Filter:
        """The adjoint."""
        return Filter(self.kernel, self.convolution, not self.transposed)

    def __neg__(self) -> Filter:
        return Filter(-self.kernel, self.convolution, self.transposed)

    def __matmul__(self, x: Float[Array, "c h w"]) -> Float[Array, "o rows columns"]:
        """Ax."""
        own = self.convolution
        x = x.astype(jnp.result_type(self.kernel, x))
        if math.prod(self.spaces[0]) * math.prod(self.spaces[1]) <= _FEW_ENTRIES:
            return matmul(self.matrix(), x.ravel()).reshape(self.spaces[1])
        around = own.boundary == "circular" and own.output == own.image
        whole = all(taps >= n for taps, n in zip(own.kernel, own.image, strict=True))
        if around and whole:
            return _by_fourier(self, x)
        apply = partial(_directly, self.kernel, own)
        if not self.transposed:
            return apply(x)
        if around:  # the adjoint is a convolution alike, which is quicker to differentiate
            return _directly(jnp.flip(self.kernel, (2, 3)).swapaxes(0, 1), own, x)
        like = jax.ShapeDtypeStruct(self.spaces[1], x.dtype)
        return jax.linear_transpose(apply, like)(x)[0]

    def matrix(self) -> Float[Array, "m n"]:
        """A, images written row by row, one channel after the other.

        **Raises:** ValueError for matrices of more than 2²⁴ entries.
        """
        rows, columns = _spaces(self.kernel.shape, self.convolution)[::-1]
        _refuse_large(columns, rows)
        product = partial(jnp.einsum, precision=jax.lax.Precision.HIGHEST)
        places = (_places(self.convolution, axis, self.kernel.dtype) for axis in (0, 1))
        # Products with 0 and 1.
        found = product("ocab,aij,bkl->oikcjl", self.kernel, *places)
        found = found.reshape(math.prod(rows), math.prod(columns))
        return found.T if self.transposed else found


LinearMap: TypeAlias = Array | Filter


def apply(a: LinearMap, x: Array) -> Array:
    """Ax."""
    return a @ x if isinstance(a, Filter) else matmul(a, x)


def dense(a: LinearMap) -> Float[Array, "m n"]:
    """The matrix of A."""
    return a.matrix() if isinstance(a, Filter) else a


def entries(bias: Float[Array, " m"], a: LinearMap) -> Array:
    """A bias for Ax: of images, one number a channel."""
    return bias[:, None, None] if isinstance(a, Filter) else bias


def written_out(
    f: Callable[[Array], Array], inputs: Shape, outputs: Shape, dtype: Any = None
) -> Float[Array, "m n"]:
    """The matrix of a linear map of images, row by row and one channel after the other.

    **Raises:** ValueError for matrices of more than 2²⁴ entries.
    """
    _refuse_large(inputs, outputs)
    units = jnp.eye(math.prod(inputs), dtype=dtype).reshape(-1, *inputs)
    return jax.vmap(lambda x: f(x).ravel(), out_axes=1)(units)


def _refuse_large(inputs: Shape, outputs: Shape) -> None:
    size = math.prod(inputs) * math.prod(outputs)
    if size > _MOST_ENTRIES:
        raise ValueError(
            f"a linear map from images of shape {inputs} to {outputs} has {size} entries "
            f"as a matrix, above the {_MOST_ENTRIES} that are written out: take smaller images"
        )


def _places(
    convolution: Convolution, axis: int, dtype: Any
) -> Float[np.ndarray, "taps outputs pixels"]:
    """How often a tap joins an output and a pixel, along one axis."""
    taps, pixels = convolution.kernel[axis], convolution.image[axis]
    stride, padding = _pair(convolution.stride)[axis], _pair(convolution.padding)[axis]
    seen = np.arange(taps)[:, None] + stride * np.arange(convolution.output[axis]) - padding
    if convolution.boundary == "circular":
        seen %= pixels
    return (seen[:, :, None] == np.arange(pixels)).astype(dtype)


def linear(weight: Parametrization, parameters: Any) -> LinearMap:
    """What a parametrization makes: a matrix, or the map of a kernel."""
    made, convolution = weight(parameters), _convolution(weight)
    return made if convolution is None else Filter(made, convolution)


def spaces(weight: Parametrization) -> tuple[Shape, Shape]:
    """Shapes of what a weight is applied to, and of the result."""
    convolution = _convolution(weight)
    if convolution is None:
        return (weight.shape[1],), (weight.shape[0],)
    return _spaces(weight.shape, convolution)


def _convolution(weight: Parametrization) -> Convolution | None:
    return getattr(weight, "convolution", None)


def _spaces(kernel: Shape, convolution: Convolution) -> tuple[Shape, Shape]:
    return (kernel[1], *convolution.image), (kernel[0], *convolution.output)


def _pair(value: Any) -> tuple[int, int]:
    first, second = np.broadcast_to(np.asarray(value), 2)
    return int(first), int(second)


def _directly(
    kernel: Float[Array, "o c kh kw"], convolution: Convolution, x: Float[Array, "c h w"]
) -> Float[Array, "o rows columns"]:
    pads = [(p, p) for p in _pair(convolution.padding)]
    if convolution.boundary == "circular":
        x, pads = jnp.pad(x, [(0, 0), *pads], mode="wrap"), [(0, 0)] * 2
    # Properties are to hold to the last digits, also where products are faster in fewer.
    return jax.lax.conv_general_dilated(
        x[None],
        kernel.astype(x.dtype),
        _pair(convolution.stride),
        pads,
        precision=jax.lax.Precision.HIGHEST,
    )[0]


def _by_fourier(a: Filter, x: Float[Array, "c h w"]) -> Float[Array, "o h w"]:
    image = a.convolution.image
    # Taps beyond the image fall on its pixels again.
    taps = a.kernel
    for axis, (pixels, padding) in enumerate(
        zip(image, _pair(a.convolution.padding), strict=True), 2
    ):
        rounds = -(-taps.shape[axis] // pixels)
        more = [(0, 0)] * 4
        more[axis] = (0, rounds * pixels - taps.shape[axis])
        taps = jnp.stack(jnp.split(jnp.pad(taps, more), rounds, axis)).sum(0)
        taps = jnp.roll(taps, -padding, axis)
    # y[i] = Σ_q W_q x[i + q]: the conjugates of the transform of the taps, whose adjoint is it.
    waves = jnp.fft.rfft2(taps.astype(x.dtype))
    product = partial(jnp.einsum, precision=jax.lax.Precision.HIGHEST)
    if a.transposed:
        return jnp.fft.irfft2(product("ocxy,oxy->cxy", waves, jnp.fft.rfft2(x)), image)
    return jnp.fft.irfft2(product("ocxy,cxy->oxy", jnp.conj(waves), jnp.fft.rfft2(x)), image)

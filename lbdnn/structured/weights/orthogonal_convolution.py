"""Circular convolutions that keep lengths."""

from __future__ import annotations

import math
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..lipschitz.geometry import Convolution
from .parametrization import excess, shaped, store_sizes
from .symbol import product, symbol, waves


@dataclass(frozen=True)
class OrthogonalConvolution:
    r"""The kernel of a circular A with AᵀA = I or AAᵀ = I, as large as the image.

    The first n_out rows and n_in columns of Q(ω) = (I + S)⁻¹(I − S), S = K̂(ω) − K̂(ω)ᴴ, are the
    symbol of A at each frequency ω of the image; K̂ is the symbol of a kernel K of N channels,
    N = max(n_out, n_in), with a few taps.

    **Property:** AᵀA = I if n_out ≥ n_in, AAᵀ = I if n_out ≤ n_in: all singular values are 1.

    *Proof.* A circular convolution is the direct sum of its symbols, in the orthonormal basis of
    waves. S is skew-Hermitian with imaginary eigenvalues, so that I + S is regular and Q unitary
    (see `Orthogonal`). As K̂(−ω) is the conjugate of K̂(ω), so is Q(−ω): A is real.

    **Its price:** the kernel has as many taps as the image has pixels, so A is applied by Fourier
    transforms; one N × N system a frequency is solved for a kernel, whatever the batch.

    **Not a property:** that every orthogonal convolution is reached. Q has no eigenvalue −1, and K
    has few taps.

    **Arguments:** `n_out`, `n_in`, the numbers of channels; `image`, height and width; `kernel`, of
    K, odd. Parameters: K, shape (N, N, kh, kw). `init` draws from N(0, 1/(N·kh·kw)).

    In floating point the error grows in proportion to ‖S‖.

    **Raises:** ValueError for sizes that are no positive integers, and even kernels.

    Trockman and Kolter (2021, arXiv 2104.07167).
    """

    n_out: int
    n_in: int
    image: tuple[int, int]
    kernel: tuple[int, int] = (3, 3)

    def __post_init__(self) -> None:
        store_sizes(self, "n_out", "n_in")
        own = self._generator
        object.__setattr__(self, "image", own.image)
        object.__setattr__(self, "kernel", own.kernel)

    @property
    def convolution(self) -> Convolution:
        """That of the kernel: circular, with a tap a pixel of the image.

        Numbers of taps are odd: where a side of the image is even, the last tap is zero.
        """
        height, width = self.image
        return Convolution(self.image, (height | 1, width | 1), boundary="circular")

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Of the kernel."""
        return self.n_out, self.n_in, *self.convolution.kernel

    def init(self, key: Array) -> Float[Array, "N N a b"]:
        """Random parameters."""
        shape = self._parameters
        return jax.random.normal(key, shape) / math.sqrt(math.prod(shape[1:]))

    def __call__(self, parameters: Float[Array, "N N a b"]) -> Float[Array, "n_out n_in kh kw"]:
        """The kernel."""
        skew = _symbol(shaped(parameters, self._parameters, "parameters"), self._generator)
        skew = skew - jnp.conj(skew.mT)
        identity = jnp.eye(skew.shape[-1], dtype=skew.dtype)
        unitary = jnp.linalg.solve(identity + skew, identity - skew)[..., : self.n_out, : self.n_in]
        # S(ω) = Σ_q W_q exp(iω·q), where transforms of Fourier have the other sign.
        taps = jnp.fft.irfft2(jnp.conj(jnp.moveaxis(unitary, (0, 1), (2, 3))), self.image)
        height, width = self.image
        taps = jnp.roll(taps, ((height | 1) // 2, (width | 1) // 2), (2, 3))
        # Where sides are even, distances ±half of the image are one tap, now the first.
        return jnp.pad(taps, ((0, 0), (0, 0), (0, 1 - height % 2), (0, 1 - width % 2)))

    def defect(self, weight: Float[Array, "n_out n_in kh kw"]) -> Float[Array, ""]:
        """The largest entry of |SᴴS − I| of the symbols, for n_out < n_in of |SSᴴ − I|."""
        return unitary_defect(shaped(weight, self.shape, "weight"), self.convolution)

    @property
    def _generator(self) -> Convolution:
        return Convolution(self.image, self.kernel, boundary="circular")

    @property
    def _parameters(self) -> tuple[int, int, int, int]:
        size = max(self.n_out, self.n_in)
        return size, size, *self.kernel


def unitary_defect(kernel: Float[Array, "o c kh kw"], convolution: Convolution) -> Float[Array, ""]:
    """The largest entry of |SᴴS − I| over the frequencies of the image, with o < c of |SSᴴ − I|."""
    found = _symbol(kernel, convolution)
    tall = found if kernel.shape[0] >= kernel.shape[1] else jnp.conj(found.mT)
    gram = product("xyki,xykj->xyij", jnp.conj(tall), tall)
    return excess(jnp.abs(gram - jnp.eye(gram.shape[-1], dtype=gram.dtype)))


def _symbol(kernel: Array, convolution: Convolution) -> Array:
    """At the frequencies of the transform of real images."""
    sizes = convolution.image
    rows, columns = (waves(convolution, axis, sizes[axis]) for axis in (0, 1))
    return symbol(kernel, rows, columns[..., : sizes[1] // 2 + 1])

"""Circular convolutions with few taps that keep lengths."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..lipschitz.geometry import Convolution
from .norm_bounded import orthonormal
from .orthogonal import Orthogonal
from .orthogonal_convolution import unitary_defect
from .parametrization import matmul, shaped, store_sizes
from .symbol import product


class Blocks(NamedTuple):
    """`rotation`: of Q, (N, N); `subspaces`: X of each P, (steps, N − k, k)."""

    rotation: Float[Array, "N N"]
    subspaces: Float[Array, "steps N-k k"]


@dataclass(frozen=True)
class BlockOrthogonalConvolution:
    r"""The kernel, with few taps, of a circular A with AᵀA = I or AAᵀ = I.

    A is the first n_out rows and n_in columns of a product of N × N convolutions, N = max(n_out,
    n_in): an orthogonal matrix Q, which acts on each pixel, and steps

        x ↦ P x + (I − P) z x

    with orthogonal projections P of rank k = ⌊N/2⌋, where z moves images by one pixel: along the
    height, along the width, and back along either, until the taps fill the kernel: 4 steps for
    3 × 3.

    **Property:** AᵀA = I if n_out ≥ n_in, AAᵀ = I if n_out ≤ n_in, on images of any size: all
    singular values are 1.

    *Proof.* On a torus z is a permutation of pixels, zᵀ = z⁻¹, and commutes with P, which acts on
    channels. As P² = P = Pᵀ, P(I − P) = 0, so (P + (I − P)z)ᵀ(P + (I − P)z) = P + (I − P) = I.
    Products of square orthogonal matrices are orthogonal, and columns, or rows, of one are
    orthonormal.

    P = UUᵀ, U of the orthonormal columns of [X; I] = UR. Every P whose range meets that of
    [I; 0] in 0 only is reached, by exactly one X; X = 0 in all steps makes A = Q, as moves there
    and back cancel.

    **Its price** is that of any convolution with as many taps: the kernel is one of
    `lbdnn.structured.lipschitz.Convolution`, and does not depend on the size of images. It is made
    from one QR factorisation of an N × k matrix a step, and N reflections for Q.

    **Not a property:** that every orthogonal convolution with these taps is reached. With one
    channel A is ± the identity: all others of one channel with few taps are moves. With 3 × 3 taps
    there are about 1.5 N² degrees of freedom; `OrthogonalConvolution` with as many taps in its
    parameters has 4.5 N².

    **Arguments:** `n_out`, `n_in`, the numbers of channels; `image`, height and width; `kernel`, of
    A, odd. Parameters: `Blocks`. `init` draws X from N(0, 1/k), and Q as `Orthogonal`, method
    "householder".

    In floating point A is orthogonal to some roundings, whatever the parameters are.

    **Raises:** ValueError for sizes that are no positive integers, and even kernels.

    Li, Haque, Anil, Lucas, Grosse, Jacobsen (2019, arXiv 1911.00937), with P by their ranges, and
    moves in both directions, so that kernels are centred; Xiao et al. (2018, arXiv 1806.05393).
    """

    n_out: int
    n_in: int
    image: tuple[int, int]
    kernel: tuple[int, int] = (3, 3)

    def __post_init__(self) -> None:
        store_sizes(self, "n_out", "n_in")
        own = Convolution(self.image, self.kernel, boundary="circular")
        object.__setattr__(self, "image", own.image)
        object.__setattr__(self, "kernel", own.kernel)

    @property
    def convolution(self) -> Convolution:
        """That of the kernel: circular."""
        return Convolution(self.image, self.kernel, boundary="circular")

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Of the kernel."""
        return self.n_out, self.n_in, *self.kernel

    def init(self, key: Array) -> Blocks:
        """Random parameters."""
        first, second = jax.random.split(key)
        shape = self._parameters
        drawn = jax.random.normal(second, shape) / max(shape[-1], 1) ** 0.5
        return Blocks(self._rotation.init(first), drawn)

    def __call__(self, parameters: Blocks) -> Float[Array, "n_out n_in kh kw"]:
        """The kernel."""
        rotation, subspaces = parameters
        subspaces = shaped(subspaces, self._parameters, "subspaces")
        kernel = self._rotation(rotation)[..., None, None]
        for x, (axis, forward) in zip(subspaces, self._moves, strict=True):
            columns = orthonormal(x)
            kept = product("ij,jcab->icab", matmul(columns, columns.T), kernel)
            moved = kernel - kept
            first, second = (kept, moved) if forward else (moved, kept)
            kernel = _padded(first, axis, 0, 1) + _padded(second, axis, 1, 0)
        return kernel[: self.n_out, : self.n_in]

    def defect(self, weight: Float[Array, "n_out n_in kh kw"]) -> Float[Array, ""]:
        """The largest entry of |SᴴS − I| of the symbols, for n_out < n_in of |SSᴴ − I|."""
        return unitary_defect(shaped(weight, self.shape, "weight"), self.convolution)

    @property
    def _moves(self) -> list[tuple[int, bool]]:
        """Axis of the kernel and direction of each step."""
        sides = [taps // 2 for taps in self.kernel]
        return [
            (2 + axis, forward)
            for turn in range(max(sides))
            for forward in (True, False)
            for axis in (0, 1)
            if turn < sides[axis]
        ]

    @property
    def _rotation(self) -> Orthogonal:
        size = max(self.n_out, self.n_in)
        return Orthogonal(size, size, method="householder")

    @property
    def _parameters(self) -> tuple[int, int, int]:
        size = max(self.n_out, self.n_in)
        return len(self._moves), size - size // 2, size // 2


def _padded(kernel: Array, axis: int, before: int, after: int) -> Array:
    ends = [(0, 0)] * 4
    ends[axis] = (before, after)
    return jnp.pad(kernel, ends)

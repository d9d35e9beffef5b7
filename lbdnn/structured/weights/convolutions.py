"""Kernels of convolutions, free and with a bounded norm."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..lipschitz.geometry import Convolution
from .parametrization import excess, shaped, store_numbers, store_sizes
from .symbol import norm_bound


@dataclass(frozen=True)
class UnstructuredConvolution:
    """The kernel is its own parameter, shape (n_out, n_in, kh, kw): every kernel, no property.

    **Arguments:** `n_out`, `n_in`, the numbers of channels, and `convolution`, the size of images
    and kernel, padding, stride and boundary (`lbdnn.structured.lipschitz.Convolution`). `init`
    draws from U(−1/√f, 1/√f), f = n_in·kh·kw, as layers of PyTorch do.

    **Raises:** ValueError for numbers of channels that are no positive integers.
    """

    n_out: int
    n_in: int
    convolution: Convolution

    def __post_init__(self) -> None:
        store_channels(self)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Of the kernel."""
        return self.n_out, self.n_in, *self.convolution.kernel

    def init(self, key: Array) -> Float[Array, "n_out n_in kh kw"]:
        """Random parameters."""
        limit = 1 / math.sqrt(math.prod(self.shape[1:]))
        return jax.random.uniform(key, self.shape, minval=-limit, maxval=limit)

    def __call__(
        self, parameters: Float[Array, "n_out n_in kh kw"]
    ) -> Float[Array, "n_out n_in kh kw"]:
        """The kernel."""
        return shaped(parameters, self.shape, "parameters")

    def defect(self, weight: Float[Array, "n_out n_in kh kw"]) -> Float[Array, ""]:
        """0: there is nothing to violate."""
        return jnp.zeros((), shaped(weight, self.shape, "weight").dtype)


@dataclass(frozen=True)
class NormBoundedConvolution:
    r"""The kernel W = bound · K/√(1 + U(K)²), U(K) ≥ ‖A_K‖₂ an upper bound of the norm.

    A_K is the linear map of the kernel K, from images of n_in channels to images of n_out.

    **Property:** ‖A_W‖₂ < bound on images of the convolution's size, and so, with zero padding, on
    smaller ones. Each W with U(W) < bound is reached by exactly one K.

    *Proof.* A is linear in its kernel, so ‖A_W‖ = bound · ‖A_K‖/√(1 + U(K)²) < bound. As
    U(aK) = |a|U(K), W has U(W) = bound · U(K)/√(1 + U(K)²), and K = W/√(bound² − U(W)²).

    U is the largest norm of the symbol on a torus, bounded by Gram iteration. It is at most
    rank^(1/64) and 1 % above that norm, and mostly equal to it; with zero padding that exceeds
    ‖A_K‖ by about (kernel/image)² of it, so that norms near `bound` are not reached on tiny images.
    No power iteration has to converge, and there is no state to carry along. Its price does not
    depend on how many images the kernel meets.

    **Arguments:** `n_out`, `n_in`, the numbers of channels; `convolution`, the size of images and
    kernel, padding, stride and boundary (`lbdnn.structured.lipschitz.Convolution`); by keyword
    `bound` > 0. Parameters: K, shape (n_out, n_in, kh, kw). `init` draws from N(0, 1/(n_in·kh·kw)).

    In floating point ‖A_W‖₂ is at most the bound and some roundings, however large K is.

    **Raises:** ValueError for numbers of channels that are no positive integers and a bound that is
    not positive and finite.

    Derived here, after `NormBounded`. Sedghi, Gupta, Long (2019, arXiv 1805.10408), for norms by
    the symbol; Delattre et al. (2023, arXiv 2305.16173), for bounding it differentiably.
    """

    n_out: int
    n_in: int
    convolution: Convolution
    _: KW_ONLY
    bound: float = 1.0

    def __post_init__(self) -> None:
        store_channels(self)
        store_numbers(self, "bound")
        if self.bound <= 0:
            raise ValueError(f"bound must be positive; got {self.bound!r}")

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Of the kernel."""
        return self.n_out, self.n_in, *self.convolution.kernel

    def init(self, key: Array) -> Float[Array, "n_out n_in kh kw"]:
        """Random parameters."""
        return jax.random.normal(key, self.shape) / math.sqrt(math.prod(self.shape[1:]))

    def __call__(
        self, parameters: Float[Array, "n_out n_in kh kw"]
    ) -> Float[Array, "n_out n_in kh kw"]:
        """The kernel W."""
        kernel = shaped(parameters, self.shape, "parameters")
        # Large kernels are scaled, so that no square overflows.
        size = jax.lax.stop_gradient(jnp.maximum(jnp.max(jnp.abs(kernel)), 1))
        kernel = kernel / size
        return self.bound * kernel / jnp.hypot(1 / size, norm_bound(kernel, self.convolution))

    def defect(self, weight: Float[Array, "n_out n_in kh kw"]) -> Float[Array, ""]:
        """By how much U(W) exceeds the bound: 0 proves the property, up to rounding."""
        weight = shaped(weight, self.shape, "weight")
        return excess(norm_bound(weight, self.convolution) - self.bound)


def store_channels(owner: object) -> None:
    """Keeps the numbers of channels as integers; raises ValueError for what does not fit."""
    store_sizes(owner, "n_out", "n_in")
    convolution = getattr(owner, "convolution")  # noqa: B009
    if not isinstance(convolution, Convolution):
        raise ValueError(
            f"convolution must be a Convolution, the size of images and kernel; got {convolution!r}"
        )

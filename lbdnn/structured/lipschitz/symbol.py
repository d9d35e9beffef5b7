"""Bounds of the singular values of a convolution, from its symbol on a torus."""

from __future__ import annotations

import math
from functools import partial
from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from ...compilation import QUICK
from ...intervals import Interval, definite, down, gamma, rough_norm, up
from ...intervals.elementary import cos, sin
from .geometry import Convolution

# Frequencies that NumPy looks at at a time, for the sake of memory.
_AT_A_TIME = 64

# How much more than found is tried to prove.
_SLACKS = (1e-9, 1e-7, 1e-5, 1e-3, 0.1)


def torus_bound(weight: Float[np.ndarray, "o c kh kw"], convolution: Convolution) -> float:
    r"""≥ ‖A‖₂ of the convolution A, of which A is a part on a torus: the norm of its symbol.

    With stride, pixels are grouped in blocks, and each pixel of a block counts as a channel
    (`Axis`). On the torus of n₁ × n₂ blocks that is just large enough that no tap joins
    two ends of the image, A is what is left of a circular convolution C where its inputs outside
    the image are 0 and its outputs outside are dropped: ‖A‖ ≤ ‖C‖. So it is if the functions on
    the torus change their sign once around (a "twist" t_j = 1 along axis j, 0 for none): the
    image does not notice. C is the direct sum of the matrices

        S(k) = Σ_q W_q exp(iπ Σ_j (2k_j + t_j) q_j / n_j),   0 ≤ k_j < n_j,

    W_q the taps. Where the norm of the symbol is largest at frequency 0, the twisted torus avoids
    it and is the tighter one; of the four combinations that is taken which is least by
    a calculation without proof, and proved. S(−k) has the norm of S(k), so half of them are enough.
    (Sedghi, Gupta, Long 2019, arXiv 1805.10408, for circular convolutions; twists: derived here.)

    The weight is to be of moderate size. All errors of rounding are counted.
    """
    taps, places = _wide(weight, convolution)
    axes = convolution.axis(0), convolution.axis(1)
    shape = axes[0].torus, axes[1].torus
    choices = [(0, 1) if axis.twisted else (0,) for axis in axes]
    found = []
    for twist in product(*choices):
        angles = multiples(places, shape, twist)
        found.append((_approximately(taps, angles, shape).max(), angles))
    about, angles = min(found, key=lambda one: one[0])
    with jax.enable_x64(True):
        cosines, sines, off = _waves(shape)
        arrays = jnp.asarray(taps), jnp.asarray(angles), cosines, sines
        for slack in _SLACKS:
            norm = jnp.asarray(about * (1 + slack))
            if bool(_proved(*arrays, norm, True)):
                return float(up(norm + _error(arrays[0], off)))
        return float(_everywhere(arrays[0]))


def torus_least(weight: Float[np.ndarray, "o c kh kw"], convolution: Convolution) -> float:
    """s ≥ 0 with s‖x‖ ≤ ‖Ax‖ for all x: the least singular value of the symbol; 0 where A is no
    whole circular convolution, or has fewer outputs than channels, or nothing is proved.

    The weight is to be of moderate size. All errors of rounding are counted.
    """
    shape = convolution.axis(0).torus, convolution.axis(1).torus
    taps, places = blocks(weight, convolution)
    whole = convolution.boundary == "circular" and convolution.output == shape
    if not whole or taps.shape[1] < taps.shape[2]:
        return 0.0
    taps, angles = _wide(weight, convolution)[0], multiples(places, shape, (0, 0))
    about = _approximately(taps, angles, shape).min()
    with jax.enable_x64(True):
        cosines, sines, off = _waves(shape)
        arrays = jnp.asarray(taps), jnp.asarray(angles), cosines, sines
        for slack in _SLACKS:
            least = jnp.asarray(about * (1 - slack))
            if bool(_proved(*arrays, least, False)):
                return max(float(down(least - _error(arrays[0], off))), 0.0)
    return 0.0


def _wide(
    weight: Float[np.ndarray, "o c kh kw"], convolution: Convolution
) -> tuple[Float[np.ndarray, "taps m n"], Int[np.ndarray, "taps 2"]]:
    """As `blocks`, transposed for m ≤ n: the smaller Gram matrix is that of the rows."""
    taps, places = blocks(weight, convolution)
    return (taps if taps.shape[1] <= taps.shape[2] else taps.mT), places


def blocks(
    weight: Float[np.ndarray, "o c kh kw"], convolution: Convolution
) -> tuple[Float[np.ndarray, "taps o channels"], Int[np.ndarray, "taps 2"]]:
    """The taps W_q between blocks of pixels, and their q."""
    rows, columns = convolution.axis(0), convolution.axis(1)
    padding = np.broadcast_to(np.asarray(convolution.padding), 2)
    outputs, channels = weight.shape[:2]
    found: dict[tuple[int, int], np.ndarray] = {}
    for a, b in np.ndindex(*convolution.kernel):
        i, down = divmod(a - int(padding[0]), rows.phases)
        j, right = divmod(b - int(padding[1]), columns.phases)
        empty = np.zeros((outputs, channels, rows.phases, columns.phases))
        found.setdefault((i, j), empty)[:, :, down, right] = weight[:, :, a, b]
    taps = np.stack([tap.reshape(outputs, -1) for tap in found.values()])
    return taps, np.array(list(found))


def multiples(
    places: Int[np.ndarray, "taps 2"], torus: tuple[int, int], twist: tuple[int, ...]
) -> Int[np.ndarray, "frequencies taps"]:
    """The angles of a symbol, one frequency of each pair ±k, in units of π/(n₁n₂), modulo 2π."""
    whole = 2 * math.prod(torus)
    rows, columns = (
        (2 * np.arange(n) + t) * (whole // (2 * n)) for n, t in zip(torus, twist, strict=True)
    )
    at = np.stack(np.meshgrid(rows, columns, indexing="ij"), -1).reshape(-1, 2)
    one, other = at @ (whole, 1), -at % whole @ (whole, 1)
    return at[one <= other] @ places.T % whole


def _approximately(
    taps: np.ndarray, angles: np.ndarray, torus: tuple[int, int]
) -> Float[np.ndarray, "frequencies m"]:
    """The singular values."""
    waves = np.exp(1j * np.pi * np.arange(2 * math.prod(torus)) / math.prod(torus))
    parts = np.array_split(angles, -(-len(angles) // _AT_A_TIME))
    symbols = (np.tensordot(waves[part], taps, 1) for part in parts)
    return np.concatenate([np.linalg.svd(each, compute_uv=False) for each in symbols])


@partial(jax.jit, static_argnames="torus", compiler_options=QUICK)
def _waves(torus: tuple[int, int]) -> tuple[Array, Array, Array]:
    """cos and sin of m π/(n₁n₂), 0 ≤ m < 2n₁n₂, and how far each may be off."""
    number = math.prod(torus)
    pi = Interval(jnp.asarray(math.pi), jnp.asarray(math.nextafter(math.pi, 4.0)))
    count = jnp.arange(2 * number, dtype=jnp.float64)
    angle = pi * Interval(count, count) / float(number)
    waves = cos(angle), sin(angle)
    off = jnp.maximum(*(jnp.max(wave.radius()) for wave in waves))
    return waves[0].midpoint(), waves[1].midpoint(), off


@partial(jax.jit, static_argnames="above", compiler_options=QUICK)
def _proved(
    taps: Float[Array, "taps o c"],
    angles: Int[Array, "frequencies taps"],
    cosines: Float[Array, " m"],
    sines: Float[Array, " m"],
    bound: Float[Array, ""],
    above: bool,
) -> Bool[Array, ""]:
    """Whether a bound is proved to be above, or below, all singular values of all matrices
    S = Σ_q W_q (cos + i·sin)(φ_q), as computed.

    bound² I − G, or G − bound² I, is proved positive definite, G the Gram matrix of the rows of S
    as real matrix of twice its size, with the errors of G: |fl(G) − G| ≤ γ |B||B|ᵀ, B of the real
    and imaginary parts of S.
    """
    count, outputs, channels = taps.shape
    flat = taps.reshape(count, -1)
    info, eye = jnp.finfo(taps.dtype), jnp.eye(2 * outputs, dtype=taps.dtype)
    # A difference on the diagonal is rounded, too: by less than that of G or of bound².
    lost = gamma(2 * channels + 5, taps.dtype)

    def one(own: Array) -> Array:
        real, imaginary = (
            _exactly(wave[own], flat).reshape(outputs, -1) for wave in (cosines, sines)
        )
        upper = jnp.concatenate([real, -imaginary], 1)
        inside, across = (
            _exactly(x, upper.T) for x in (upper, jnp.concatenate([imaginary, real], 1))
        )
        gram = jnp.block([[inside, -across], [across, inside]])
        sizes = jnp.abs(real) + jnp.abs(imaginary)
        rows = up(
            _exactly(sizes, jnp.sum(sizes, 0)) * (1 + gamma(channels + outputs + 4, taps.dtype))
        )
        error = up(jnp.max(rows) * lost) + 8 * outputs * channels * info.tiny
        if above:
            return definite(down(down(bound * bound) - error, 16) * eye - gram)
        return definite(gram - up(up(bound * bound) + error, 16) * eye)

    return jnp.all(jax.lax.map(one, angles))


@jax.jit
def _error(taps: Float[Array, "taps o c"], off: Array) -> Array:
    """≥ ‖E‖, S + E the symbol and S that of `_proved`, with cos and sin off by at most `off`.

    The real and the imaginary part of each entry err by (off + γ(1 + off)) Σ_q|W_q|.
    """
    lost = gamma(len(taps) + 2, taps.dtype)
    sizes = up(jnp.sum(jnp.abs(taps), 0) * (1 + lost))
    part = up(off + up(lost * (1 + off)))
    return up(1.5 * part * rough_norm(sizes)) + 8 * taps.size * jnp.finfo(taps.dtype).tiny


@jax.jit
def _everywhere(taps: Float[Array, "taps o c"]) -> Array:
    """≥ ‖Σ_q W_q exp(iφ_q)‖ for all φ."""
    return rough_norm(up(jnp.sum(jnp.abs(taps), 0) * (1 + gamma(len(taps) + 2, taps.dtype))))


def _exactly(a: Array, b: Array) -> Array:
    return jnp.matmul(a, b, precision=jax.lax.Precision.HIGHEST)

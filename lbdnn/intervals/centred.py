"""Matrices with a radius: entry by entry, or in the spectral norm."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float

from .interval import Interval, interval
from .norms import definite, nonnegative_norm, rough_norm, spectral_norm
from .rounding import down, gamma, up

_EXACT = jax.lax.Precision.HIGHEST


@partial(jax.tree_util.register_dataclass, data_fields=["centre", "radius"], meta_fields=[])
@dataclass(frozen=True, eq=False)
class Centred:
    """All matrices A with |A − centre| ≤ radius, entry by entry. Make one with `centred`.

    Where nothing is known the centre is 0 and the radius inf.
    """

    centre: Float[Array, "*b m n"]
    radius: Float[Array, "*b m n"]
    __array_ufunc__: ClassVar[None] = None

    @property
    def shape(self) -> tuple[int, ...]:
        return jnp.shape(self.centre)

    @property
    def mT(self) -> Centred:
        """Transposed."""
        return Centred(jnp.swapaxes(self.centre, -1, -2), jnp.swapaxes(self.radius, -1, -2))

    def __neg__(self) -> Centred:
        return Centred(-self.centre, self.radius)

    def __add__(self, other: Centred | ArrayLike) -> Centred:
        b = _centred(other)
        centre = self.centre + b.centre
        rounding = up(gamma(2, centre.dtype) * jnp.abs(centre))
        return _settled(centre, up(up(self.radius + b.radius) + rounding))

    def __sub__(self, other: Centred | ArrayLike) -> Centred:
        return self + -_centred(other)

    def __radd__(self, other: ArrayLike) -> Centred:
        return self + other

    def __rsub__(self, other: ArrayLike) -> Centred:
        return -self + other

    def __mul__(self, other: Interval | ArrayLike) -> Centred:
        """Entry by entry, with an interval or numbers (broadcast)."""
        b = from_interval(other if isinstance(other, Interval) else interval(other))
        centre = self.centre * b.centre
        rounding = up(gamma(2, centre.dtype) * jnp.abs(centre))
        spread = up(_times(up(jnp.abs(self.centre)), b.radius))
        spread = up(spread + up(_times(self.radius, up(jnp.abs(b.centre) + b.radius))))
        return _settled(centre, up(spread + rounding))

    def __rmul__(self, other: Interval | ArrayLike) -> Centred:
        return self * other

    def __matmul__(self, other: Centred | ArrayLike) -> Centred:
        """|AB − CD| ≤ |C|·s + r·(|D| + s) for radii r, s, and γ_n|C||D| + n·(smallest normal) for
        rounding."""
        b = _centred(other)
        n, info = self.shape[-1], jnp.finfo(self.centre.dtype)
        factor = gamma(n + 2, info.dtype)
        size, other_size = jnp.abs(self.centre), jnp.abs(b.centre)
        centre = jnp.matmul(self.centre, b.centre, precision=_EXACT)
        widened = up(b.radius + up(factor * other_size))
        spread = jnp.matmul(size, widened, precision=_EXACT)
        spread = spread + jnp.matmul(self.radius, up(other_size + b.radius), precision=_EXACT)
        return _settled(centre, up(up(spread * (1 + gamma(n + 4, info.dtype))) + 8 * n * info.tiny))

    def __rmatmul__(self, other: ArrayLike) -> Centred:
        return _centred(other) @ self

    def norm(self) -> Float[Array, "*b"]:
        """≥ ‖A‖₂ of all its matrices."""
        return spectral_norm(self.centre, self.radius)

    def interval(self) -> Interval:
        """The same set by its ends."""
        low, high = down(self.centre - self.radius), up(self.centre + self.radius)
        exact = self.radius == 0
        return Interval(jnp.where(exact, self.centre, low), jnp.where(exact, self.centre, high))

    def ball(self) -> NormBall:
        """A norm ball that contains it."""
        return NormBall(self.centre, nonnegative_norm(self.radius))


@partial(jax.tree_util.register_dataclass, data_fields=["centre", "radius"], meta_fields=[])
@dataclass(frozen=True, eq=False)
class NormBall:
    """All matrices A with ‖A − centre‖₂ ≤ radius, one radius per matrix.

    Products keep the norm small where entrywise radii would add up: ‖AB − CD‖ ≤ ‖C‖s + r(‖D‖ + s).
    """

    centre: Float[Array, "*b m n"]
    radius: Float[Array, "*b"]
    __array_ufunc__: ClassVar[None] = None

    @property
    def shape(self) -> tuple[int, ...]:
        return jnp.shape(self.centre)

    @property
    def mT(self) -> NormBall:
        """Transposed."""
        return NormBall(jnp.swapaxes(self.centre, -1, -2), self.radius)

    def __neg__(self) -> NormBall:
        return NormBall(-self.centre, self.radius)

    def __add__(self, other: NormBall | Centred | ArrayLike) -> NormBall:
        b = _ball(other)
        total = _exactly(self.centre) + _exactly(b.centre)
        return _absorbed(total, up(self.radius + b.radius))

    def __sub__(self, other: NormBall | Centred | ArrayLike) -> NormBall:
        return self + -_ball(other)

    def __radd__(self, other: ArrayLike) -> NormBall:
        return self + other

    def __rsub__(self, other: ArrayLike) -> NormBall:
        return -self + other

    def __matmul__(self, other: NormBall | Centred | ArrayLike) -> NormBall:
        b = _ball(other)
        product = _exactly(self.centre) @ _exactly(b.centre)
        first = up(_times(spectral_norm(self.centre), b.radius))
        second = up(_times(self.radius, b.norm()))
        return _absorbed(product, up(first + second))

    def __rmatmul__(self, other: ArrayLike) -> NormBall:
        return _ball(other) @ self

    def scaled_columns(self, diagonal: Interval | ArrayLike) -> NormBall:
        """A·diag(d) for every d in the interval, (…, n)."""
        d = from_interval(diagonal if isinstance(diagonal, Interval) else interval(diagonal))
        product = _exactly(self.centre) * d.centre[..., None, :]
        # C·diag(δ) = C·diag(r)·diag(δ/r) for |δ| ≤ r.
        spread = (_exactly(self.centre) * d.radius[..., None, :]).norm()
        largest = jnp.max(up(jnp.abs(d.centre) + d.radius), -1)
        return _absorbed(product, up(spread + up(_times(self.radius, largest))))

    def scaled_rows(self, diagonal: Interval | ArrayLike) -> NormBall:
        """diag(d)·A for every d in the interval, (…, m)."""
        return self.mT.scaled_columns(diagonal).mT

    def norm(self) -> Float[Array, "*b"]:
        """≥ ‖A‖₂ of all its matrices."""
        return up(spectral_norm(self.centre) + self.radius)


def centred(centre: ArrayLike, radius: ArrayLike = 0.0) -> Centred:
    """The matrices within radius of the centre, entry by entry.

    **Raises:** ValueError where an entry is NaN or a radius negative, if they are known.
    """
    middle = from_interval(interval(centre))
    spread = interval(0.0, radius).hi
    shape = jnp.broadcast_shapes(middle.shape, spread.shape)
    total = jnp.where(spread == 0, middle.radius, up(middle.radius + spread))
    return Centred(jnp.broadcast_to(middle.centre, shape), jnp.broadcast_to(total, shape))


def norm_ball(centre: ArrayLike, radius: ArrayLike = 0.0) -> NormBall:
    """The matrices within radius of the centre, in the spectral norm.

    **Raises:** ValueError where an entry is NaN or a radius negative, if they are known.
    """
    return _absorbed(centred(centre), interval(0.0, radius).hi)


def from_interval(x: Interval) -> Centred:
    """An interval by its midpoint and radius."""
    return _settled(x.midpoint(), x.radius())


def _centred(x: Centred | ArrayLike) -> Centred:
    return x if isinstance(x, Centred) else centred(x)


def _ball(x: NormBall | Centred | ArrayLike) -> NormBall:
    return x if isinstance(x, NormBall) else _centred(x).ball()


def _exactly(centre: Array) -> Centred:
    return Centred(centre, jnp.zeros_like(centre))


def _absorbed(matrix: Centred, radius: Array) -> NormBall:
    """The ball about the centre of a matrix whose own radius, of rounding, is absorbed."""
    return NormBall(matrix.centre, up(rough_norm(matrix.radius) + radius))


def _settled(centre: Array, radius: Array) -> Centred:
    """Where the centre is not finite nothing is known."""
    known = jnp.isfinite(centre)
    return Centred(
        jnp.where(known, centre, 0.0), jnp.where(known & ~jnp.isnan(radius), radius, jnp.inf)
    )


def _times(a: Array, b: Array) -> Array:
    """a·b with 0·inf = 0: a matrix that is 0 is not made unknown by an unknown factor."""
    return jnp.where((a == 0) | (b == 0), 0.0, a * b)


def all_definite(matrix: Centred) -> Array:
    """Whether all symmetric matrices within the radii are proved positive definite.

    A symmetric matrix with entries within the radii lies above −diag of the radii's row sums.
    """
    radius = jnp.maximum(matrix.radius, matrix.radius.mT)
    rows = up(jnp.sum(radius, -1) * (1 + gamma(matrix.shape[-1] + 2, radius.dtype)))
    lowered = down(jnp.diagonal(matrix.centre) - rows)
    return definite(jnp.where(jnp.eye(len(rows), dtype=bool), lowered, matrix.centre))

"""Outward-rounded intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from .rounding import concrete, constant, down, gamma, normal_above, up


@partial(jax.tree_util.register_dataclass, data_fields=["lo", "hi"], meta_fields=[])
@dataclass(frozen=True, eq=False)
class Interval:
    """The real numbers from lo to hi, entry by entry. Make one with `interval(lo, hi)`.

    Every operation's result contains the result for every choice of numbers from the operands.
    Ends may be infinite (and are never reached); where nothing is known the interval is
    (−inf, inf). The ends are not subnormal. Numbers and arrays as operands are single points.
    """

    lo: Float[Array, "*s"]
    hi: Float[Array, "*s"]
    __array_ufunc__: ClassVar[None] = None  # NumPy arrays leave the operators to this class

    @property
    def shape(self) -> tuple[int, ...]:
        return jnp.shape(self.lo)

    @property
    def ndim(self) -> int:
        return jnp.ndim(self.lo)

    @property
    def dtype(self) -> Any:
        return self.lo.dtype

    def __getitem__(self, index: Any) -> Interval:
        return Interval(self.lo[index], self.hi[index])

    def __repr__(self) -> str:
        return f"Interval({self.lo}, {self.hi})"

    def __neg__(self) -> Interval:
        return Interval(-self.hi, -self.lo)

    def __add__(self, other: Interval | ArrayLike) -> Interval:
        y = _like(other, self)
        return Interval(down(self.lo + y.lo), up(self.hi + y.hi))

    def __sub__(self, other: Interval | ArrayLike) -> Interval:
        y = _like(other, self)
        return Interval(down(self.lo - y.hi), up(self.hi - y.lo))

    def __mul__(self, other: Interval | ArrayLike) -> Interval:
        if isinstance(other, (int, float)) and _exact(other, self.dtype):
            return self._times_number(float(other))
        y = _like(other, self)
        return _hull_of([_times(a, b) for a in (self.lo, self.hi) for b in (y.lo, y.hi)])

    def _times_number(self, number: float) -> Interval:
        if number < 0:
            return -self._times_number(-number)
        if number == 0:
            return Interval(jnp.zeros_like(self.lo), jnp.zeros_like(self.hi))
        lo, hi = self.lo * number, self.hi * number
        if number >= 1 and math.frexp(number)[0] == 0.5:  # a power of two: exact unless infinite
            largest = jnp.finfo(self.dtype).max
            return Interval(jnp.minimum(lo, largest), jnp.maximum(hi, -largest))
        return Interval(down(lo), up(hi))

    def __truediv__(self, other: Interval | ArrayLike) -> Interval:
        """(−inf, inf) where the divisor contains 0."""
        y = _like(other, self)
        defined = (y.lo > 0) | (y.hi < 0)
        largest = 0.25 / jnp.finfo(self.dtype).tiny
        corners = []
        for divisor in (jnp.where(defined, end, 1.0) for end in (y.lo, y.hi)):
            # Beyond, where reciprocals underflow, quotients lie between 0 and that by `largest`.
            beyond = jnp.abs(divisor) > largest
            for end in (self.lo,) if self.lo is self.hi else (self.lo, self.hi):
                quotient = end / jnp.clip(divisor, -largest, largest)
                corners += [quotient, jnp.where(beyond, 0.0, quotient)]
        result = _hull_of(corners)
        return Interval(
            jnp.where(defined, result.lo, -jnp.inf), jnp.where(defined, result.hi, jnp.inf)
        )

    def __radd__(self, other: Interval | ArrayLike) -> Interval:
        return self + other

    def __rsub__(self, other: Interval | ArrayLike) -> Interval:
        return _like(other, self) - self

    def __rmul__(self, other: Interval | ArrayLike) -> Interval:
        return self * other

    def __rtruediv__(self, other: Interval | ArrayLike) -> Interval:
        return _like(other, self) / self

    def __matmul__(self, other: Interval | ArrayLike) -> Interval:
        """Product of matrices, through centres and radii."""
        from .centred import from_interval

        return (from_interval(self) @ from_interval(_like(other, self))).interval()

    def __rmatmul__(self, other: Interval | ArrayLike) -> Interval:
        return _like(other, self) @ self

    def __pow__(self, n: int) -> Interval:
        """Integer powers."""
        if not isinstance(n, int):
            raise TypeError(f"intervals have integer powers only; got the exponent {n!r}")
        if n < 0:
            return 1 / self ** (-n)
        if n % 2:
            ends = [_power(jnp.abs(end), n) for end in (self.lo, self.hi)]
            low = jnp.where(self.lo < 0, -ends[0].hi, ends[0].lo)
            high = jnp.where(self.hi < 0, -ends[1].lo, ends[1].hi)
            return Interval(low, high)
        size = abs(self)
        return Interval(_power(size.lo, n).lo, _power(size.hi, n).hi)

    def __abs__(self) -> Interval:
        least = jnp.maximum(jnp.maximum(self.lo, -self.hi), 0.0)
        return Interval(least, self.magnitude())

    def square(self) -> Interval:
        """{x²}: never below 0."""
        return self**2

    def sqrt(self) -> Interval:
        """{√x : x ≥ 0}; (−inf, inf) where every x is negative."""
        low, high = (jnp.sqrt(jnp.maximum(end, 0.0)) for end in (self.lo, self.hi))
        empty = self.hi < 0
        low = jnp.where(empty, -jnp.inf, jnp.maximum(down(low), 0.0))
        return Interval(low, jnp.where(empty, jnp.inf, up(high)))

    def sum(self, axis: int | tuple[int, ...] | None = None) -> Interval:
        """The sum over some axes, or over all entries."""
        axes = range(self.ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
        n = int(np.prod([self.shape[a] for a in axes]))
        factor, slack = gamma(2 * n + 4, self.dtype), 2 * n * jnp.finfo(self.dtype).tiny

        def total(x: Array) -> tuple[Array, Array]:
            return jnp.sum(x, axis), up(up(jnp.sum(jnp.abs(x), axis)) * factor + slack)

        (low, below), (high, above) = total(self.lo), total(self.hi)
        return Interval(down(down(low) - below), up(up(high) + above))

    def minimum(self, other: Interval | ArrayLike) -> Interval:
        """{min(x, y)}."""
        y = _like(other, self)
        return Interval(jnp.minimum(self.lo, y.lo), jnp.minimum(self.hi, y.hi))

    def maximum(self, other: Interval | ArrayLike) -> Interval:
        """{max(x, y)}."""
        y = _like(other, self)
        return Interval(jnp.maximum(self.lo, y.lo), jnp.maximum(self.hi, y.hi))

    def magnitude(self) -> Float[Array, "*s"]:
        """max |x|, exactly."""
        return jnp.maximum(-self.lo, self.hi)

    def midpoint(self) -> Float[Array, "*s"]:
        """A number near the middle, in [lo, hi] and finite; 0 for the whole line."""
        largest = jnp.finfo(self.dtype).max
        low, high = jnp.maximum(self.lo, -largest), jnp.minimum(self.hi, largest)
        return jnp.clip(low / 2 + high / 2, low, high)

    def radius(self) -> Float[Array, "*s"]:
        """≥ the distance from the midpoint to every number of the interval."""
        centre = self.midpoint()
        farthest = jnp.maximum(up(self.hi - centre), up(centre - self.lo))
        return jnp.where(self.lo == self.hi, 0.0, farthest)

    def hull(self, other: Interval | ArrayLike) -> Interval:
        """The smallest interval that contains both."""
        y = _like(other, self)
        return Interval(jnp.minimum(self.lo, y.lo), jnp.maximum(self.hi, y.hi))

    def intersection(self, other: Interval | ArrayLike) -> Interval:
        """What both contain, for two enclosures of one number. Where they are disjoint, which
        shows that one is wrong, (−inf, inf)."""
        y = _like(other, self)
        low, high = jnp.maximum(self.lo, y.lo), jnp.minimum(self.hi, y.hi)
        empty = ~(low <= high)
        return Interval(jnp.where(empty, -jnp.inf, low), jnp.where(empty, jnp.inf, high))


def interval(lo: ArrayLike, hi: ArrayLike | None = None) -> Interval:
    """The interval from lo to hi, entry by entry; the single point lo without hi.

    Python numbers and NumPy arrays that JAX's current precision cannot hold, and subnormal ends,
    are rounded outward.

    **Raises:** ValueError where an end is NaN or lo > hi (unless traced: then (−inf, inf) there).
    """
    hi = lo if hi is None else hi
    if concrete(lo, hi):
        low, high = np.asarray(lo), np.asarray(hi)
        if np.isnan(low).any() or np.isnan(high).any():
            raise ValueError("an end of the interval is NaN; give numbers, or ±inf for no bound")
        if (low > high).any():
            raise ValueError("the interval is empty: lo > hi in some entry; exchange the ends")
    low, high = jnp.broadcast_arrays(-_outward(lo, -1), _outward(hi, 1))
    low, high = low.astype(jnp.result_type(low, high)), high.astype(jnp.result_type(low, high))
    known, largest = low <= high, jnp.finfo(low.dtype).max
    low, high = jnp.minimum(low, largest), jnp.maximum(high, -largest)  # infinite is no number
    return Interval(jnp.where(known, low, -jnp.inf), jnp.where(known, high, jnp.inf))


def _outward(x: ArrayLike, sign: int) -> Array:
    """≥ sign·x, in JAX's current precision and not subnormal."""
    if isinstance(x, jax.Array):
        x = x if jnp.issubdtype(x.dtype, jnp.floating) else x.astype(jnp.result_type(float))
        return normal_above(sign * x)
    exact = sign * np.asarray(x)
    dtype = jnp.result_type(float, exact) if exact.dtype.kind == "f" else jnp.result_type(float)
    with np.errstate(over="ignore", under="ignore"):
        near = exact.astype(dtype)
        near = np.where(near < exact, np.nextafter(near, np.inf), near).astype(dtype)
    return normal_above(jnp.asarray(near))


def _like(x: Interval | ArrayLike, other: Interval) -> Interval:
    """An operand as an interval of the other's type."""
    if isinstance(x, Interval):
        return x
    if isinstance(x, (int, float)):
        lo, hi = constant(x, other.dtype)
        low = jnp.asarray(lo, other.dtype)
        return Interval(low, low if lo == hi else jnp.asarray(hi, other.dtype))
    return interval(x)


def _exact(x: float, dtype: Any) -> bool:
    """Whether a finite number is one of that type."""
    return math.isfinite(x) and constant(x, dtype) == (x, x)


def _hull_of(ends: list[Array]) -> Interval:
    low, high = ends[0], ends[0]
    for end in ends[1:]:
        low, high = jnp.minimum(low, end), jnp.maximum(high, end)
    return Interval(down(low), up(high))


def _times(a: Array, b: Array) -> Array:
    """a·b with 0·inf = 0, as infinite ends are never reached."""
    product = a * b
    return jnp.where(jnp.isnan(product), 0.0, product)


def _power(x: Array, n: int) -> Interval:
    """xⁿ for x ≥ 0, by squaring."""
    result, power = None, Interval(x, x)
    while n:
        if n % 2:
            result = power if result is None else _product(result, power)
        n //= 2
        power = _product(power, power) if n else power
    return Interval(jnp.ones_like(x), jnp.ones_like(x)) if result is None else result


def _product(a: Interval, b: Interval) -> Interval:
    """a·b for a, b ≥ 0."""
    return Interval(jnp.maximum(down(_times(a.lo, b.lo)), 0.0), up(_times(a.hi, b.hi)))

"""What the analyses need to know about a scalar activation."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import pairwise

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..compilation import at_once
from ..intervals import Interval, down, interval, natural, up
from ..intervals.constants import ends, meant, stands_for
from .constants import Growth, Limits, Pairs, validated

_LINE = (-math.inf, math.inf)


@dataclass(frozen=True, repr=False)
class Activation:
    r"""A scalar activation ς with the exact data that bounds are made from.

    On an interval, a derivative ς⁽ᵈ⁾ takes its least and greatest values at the ends or at one of
    the points in `extremes[d]`; so a list of those points makes enclosures exact. Give every point
    of the line where ς⁽ᵈ⁾ has a local extreme; further points where it takes the value do no harm.

    **Arguments:**

    - `name`: its name. Activations are equal when all their fields are.
    - `function`: ς, elementwise: `function(x, *parameters)`, written with `jax.numpy`. Define it
      at the top of a module: equal functions are the same object.
    - `extremes`: for d = 0, 1, 2, 3 the pairs (z, ς⁽ᵈ⁾(z)). Where ς⁽ᵈ⁾ jumps, both one-sided
      limits; where ς⁽ᵈ⁻¹⁾ jumps, (z, −inf) and (z, inf), and so for all higher d.
    - `limits`: for d = 0, 1, 2, 3 the limits of ς⁽ᵈ⁾ at the two ends of the domain, infinite ones
      as ±inf; for a periodic ς, any value that it takes.
    - `growth`: (a1, a0) with |ς(z)| ≤ a1|z| + a0 for every z (per neuron); (inf, inf) if none is.
      The library's own have the smallest a1 and for it the smallest a0.
    - `parameters`: further arguments of `function` and `derivatives`.
    - `derivatives`: ς', ς'', … as functions like `function`, as many as there are good formulas
      for; `jax.grad` uses them too. The others are made by automatic differentiation.
    - `period`: if `extremes` repeat with a period, that, and `extremes` of one period only.
    - `domain`: the open interval on which ς is defined.
    - `formula`: ς(z) in LaTeX, for documents.

    **Raises:** ValueError if the constants have the wrong form. Wrong *values* are found by
    `lbdnn.activations.check`.

    **Example:** ς(z) = z/√(1+z²), with ς' = (1+z²)^(−3/2), whose derivatives vanish at 0, at ±1/2
    and at 0, ±√3/2:

        import jax
        from lbdnn.activations import Activation, check

        inverse_square_root = Activation(
            "inverse_square_root",
            lambda z: z * jax.lax.rsqrt(1 + z * z),
            extremes=(
                (),
                ((0.0, 1.0),),
                ((-0.5, 1.5 * 0.8**2.5), (0.5, -1.5 * 0.8**2.5)),
                ((-(0.75**0.5), 6 * (4 / 7) ** 3.5), (0.0, -3.0), (0.75**0.5, 6 * (4 / 7) ** 3.5)),
            ),
            limits=((-1.0, 1.0), (0.0, 0.0), (0.0, 0.0), (0.0, 0.0)),
            growth=(0.0, 1.0),
        )
        print(check(inverse_square_root))
    """

    name: str
    function: Callable[..., Array]
    extremes: tuple[Pairs, Pairs, Pairs, Pairs]
    limits: Limits
    growth: Growth
    parameters: tuple[float, ...] = ()
    derivatives: tuple[Callable[..., Array], ...] = ()
    period: float | None = None
    domain: tuple[float, float] = _LINE
    formula: str = ""

    def __post_init__(self) -> None:
        for field, value in validated(self).items():
            object.__setattr__(self, field, value)

    @property
    def spec(self) -> str:
        """Name and parameters, as `get` reads them: "leaky_relu(0.2)"."""
        return (
            f"{self.name}({', '.join(map(repr, self.parameters))})"
            if self.parameters
            else self.name
        )

    def __str__(self) -> str:
        return self.spec

    def __repr__(self) -> str:
        return f"<activation {self.spec}>"

    def __call__(self, x: Float[Array, "*s"]) -> Float[Array, "*s"]:
        """ς(x), elementwise."""
        return self.derivative(0, x)

    def derivative(self, order: int, x: Float[Array, "*s"]) -> Float[Array, "*s"]:
        """ς⁽ᵒʳᵈᵉʳ⁾(x), elementwise; at a jump, one of the two one-sided values."""
        x = _floating(x)
        given = len(self.derivatives)
        if order < given:
            return _linked(self, order, x)
        if order == given:
            return self._formulas[order](x, *self.parameters)
        return jax.jvp(partial(self.derivative, order - 1), (x,), (jnp.ones_like(x),))[1]

    def enclose(
        self, order: int, lo: Float[Array, "*s"], hi: Float[Array, "*s"]
    ) -> tuple[Float[Array, "*s"], Float[Array, "*s"]]:
        """The smallest interval that contains ς⁽ᵒʳᵈᵉʳ⁾ on [lo, hi], for order 0, 1, 2 or 3.

        It is (−inf, inf) where ς⁽ᵒʳᵈᵉʳ⁻¹⁾ jumps in [lo, hi], or where [lo, hi] leaves the domain.
        Ends may be infinite. Rounded outward, in the arithmetic of lo and hi: it contains the real
        values of the formula of ς⁽ᵒʳᵈᵉʳ⁾ (`lbdnn.intervals.natural`), given that the constants of
        this activation are right, each to 8u of float64 unless it has few digits.

        **Raises:** TypeError for a formula with an operation that has no interval extension.
        """
        self._constants(order)
        return _enclosed(self, order, _floating(lo), _floating(hi))

    def range(self, order: int = 0) -> tuple[float, float]:
        """(inf, sup) of ς⁽ᵒʳᵈᵉʳ⁾ over its domain."""
        extremes, limits = self._constants(order)
        values = [value for _, value in extremes] + list(limits)
        return min(values), max(values)

    def bound(self, order: int) -> float:
        """sup |ς⁽ᵒʳᵈᵉʳ⁾| over its domain; inf if there is none."""
        return max(map(abs, self.range(order)))

    @cached_property
    def jumps(self) -> tuple[float, ...]:
        """The points where ς itself jumps: no slope exists there."""
        return _infinite(self.extremes[1])

    @cached_property
    def kinks(self) -> tuple[float, ...]:
        """The points where the slope ς' jumps: no second derivative exists there."""
        return _infinite(self.extremes[2])

    @property
    def smooth(self) -> bool:
        """Whether ς' is Lipschitz on every bounded interval, so that ς'' bounds remainders."""
        return not self.kinks

    @cached_property
    def value_at_zero(self) -> float:
        """ς(0), NaN where 0 is not in the domain."""
        return self._number(0, 0.0)

    @cached_property
    def slope_at_zero(self) -> float:
        """ς'(0), NaN where 0 is not in the domain; at a kink, one of the one-sided slopes."""
        return self._number(1, 0.0)

    def pieces(self, order: int = 0) -> tuple[tuple[float, float, int], ...]:
        """(z, z', direction): intervals that cover the domain, on each of which ς⁽ᵒʳᵈᵉʳ⁾ is
        increasing (1), decreasing (−1) or constant (0); of one period, where it is periodic."""
        extremes, (at_left, at_right) = self._constants(order)
        points, (left, right) = sorted({point for point, _ in extremes}), self.domain
        if self.period is not None and points:
            points.append(points[0] + self.period)
            ends = [(p, self._number(order, p)) for p in points]
            sides = [(*end, *end) for end in ends]
        else:
            sides = [(left, at_left) * 2, *map(partial(self._sides, order), points)]
            sides.append((right, at_right) * 2)
        return tuple(
            (p, q, (start < stop) - (start > stop))
            for (_, _, p, start), (q, stop, _, _) in pairwise(sides)
        )

    @property
    def _formulas(self) -> tuple[Callable[..., Array], ...]:
        return (self.function, *self.derivatives)

    @cached_property
    def _formula_only(self) -> Activation:
        """The activation without its constants: it has the same values."""
        none = ((0.0, 0.0),) * 4
        return replace(
            self, name="", extremes=((),) * 4, limits=none, growth=(0.0, 0.0), formula=""
        )

    def _constants(self, order: int) -> tuple[Pairs, tuple[float, float]]:
        if order not in (0, 1, 2, 3):
            raise ValueError(f"activations have constants for orders 0, 1, 2 and 3; got {order}")
        return self.extremes[order], self.limits[order]

    def _number(self, order: int, z: float) -> float:
        return at_once(lambda: float(self.derivative(order, jnp.asarray(z, float))))

    def _sides(self, order: int, z: float) -> tuple[float, float, float, float]:
        """(z, value just left of it, z, value just right of it)."""
        # Subnormals count as 0 in compiled code, so the neighbours of 0 are the smallest normals.
        before = math.nextafter(z, -math.inf) if z else -(2.0**-1022)
        after = math.nextafter(z, math.inf) if z else 2.0**-1022
        return z, self._number(order, before), z, self._number(order, after)


@partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def _linked(activation: Activation, order: int, x: Array) -> Array:
    """A derivative whose own derivative is the next formula, not an automatic one."""
    return activation._formulas[order](x, *activation.parameters)


@_linked.defjvp
def _(
    activation: Activation, order: int, primals: tuple[Array], tangents: tuple[Array]
) -> tuple[Array, Array]:
    (x,), (dx,) = primals, tangents
    return _linked(activation, order, x), activation.derivative(order + 1, x) * dx


def _enclosed(activation: Activation, order: int, lo: Array, hi: Array) -> tuple[Array, Array]:
    lo, hi = jnp.broadcast_arrays(lo, hi)
    dtype = lo.dtype
    at_ends = _at(activation, order, jnp.stack([lo, hi]))
    lower, upper = jnp.min(at_ends.lo, 0), jnp.max(at_ends.hi, 0)
    for point, value in activation.extremes[order]:
        least, greatest = ends(value, dtype)
        inside = _meets(activation, point, lo, hi)
        lower = jnp.where(inside, jnp.minimum(lower, least), lower)
        upper = jnp.where(inside, jnp.maximum(upper, greatest), upper)
    left, right = activation.domain
    if activation.domain != _LINE:
        defined = ((lo > left) | (left == -math.inf)) & ((hi < right) | (right == math.inf))
        lower, upper = jnp.where(defined, lower, -math.inf), jnp.where(defined, upper, math.inf)
    unknown = jnp.isnan(lo) | jnp.isnan(hi)
    return jnp.where(unknown, math.nan, lower), jnp.where(unknown, math.nan, upper)


def _at(activation: Activation, order: int, x: Array) -> Interval:
    """Enclosures of the numbers ς⁽ᵒʳᵈᵉʳ⁾(x), within its range; its limits at infinite x."""
    left, right = activation.domain
    inner = left + 1 if left > -math.inf else (right - 1 if right < math.inf else 0.0)
    value = _extension(activation._formula_only, order, jnp.where(jnp.isfinite(x), x, inner))
    least, greatest = activation.range(order)
    # What a formula leaves out where it cannot be seen (terms of a series, e⁻⁸⁰⁰) is within `up`;
    # single points are exact: the pieces of formulas that only select or copy.
    lower, upper = jnp.asarray(value.lo), jnp.asarray(value.hi)
    exact = jnp.equal(lower, upper)
    lower, upper = jnp.where(exact, lower, down(lower)), jnp.where(exact, upper, up(upper))
    lower = jnp.maximum(lower, ends(least, x.dtype)[0])
    upper = jnp.minimum(upper, ends(greatest, x.dtype)[1])
    for end, limit in zip(_LINE, activation.limits[order], strict=True):
        low, high = ends(limit, x.dtype)
        lower, upper = jnp.where(x == end, low, lower), jnp.where(x == end, high, upper)
    return Interval(lower, upper)


@partial(jax.jit, static_argnums=(0, 1))  # traced once, however many layers use it
def _extension(activation: Activation, order: int, x: Array) -> Interval:
    return natural(partial(activation.derivative, order))(interval(x))


def _meets(activation: Activation, point: float, lo: Array, hi: Array) -> Array:
    """Whether the point, or one that is periods away, may lie in [lo, hi]."""
    if activation.period is None:
        first, last = meant(point)
        return (first <= hi) & (lo <= last)
    position = Interval(lo, hi) - stands_for(point, lo.dtype)
    turns = position / stands_for(activation.period, lo.dtype)
    return jnp.floor(turns.hi) >= jnp.ceil(turns.lo)


def _floating(x: Array) -> Array:
    return jnp.asarray(x, jnp.result_type(float, x))


def _infinite(pairs: Pairs) -> tuple[float, ...]:
    return tuple(sorted({point for point, value in pairs if math.isinf(value)}))

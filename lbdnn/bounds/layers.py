"""What one pass over a chain knows of each layer: weights, slopes, curvatures, norms."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..intervals import Interval, euclidean, spectral_norm, up
from ..networks import Affine, Chain, Operation, Pointwise, Repeat, Scaling
from ..sets import InputRegion, ParameterRegion


class Bend(NamedTuple):
    """The elementwise map between two affine ones, over a region: |ψ''| and an interval of ψ'.

    low, high, curvature (n,); curvature is inf where there is none, the slopes infinite where ψ
    jumps.
    """

    low: Float[Array, " n"]
    high: Float[Array, " n"]
    curvature: Float[Array, " n"]

    @property
    def slope(self) -> Float[Array, " n"]:
        """|ψ'|."""
        return magnitude(self.low, self.high)


class Layer(NamedTuple):
    """Layer j over a region: s_j = ψ_j(Φ_{j−1}), Φ_j = V_jᵀ[s_j; 1], with ψ_j elementwise.

    `bend` is ψ_j, (n_in,); `weight` is W_j at the region's centre, (n_out, n_in); `radius` bounds
    ‖E_j‖_F; `norm` bounds ‖[s_j; 1]‖ (‖s_j‖ without bias). ψ_0 is what stands before the first
    affine map.
    """

    bend: Bend
    weight: Float[Array, "n_out n_in"]
    radius: Float[Array, ""]
    norm: Float[Array, ""]


class Enclosure(NamedTuple):
    """The layers, then what follows the last: ψ (n_out,), and a bound of ‖Φ‖."""

    layers: list[Layer]
    bend: Bend
    value: Float[Array, ""]


def enclose(net: Chain, inputs: InputRegion, parameters: ParameterRegion) -> Enclosure:
    """Enclosures over the region by intervals and norms, rounded outward.

    Through an affine map: intervals through the weights of the centre, widened in each entry by
    (the largest possible row of E_j)·‖[s_j; 1]‖; in norm ‖Φ_j‖ ≤ ‖V_jᵀ[s_j; 1]‖ + ρ_j‖[s_j; 1]‖.
    Through elementwise maps: exact ranges, and (f∘g)'' = (f''∘g) g'² + (f'∘g) g''.

    Raises ValueError for an operation that this pass does not know.
    """
    weights = net.weights(net.with_weights(parameters.center))
    given = zip(weights, parameters.layer_radii(), parameters.entries, strict=True)
    state = _State(Interval(inputs.lo, inputs.hi), inputs.norm(), _straight(inputs.lo))
    state, layers = _enclosed(net.operations, given, state)
    return Enclosure(layers, state.bend, state.norm)


class _State(NamedTuple):
    """Where a pass stands: an interval and a norm, and the elementwise map since the last layer."""

    x: Interval
    norm: Array
    bend: Bend


def _enclosed(
    operations: Sequence[Operation], given: Iterator[tuple], state: _State
) -> tuple[_State, list[Layer]]:
    layers: list[Layer] = []
    for operation in operations:
        if isinstance(operation, Repeat):
            state, repeated = _repeated(operation, given, state)
            layers += repeated
            continue
        x, norm, bend = state
        if isinstance(operation, Affine):
            own, radius, entry = next(given)
            grown = euclidean(jnp.stack([norm, jnp.ones_like(norm)])) if operation.bias else norm
            layers.append(Layer(bend, operation.weight(own), radius, grown))
            x, norm = _through_affine(operation, own, entry, radius, x, grown)
            bend = _straight(x.lo)
        else:
            bend = _composed(_derivatives(operation, x), bend)
            x, norm = _through_elementwise(operation, x, norm)
        # NaN is no bound: where 0 is outside the domain, ς(0) is not defined.
        state = _State(x, jnp.fmin(norm, euclidean(x.magnitude())), bend)
    return state, layers


def _repeated(
    operation: Repeat, given: Iterator[tuple], state: _State
) -> tuple[_State, list[Layer]]:
    # One compiled block for all its repetitions.
    count = len(Chain(operation.operations, state.x.lo.size).affine)
    blocks = [list(islice(given, count)) for _ in range(operation.times)]
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *blocks)

    def block(state: _State, own: list[tuple]) -> tuple[_State, list[Layer]]:
        return _enclosed(operation.operations, iter(own), state)

    state, layers = jax.lax.scan(block, state, stacked)
    return state, [
        jax.tree.map(lambda leaf, i=i: leaf[i], layer)
        for i in range(operation.times)
        for layer in layers
    ]


def magnitude(lo: Array, hi: Array) -> Array:
    """The largest absolute value in each interval."""
    return jnp.maximum(jnp.abs(lo), jnp.abs(hi))


def _straight(x: Array) -> Bend:
    return Bend(jnp.ones_like(x), jnp.ones_like(x), jnp.zeros_like(x))


def _through_affine(
    operation: Affine, own: Array, entry: Array, radius: Array, x: Interval, grown: Array
) -> tuple[Interval, Array]:
    nominal = operation.weight(own) @ x
    if operation.bias:
        nominal = nominal + own[:, -1]
    moved = up(radius * grown)
    norm = jnp.minimum(euclidean(nominal.magnitude()), up(spectral_norm(own) * grown))
    # Each row of a perturbation is no longer than the whole.
    rows = up(jnp.minimum(radius, euclidean(entry, 1)) * grown)
    return nominal + Interval(-rows, rows), up(norm + moved)


def _derivatives(operation: Operation, x: Interval) -> Bend:
    if isinstance(operation, Scaling):
        scale = jnp.asarray(operation.scale, x.dtype)
        return Bend(scale, scale, jnp.zeros_like(scale))
    if isinstance(operation, Pointwise):
        first, second = (operation.activation.enclose(order, x.lo, x.hi) for order in (1, 2))
        return Bend(*first, magnitude(*second))
    raise ValueError(
        f"this method knows affine layers, activations, fixed scalings and their repetitions; got "
        f"{type(operation).__name__}"
    )


def _composed(outer: Bend, inner: Bend) -> Bend:
    slope = Interval(outer.low, outer.high) * Interval(inner.low, inner.high)
    # inf·0 counts as inf: where no derivative exists no bound does.
    bent = _product(outer.curvature, up(inner.slope**2))
    return Bend(slope.lo, slope.hi, up(bent + _product(outer.slope, inner.curvature)))


def _through_elementwise(operation: Operation, x: Interval, norm: Array) -> tuple[Interval, Array]:
    zero = jnp.zeros_like(x.lo)
    at_zero = _image(operation, Interval(zero, zero)).magnitude()
    # ‖ψ(x)‖ ≤ ‖ψ(0)‖ + sup|ψ'|·‖x‖, the slope taken between 0 and x.
    between = Interval(jnp.minimum(x.lo, zero), jnp.maximum(x.hi, zero))
    lipschitz = jnp.max(_derivatives(operation, between).slope)
    norm = up(euclidean(at_zero) + up(lipschitz * norm))
    return _image(operation, x), norm


def _image(operation: Operation, x: Interval) -> Interval:
    if isinstance(operation, Pointwise):
        return Interval(*operation.activation.enclose(0, x.lo, x.hi))
    assert isinstance(operation, Scaling)
    scale, shift = (jnp.asarray(v, x.dtype) for v in (operation.scale, operation.offset))
    return x * Interval(scale, scale) + Interval(shift, shift)


def _product(a: Array, b: Array) -> Array:
    unbounded = jnp.isinf(a) | jnp.isinf(b)
    return jnp.where(unbounded, jnp.inf, up(jnp.where(unbounded, 0.0, a) * b))

"""What one pass over a chain knows of each layer: weights, slopes, curvatures, norms."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..intervals import Interval, down, euclidean, spectral_norm, up
from ..networks import Affine, Chain, Operation, Pointwise, Repeat, Residual, Scaling
from ..sets import InputRegion, ParameterRegion, normal_above, normal_below


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


class Image(NamedTuple):
    """What intervals say of layer j: ‖s_j‖ ≤ size, low ≤ Φ_j ≤ high (n_out,), ‖Φ_j‖ ≤ norm."""

    size: Float[Array, ""]
    low: Float[Array, " n_out"]
    high: Float[Array, " n_out"]
    norm: Float[Array, ""]


class Moved(NamedTuple):
    """Known beforehand of layer j: its image for the parameters at the centre, and how far the
    others take Φ_{j−1} from it (`before`, in norm) and Φ_j (`norm`, and entry by entry)."""

    image: Image
    before: Float[Array, ""]
    norm: Float[Array, ""]
    entries: Float[Array, " n_out"]


class Layer(NamedTuple):
    """Layer j over a region: s_j = ψ_j(Φ_{j−1}), Φ_j = V_jᵀ[s_j; 1], with ψ_j elementwise.

    `bend` is ψ_j, (n_in,); `weight` is W_j at the region's centre, (n_out, n_in); `radius` bounds
    ‖E_j‖_F; `norm` bounds ‖[s_j; 1]‖ (‖s_j‖ without bias). ψ_0 is what stands before the first
    affine map. `holds` is 1, or 0 for a fixed map without parameters, whose radius and norm are 0.
    `aligned` bounds (ŝᵀ[v; 0])² over unit v, ŝ the unit vector along [s_j; 1]: below 1 with bias.

    Inside a residual block Φ_j is [η; z], what the shortcut carries above what the block has made
    of it: ψ_j is the identity on η, W_j is [[I, 0], [0, V_jᵀ]], and E_j acts on the lower part
    alone, so that ‖E_j‖_F and ‖[s_j; 1]‖ are those of the lower part. A fixed map has no `image`.
    """

    bend: Bend
    weight: Float[Array, "n_out n_in"]
    radius: Float[Array, ""]
    norm: Float[Array, ""]
    holds: Float[Array, ""]
    aligned: Float[Array, ""]
    image: Image | None = None


class Enclosure(NamedTuple):
    """The layers, then what follows the last: ψ (n_out,), and a bound of ‖Φ‖."""

    layers: list[Layer]
    bend: Bend
    value: Float[Array, ""]


def enclose(
    net: Chain,
    inputs: InputRegion,
    parameters: ParameterRegion,
    moved: Sequence[Moved] | None = None,
) -> Enclosure:
    """Enclosures over the region by intervals and norms, rounded outward.

    Through an affine map: intervals through the weights of the centre, widened in each entry by
    (the largest possible row of E_j)·‖[s_j; 1]‖; in norm ‖Φ_j‖ ≤ ‖V_jᵀ[s_j; 1]‖ + ρ_j‖[s_j; 1]‖.
    Through elementwise maps: exact ranges, and (f∘g)'' = (f''∘g) g'² + (f'∘g) g''. Where `moved` is
    given, one for each affine map of a chain without residual blocks, what it says holds, too.

    Raises ValueError for an operation that this pass does not know.
    """
    weights = net.weights(net.with_weights(parameters.center))
    known = [None] * len(weights) if moved is None else moved
    given = zip(weights, parameters.layer_radii(), parameters.entries, known, strict=True)
    state = _State(Interval(inputs.lo, inputs.hi), inputs.norm(), _straight(inputs.lo), ())
    state, layers = _enclosed(net.operations, given, state)
    return Enclosure(layers, state.bend, state.norm)


class _State(NamedTuple):
    """Where a pass stands: an interval and a norm, and the elementwise map since the last layer.

    `aside` are the intervals and norms that shortcuts carry, outermost first; `bend` is the map of
    all of them and of x, one after the other.
    """

    x: Interval
    norm: Array
    bend: Bend
    aside: tuple[tuple[Interval, Array], ...]

    @property
    def carried(self) -> int:
        """How many numbers the shortcuts carry."""
        return sum(x.lo.size for x, _ in self.aside)


def _enclosed(
    operations: Sequence[Operation], given: Iterator[tuple], state: _State
) -> tuple[_State, list[Layer]]:
    layers: list[Layer] = []
    for operation in operations:
        if isinstance(operation, Repeat):
            state, inner = _repeated(operation, given, state)
            layers += inner
            continue
        if isinstance(operation, Residual):
            state, inner = _residual(operation, given, state)
            layers += inner
            continue
        x, norm, bend, aside = state
        if isinstance(operation, Affine):
            own, radius, entry, known = next(given)
            if known is not None:
                # NaN is no bound.
                steep = jnp.max(bend.slope)
                norm = jnp.fmin(norm, up(known.image.size + up(steep * known.before)))
            size = euclidean(x.magnitude())
            grown = euclidean(jnp.stack([norm, jnp.ones_like(norm)])) if operation.bias else norm
            weight = _beside(state.carried, operation.weight(own))
            one = jnp.ones_like(norm)
            # ‖s‖²/(‖s‖² + 1), which grows with ‖s‖.
            aligned = up(1 - down(1 / up(grown**2))) if operation.bias else one
            x, norm = through_affine(operation, own, entry, radius, x, grown)
            if known is not None:
                low, high = known.image.low - known.entries, known.image.high + known.entries
                x = Interval(jnp.fmax(x.lo, down(low)), jnp.fmin(x.hi, up(high)))
                norm = jnp.fmin(norm, up(known.image.norm + known.norm))
            image = Image(size, x.lo, x.hi, euclidean(x.magnitude()))
            aligned = jnp.minimum(aligned, one)
            layers.append(Layer(bend, weight, radius, grown, one, aligned, image))
            bend = _straight(weight[:, 0])
        else:
            bend = _composed(_carried(state.carried, _derivatives(operation, x)), bend)
            x, norm = _through_elementwise(operation, x, norm)
        # NaN is no bound: where 0 is outside the domain, ς(0) is not defined.
        state = _State(x, jnp.fmin(norm, euclidean(x.magnitude())), bend, aside)
    return state, layers


def _residual(
    operation: Residual, given: Iterator[tuple], state: _State
) -> tuple[_State, list[Layer]]:
    """[η; x] ↦ [η; x; x], the block on the last part, and [η; x; y] ↦ [η; x + y]."""
    x, norm, bend, aside = state
    n, outer = x.lo.size, state.carried
    eye, zero = jnp.eye(n), jnp.zeros(())
    twice = _beside(outer, jnp.concatenate([eye, eye]))
    inside = _State(x, norm, _straight(twice[:, 0]), (*aside, (x, norm)))
    end, inner = _enclosed(operation.operations, given, inside)
    layers = [Layer(bend, twice, zero, zero, zero, zero), *inner]
    added = _beside(outer, jnp.concatenate([eye, eye], 1))
    if isinstance(operation.operations[-1], Affine):
        # Nothing stands between this layer and the sum.
        last = layers.pop()
        layers.append(last._replace(weight=_selected(added, last.weight)))
    else:
        layers.append(Layer(end.bend, added, zero, zero, zero, zero))
    if isinstance(operation.operations[0], Affine) and len(layers) > 2:
        # Nor between the copy and this one; of a single layer it would make I + W, rounded.
        first = layers[1]
        layers[:2] = [first._replace(bend=bend, weight=_selected(first.weight, twice))]
    total = x + end.x
    size = jnp.fmin(up(norm + end.norm), euclidean(total.magnitude()))
    return _State(total, size, _straight(added[:, 0]), aside), layers


def _beside(carried: int, weight: Array) -> Array:
    """[[I, 0], [0, W]]."""
    if not carried:
        return weight
    return jax.scipy.linalg.block_diag(jnp.eye(carried), weight)


def _selected(a: Array, b: Array) -> Array:
    """AB without rounding, where each entry is a sum with at most one term that is not 0."""
    return jnp.matmul(a, b, precision=jax.lax.Precision.HIGHEST)


def _carried(count: int, bend: Bend) -> Bend:
    """The identity on so many numbers more, in front."""
    if not count:
        return bend
    ones, zeros = jnp.ones(count), jnp.zeros(count)
    both = zip((ones, ones, zeros), bend, strict=True)
    return Bend(*(jnp.concatenate([front, own]) for front, own in both))


def _repeated(
    operation: Repeat, given: Iterator[tuple], state: _State
) -> tuple[_State, list[Layer]]:
    # One compiled block for all its repetitions.
    count = len(Chain(operation.operations, state.x.lo.size).affine)
    blocks = [list(islice(given, count)) for _ in range(operation.times)]
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *blocks)

    def block(state: _State, own: list[tuple]) -> tuple[_State, list[Layer]]:
        return _enclosed(operation.operations, iter(own), state)

    state, layers = jax.lax.scan(block, state, stacked, length=operation.times)
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


def through_affine(
    operation: Affine, own: Array, entry: Array, radius: Array, x: Interval, grown: Array
) -> tuple[Interval, Array]:
    """An interval and a norm of V_jᵀ[x; 1] over the region, grown ≥ ‖[x; 1]‖."""
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
        scale = _constants(operation.scale, x)
        return Bend(scale.lo, scale.hi, jnp.zeros_like(scale.lo))
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
    at_zero = image(operation, Interval(zero, zero)).magnitude()
    # ‖ψ(x)‖ ≤ ‖ψ(0)‖ + sup|ψ'|·‖x‖, the slope taken between 0 and x.
    between = Interval(jnp.minimum(x.lo, zero), jnp.maximum(x.hi, zero))
    lipschitz = jnp.max(_derivatives(operation, between).slope)
    norm = up(euclidean(at_zero) + up(lipschitz * norm))
    return image(operation, x), norm


def image(operation: Operation, x: Interval) -> Interval:
    """An interval of what an elementwise operation makes of x."""
    if isinstance(operation, Pointwise):
        return Interval(*operation.activation.enclose(0, x.lo, x.hi))
    assert isinstance(operation, Scaling)
    return x * _constants(operation.scale, x) + _constants(operation.offset, x)


def _constants(values: tuple[float, ...], like: Interval) -> Interval:
    """Compiled code takes subnormal numbers for 0."""
    given = np.asarray(values, np.float64)
    ends = normal_below(given), normal_above(given)
    return Interval(*(jnp.asarray(end, like.dtype) for end in ends))


def _product(a: Array, b: Array) -> Array:
    unbounded = jnp.isinf(a) | jnp.isinf(b)
    return jnp.where(unbounded, jnp.inf, up(jnp.where(unbounded, 0.0, a) * b))

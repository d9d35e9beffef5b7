"""From the enclosure of a network's layers to the stages that storage functions go through."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from ...activations import Activation
from ...intervals import up
from ...networks import Affine, Chain, Pointwise
from ...sets import ParameterRegion
from ..layers import Bend, Enclosure
from ..majorants import COUNT, majorants, square_majorant
from .corners import corners_of
from .forms import Stage
from .reach import shares_radius
from .storage import Layers


def stages_of(net: Chain, nodes: Enclosure, parameters: ParameterRegion) -> Layers:
    """The stages over a region, zero-padded to one width; `nodes` as `reach.enclosures` gives it.

    The radius that the layers share is shared only where it says more than the layers' own.
    Infinite slopes or curvatures stay infinite: what they make of a bound is infinite or NaN.
    """
    known = jax.tree.map(lambda leaf: leaf[-1], nodes)
    if net.residual:
        activations, trailing = [None] * len(known.layers), True
    else:
        activations, trailing = _between(net)
    own = jnp.stack([layer.radius for layer in known.layers])
    shares = shares_radius(parameters)
    shared = jnp.where(shares, up(parameters.radius**2), 0.0)
    separate = jnp.where(shares, 0.0, up(own**2))

    later, front = known.layers[1:], known.layers[0]
    n = max(max(layer.weight.shape) for layer in known.layers)
    m = net.outputs

    def padded(x: Array) -> Array:
        return jnp.pad(x, [(0, n - size) for size in x.shape])

    def slopes(at_nodes: Bend) -> tuple[Array, Array]:
        return padded_last(at_nodes.low), padded_last(at_nodes.high)

    def padded_last(x: Array) -> Array:
        return jnp.pad(x, [(0, 0), (0, n - x.shape[1])])

    stages = []
    for j, (layer, activation) in enumerate(zip(later, activations, strict=False), start=1):
        limits = nodes.layers[j]
        rows = _rows(activation, layer.bend.curvature)
        stages.append(
            Stage(
                padded(layer.weight),
                *slopes(limits.bend),
                jnp.pad(rows, [(0, n - rows.shape[0]), (0, 0), (0, 0)]),
                separate[j],
                limits.norm,
                layer.holds,
                limits.aligned,
                *_squares(net, j, activation, limits.norm, n),
                padded(jnp.ones(layer.weight.shape[0])),
            )
        )
    if trailing or not stages:
        zero, none = jnp.zeros(()), jnp.zeros_like(nodes.value)
        rows = _rows(activations[-1] if trailing and activations else None, known.bend.curvature)
        rows = jnp.pad(rows, [(0, n - m), (0, 0), (0, 0)])
        identity = padded(jnp.eye(m))
        gives = padded(jnp.ones(m))
        limits = *slopes(nodes.bend), rows, zero, none, zero, none, none
        stages.append(Stage(identity, *limits, jnp.zeros(n), gives))
    slope = front.bend.slope
    steepest = jnp.max(slope)
    widths = [layer.weight.shape[1] for layer in later] + [m] * (len(stages) - len(later))
    levels = nodes.value.size - 1
    corners = corners_of(max(widths), n, levels)
    return Layers(
        jax.tree.map(lambda *leaves: jnp.stack(leaves), *stages),
        shared,
        padded(jnp.ones(m)),
        front.norm,
        padded(front.weight * slope),
        up(separate[0] * up(steepest**2)),
        front.holds * up(shared * up(steepest**2)),
        jnp.asarray(corners),
    )


def _squares(
    net: Chain, j: int, activation: Activation | None, norm: Array, n: int
) -> tuple[Array, Array]:
    """`Stage.most` and `Stage.fall`; what the norm says where no relation to slopes is known."""
    known = None if activation is None else square_majorant(activation)
    if known is None:
        return up(norm**2), jnp.zeros(n)
    a, b = known
    neurons = net.affine[j].n_in
    most = jnp.asarray(neurons * a + net.affine[j].bias)
    return jnp.broadcast_to(most, norm.shape), jnp.pad(jnp.full(neurons, b), (0, n - neurons))


def _rows(activation: Activation | None, curvature: Array) -> Array:
    """Majorants (n, g, 3) of |ψ''|: its bound over the region, and those by slope."""
    zero = jnp.zeros_like(curvature)
    plain = jnp.stack([curvature, zero, zero], -1)[:, None]
    if activation is None:
        return jnp.repeat(plain, COUNT, 1)
    by_slope = majorants(activation)
    if not np.all(np.isfinite(by_slope)):
        return jnp.repeat(plain, COUNT, 1)
    by_slope = jnp.broadcast_to(jnp.asarray(by_slope), (curvature.size, *by_slope.shape))
    return jnp.concatenate([plain, by_slope], 1)


def _between(net: Chain) -> tuple[list[Activation | None], bool]:
    """What stands before each affine layer but the first, and after the last, if anything.

    An activation where it alone stands there, else None.
    """
    groups: list[list] = [[]]
    zeros = net.with_weights([np.zeros(a.shape) for a in net.affine])
    for operation, _ in net.steps(zeros):
        if isinstance(operation, Affine):
            groups.append([])
        else:
            groups[-1].append(operation)
    found = [
        group[0].activation if len(group) == 1 and isinstance(group[0], Pointwise) else None
        for group in groups[1:]
    ]
    return found, bool(groups[-1])

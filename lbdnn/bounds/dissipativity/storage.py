"""Quadratic storage functions, carried through one layer at a time.

Everything here is approximate (floating point, rounded to nearest); `verification` proves the
inequalities that the results stand for.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ...intervals import up
from .budget_levels import Levels, dominating
from .corners import cases
from .forms import (
    SMALL,
    Sector,
    Stage,
    bending,
    between,
    identity,
    joined,
    sector,
    steep_enough,
    stiffness,
    through_affine,
    through_sector,
    through_slopes,
)
from .positive import spectral_radius as largest

Multipliers = dict[str, Array]
# Room for rounding errors, which `verification` shows to be smaller.
_SPARE = 1e-9


class Layers(NamedTuple):
    """K stages stacked, and what stands around them.

    shared (): r², ‖Δ_l‖² ≤ own_l + u_l with Σ u_l ≤ r². outputs (n,): 1 for an output. norm ():
    m_0. front (n, n): W_0 ψ_0', and front_own, front_shared (): its ‖Δ_0 ψ_0'‖² ≤ front_own +
    front_shared u_0. corners (c, n): of the slopes' boxes, `corners.corners_of`.
    """

    stages: Stage
    shared: Float[Array, ""]
    outputs: Float[Array, " n"]
    norm: Float[Array, ""]
    front: Float[Array, "n n"]
    front_own: Float[Array, ""]
    front_shared: Float[Array, ""]
    corners: Float[Array, "c n"]

    def with_whole_boxes(self) -> Layers:
        """With the slopes' boxes as wholes, not their corners."""
        return self._replace(corners=self.corners[..., :0, :])


class PathStep(NamedTuple):
    """Q ⪰ PᵀP before and after a stage (at nodes), the multipliers, and squared columns.

    columns (t, a, n) bound the squared columns of P(W + Δ), P the path after the stage.
    """

    later: Array
    nodes: Array
    stiffness: Array
    sector: Array
    column_stiffness: Array
    columns: Array


def taken(grid: Levels, stage: Stage, shared: Array) -> Array:
    """‖Δ‖² at the vertices, (t, a), rounded up; 0 without parameters."""
    return stage.holds * up(stage.own + up(shared * jnp.asarray(grid.share)))


def path_step(
    grid: Levels, stage: Stage, shared: Array, later: Array, own: Multipliers
) -> PathStep:
    """‖P(W + Δ)Dx‖² ≤ xᵀQx from ‖Pz‖² ≤ zᵀQ'z."""
    n, stage = later.shape[-1], stage.at(grid.left)
    at, moved = later[grid.before], taken(grid, stage, shared)
    s, s_columns = stiffness(at, own["path"]), stiffness(at, own["column"])
    inside = through_affine(at, stage.weight, s[:, None]) + identity(moved / s[:, None], n)
    whole = through_affine(at, stage.weight, s_columns[:, None])
    columns = jnp.diagonal(whole, axis1=-2, axis2=-1)
    columns = columns + (moved / s_columns[:, None])[..., None]
    columns = columns + _SPARE * (columns + jnp.max(columns, -1, keepdims=True)) + SMALL
    t = steep_enough(inside, own["path_sector"], own["path_excess"])
    through = through_sector(inside, sector(stage, t[:, None]))
    nodes = dominating(grid, through, own["path_mean"])
    return PathStep(later, nodes, s, t, s_columns, columns)


class CurvedStep(NamedTuple):
    """X before and after a stage (at nodes), and the multipliers of `hessian_step`."""

    later: Array
    nodes: Array
    stiffness: Array
    split: Array
    size: Array
    mix: Array
    exchange: Array
    across: Array
    pivot: Array
    majorant: Array
    sector: Array
    cost: Array


def hessian_step(
    grid: Levels,
    stage: Stage,
    layers: Layers,
    last: Array,
    later: Array,
    path: PathStep,
    own: Multipliers,
) -> CurvedStep:
    """One stage of the inequality in `Dissipation`'s docstring."""
    n, stage = later.shape[-1], stage.at(grid.left)
    at, moved = later[grid.before], taken(grid, stage, layers.shared)
    s, split = stiffness(at, own["through"]), jax.nn.sigmoid(own["split"])
    mix, exchange = mixed(stage, own["mix"]), jnp.exp(own["exchange"])
    where = cases(grid, stage, layers.corners, mix)
    size = jnp.max(where.squares, 1)
    size = jnp.where(size > 0, size, 1.0)
    source = jnp.where(last, 0.0, size / (s * split))
    back = largest(path.later)[grid.before]
    # What the exchange across [s; 1] may cost as much as the rest does.
    across = exchange + source / (jnp.max(back, 1) + SMALL)
    # Behind the last stage there is nothing to store: Δ and p of that layer do not enter X.
    carried = jnp.where(last, 0.0, moved / (s * (1 - split))[:, None])
    exchanged = stage.aligned / exchange + (1 - stage.aligned) / across
    loss = carried + stage.holds * exchanged[:, None]
    joined_s = joined_stiffness(s[:, None], split[:, None], size[:, None], where.squares)
    inside = through_affine(where.each(at), stage.weight, joined_s)
    inside = inside + identity(where.each(loss), n)

    pivot = jnp.exp(own["pivot"]) * jnp.sqrt(jnp.mean(path.columns, 1) + SMALL)
    share = jax.nn.softmax(own["bend"], -1)
    majorant = jnp.einsum("tng,ngc->tnc", share, stage.bends)
    weight = (path.columns / pivot[:, None] + pivot[:, None]) / 2
    if where.slopes is not None:
        # So that all that stands in the inequality is convex in each slope.
        room = jnp.min(loss[..., None] / (weight + SMALL), 1) * (1 - _SPARE)
        part = jax.nn.sigmoid(own["tangent"])
        at_slope = part * stage.high[:, 0] + (1 - part) * stage.low[:, 0]
        majorant = less_concave(majorant, room, at_slope)
    # The shares add up to 1 but for rounding.
    steep = jnp.maximum(jnp.abs(stage.low), jnp.abs(stage.high))[:, 0]
    spare = jnp.abs(majorant[..., 0]) + steep * jnp.abs(majorant[..., 1])
    spare = spare + steep**2 * jnp.abs(majorant[..., 2])
    majorant = majorant.at[..., 0].add(_SPARE * spare)
    bend = bending(weight, majorant[:, None])
    if where.slopes is None:
        t = steep_enough(inside, own["sector"], own["excess"], bend.inner)
        through = through_sector(inside, joined(sector(stage, t[:, None]), bend))
    else:
        t = jnp.zeros(own["sector"].shape)
        through = through_slopes(inside, Sector(*map(where.each, bend)), where.slopes)
    nodes = dominating(where.grid, through, own["mean"])

    cost = jnp.maximum(exchange[:, None] * back + source[:, None], across[:, None] * back)
    cost = stage.holds * cost
    return CurvedStep(later, nodes, s, split, size, mix, exchange, across, pivot, majorant, t, cost)


def mixed(stage: Stage, fraction: Array) -> Array:
    """How much of `most` − Σ `fall` D is in the squares; nothing where no relation is known."""
    return jax.nn.sigmoid(fraction) * jnp.any(stage.fall > 0)


def less_concave(majorant: Array, most: Array, slope: Array) -> Array:
    """Rows (a, b, c) with c ≤ most: of −cς'², what is too much is replaced by a tangent."""
    a, b, c = (majorant[..., i] for i in range(3))
    beyond = jnp.maximum(c - most, 0.0)
    return jnp.stack([a + beyond * slope**2, b - 2 * beyond * slope, jnp.minimum(c, most)], -1)


def joined_stiffness(s: Array, split: Array, size: Array, squares: Array) -> Array:
    """s of λ‖p‖² + τ‖w‖² ≥ ‖p + w‖²/s: 1/τ = s(1 − split), 1/λ = s split squares/size.

    λ times the squares is then the same wherever the slopes are, and s is affine in them.
    """
    return s * ((1 - split) + split * squares / size)


class HessianChain(NamedTuple):
    """All stages of both recursions, stacked; the bound, approximate, is the largest cost."""

    paths: PathStep
    curved: CurvedStep
    costs: Array


def hessian_chain(grid: Levels, layers: Layers, multipliers: Multipliers) -> HessianChain:
    """The dissipation inequality of ∂²Φ/∂θ² for given multipliers."""
    n = layers.outputs.size
    last = jnp.arange(layers.stages.own.size) == layers.stages.own.size - 1

    def step(later: tuple, this: tuple) -> tuple[tuple, tuple]:
        stage, is_last, own = this
        path = path_step(grid, stage, layers.shared, later[0], own)
        curved = hessian_step(grid, stage, layers, is_last, later[1], path, own)
        return (path.nodes, curved.nodes), (path, curved)

    unit = jnp.broadcast_to(jnp.diag(layers.outputs), (grid.nodes, n, n))
    (_, first), (paths, curved) = jax.lax.scan(
        step, (unit, jnp.zeros_like(unit)), (layers.stages, last, multipliers), reverse=True
    )
    # At all nodes: what the first layer takes of the radius is not in V.
    costs = jnp.append(curved.cost.ravel(), layers.norm**2 * largest(first))
    return HessianChain(paths, curved, costs)


class BackStep(NamedTuple):
    """Y before and after a stage (at nodes), and the multipliers of `jacobian_step`."""

    earlier: Array
    nodes: Array
    stiffness: Array
    mix: Array
    sector: Array


def jacobian_step(
    grid: Levels, stage: Stage, layers: Layers, earlier: Array, own: Multipliers
) -> BackStep:
    """‖b_{l}‖²m_l² + Y(D((W + Δ)ᵀb_l)) ≤ b_lᵀY'b_l."""
    n, stage = earlier.shape[-1], stage.at(grid.passed)
    at, moved = earlier[grid.before], taken(grid, stage, layers.shared)
    mix = mixed(stage, own["mix"])
    where = cases(grid, stage, layers.corners, mix)
    if where.slopes is None:
        t = steep_enough(at, own["sector"], own["excess"])
        through = through_sector(at, sector(stage, t[:, None]))
    else:
        t = jnp.zeros(own["sector"].shape)
        through = between(where.each(at), where.slopes)
    s = stiffness(through, own["through"])
    forms = through_affine(through, stage.weight.T, s[:, None])
    own_part = stage.holds * where.squares
    # A neuron that pads has no part in how much larger than its mean a matrix has to be.
    forms = forms + identity(where.each(moved / s[:, None]) + own_part, n) * stage.gives
    return BackStep(earlier, dominating(where.grid, forms, own["mean"]), s, mix, t)


class JacobianChain(NamedTuple):
    """All stages; the one cost, approximate, bounds ‖∂Φ/∂θ‖²."""

    steps: BackStep
    costs: Array


def jacobian_chain(grid: Levels, layers: Layers, multipliers: Multipliers) -> JacobianChain:
    """The inequality of Σ_j m_j²‖b_j‖² ≥ ‖(∂Φ/∂θ)ᵀu‖²."""
    n = layers.outputs.size

    def step(earlier: Array, this: tuple) -> tuple[Array, BackStep]:
        found = jacobian_step(grid, this[0], layers, earlier, this[1])
        return found.nodes, found

    start = jnp.broadcast_to(identity(layers.norm**2, n), (grid.nodes, n, n))
    end, steps = jax.lax.scan(step, start, (layers.stages, multipliers))
    outputs = layers.outputs[:, None] * end[-1] * layers.outputs
    return JacobianChain(steps, largest(outputs)[None])


def reach_chain(grid: Levels, layers: Layers, multipliers: Multipliers) -> JacobianChain:
    """The same, with a cost that counts all Φ_j alike: the geometric mean of ‖∂Φ_j/∂θ‖²."""
    chain = jacobian_chain(grid, layers, multipliers)
    sizes = jnp.log(largest(chain.steps.nodes) + SMALL)
    return chain._replace(costs=jnp.exp(jnp.mean(sizes))[None])


class InputChain(NamedTuple):
    """All stages and the first layer's multiplier; the largest cost bounds ‖∂Φ/∂σ‖²."""

    paths: PathStep
    stiffness: Array
    costs: Array


def input_chain(grid: Levels, layers: Layers, multipliers: Multipliers) -> InputChain:
    """The inequality of ‖∂Φ/∂σ‖²."""
    n = layers.outputs.size

    def step(later: Array, this: tuple) -> tuple[Array, PathStep]:
        path = path_step(grid, this[0], layers.shared, later, this[1])
        return path.nodes, path

    rest = {name: value for name, value in multipliers.items() if name != "front"}
    unit = jnp.broadcast_to(jnp.diag(layers.outputs), (grid.nodes, n, n))
    first, paths = jax.lax.scan(step, unit, (layers.stages, rest), reverse=True)
    at = first[grid.before]
    s = stiffness(at, multipliers["front"])
    moved = layers.front_own + layers.front_shared * jnp.asarray(grid.share)
    forms = through_affine(at, layers.front, s[:, None]) + identity(moved / s[:, None], n)
    return InputChain(paths, s, jnp.ravel(largest(forms)))

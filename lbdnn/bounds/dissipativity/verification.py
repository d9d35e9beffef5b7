"""Proof, in floating point with all rounding errors counted, that the inequalities hold.

The descent and the chains work with approximations. What they return is taken here as given
numbers; each inequality between them is a linear matrix inequality, and it is shown to hold by
`lbdnn.intervals.definite`. Where one cannot be shown the bound is infinite.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from ...intervals import Centred, centred, definite, down, gamma, largest_eigenvalue, up
from .budget_levels import Levels
from .corners import cases
from .forms import Sector, Stage, bending, sector
from .positive import inverse
from .storage import (
    CurvedStep,
    HessianChain,
    InputChain,
    JacobianChain,
    Layers,
    PathStep,
    joined_stiffness,
    taken,
)

# The diagonal entries of an inequality come from at most so many roundings.
_ROUNDINGS = 32


def proved_hessian(grid: Levels, layers: Layers, chain: HessianChain) -> Float[Array, ""]:
    """The bound of ‖∂²Φ/∂θ²‖ that the chain stands for; inf if it is not proved."""
    stages, count = layers.stages, layers.stages.own.size
    last = jnp.arange(count) == count - 1

    def stage(this: tuple) -> tuple[Array, Array]:
        own, is_last, path, curved = this
        own = own.at(grid.left)
        shown = _path_holds(grid, own, layers.shared, path)
        shown &= _columns_hold(grid, own, layers.shared, path)
        shown &= _curved_holds(grid, own, layers, is_last, path, curved)
        back = largest_eigenvalue(path.later)[grid.before]
        source = up(curved.size / down(curved.stiffness * curved.split))
        source = jnp.where(is_last, 0.0, source)
        cost = up(up(curved.exchange[:, None] * back) + source[:, None])
        cost = jnp.maximum(cost, up(curved.across[:, None] * back))
        return shown, own.holds * jnp.max(cost)

    shown, costs = jax.lax.map(stage, (stages, last, chain.paths, chain.curved))
    # At all nodes: what the first layer takes of the radius is not in V.
    first = up(up(layers.norm**2) * largest_eigenvalue(chain.curved.nodes[0]))
    return _if_shown(jnp.all(shown), jnp.maximum(jnp.max(costs), jnp.max(first)))


def proved_jacobian(grid: Levels, layers: Layers, chain: JacobianChain) -> Float[Array, ""]:
    """The bound of ‖∂Φ/∂θ‖ that the chain stands for; inf if it is not proved."""
    outputs = layers.outputs
    end = outputs[:, None] * chain.steps.nodes[-1, -1] * outputs
    return _if_shown(_moves_hold(grid, layers, chain), up(jnp.sqrt(up(largest_eigenvalue(end)))))


def proved_reach(
    grid: Levels, layers: Layers, chain: JacobianChain
) -> tuple[Float[Array, "k v"], Float[Array, "k v n"]]:
    """How far the parameters take Φ_0, …, Φ_k, in norm and entry by entry, where the layers up to
    it share what the node v says; inf if it is not proved.

    ‖δΦ_j‖ ≤ ‖E‖ sup ‖∂Φ_j/∂θ‖ along the segment to θ + E, which stays in the set.
    """
    n = layers.outputs.size
    nodes = chain.steps.nodes
    own = up(layers.norm**2)
    first = jnp.broadcast_to(own, (1, grid.nodes))
    shares = np.arange(grid.nodes) / (grid.nodes - 1)
    radius = up(jnp.sqrt(up(layers.shared * up(jnp.asarray(shares)))))
    sizes = jnp.concatenate([first, largest_eigenvalue(nodes)])
    entries = jnp.diagonal(nodes, axis1=-2, axis2=-1)
    entries = jnp.concatenate([jnp.broadcast_to(own, (1, grid.nodes, n)), entries])
    shown = _moves_hold(grid, layers, chain)
    far, each = up(radius * up(jnp.sqrt(sizes))), up(radius[:, None] * up(jnp.sqrt(entries)))
    return _if_shown(shown, far), _if_shown(shown, each)


def _moves_hold(grid: Levels, layers: Layers, chain: JacobianChain) -> Bool[Array, ""]:
    """m²‖b‖² + Y(D(W + Δ)ᵀb) ≤ bᵀY'b at every vertex of every stage."""
    n = layers.outputs.size

    def stage(this: tuple) -> Array:
        own, step = this
        own = own.at(grid.passed)
        where = cases(grid, own, layers.corners, step.mix)
        w = centred(own.weight)
        at, end = step.earlier[where.grid.before], step.nodes[where.grid.after]
        loss = up(taken(grid, own, layers.shared) / step.stiffness[:, None])
        loss = up(where.each(loss) + own.holds * where.squares)
        room = centred(end) - _diagonal(loss[..., None] * own.gives)
        inverse_s = jnp.broadcast_to(1 / step.stiffness[:, None], loss.shape)
        rest = _scaled_identity(inverse_s, n)
        shown = jnp.all((step.mix >= 0) & (step.mix <= 1))
        if where.slopes is not None:
            through = _between(centred(at), where.slopes)
            right = w @ through
            return shown & _holds([[room - right @ w.mT, -right], [None, rest - through]])
        form = sector(own, step.sector[:, None])
        outer, cross = _diagonal(form.outer), _diagonal(form.cross)
        through = w @ outer
        return shown & _holds(
            [
                [room + through @ w.mT, through, -(w @ cross)],
                [None, rest + outer, -cross],
                [None, None, _diagonal(form.inner) - centred(at)],
            ]
        )

    return jnp.all(jax.lax.map(stage, (layers.stages, chain.steps)))


def proved_input(grid: Levels, layers: Layers, chain: InputChain) -> Float[Array, ""]:
    """The bound of ‖∂Φ/∂σ‖ that the chain stands for; inf if it is not proved."""

    def stage(this: tuple) -> Array:
        return _path_holds(grid, this[0].at(grid.left), layers.shared, this[1])

    shown = jnp.all(jax.lax.map(stage, (layers.stages, chain.paths)))
    n = layers.outputs.size
    at = chain.paths.nodes[0][grid.before]
    bound = up(jnp.max(chain.costs) * (1 + 1e-9))
    moved = up(layers.front_own + up(layers.front_shared * jnp.asarray(grid.share)))
    loss = up(moved / chain.stiffness[:, None])
    room = _scaled_identity(jnp.broadcast_to(bound, loss.shape), n) - _scaled_identity(loss, n)
    rounding = up(gamma(4, loss.dtype) * jnp.abs(layers.front))
    w, q = Centred(layers.front, rounding), centred(at)
    right = q @ w
    inverse_s = jnp.broadcast_to(1 / chain.stiffness[:, None], moved.shape)
    shown &= _holds(
        [
            [room - w.mT @ right, -right.mT],
            [None, _scaled_identity(inverse_s, n) - q],
        ]
    )
    return _if_shown(shown, up(jnp.sqrt(bound)))


def _path_holds(grid: Levels, stage: Stage, shared: Array, path: PathStep) -> Bool[Array, ""]:
    """xᵀQx − σ(x, v) − (u/s)‖v‖² − (Wv + q)ᵀQ'(Wv + q) + ‖q‖²/s ≻ 0 at every vertex."""
    loss = up(taken(grid, stage, shared) / path.stiffness[:, None])
    form = sector(stage, path.sector[:, None])
    at, end = path.later[grid.before], path.nodes[grid.after]
    inverse_s = jnp.broadcast_to(1 / path.stiffness[:, None], loss.shape)
    return _stage_holds(stage, at, end, [form], loss, inverse_s, None)


def _curved_holds(
    grid: Levels, stage: Stage, layers: Layers, last: Array, path: PathStep, curved: CurvedStep
) -> Bool[Array, ""]:
    """The same with X, the curvature in σ, and ‖v‖²/exchange for the exchanged term."""
    where = cases(grid, stage, layers.corners, curved.mix)
    moved = taken(grid, stage, layers.shared)
    loss = up(moved / down(curved.stiffness * (1 - curved.split))[:, None])
    # κ²/α + (1 − κ²)/α', which grows with κ² for α ≤ α'.
    across = up(1 / curved.across)
    along = up(up(1 / curved.exchange) - down(1 / curved.across))
    exchanged = up(across + up(stage.aligned * jnp.maximum(along, 0.0)))
    loss = up(jnp.where(last, 0.0, loss) + stage.holds * exchanged[:, None])
    columns, pivot = path.columns, curved.pivot[:, None]
    weight = up(up(columns / pivot) + pivot) / 2
    bend = bending(weight, curved.majorant[:, None])
    at, end = curved.later[where.grid.before], curved.nodes[where.grid.after]
    s, split, size = (x[:, None] for x in (curved.stiffness, curved.split, curved.size))
    inverse_s = down(1 / up(joined_stiffness(s, split, size, where.squares), 16))
    shown = jnp.all((curved.mix >= 0) & (curved.mix <= 1))
    shown &= jnp.all((curved.split > 0) & (curved.split < 1) & (curved.size > 0))
    forms = [Sector(*map(where.each, bend))]
    if where.slopes is None:
        forms.append(sector(stage, curved.sector[:, None]))
    else:
        # So that no square of a slope has a negative coefficient: convex in each slope.
        loss = jnp.maximum(loss, jnp.max(up(bend.inner), -1))
    return shown & _stage_holds(stage, at, end, forms, where.each(loss), inverse_s, where.slopes)


def _stage_holds(
    stage: Stage,
    at: Array,
    end: Array,
    forms: list[Sector],
    loss: Array,
    inverse_s: Array,
    slopes: Array | None,
) -> Bool[Array, ""]:
    """For all v that the forms leave, or for v = Dx with the `slopes` given."""
    n = at.shape[-1]
    w, x = centred(stage.weight), centred(at)
    right = x @ w
    none = centred(jnp.zeros_like(at))
    cross, inner, outer = (
        sum((_diagonal(getattr(form, name)) for form in forms), none)
        for name in ("cross", "inner", "outer")
    )
    first, second = centred(end) + outer, inner - _scaled_identity(loss, n) - w.mT @ right
    rest = _scaled_identity(inverse_s, n) - x
    if slopes is None:
        return _holds(
            [[first, -cross, none], [None, second, -right.mT], [None, None, rest]],
        )
    first = first - 2.0 * (cross * slopes) + _between(second, slopes)
    return _holds([[first, -(right * slopes).mT], [None, rest]])


def _between(x: Centred, slopes: Array) -> Centred:
    """DXD for symmetric X; slopes (…, 1, n)."""
    return (x * slopes).mT * slopes


def _columns_hold(grid: Levels, stage: Stage, shared: Array, path: PathStep) -> Bool[Array, ""]:
    r"""columns ≥ sup_q (w + q)ᵀQ(w + q) − ‖q‖²/s + u/s for every column w of W.

    With R = I/s − Q ≻ 0, y = Qw and any z: yᵀR⁻¹y ≤ 2yᵀz − zᵀRz + ‖y − Rz‖²/λ_min(R).
    """
    n = stage.low.shape[-1]
    q = path.later[grid.before]
    inverse_s = jnp.broadcast_to(1 / path.column_stiffness[:, None], q.shape[:2])
    r = _scaled_identity(inverse_s, n) - centred(q)
    least: Array = -largest_eigenvalue(-r.centre, r.radius)
    w = centred(stage.weight)
    y = centred(q) @ w
    z = centred(inverse(r.centre) @ y.centre)
    rz = r @ z
    residual = y - rz
    total = w.mT @ y + 2.0 * (y.mT @ z) - z.mT @ rz
    reach = jnp.diagonal(up(total.centre + total.radius), axis1=-2, axis2=-1)
    squared = jnp.sum(up((jnp.abs(residual.centre) + residual.radius) ** 2), -2)
    squared = up(squared * (1 + gamma(n + 2, squared.dtype)))
    left = up(squared / jnp.where(least > 0, least, jnp.nan)[..., None])
    loss = up(taken(grid, stage, shared) / path.column_stiffness[:, None])
    return jnp.all(up(up(reach + left) + loss[..., None]) <= path.columns)


def _holds(blocks: list[list[Centred | None]]) -> Bool[Array, ""]:
    """Whether all symmetric matrices with these upper blocks are positive definite."""
    size = len(blocks)

    def assembled(part: str) -> Array:
        filled: list[list[Array]] = [[jnp.zeros(0)] * size for _ in range(size)]
        for i in range(size):
            for j in range(i, size):
                block = blocks[i][j]
                assert block is not None
                filled[i][j] = getattr(block, part)
                filled[j][i] = jnp.swapaxes(filled[i][j], -1, -2)
        shape = jnp.broadcast_shapes(*(b.shape[:-2] for row in filled for b in row))
        rows = [
            jnp.concatenate([jnp.broadcast_to(b, shape + b.shape[-2:]) for b in row], -1)
            for row in filled
        ]
        return jnp.concatenate(rows, -2)

    matrix, radius = assembled("centre"), assembled("radius")
    radius = jnp.maximum(radius, radius.mT)
    # Radii with these row sums lie below a diagonal matrix (Gershgorin), scaled as the matrix is.
    scale = jnp.sqrt(jnp.abs(jnp.diagonal(matrix, axis1=-2, axis2=-1)))
    scale = jnp.where(scale > 0, scale, 1.0)
    rows = up(jnp.sum(up(radius / scale[..., None, :]), -1) * (1 + gamma(99, matrix.dtype)))
    below = up(rows * scale)
    shifted = (
        matrix
        - jnp.eye(matrix.shape[-1]) * up(below + 8 * gamma(2, below.dtype) * scale**2)[..., None, :]
    )
    return jnp.all(definite(shifted))


def _diagonal(entries: Array) -> Centred:
    n = entries.shape[-1]
    matrix = entries[..., None] * jnp.eye(n)
    return Centred(matrix, up(gamma(_ROUNDINGS, matrix.dtype) * jnp.abs(matrix)))


def _scaled_identity(scale: Array, n: int) -> Centred:
    return _diagonal(jnp.broadcast_to(scale[..., None], (*scale.shape, n)))


def _if_shown(shown: Array, bound: Array) -> Array:
    return jnp.where(shown & (bound >= 0), bound, jnp.inf)

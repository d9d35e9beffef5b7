"""The three statements that storage functions prove: on ∂Φ/∂θ, ∂²Φ/∂θ² and ∂Φ/∂σ."""

from __future__ import annotations

from flint import arb, arb_mat

from .definiteness import (
    blocks,
    diagonal,
    identity,
    matrix,
    positive_definite,
    symmetric,
)
from .dissipation import Corner, Proof, Stage, positive
from .regions import Refused
from .spans import largest
from .stage_inequalities import Form, Paths, added, stage_matrix


def check_jacobian(proof: Proof, upper: arb) -> None:
    """‖∂Φ/∂θ‖² = sup_u Σ_j m_j²‖b_j‖² ≤ upper², b_{j−1} = D_j(W_j + Δ_j)ᵀb_j, b_k = u.

    Refused if not shown.
    """
    end = check_storage(proof)[-1][-1]
    if not positive_definite((identity(upper**2, end.nrows()) - end).tolist()):
        raise Refused("the proof shows a larger bound than the one stated")


def check_storage(proof: Proof) -> list[list[arb_mat]]:
    """Y_0, Y_1, … at the nodes, ‖(∂Φ_j/∂θ)ᵀb‖² ≤ Y_j(b) where the layers up to j share V.

    By m_j²‖b_j‖² + Y_{j−1}(b_{j−1}) ≤ Y_j(b_j) from Y_0 = m_0²‖b_0‖². Refused if not shown.
    """
    front = proof.known.layers[0]
    start = identity(proof.front_norm**2, front.weight.nrows())
    before = [start] * (proof.levels + 1)
    found = [before]
    for j, stage in enumerate(proof.stages):
        after = [symmetric(matrix(y)) for y in stage.numbers["storage"]]
        stiffness = positive(stage.numbers["stiffness"])
        for corner in proof.corners:
            s = stiffness[corner.triangle]
            loss = proof.moved(stage, corner) / s
            for slopes, square in stage.cases(proof.at_corners, corner.triangle, corner.passed):
                room = after[corner.after] - identity(loss + square, stage.weight.nrows())
                rows = _moves(stage, corner, room, before[corner.before], s, slopes)
                if not positive_definite(rows):
                    raise Refused(f"the inequality of stage {j + 1} does not hold")
        before = after
        found.append(before)
    return found


def _moves(
    stage: Stage,
    corner: Corner,
    room: arb_mat,
    before: arb_mat,
    s: arb,
    slopes: list[arb] | None,
) -> list[list[arb]]:
    """The matrix of bᵀ·room·b − Y(D(Wᵀb + q)) + ‖q‖²/s: for these slopes, or all allowed."""
    w, rest = stage.weight, identity(1 / s, stage.n)
    if slopes is not None:
        through = diagonal(slopes) * before * diagonal(slopes)
        right = w * through
        return blocks([[room - right * w.transpose(), right * -1], [None, rest - through]])
    cross, inner, outer = map(diagonal, stage.sector("sector", corner.triangle, corner.passed))
    through = w * outer
    return blocks(
        [
            [room + through * w.transpose(), through, w * cross * -1],
            [None, rest + outer, cross * -1],
            [None, None, inner - before],
        ]
    )


def check_input_jacobian(proof: Proof, upper: arb) -> None:
    """‖∂Φ/∂σ‖ ≤ upper: the path matrices through W_0 and what stands before it. Refused if not."""
    paths = Paths(proof)
    paths.check(proof)
    front = proof.known.layers[0]
    steepest = front.bend.steepest()
    weight = front.weight * diagonal(steepest)
    widest = largest(steepest)
    stiffness = positive(proof.front)
    for corner in proof.corners:
        s, q = stiffness[corner.triangle], paths.nodes[0][corner.before]
        moved = proof.moved_front(corner) * widest**2
        right = q * weight
        rows = blocks(
            [
                [
                    identity(upper**2 - moved / s, weight.ncols()) - weight.transpose() * right,
                    right.transpose() * -1,
                ],
                [None, identity(1 / s, q.nrows()) - q],
            ]
        )
        if not positive_definite(rows):
            raise Refused("the proof shows a larger bound than the one stated")


def check_hessian(proof: Proof, upper: arb) -> None:
    """‖∂²Φ/∂θ²‖ ≤ max(‖X_1(V)‖m_0², λ_jm_j² + α_jB_j²) ≤ upper. Refused if not shown.

    NotShown where a slope may jump.
    """
    paths = Paths(proof)
    paths.check(proof)
    stored = [[symmetric(matrix(x)) for x in s.numbers["storage"]] for s in proof.stages]
    for j, stage in enumerate(proof.stages):
        last = j == len(proof.stages) - 1
        _check_majorants(stage, proof.triangles)
        columns = paths.columns(proof, j)
        for corner, own in zip(proof.corners, columns, strict=True):
            later = None if last else stored[j + 1][corner.before]
            numbers = _Multipliers(stage, corner)
            if not _curved_holds(proof, stage, corner, numbers, later, stored[j], own):
                raise Refused(f"the curvature inequality of stage {j + 1} does not hold")
            if stage.owned:
                q = paths.nodes[j + 1][corner.before]
                source = numbers.size / (numbers.stiffness * numbers.split)
                source = arb(0) if last else source
                for room in ((upper - source) / numbers.exchange, upper / numbers.across):
                    if not positive_definite((identity(room, q.nrows()) - q).tolist()):
                        raise Refused("the proof shows a larger bound than the one stated")
    # At all nodes: what the first layer takes of the radius is not in V.
    for node in stored[0]:
        first = node * proof.front_norm**2
        if not positive_definite((identity(upper, first.nrows()) - first).tolist()):
            raise Refused("the proof shows a larger bound than the one stated")


class _Multipliers:
    """Those of a triangle that are single numbers, positive."""

    def __init__(self, stage: Stage, corner: Corner) -> None:
        names = ("stiffness", "split", "size", "exchange", "across")
        self.stiffness, self.split, self.size, self.exchange, self.across = (
            positive(stage.numbers[name][corner.triangle])[0] for name in names
        )
        if not self.split < 1:
            raise Refused("a multiplier of the proof, a share, is not below 1")
        if not self.exchange <= self.across:
            raise Refused("the exchange across [s; 1] is below that along it")


def _check_majorants(stage: Stage, triangles: int) -> None:
    for t in range(triangles):
        for n, row in enumerate(stage.numbers["majorant"][t].tolist()):
            a, b, c = map(arb, row)
            if not stage.limits[-1].bend.under(n, (a, b, c)):
                raise Refused("a parabola of the proof is not above the curvature")


def _curved_holds(
    proof: Proof,
    stage: Stage,
    corner: Corner,
    numbers: _Multipliers,
    later: arb_mat | None,
    nodes: list[arb_mat],
    columns: list[arb],
) -> bool:
    """x'X_jx ≥ Σ|β_n|x_n² + ‖v‖²/α + X_{j+1}(Wv + w + p) − λ‖p‖² − τ(‖w‖² − ‖Δ‖²‖v‖²).

    |β_n| ≤ c|ψ''|, c² the squared column, and c ≤ (c²/pivot + pivot)/2; |ψ''|x² ≤ ax² + bxv − cv².
    """
    s = numbers.stiffness
    loss = arb(0) if later is None else proof.moved(stage, corner) / (s * (1 - numbers.split))
    if stage.owned:
        aligned = stage.limits[corner.left].aligned
        loss += aligned / numbers.exchange + (1 - aligned) / numbers.across
    pivots = positive(stage.numbers["pivot"][corner.triangle])
    majorants = stage.numbers["majorant"][corner.triangle].tolist()
    bend: Form = ([], [], [])
    for pivot, squared, row in zip(pivots, columns, majorants, strict=True):
        weight = (squared / pivot + pivot) / 2
        a, b, c = map(arb, row)
        for entries, entry in zip(bend, (weight * b / 2, weight * c, -weight * a), strict=True):
            entries.append(entry)
    end = nodes[corner.after]
    for slopes, square in stage.cases(proof.at_corners, corner.triangle, corner.left):
        joined = s * (1 - numbers.split + numbers.split * square / numbers.size)
        if slopes is None:
            form = added(stage.sector("sector", corner.triangle, corner.left), bend)
            rows = stage_matrix(stage, later, end, form, loss, joined)
        else:
            # So that no square of a slope has a negative coefficient: convex in each slope.
            enough = largest([loss, *bend[1]])
            rows = stage_matrix(stage, later, end, bend, enough, joined, slopes)
        if not positive_definite(rows):
            return False
    return True

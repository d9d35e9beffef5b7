"""The inequalities of single stages of a proof, and what follows from those of the paths."""

from __future__ import annotations

from flint import arb, arb_mat

from .definiteness import blocks, diagonal, identity, matrix, positive_definite, symmetric
from .dissipation import Proof, Stage, positive
from .regions import Refused

# N, M, A of 2xᵀNv − vᵀMv − xᵀAx, all diagonal.
Form = tuple[list[arb], list[arb], list[arb]]


class Paths:
    """The matrices Q_j ⪰ P_kjᵀP_kj of a proof, and what the checks need of them."""

    def __init__(self, proof: Proof) -> None:
        n = proof.stages[-1].weight.nrows()
        unit = [identity(arb(1), n)] * (proof.levels + 1)
        given = [[symmetric(matrix(q)) for q in s.numbers["path"]] for s in proof.stages]
        self.nodes = [*given, unit]

    def check(self, proof: Proof) -> None:
        """xᵀQ_jx ≥ ‖P_k,j+1 (W + Δ)v‖² for all v that the slopes allow."""
        for j, stage in enumerate(proof.stages):
            stiffness = positive(stage.numbers["path_stiffness"])
            for corner in proof.corners:
                s = stiffness[corner.triangle]
                later, end = self.nodes[j + 1][corner.before], self.nodes[j][corner.after]
                form = stage.sector("path_sector", corner.triangle, corner.left)
                loss = proof.moved(stage, corner) / s
                if not positive_definite(stage_matrix(stage, later, end, form, loss, s)):
                    raise Refused(f"the path inequality of stage {j + 1} does not hold")

    def columns(self, proof: Proof, j: int) -> list[list[arb]]:
        """The proof's bounds of the squared columns of P(W + Δ), P behind stage j, at each corner.

        Refused where they are not bounds.
        """
        stage = proof.stages[j]
        stiffness = positive(stage.numbers["column_stiffness"])
        fixed: dict[tuple[int, int], list[arb]] = {}
        found = []
        given = stage.numbers["columns"].reshape(len(proof.corners), stage.n).tolist()
        for corner, row in zip(proof.corners, given, strict=True):
            s, place = stiffness[corner.triangle], (corner.triangle, corner.before)
            if place not in fixed:
                fixed[place] = _columns(self.nodes[j + 1][corner.before], stage.weight, s)
            spread = proof.moved(stage, corner) / s
            found.append(list(map(arb, row)))
            if not all(f >= c + spread for f, c in zip(found[-1], fixed[place], strict=True)):
                raise Refused(f"the bounds of columns of stage {j + 1} do not hold")
        return found


def _columns(q: arb_mat, w: arb_mat, s: arb) -> list[arb]:
    """sup over z of (w + z)ᵀQ(w + z) − ‖z‖²/s for each column w."""
    rest = identity(1 / s, q.nrows()) - q
    if not positive_definite(rest.tolist()):
        raise Refused("a column inequality of the proof does not hold")
    right = q * w
    try:
        solved = rest.solve(right)
    except ZeroDivisionError:
        raise Refused("a column inequality of the proof does not hold") from None
    whole = w.transpose() * right + right.transpose() * solved
    return [whole[i, i] for i in range(w.ncols())]


def stage_matrix(
    stage: Stage,
    later: arb_mat | None,
    end: arb_mat,
    form: Form,
    loss: arb,
    stiffness: arb,
    slopes: list[arb] | None = None,
) -> list[list[arb]]:
    """The matrix of xᵀX_jx − σ(x, v) − loss‖v‖² − (Wv + q)ᵀX_{j+1}(Wv + q) + ‖q‖²/s.

    In x, v and q, or with `slopes` D in x and q, v = Dx. Without X_{j+1}, nothing is stored behind
    the stage and q is left out.
    """
    cross, inner, outer = (diagonal(entries) for entries in form)
    first, second = end + outer, inner - identity(loss, stage.n)
    third, right = None, None
    if later is not None:
        right = later * stage.weight
        second = second - stage.weight.transpose() * right
        third = identity(1 / stiffness, later.nrows()) - later
    if slopes is None:
        rows: list[list[arb_mat | None]] = [[first, cross * -1, None], [None, second, None]]
    else:
        d = diagonal(slopes)
        rows = [[first - 2 * (cross * d) + d * second * d, None]]
        right = None if right is None else right * d
    if third is None or right is None:
        return blocks([row[:-1] for row in rows])
    rows[-1][-1] = right.transpose() * -1
    return blocks([*rows, [None] * (len(rows[0]) - 1) + [third]])


def added(one: Form, other: Form) -> Form:
    """The sum of both forms."""
    cross, inner, outer = (
        [a + b for a, b in zip(*entries, strict=True)] for entries in zip(one, other, strict=True)
    )
    return cross, inner, outer

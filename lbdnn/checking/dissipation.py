r"""Proofs of kind "dissipation": quadratic storage functions, checked inequality by inequality.

With x_1 = p_0, v_j = D_jx_j, x_{j+1} = (W_j + Δ_j)v_j + p_j, ‖p_j‖ ≤ m_je_j, Σe_j² = 1 and
‖Δ_j‖² ≤ ρ_j² + r²u_j, Σu_j ≤ 1 (`docs/mathematics.md`, "One inequality for all layers"). A storage
matrix is given at the nodes V = 0, 1/N, …, 1 and linear between them; V is the share of r² used by
the layers already passed. All right-hand sides are convex in (V, u) for fixed multipliers, so each
is checked at the corners of the triangles only. Each check is an LDLᵀ factorisation in ball
arithmetic of a matrix made of the proof's numbers, the weights, and this package's own enclosures.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from flint import arb, arb_mat

from .definiteness import (
    blocks,
    diagonal,
    identity,
    matrix,
    positive_definite,
    symmetric,
)
from .enclosure import Bend, Enclosure, stages
from .regions import Parameters, Refused
from .spans import Span, hull


@dataclass
class Corner:
    """(V, u) = (i/N, j/N), a corner of triangle t."""

    triangle: int
    before: int
    after: int
    share: arb


@dataclass
class Stage:
    """One stage of the network, its numbers in the proof, and its limits."""

    bend: Bend
    weight: arb_mat
    norm: arb | None
    aligned: arb
    own: arb
    numbers: dict[str, Any]

    @property
    def n(self) -> int:
        """The neurons before the weights."""
        return self.weight.ncols()

    def sector(self, name: str, t: int) -> tuple[list[arb], list[arb], list[arb]]:
        """N, M, A with 2xᵀNv − vᵀMv − xᵀAx = Σ 2T_n(v_n − low_n x_n)(high_n x_n − v_n)."""
        cross, inner, outer = [], [], []
        for n, multiplier in enumerate(positive(self.numbers[name][t], zero=True)):
            low, high = self.slope(n)
            cross.append(multiplier * (low + high))
            inner.append(2 * multiplier)
            outer.append(2 * multiplier * low * high)
        return cross, inner, outer

    def slope(self, neuron: int) -> Span:
        """An interval of ψ': this package's own, widened to the one that the proof is about."""
        said = Span(*(arb(float(self.numbers[which][neuron])) for which in ("low", "high")))
        if not said.lo <= said.hi:
            raise Refused("the proof's slopes are no intervals")
        return hull([self.bend.slopes[neuron], said])


class Proof:
    """A proof over a region, its arrays checked for their shapes."""

    def __init__(
        self, proof: dict[str, Any], quantity: str, known: Enclosure, parameters: Parameters
    ) -> None:
        levels = proof.get("levels")
        if not isinstance(levels, int) or not 1 <= levels <= 64:
            raise Refused("the proof's number of levels is none")
        self.levels: int = levels
        self.known, self.quantity = known, quantity
        self.shared = arb(0) if parameters.radius is None else parameters.radius**2
        radii = parameters.layer_radii()
        own = [arb(0) if parameters.radius is not None else r * r for r in radii]
        self.own_front = own[0]
        given, wanted = proof.get("stages"), stages(known)
        if not isinstance(given, list) or len(given) != len(wanted):
            raise Refused("the proof has another number of stages than the network")
        self.corners = _corners(self.levels)
        self.triangles = self.corners[-1].triangle + 1
        self.stages = []
        for (bend, weight, norm, aligned), rest, numbers in zip(
            wanted, [*own[1:], arb(0)], given, strict=False
        ):
            n_in, n_out = weight.ncols(), weight.nrows()
            read = {
                name: shaped(numbers, name, shape)
                for name, shape in self._shapes(n_in, n_out).items()
            }
            self.stages.append(Stage(bend, weight, norm, aligned, rest, read))
        if quantity == "input_jacobian":
            self.front = shaped(proof, "stiffness", (self.triangles,))

    def _shapes(self, n: int, n_out: int) -> dict[str, tuple[int, ...]]:
        t, nodes = self.triangles, self.levels + 1
        slopes = {"low": (n,), "high": (n,)}
        path = {"path": (nodes, n, n), "path_stiffness": (t,), "path_sector": (t, n)}
        if self.quantity == "input_jacobian":
            return slopes | path
        if self.quantity == "jacobian":
            size = n_out
            return slopes | {"storage": (nodes, size, size), "stiffness": (t,), "sector": (t, n)}
        scalars = ("column_stiffness", "stiffness", "split", "exchange", "across")
        vectors = {"pivot": (t, n), "majorant": (t, n, 3), "sector": (t, n)}
        vectors |= {"columns": (t, 3, n)}
        storage = {"storage": (nodes, n, n)}
        return slopes | path | storage | vectors | dict.fromkeys(scalars, (t,))

    def moved(self, stage: Stage, corner: Corner) -> arb:
        """‖Δ‖² at a corner; 0 without parameters, whatever share is set aside."""
        if stage.norm is None:
            return arb(0)
        return stage.own + self.shared * corner.share


def shaped(numbers: Any, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """An array of finite floats of the proof; Refused where it is missing or has another shape."""
    if not isinstance(numbers, dict) or name not in numbers:
        raise Refused(f"the proof has no {name!r}")
    try:
        array = np.asarray(numbers[name], np.float64)
    except (TypeError, ValueError):
        raise Refused(f"the proof's {name!r} is no array of numbers") from None
    if array.shape != shape:
        raise Refused(f"the proof's {name!r} has shape {array.shape} in place of {shape}")
    if not np.all(np.isfinite(array)):
        raise Refused(f"the proof's {name!r} holds something that is no finite number")
    return array


def positive(values: Any, *, zero: bool = False) -> list[arb]:
    """Numbers > 0 (or ≥ 0); Refused for others, with which the inequalities mean nothing."""
    found = [arb(x) for x in np.ravel(values).tolist()]
    if not all(x > 0 or (zero and x >= 0) for x in found):
        raise Refused("a multiplier of the proof is negative or 0")
    return found


def _corners(n: int) -> list[Corner]:
    found, triangle = [], 0
    for i in range(n):
        for j in range(n - i):
            for shape in (((0, 0), (1, 0), (0, 1)), ((1, 0), (0, 1), (1, 1))):
                own = [(i + a, j + b) for a, b in shape]
                if max(a + b for a, b in own) > n:
                    continue
                found += [Corner(triangle, a, a + b, arb(b) / n) for a, b in own]
                triangle += 1
    return found


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
                form = stage.sector("path_sector", corner.triangle)
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
    form: tuple[list[arb], list[arb], list[arb]],
    loss: arb,
    stiffness: arb,
) -> list[list[arb]]:
    """The matrix of xᵀX_jx − σ(x, v) − loss‖v‖² − (Wv + q)ᵀX_{j+1}(Wv + q) + ‖q‖²/s.

    Without X_{j+1}, nothing is stored behind the stage and q is left out.
    """
    cross, inner, outer = (diagonal(entries) for entries in form)
    first, second = end + outer, inner - identity(loss, stage.n)
    if later is None:
        return blocks([[first, cross * -1], [None, second]])
    right = later * stage.weight
    second = second - stage.weight.transpose() * right
    third = identity(1 / stiffness, later.nrows()) - later
    return blocks(
        [[first, cross * -1, None], [None, second, right.transpose() * -1], [None, None, third]]
    )

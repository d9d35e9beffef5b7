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
from itertools import product
from typing import Any

import numpy as np
from flint import arb, arb_mat

from .enclosure import Enclosure, Layer, stages
from .regions import Parameters, Refused
from .spans import Span, hull

# Corners of slopes, times levels², of a stage.
_MOST = 1000


@dataclass
class Corner:
    """(V, u) = (i/N, j/N), a corner of triangle t.

    Nowhere on the triangle do the layers passed have more than the share at the node `passed`, nor
    those still to come more than that at `left`.
    """

    triangle: int
    before: int
    after: int
    share: arb
    passed: int
    left: int


@dataclass
class Stage:
    """One stage of the network, its numbers in the proof, and its limits: a layer for each node of
    the share that the layers before have. `own`: ‖Δ‖² beside what is shared."""

    limits: list[Layer]
    own: arb
    numbers: dict[str, Any]

    @property
    def weight(self) -> arb_mat:
        """W, the same at all nodes."""
        return self.limits[-1].weight

    @property
    def n(self) -> int:
        """The neurons before the weights."""
        return self.weight.ncols()

    @property
    def owned(self) -> bool:
        """Whether the weights are parameters."""
        return self.limits[-1].norm is not None

    def cases(self, corners: bool, t: int, node: int) -> list[tuple[list[arb] | None, arb]]:
        """The slopes that an inequality has to hold for, None for all that `sector` allows, and an
        upper bound of ‖[s; 1]‖², 0 without parameters.

        Convex in each slope, it holds for all if it holds at the corners of their box, the bound
        at each of them being one and the same mean of a − bΣψ' and of the largest.
        """
        norm, squares = self.limits[node].norm, self.limits[node].squares
        whole = arb(0) if norm is None else norm**2
        if not corners:
            return [(None, whole)]
        (mix,) = positive(self.numbers["mix"][t], zero=True)
        if not mix <= 1:
            raise Refused("a multiplier of the proof, a share, is above 1")
        most, fall = (whole, 0) if squares is None else squares
        ends = [self.slope(n, node) for n in range(self.n)]
        return [
            (list(slopes), mix * (most - fall * sum(slopes, arb(0))) + (1 - mix) * whole)
            for slopes in product(*((end.lo, end.hi) for end in ends))
        ]

    def sector(self, name: str, t: int, node: int) -> tuple[list[arb], list[arb], list[arb]]:
        """N, M, A with 2xᵀNv − vᵀMv − xᵀAx = Σ 2T_n(v_n − low_n x_n)(high_n x_n − v_n)."""
        cross, inner, outer = [], [], []
        for n, multiplier in enumerate(positive(self.numbers[name][t], zero=True)):
            low, high = self.slope(n, node)
            cross.append(multiplier * (low + high))
            inner.append(2 * multiplier)
            outer.append(2 * multiplier * low * high)
        return cross, inner, outer

    def slope(self, neuron: int, node: int) -> Span:
        """An interval of ψ': this package's own, widened to the one that the proof is about."""
        said = Span(*(arb(float(self.numbers[which][node, neuron])) for which in ("low", "high")))
        if not said.lo <= said.hi:
            raise Refused("the proof's slopes are no intervals")
        return hull([self.limits[node].bend.slopes[neuron], said])


class Proof:
    """A proof over a region, its arrays checked for their shapes; `nodes` as `reach` gives it."""

    def __init__(
        self, proof: dict[str, Any], quantity: str, nodes: list[Enclosure], parameters: Parameters
    ) -> None:
        self.levels = levels_of(proof)
        self.known, self.quantity = nodes[-1], quantity
        at_corners = False if quantity == "input_jacobian" else proof.get("corners")
        if not isinstance(at_corners, bool):
            raise Refused("the proof does not say whether it is about corners of slopes")
        self.at_corners = at_corners
        known = self.known
        self.shared = arb(0) if parameters.radius is None else parameters.radius**2
        radii = [layer.radius for layer in known.layers]
        own = [arb(0) if parameters.radius is not None else r * r for r in radii]
        self.own_front = own[0]
        given, wanted = proof.get("stages"), [stages(node) for node in nodes]
        if not isinstance(given, list) or len(given) != len(wanted[-1]):
            raise Refused("the proof has another number of stages than the network")
        self.corners = _corners(self.levels)
        self.triangles = self.corners[-1].triangle + 1
        self.stages = []
        for at_nodes, rest, numbers in zip(
            zip(*wanted, strict=True), [*own[1:], arb(0)], given, strict=False
        ):
            weight = at_nodes[-1].weight
            n_in, n_out = weight.ncols(), weight.nrows()
            if at_corners and self.levels**2 * 2**n_in > _MOST:
                raise Refused("the proof has more corners of slopes than are looked at")
            read = {
                name: shaped(numbers, name, shape)
                for name, shape in self._shapes(n_in, n_out).items()
            }
            self.stages.append(Stage(list(at_nodes), rest, read))
        if quantity == "input_jacobian":
            self.front = shaped(proof, "stiffness", (self.triangles,))

    def _shapes(self, n: int, n_out: int) -> dict[str, tuple[int, ...]]:
        t, nodes = self.triangles, self.levels + 1
        slopes = {"low": (nodes, n), "high": (nodes, n)}
        path = {"path": (nodes, n, n), "path_stiffness": (t,), "path_sector": (t, n)}
        if self.quantity == "input_jacobian":
            return slopes | path
        slopes |= {"mix": (t,)} if self.at_corners else {"sector": (t, n)}
        if self.quantity == "jacobian":
            return slopes | {"storage": (nodes, n_out, n_out), "stiffness": (t,)}
        scalars = ("column_stiffness", "stiffness", "split", "size", "exchange", "across")
        vectors = {"pivot": (t, n), "majorant": (t, n, 3)}
        vectors |= {"columns": (t, 3, n)}
        storage = {"storage": (nodes, n, n)}
        return slopes | path | storage | vectors | dict.fromkeys(scalars, (t,))

    def moved(self, stage: Stage, corner: Corner) -> arb:
        """‖Δ‖² at a corner; 0 without parameters, whatever share is set aside."""
        if not stage.owned:
            return arb(0)
        return stage.own + self.shared * corner.share

    def moved_front(self, corner: Corner) -> arb:
        """The same of the first layer."""
        if self.known.layers[0].norm is None:
            return arb(0)
        return self.own_front + self.shared * corner.share

    @property
    def front_norm(self) -> arb:
        """m_0; 0 without parameters."""
        norm = self.known.layers[0].norm
        return arb(0) if norm is None else norm


def levels_of(proof: dict[str, Any]) -> int:
    """N; Refused if it is none."""
    levels = proof.get("levels")
    if not isinstance(levels, int) or not 1 <= levels <= 64:
        raise Refused("the proof's number of levels is none")
    return levels


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
                passed, left = max(a for a, _ in own), n - min(a + b for a, b in own)
                found += [Corner(triangle, a, a + b, arb(b) / n, passed, left) for a, b in own]
                triangle += 1
    return found

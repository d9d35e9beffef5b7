"""An interior-point method for the semidefinite programs of Lipschitz constants."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

# By how much the weight of ρ grows along the path (with 10 points are lost that are near to it),
# how near to it they are to be, and within how many steps; how many times those at the start
# multipliers may be.
_GROWTH = 3.0
_NEAR = 0.5
_STEPS = 40
_LARGEST = 1e4
# The part of ρ at the start below which nothing is sought: the constant is 0, or nearly.
_VANISHED = 1e-14


class Point(NamedTuple):
    """T (m,), and ρ."""

    multipliers: Float[np.ndarray, " m"]
    square: float


@dataclass(frozen=True, eq=False)
class Program:
    r"""The least ρ with N = ρ E_xᵀE_x − FᵀF − Σ_k T_k sym(p_k q_kᵀ) ⪰ 0, T ≥ 0.

    sym A = (A + Aᵀ)/2; E_x selects the first entries.

    - `below` and `beyond`: p_k and q_k as rows, (m, inputs + m).
    - `output`: F, (outputs, inputs + m).
    - `layers`: numbers of neurons. The entries of N are those of inputs, then one for each k;
      p_k and q_k are e_k and −e_k where they concern the layer of k, and 0 beyond.
    """

    below: Float[np.ndarray, "m n"]
    beyond: Float[np.ndarray, "m n"]
    output: Float[np.ndarray, "o n"]
    layers: tuple[int, ...]

    @property
    def inputs(self) -> int:
        """The number of entries of x."""
        return self.below.shape[1] - len(self.below)

    @cached_property
    def spans(self) -> tuple[tuple[slice, slice], ...]:
        """The rows of each layer in p and q, and the columns outside which they are 0."""
        ends = np.cumsum((0, *self.layers))
        used = (self.below != 0) | (self.beyond != 0)
        found = []
        for first, last in pairwise(ends.tolist()):
            columns = np.flatnonzero(used[first:last].any(0))
            found.append((slice(first, last), slice(int(columns[0]), int(columns[-1]) + 1)))
        return tuple(found)

    def matrix(self, point: Point) -> Float[np.ndarray, "n n"]:
        """N."""
        n = -self.output.T @ self.output
        for rows, columns in self.spans:
            scaled = point.multipliers[rows, None] * self.beyond[rows, columns]
            product = self.below[rows, columns].T @ scaled
            n[columns, columns] -= (product + product.T) / 2
        first = np.arange(self.inputs)
        n[first, first] += point.square
        return n

    def start(self) -> Point:
        """A point with N ≻ 0, with equal multipliers within a layer: from the last to the first.

        The multipliers of a layer are on its own diagonal entries of N, and else where earlier
        layers are: each layer's is twice what makes the part from there on definite. (As
        ECLipsE-Fast, Xu and Sivaranjani 2024, arXiv 2404.04375, but from the end.)
        """
        point, end = Point(np.zeros(len(self.below)), 0.0), self.below.shape[1]
        for width in (*reversed(self.layers), self.inputs):
            own, later = slice(end - width, end), slice(end, None)
            n = self.matrix(point)
            missing = n[own, later] @ np.linalg.solve(n[later, later], n[later, own]) - n[own, own]
            enough = 2 * max(float(np.linalg.eigvalsh(missing)[-1]), 1e-12)
            end -= width
            if end:
                point.multipliers[end - self.inputs :][:width] = enough
            else:
                point = point._replace(square=enough)
        return point

    def solved(self, accuracy: float) -> list[Point]:
        r"""Points near the central path; ρ of the last is above the least by about `accuracy` · ρ.

        The minima of wρ − log det N − Σ_k log(T_k(R_k − T_k)), R far beyond what matters, by
        Newton's method; ρ is within (n + 2m)/w of the least one. With G = N⁻¹ second derivatives
        are ½[(p_kGp_l)(q_kGq_l) + (p_kGq_l)(q_kGp_l)], for N has matrices of rank two: a step takes
        some products of n × n matrices, where for matrices without structure it takes n times
        that. (Nesterov and Nemirovskii 1994; as in DSDP, Benson, Ye, Zhang 2000.)

        Fewer points, or none, where numbers are too large or too small for it.
        """
        with np.errstate(all="ignore"):
            try:
                point = self.start()
            except np.linalg.LinAlgError:
                return []
            return self._followed(point, accuracy)

    def _followed(self, point: Point, accuracy: float) -> list[Point]:
        largest = _LARGEST * point.multipliers
        rank = self.below.shape[1] + 2 * len(self.below)
        weight = rank / point.square
        found = [self._centre(point, weight, largest)]
        while rank / weight > max(accuracy * found[-1].square, _VANISHED * point.square):
            weight *= _GROWTH
            found.append(self._centre(found[-1], weight, largest))
        return found

    def _centre(self, point: Point, weight: float, largest: np.ndarray) -> Point:
        for _ in range(_STEPS):
            try:
                gradient, hessian = self._derivatives(point, weight, largest)
                scale = 1 / np.sqrt(np.diagonal(hessian))
                root = np.linalg.cholesky(hessian * np.outer(scale, scale))
            except np.linalg.LinAlgError:
                return point
            half = np.linalg.solve(root, scale * gradient)
            step, decrement = -scale * np.linalg.solve(root.T, half), float(half @ half)
            if not decrement > _NEAR**2:
                return point
            moved = self._searched(point, step, decrement, weight, largest)
            if moved is None:
                return point
            point = moved
        return point

    def _searched(
        self,
        point: Point,
        step: Float[np.ndarray, " m+1"],
        decrement: float,
        weight: float,
        largest: Float[np.ndarray, " m"],
    ) -> Point | None:
        """Along the step: shorter ones until the value is less, or longer ones while it is."""

        def at(size: float) -> tuple[float, Point]:
            moved = Point(
                point.multipliers + size * step[:-1], float(point.square + size * step[-1])
            )
            return self._value(moved, weight, largest), moved

        old, size = self._value(point, weight, largest), 1.0
        value, moved = at(size)
        while not value <= old - 0.1 * size * decrement:
            size /= 2
            if size < 1e-8:
                return None
            value, moved = at(size)
        while size >= 1:
            size *= 2
            farther = at(size)
            if not farther[0] < value:
                break
            value, moved = farther
        return moved

    def _value(self, point: Point, weight: float, largest: np.ndarray) -> float:
        t = point.multipliers
        if not (np.all(t > 0) and np.all(t < largest)):
            return math.inf
        try:
            root = np.linalg.cholesky(self.matrix(point))
        except np.linalg.LinAlgError:
            return math.inf
        logarithms = 2 * np.log(np.diagonal(root)).sum() + np.log(t).sum()
        return float(weight * point.square - logarithms - np.log(largest - t).sum())

    def _times(self, rows: np.ndarray, matrix: np.ndarray) -> np.ndarray:
        """`rows`, p or q, times a matrix."""
        return np.concatenate([rows[own, used] @ matrix[used] for own, used in self.spans])

    def _derivatives(
        self, point: Point, weight: float, largest: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """In (T, ρ)."""
        t, x = point.multipliers, self.inputs
        g = np.linalg.inv(self.matrix(point))
        p, q = self._times(self.below, g), self._times(self.beyond, g)
        pp, pq, qq = (
            self._times(right, left.T).T
            for left, right in ((p, self.below), (p, self.beyond), (q, self.beyond))
        )
        gradient = np.append(
            np.diagonal(pq) - 1 / t + 1 / (largest - t), weight - np.trace(g[:x, :x])
        )
        hessian = np.empty((len(t) + 1, len(t) + 1))
        hessian[:-1, :-1] = (pp * qq + pq * pq.T) / 2
        index = np.arange(len(t))
        hessian[index, index] += 1 / t**2 + 1 / (largest - t) ** 2
        hessian[-1, :-1] = hessian[:-1, -1] = -np.sum(p[:, :x] * q[:, :x], 1)
        hessian[-1, -1] = np.sum(g[:x, :x] ** 2)
        return gradient, hessian

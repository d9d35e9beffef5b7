r"""Bounds from the norms of the layers, for certificates that bring no proof.

With paths P_ti = W_tD_t⋯W_{i+1}D_{i+1} of perturbed layers, π_ti ≥ ‖P_ti‖, m_i ≥ ‖[s_i; 1]‖
(`docs/mathematics.md`, "Norms of the actual layers"): ‖∂Φ/∂θ‖² ≤ Σ π_ki²m_i², and ‖∂²Φ/∂θ²‖ is at
most the largest eigenvalue of a matrix of products of such norms, term by term the smaller of two
bounds where the layers share a radius (`shared_radius`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from flint import arb, arb_mat

from .definiteness import (
    diagonal,
    euclidean,
    identity,
    least,
    positive_definite,
    spectral_norm,
)
from .enclosure import Enclosure
from .regions import Parameters
from .shared_radius import Factor, Term, capped
from .spans import NotShown, largest


@dataclass
class _Step:
    """From Φ_t to Φ_{t+1} = (W + Δ)ψ(Φ_t): |W|, the columns of W, slopes, and norms."""

    size: arb_mat
    columns: list[arb]
    norm: arb
    slope: list[arb]
    steepest: arb
    radius: arb


class LayerNorms:
    """The bounds over a region. Steps t = 0..K−1, the last one without parameters."""

    def __init__(self, known: Enclosure, parameters: Parameters) -> None:
        self.known, self.radius = known, parameters.radius
        self.norms = [arb(0) if x.norm is None else x.norm for x in known.layers]
        self.radii = [layer.radius for layer in known.layers]
        last = identity(arb(1), len(known.bend.slopes))
        bends = [layer.bend for layer in known.layers[1:]] + [known.bend]
        weights = [layer.weight for layer in known.layers[1:]] + [last]
        self.bends = bends
        self.steps = [
            _step(weight, bend.steepest(), radius)
            for weight, bend, radius in zip(weights, bends, [*self.radii[1:], arb(0)], strict=True)
        ]
        self.table, self.sizes, self.rests, self.from_first = _paths(self.steps)
        self.to_end = self.table[-1]

    @property
    def shares(self) -> bool:
        """Whether the layers share a radius."""
        return self.radius is not None and bool(self.radius > 0)

    @cached_property
    def jacobian(self) -> arb:
        """An upper bound of ‖∂Φ/∂θ‖."""
        count = len(self.steps)
        terms = [(self.to_end[i] * self.norms[i]).upper() for i in range(count)]
        if self.shares:
            caps = self._capped([self._path(i, count, self.norms[i]) for i in range(count)])
            terms = [least(a, b) for a, b in zip(terms, caps, strict=True)]
        return euclidean(terms)

    @cached_property
    def input_jacobian(self) -> arb:
        """An upper bound of ‖∂Φ/∂σ‖."""
        front, count = self.known.layers[0], len(self.steps)
        slope = front.bend.steepest()
        steepest, norm, radius = largest(slope), spectral_norm(front.weight), self.radii[0]
        whole = (self.to_end[0] * steepest * (norm + radius)).upper()
        entry = self.sizes[0] * magnitudes(front.weight) * diagonal(slope)
        rest = self.rests[0] * norm + self.to_end[0] * radius
        best = least(whole, (spectral_norm(entry) + steepest * rest).upper())
        if not self.shares:
            return best
        term = self._path(0, count, steepest)
        term.factors.append(Factor(norm, radius, 1))
        return least(best, self._capped([term])[0])

    def hessian_at_most(self, upper: arb) -> bool:
        """Whether ‖∂²Φ/∂θ²‖ ≤ upper is proved; NotShown where ψ' may jump."""
        m = self._hessian_matrix
        if all(entry.is_zero() for entry in m.entries()):
            return True
        return positive_definite((identity(upper, m.nrows()) - m).tolist())

    @cached_property
    def _hessian_matrix(self) -> arb_mat:
        count = len(self.steps)
        owned = [layer.norm is not None for layer in self.known.layers]
        places = [(j, i) for j in range(1, count) for i in range(j) if owned[j] and owned[i]]
        mixed = [
            (self.to_end[j] * self.steps[j - 1].steepest * self.table[j - 1][i] * self.norms[i])
            for j, i in places
        ]
        curved_places = [
            (t, j, i)
            for t in range(count)
            for j in range(t + 1)
            for i in range(j + 1)
            if owned[j] and owned[i]
        ]
        gains, bends = zip(*map(self.gain, range(count)), strict=True)
        curved = [
            gains[t] * self.table[t][j] * self.norms[j] * self.table[t][i] * self.norms[i]
            for t, j, i in curved_places
        ]
        if self.shares:
            terms = [self._mixed_term(j, i) for j, i in places]
            terms += [self._curved_term(t, j, i, bends[t]) for t, j, i in curved_places]
            caps = self._capped(terms)
            own = [term.upper() for term in (*mixed, *curved)]
            both = [least(a, b) for a, b in zip(own, caps, strict=True)]
            mixed, curved = both[: len(mixed)], both[len(mixed) :]
        m = arb_mat(count, count)
        for (j, i), term in zip(places, mixed, strict=True):
            m[j, i] = m[i, j] = m[j, i] + term
        for (_, j, i), term in zip(curved_places, curved, strict=True):
            m[j, i] = m[i, j] = m[j, i] + term
        return m

    def gain(self, t: int) -> tuple[arb, arb]:
        """max_n |ψ''|_n‖column n of B(W + Δ)‖, and max|ψ''|, at step t."""
        step, end = self.steps[t], self.to_end[t + 1]
        bent = self.bends[t].curvatures()
        product = self.sizes[t + 1] * step.size
        gains = []
        for n, (curvature, own) in enumerate(zip(bent, step.columns, strict=True)):
            through = euclidean([product[k, n].upper() for k in range(product.nrows())])
            split = (through + self.rests[t + 1] * own + step.radius * end).upper()
            whole = (end * (own + step.radius)).upper()
            gains.append((curvature * least(split, whole)).upper())
        return largest(gains), largest(bent)

    def _path(self, start: int, stop: int, constant: arb, power: int = 1) -> Term:
        """constant·Π_{start ≤ t < stop} (sup|ψ'|(‖W‖ + ‖Δ‖))^power."""
        factors = []
        for step in self.steps[start:stop]:
            constant = constant * step.steepest**power
            factors.append(Factor(step.norm, step.radius, power))
        return Term(constant, factors)

    def _mixed_term(self, j: int, i: int) -> Term:
        constant = self.norms[i] * self.steps[j - 1].steepest
        after = self._path(j, len(self.steps), constant)
        before = self._path(i, j - 1, arb(1))
        return Term(after.constant * before.constant, after.factors + before.factors)

    def _curved_term(self, t: int, j: int, i: int, bent: arb) -> Term:
        step = self.steps[t]
        after = self._path(t + 1, len(self.steps), bent * self.norms[j] * self.norms[i])
        once, twice = self._path(i, j, arb(1)), self._path(j, t, arb(1), 2)
        column = Factor(largest(step.columns), step.radius, 1)
        return Term(
            after.constant * once.constant * twice.constant,
            [column, *after.factors, *once.factors, *twice.factors],
        )

    def _capped(self, terms: list[Term]) -> list[arb]:
        if self.radius is None:
            raise NotShown("the layers share no radius")
        return capped(terms, self.radius)


def _step(weight: arb_mat, slope: list[arb], radius: arb) -> _Step:
    size = magnitudes(weight)
    rows = size.tolist()
    columns = [euclidean([row[n] for row in rows]) for n in range(weight.ncols())]
    return _Step(size, columns, spectral_norm(weight), slope, largest(slope), radius)


def magnitudes(m: arb_mat) -> arb_mat:
    """Upper bounds of the absolute values of the entries."""
    entries = [abs(entry).upper() for row in m.tolist() for entry in row]
    return arb_mat(m.nrows(), m.ncols(), entries)


def _paths(
    steps: list[_Step],
) -> tuple[list[list[arb]], list[arb_mat], list[arb], list[tuple[arb_mat, arb]]]:
    """π[t][i] ≥ ‖P_ti‖ for i ≤ t; for the whole paths from each i A and ‖R‖, for those from Φ_0 to
    each Φ_t both.

    P = N + R with |N| ≤ A = |W_t|diag(d_t)⋯ entrywise, R what perturbations of weights add.
    """
    n = steps[0].size.ncols()
    sizes, rests, table = [identity(arb(1), n)], [arb(0)], [[arb(1)]]
    from_first = [(sizes[0], rests[0])]
    for t, step in enumerate(steps):
        own = []
        for i in range(t + 1):
            bent = diagonal(step.slope) * sizes[i]
            grown = (step.steepest * rests[i]).upper()
            through = least(
                (spectral_norm(bent) + grown).upper(), (step.steepest * table[t][i]).upper()
            )
            rests[i] = (step.norm * grown + step.radius * through).upper()
            sizes[i] = step.size * bent
            own.append((spectral_norm(sizes[i]) + rests[i]).upper())
        own[t] = least(own[t], (step.steepest * (step.norm + step.radius)).upper())
        best = list(own)
        for i in range(t + 1):
            for middle in range(i, t + 1):
                best[i] = least(best[i], (own[middle] * table[middle][i]).upper())
        table.append([*best, arb(1)])
        sizes.append(identity(arb(1), step.size.nrows()))
        rests.append(arb(0))
        from_first.append((sizes[0], rests[0]))
    return table, sizes, rests, from_first

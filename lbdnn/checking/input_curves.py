r"""Bounds of derivatives in the input from the norms of the layers.

With y_t ≥ ‖∂Φ_t/∂σ‖, x_ta ≥ ‖P_ta‖m_a and g_t ≥ max_n |ψ_t''|_n‖column n of ∂Φ/∂s_t‖
(`docs/mathematics.md`, "Norms of the actual layers"),

    ‖∂²Φ/∂σ²‖ ≤ Σ_t g_t y_t²,   ‖∂²Φ/∂V_a∂σ‖ ≤ ‖P_ka‖‖D_a‖y_a + Σ_t g_t y_t x_ta,

and ∂Φ/∂σ = N + R with |N| ≤ A entrywise, R what perturbations of the weights add.
"""

from __future__ import annotations

from functools import cached_property

from flint import arb

from .definiteness import diagonal, euclidean, least, spectral_norm
from .layer_norms import LayerNorms, magnitudes
from .spans import largest


class InputCurves:
    """The bounds over a region; NotShown where ψ' may jump."""

    def __init__(self, norms: LayerNorms) -> None:
        self.norms, self.front = norms, norms.known.layers[0]
        self.slope = self.front.bend.steepest()
        self.steepest = largest(self.slope)
        self.size, self.radius = spectral_norm(self.front.weight), norms.radii[0]
        self.first = magnitudes(self.front.weight) * diagonal(self.slope)

    @cached_property
    def input_jacobian_max(self) -> arb:
        """An upper bound of the largest sum of a row of |∂Φ/∂σ|."""
        root = arb(self.first.ncols()).sqrt()
        size, _ = self.norms.from_first[-1]
        sums = [sum(row, arb(0)).upper() for row in (size * self.first).tolist()]
        rows = (largest(sums) + root * self._added(len(self.norms.steps))).upper()
        return least(rows, (root * self.norms.input_jacobian).upper())

    @cached_property
    def input_hessian(self) -> arb:
        """An upper bound of ‖∂²Φ/∂σ²‖."""
        columns = zip(*self.front.weight.tolist(), strict=True)
        column = largest([euclidean([abs(x).upper() for x in own]) for own in columns])
        bent = largest(self.front.bend.curvatures())
        total = self.norms.to_end[0] * bent * (column + self.radius)
        for gain, slope in zip(self._gains, self._slopes, strict=True):
            total += gain * slope * slope
        return total.upper()

    @cached_property
    def mixed_hessian(self) -> arb:
        """An upper bound of ‖∂²Φ/∂θ∂σ‖."""
        norms, blocks = self.norms, []
        for a, layer in enumerate(norms.known.layers):
            if layer.norm is None:
                continue
            before = self.steepest if a == 0 else norms.steps[a - 1].steepest * self._slopes[a - 1]
            block = norms.to_end[a] * before
            for t in range(a, len(norms.steps)):
                block += self._gains[t] * self._slopes[t] * norms.table[t][a] * layer.norm
            blocks.append(block.upper())
        return euclidean(blocks)

    @cached_property
    def _gains(self) -> list[arb]:
        return [self.norms.gain(t)[0] for t in range(len(self.norms.steps))]

    @cached_property
    def _slopes(self) -> list[arb]:
        """y_t for t = 0..K − 1."""
        found = []
        for t in range(len(self.norms.steps)):
            size, _ = self.norms.from_first[t]
            split = (spectral_norm(size * self.first) + self._added(t)).upper()
            whole = self.norms.table[t][0] * self.steepest * (self.size + self.radius)
            found.append(least(split, whole.upper()))
        return found

    def _added(self, t: int) -> arb:
        """What perturbations of the weights add to N."""
        _, rest = self.norms.from_first[t]
        return (self.steepest * (rest * self.size + self.norms.table[t][0] * self.radius)).upper()

"""Bounds by enclosures over a regular cover of the inputs."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import jax
import numpy as np

from ...activations import get
from ...networks import Chain
from ...sets import InputRegion, ParameterRegion
from ..method import ALL, QUANTITIES, widened
from .cells import regular_cover
from .network import Layers, Shape, layered
from .quantities import largest

# Of the arrays of a batch of cells: they should stay near the processor.
_BYTES = 32e6
_THREADS = 2


@dataclass(frozen=True)
class Interval:
    r"""Enclosures over input set × parameter set on a regular cover of the inputs.

    At most `cells` equal boxes cover the inputs, more along those that move Φ_0 more. Over each,
    slopes and curvatures are D_t ± δ_t and C_t ± γ_t, entry by entry, and all quantities are
    bounded from products of matrices with the D_t and norms of what telescopes:

        ‖∂Φ_{t+1}/∂Φ_i − R_ti D_i‖ ≤ Σ_l ‖R_tl diag(δ_l)‖ ‖∂Φ_l/∂Φ_i‖ + what the E_l add,

    R_tl = W_t D_t ⋯ D_{l+1} W_l. Pre-activations by affine arithmetic through the same R_tl. The
    Hessian through K_i = ∇²_{Φ_i}(uᵀΦ) times paths, block by block: then λ_max of the norms of the
    blocks (`quantities`). On small cells that is one pass at a point but for second orders; on one
    cell, or a large set of parameters, it is a bound all the same, only looser.

    **Arguments:**

    - `cells`: at most so many. Time is proportional to it, memory does not depend on it.

    **Raises:** ValueError if `cells` is no whole number ≥ 1.
    """

    cells: int = 10_000

    def __post_init__(self) -> None:
        if not isinstance(self.cells, int) or isinstance(self.cells, bool) or self.cells < 1:
            raise ValueError(f"cells must be a whole number, at least 1; got {self.cells!r}")

    def bounds(
        self,
        net: Chain,
        inputs: InputRegion,
        parameters: ParameterRegion,
        quantities: Sequence[str] = QUANTITIES,
    ) -> dict[str, np.ndarray]:
        """See `Method.bounds`.

        Raises ValueError for an operation that this method does not know.
        """
        asked = tuple(q for q in ALL if q in quantities)
        found = {q: np.empty(np.shape(inputs.lo)[:-1]) for q in asked}
        with jax.enable_x64(True):
            for lane in np.ndindex(*np.shape(inputs.lo)[:-1]):
                box, region = (
                    jax.tree.map(lambda x, i=lane: np.asarray(x)[i], r)
                    for r in (inputs, parameters)
                )
                upper = self._over(net, box, region, asked)
                for quantity in asked:
                    found[quantity][lane] = upper[quantity]
        return widened(found)

    def _over(
        self, net: Chain, box: InputRegion, region: ParameterRegion, quantities: tuple[str, ...]
    ) -> dict[str, float]:
        shape, layers = layered(net, region)
        low, high = regular_cover(box, self.cells, moves(shape, layers))
        size = _batch(shape, len(low))

        def over(start: int) -> dict[str, float]:
            # The last batch is filled up with its last cell.
            ends = (x[start : start + size] for x in (low, high))
            ends = (np.pad(x, [(0, size - len(x)), (0, 0)], mode="edge").T for x in ends)
            with jax.enable_x64(True):
                found = largest(shape, quantities, layers, *ends)
                return {quantity: float(value) for quantity, value in found.items()}

        starts = range(0, len(low), size)
        upper = over(starts[0])
        with ThreadPoolExecutor(_THREADS) as pool:
            for found in pool.map(over, starts[1:]):
                upper = {q: max(value, found[q]) for q, value in upper.items()}
        return upper


def moves(shape: Shape, layers: Layers) -> np.ndarray:
    """How far each input moves what the first activation that bends is applied to."""
    identity = get("identity")
    columns = np.eye(shape.width)[:, : shape.inputs]
    for kind, weight in zip(shape.kinds, layers.weights, strict=True):
        if shape.activations[kind] != identity:
            break
        with np.errstate(over="ignore", invalid="ignore"):
            columns = weight @ columns
    return np.linalg.norm(columns, axis=0)


def _batch(shape: Shape, count: int) -> int:
    """Cells at a time: few different numbers, as each is compiled."""
    each = 8 * shape.width**2 * shape.layers**2 * (3 + 2 * shape.outputs)
    most = max(1, min(512, int(_BYTES / each) // 8 * 8 or 8))
    return 16 if count <= 16 <= most else most

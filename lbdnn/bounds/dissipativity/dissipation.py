"""The method: multipliers by descent, inequalities proved afterwards."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from ...compilation import OPTIMIZED, QUICK
from ...networks import Chain
from ...sets import InputRegion, ParameterRegion
from ..layers import Image
from ..method import QUANTITIES
from .assembly import stages_of
from .budget_levels import Levels, levels
from .multipliers import descended, hessian_start, input_start, jacobian_start
from .proof import proof_of
from .reach import enclosures, images, parts_of_axis, shares_radius
from .storage import (
    Layers,
    Multipliers,
    hessian_chain,
    input_chain,
    jacobian_chain,
    reach_chain,
)
from .verification import proved_hessian, proved_input, proved_jacobian, proved_reach

# How often the parameters' reach is bounded, each time with the limits that the last one gave.
_REACHES = 2


@dataclass(frozen=True)
class Dissipation:
    r"""One quadratic inequality for all layers together, instead of products of their norms.

    Along a direction E = (E_0, …, E_k), Σ‖E_j‖_F² = 1, with x_j = δΦ_{j−1}, v_j = D_j x_j and
    weights W_j + Δ_j, ‖Δ_j‖² ≤ u_j, Σ u_j ≤ r²,

        x_{j+1} = W_j v_j + Δ_j v_j + p_j,   p_j = E_j s_j,   ‖p_j‖ ≤ m_j e_j,   x_1 = p_0,
        uᵀδ²Φ = Σ_j [2 b_jᵀĒ_j v_j + Σ_n β_jn x_jn²],   b_j = P_kjᵀu,   β_j = C_j (W_j + Δ_j)ᵀb_j.

    **Inequality.** Let V_j(x) = xᵀX_j x, X_{k+1} = 0, and numbers λ_j, τ_j, α_j > 0 with

        V_j(x) ≥ Σ_n |β_jn| x_n² + ν_j‖v‖² + V_{j+1}(W_j v + w + p) − λ_j‖p‖² − τ_j(‖w‖² − u_j‖v‖²)

    for all x, w, p and all v that D_j allows. E_j acts in p_j along ŝ_j, the unit vector along
    [s_j; 1], with norm f_j, and across it with norm g_j, f_j² + g_j² ≤ e_j². Of v_j the square of
    the part along ŝ_j is at most κ_j²‖v_j‖², κ_j² = 1 − 1/m_j² (1 without bias). So for α_j ≤ α'_j

        2b_jᵀĒ_jv_j ≤ ‖b_j‖²(α_j f_j² + α'_j g_j²) + ν_j‖v_j‖²,   ν_j = κ_j²/α_j + (1 − κ_j²)/α'_j,

    and adding up over the layers leaves, with B_j ≥ ‖P_kj‖ and λ_k dropped,

        ‖∂²Φ/∂θ²‖ ≤ max(max_V ‖X_1(V)‖ m_0², max_j (λ_j m_j² + α_j B_j²), max_j α'_j B_j²).

    It becomes a matrix inequality by the S-procedure: slopes in [low, high] satisfy
    Σ T_n (v_n − low_n x_n)(high_n x_n − v_n) ≥ 0 for T ≥ 0 (as in LipSDP, Fazlyab et al. 2019),
    and |ς''|x² ≤ (a + bς' − cς'²)x² = ax² + bxv − cv² couples curvature with slope (`majorants`);
    p and w join in q = p + w, λ‖p‖² + τ‖w‖² ≥ ‖q‖²/(1/λ + 1/τ). Forward and backward paths,
    slopes of different blocks, curvatures of all layers and their sums are thus treated jointly.

    **Paths.** Without sources the same recursion from Q = I gives Q_j ⪰ P_kjᵀP_kj, so B_j² = ‖Q_j‖;
    columns of P_kj(W_j + Δ_j) come from Q_j, and bound β_j. From the first layer on, on the
    transposed network, V_j(b) ≥ m_j²‖b‖² + V_{j−1}(D_j(W_j + Δ_j)ᵀb) gives
    ‖∂Φ/∂θ‖² = sup_u Σ_j m_j²‖b_j‖² ≤ ‖V_k‖. ‖∂Φ/∂σ‖ is Q_0 through W_0.

    **Shared radius.** Each X_j depends on the share V of r² that the later layers use, piecewise
    linear with `levels` pieces. For fixed multipliers the right-hand side is convex in (V, u_j), so
    it is enough that the inequality holds at the corners of a triangulation of V + u_j ≤ r²
    (`budget_levels`), with multipliers of its own on each triangle: nothing is lost to rounding V
    up to a level.

    **Limits.** Slopes and m_j are those that the earlier layers can bring about with the share that
    is left to them, rounded up to a level: by an enclosure with that share as its radius, and by
    what the inputs do for the centre's parameters, enclosed over `cells` boxes, and how far the
    parameters then take Φ_j, ‖δΦ_j‖ ≤ √V r sup ‖∂Φ_j/∂θ‖, from the same recursion for all Φ_j.

    **Corners.** With M(D) ≥ ‖[s_j; 1]‖² affine in D (tanh: ς² = 1 − ς'), s = 1/τ + M(D)/γ and
    λ = γ/M(D), the right-hand side is convex in each slope, so it is largest at a corner of their
    box. There no T is needed, and where neurons are large they are flat. For layers with few
    neurons, `levels`²·2ⁿ ≤ 300; of ∂²Φ/∂θ² the smaller of both bounds counts (`corners`).

    **Arithmetic.** Any multipliers give a bound; `steps` steps of gradient descent make it small
    and prove nothing. The inequalities that are met in the end are proved one by one, all rounding
    errors counted (`verification`); a bound whose inequalities cannot be proved is inf.

    **Arguments:**

    - `levels`: pieces of the shared radius; the work grows with its square. It pays above about
      5 % of ‖θ‖.
    - `steps`: of the descent.
    - `cells`: boxes of inputs, at most, over which the layers are enclosed.
    """

    levels: int = 1
    steps: int = 200
    cells: int = 10_000

    def __post_init__(self) -> None:
        if min(self.levels, self.steps, self.cells) < 1:
            raise ValueError(f"levels, steps and cells must be at least 1; got {self}")

    def bounds(
        self,
        net: Chain,
        inputs: InputRegion,
        parameters: ParameterRegion,
        quantities: Sequence[str] = QUANTITIES,
    ) -> dict[str, np.ndarray]:
        """See `Method.bounds`.

        Raises ValueError for an operation that has no bound yet.
        """
        return self._solved(net, inputs, parameters, quantities).bounds

    def proved(
        self,
        net: Chain,
        inputs: InputRegion,
        parameters: ParameterRegion,
        quantities: Sequence[str] = QUANTITIES,
    ) -> tuple[dict[str, np.ndarray], dict[str, dict[str, Any]]]:
        """See `Proving.proved`."""
        found, reaches, last, chains = self._solved(net, inputs, parameters, quantities)
        sizes = [*last.sizes.tolist(), net.outputs]
        before = [proof_of(sizes, self.levels, at.layers, chain) for at, chain in reaches]
        reach = {"parts": parts_of_axis(net.inputs, self.cells), "reach": before}
        proofs = {
            quantity: proof_of(sizes, self.levels, layers, chain) | (reach if before else {})
            for quantity, (layers, chain) in chains.items()
            if np.isfinite(found[quantity])
        }
        return found, proofs

    def _solved(
        self,
        net: Chain,
        inputs: InputRegion,
        parameters: ParameterRegion,
        quantities: Sequence[str],
    ) -> _Solved:
        many = inputs.lo.ndim == 2
        with jax.enable_x64(True):
            last = _assembled(net, many, self.levels, inputs, parameters, None)
            reaches = []
            if not net.residual and np.any(_shared(parameters)):
                over_inputs = _images(net, many, self.cells, inputs, parameters)
                for _ in range(_REACHES):
                    reach = self._descended("reach", many, last.layers)
                    reaches.append((last, reach))
                    known = over_inputs, *self._proved("reach", many, last.layers, reach)
                    last = _assembled(net, many, self.levels, inputs, parameters, known)
            bounds, chains = {"value": np.asarray(last.value)}, {}
            for quantity in (q for q in _CHAINS if q in quantities):
                tried = [last.layers]
                if quantity == "hessian" and last.layers.corners.size:
                    tried.append(last.layers.with_whole_boxes())
                for layers in tried:
                    chain = self._descended(quantity, many, layers)
                    bound = np.asarray(self._proved(quantity, many, layers, chain))
                    best = bounds.get(quantity, np.full(bound.shape, np.inf))
                    if quantity not in chains or np.all(bound < best):
                        chains[quantity] = layers, chain
                    bounds[quantity] = np.fmin(bound, best)
        return _Solved(bounds, reaches, last, chains)

    def _descended(self, quantity: str, many: bool, layers: Layers) -> Any:
        return _descended(quantity, self.levels, self.steps, many, layers)

    def _proved(self, quantity: str, many: bool, layers: Layers, chain: Any) -> Any:
        return _proved(quantity, self.levels, many, layers, chain)


def _shared(parameters: ParameterRegion) -> np.ndarray:
    over = jax.vmap(shares_radius) if np.ndim(parameters.radius) else shares_radius
    return np.asarray(over(parameters))


def _started(quantity: str, grid: Levels, layers: Layers) -> Multipliers:
    count, n, bends, _ = layers.stages.bends.shape
    if quantity == "hessian":
        return hessian_start(grid, layers.corners, count, bends)
    if quantity == "input_jacobian":
        return input_start(grid, count, n)
    return jacobian_start(grid, layers.corners, count)


_CHAINS: dict[str, tuple[Callable, Callable]] = {
    "jacobian": (jacobian_chain, proved_jacobian),
    "hessian": (hessian_chain, proved_hessian),
    "input_jacobian": (input_chain, proved_input),
    "reach": (reach_chain, proved_reach),
}


class Assembled(NamedTuple):
    """A bound of ‖Φ‖, the stages, and how many neurons each begins with."""

    value: Array
    layers: Layers
    sizes: Array


class _Solved(NamedTuple):
    """Bounds, the layers and chains of each pass over the parameters' reach, and those after.

    Of ∂²Φ/∂θ² two chains are tried; without a batch, `chains` has the one with the smaller bound.
    """

    bounds: dict[str, np.ndarray]
    reaches: list[tuple[Assembled, Any]]
    last: Assembled
    chains: dict[str, tuple[Layers, Any]]


# What runs once is not worth optimising: compiling takes longer than running.
@partial(jax.jit, static_argnums=(0, 1, 2), compiler_options=QUICK)
def _assembled(
    net: Chain,
    many: bool,
    level_count: int,
    inputs: InputRegion,
    parameters: ParameterRegion,
    known: tuple[list[Image], Array, Array] | None,
) -> Assembled:
    def assembled(inputs: InputRegion, parameters: ParameterRegion, known: Any) -> Assembled:
        nodes = enclosures(net, inputs, parameters, level_count, known)
        layers = stages_of(net, nodes, parameters)
        sizes = [layer.weight.shape[2] for layer in nodes.layers[1:]]
        sizes += [net.outputs] * (layers.stages.own.size - len(sizes))
        return Assembled(nodes.value[-1], layers, jnp.asarray(sizes))

    return (jax.vmap(assembled) if many else assembled)(inputs, parameters, known)


@partial(jax.jit, static_argnums=(0, 1, 2), compiler_options=QUICK)
def _images(
    net: Chain, many: bool, cells: int, inputs: InputRegion, parameters: ParameterRegion
) -> list[Image]:
    over = partial(images, net, cells=cells)
    return (jax.vmap(over) if many else over)(inputs, parameters)


# Knows sizes only, not the network: compiled once for all networks of a size.
@partial(jax.jit, static_argnums=(0, 1, 2, 3), compiler_options=OPTIMIZED)
def _descended(quantity: str, level_count: int, steps: int, many: bool, layers: Layers) -> Any:
    grid = levels(level_count)
    chain, _ = _CHAINS[quantity]

    def solved(layers: Layers) -> Any:
        at = partial(chain, grid, layers)
        return at(descended(lambda own: at(own).costs, _started(quantity, grid, layers), steps))

    return (jax.vmap(solved) if many else solved)(layers)


@partial(jax.jit, static_argnums=(0, 1, 2), compiler_options=QUICK)
def _proved(quantity: str, level_count: int, many: bool, layers: Layers, chain: Any) -> Any:
    proved = partial(_CHAINS[quantity][1], levels(level_count))
    return (jax.vmap(proved) if many else proved)(layers, chain)

"""Bounds from the norms of the actual layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..compilation import QUICK
from ..intervals import euclidean, perron
from ..networks import Chain
from ..sets import InputRegion, ParameterRegion
from .layers import enclose
from .method import QUANTITIES, compiled, widened
from .terms import terms_of


@dataclass(frozen=True)
class Layerwise:
    r"""One pass over the layers: norms of the actual weights, slopes and curvatures enclosed.

    **Paths.** P_ti = ∂Φ_t/∂Φ_i is split as N + R, where N has the weights of the centre and the
    actual slopes, so that |N| ≤ A = |W_t| diag(d_t) ⋯ |W_{i+1}| diag(d_{i+1}) entrywise, and R
    collects the perturbations of the weights: one layer further ‖R‖ becomes at most
    ‖W‖‖D‖‖R‖ + ρ(‖DA‖ + ‖D‖‖R‖). So ‖P_ti‖ ≤ ‖A‖₂ + ‖R‖, and ‖P_ti‖ ≤ ‖P_tl‖‖P_li‖ for every l;
    π_ti is the smallest of these.

    **Hessian.** With m_i ≥ ‖s_i‖ (the appended 1 included) and e_i = ‖E_i‖_F, a unit direction
    has ‖δΦ_{j−1}‖ ≤ Σ_{i<j} π_{j−1,i} m_i e_i, and
    δ²Φ = Σ_j B_j [2 Ē_j D_j δΦ_{j−1} + W_j C_j (δΦ_{j−1})²] gives ‖δ²Φ‖ ≤ eᵀMe,

        M_ji = M_ij = π_kj ‖D_j‖ π_{j−1,i} m_i  (i < j),   plus   Σ_j g_j x_j x_jᵀ,
        (x_j)_i = π_{j−1,i} m_i,   g_j = max_n |C_j|_n ‖column n of B_j W_j‖,

    where column norms suffice because ‖A(v∘v)‖ ≤ Σ_n ‖A_n‖ v_n² ≤ max_n ‖A_n‖ ‖v‖². As
    Σ e_j² = 1, the bound of ‖∂²Φ/∂θ²‖ (operator norm) is λ_max(M).

    **Jacobian.** Φ'Φ'ᵀ = Σ_j ‖s_j‖² B_j B_jᵀ gives ‖∂Φ/∂θ‖² ≤ Σ_j π_kj² m_j².

    **Inputs.** With y_j ≥ ‖∂Φ_{j−1}/∂σ‖, from the same split, a unit direction of σ takes the place
    of the sources m_i e_i: ‖∂²Φ/∂σ²‖ ≤ Σ_j g_j y_j² and the blocks ∂²Φ/∂V_i∂σ are at most
    π_ki‖D_i‖y_i + Σ_j g_j y_j π_{j−1,i} m_i. In the norm from ℓ∞ to ℓ∞, ‖∂Φ/∂σ‖ is the largest sum
    of a row of A|W_0|, plus √d times what R adds.

    **Shared radius.** On a ball the layers cannot all be perturbed by r at once. Each term of M is
    also a product of norms, ‖P_ti‖ ≤ Π_l ‖D_l‖(‖W_l‖ + ρ_l), capped over Σ ρ_l² ≤ r²
    (`Budget`); M takes the smaller value, term by term.

    **Arithmetic.** Enclosures and spectral norms are rounded outward, λ_max(M) is bounded by
    Collatz and Wielandt's quotients; between them stand sums and products of numbers ≥ 0 only,
    whose rounding errors `widened` covers.
    """

    def bounds(
        self,
        net: Chain,
        inputs: InputRegion,
        parameters: ParameterRegion,
        quantities: Sequence[str] = QUANTITIES,
    ) -> dict[str, np.ndarray]:
        """See `Method.bounds`."""
        with jax.enable_x64(True):
            return widened(compiled(self, net, inputs, parameters))

    def upper(
        self, net: Chain, inputs: InputRegion, parameters: ParameterRegion
    ) -> dict[str, Float[Array, ""]]:
        """Bounds of every quantity; pure: jit, vmap over regions.

        Infinite where none exists (a Hessian over a set that crosses a kink).

        Raises ValueError for an operation that has no bound yet.
        """
        known = enclose(net, inputs, parameters)
        terms, curves = terms_of(known, parameters.radius)
        upper: dict[str, Array] = {
            "value": known.value,
            "jacobian": euclidean(terms.first),
            "hessian": perron(terms.hessian()),
            "input_jacobian": terms.inputs,
            "input_jacobian_max": curves.rows,
            "input_hessian": curves.inputs,
            "mixed_hessian": euclidean(curves.mixed),
        }
        # inf·0 and inf − inf: no bound.
        return {name: jnp.where(jnp.isnan(v), jnp.inf, v) for name, v in upper.items()}

    def blocks(
        self, net: Chain, inputs: InputRegion, parameters: ParameterRegion
    ) -> dict[str, np.ndarray]:
        """‖∂Φ/∂V_j‖, (K,), and ‖∂²Φ/∂V_i∂V_j‖, (K, K), of the layers with parameters.

        Computed in float64, whatever JAX's global setting; a leading axis on every leaf of both
        regions gives one to each result.
        """
        with jax.enable_x64(True):
            found = _blocks(net, inputs, parameters)
            holds = np.asarray(found.pop("holds"))
            sizes = widened(found)
        own = np.flatnonzero(holds.reshape(-1, holds.shape[-1])[0])
        first, second = sizes["jacobian"], sizes["hessian"]
        return {"jacobian": first[..., own], "hessian": second[..., own, :][..., own]}


# Runs for milliseconds: compiling it is what takes time.
@partial(jax.jit, static_argnums=0, compiler_options=QUICK)
def _blocks(net: Chain, inputs: InputRegion, parameters: ParameterRegion) -> dict[str, Array]:
    def found(inputs: InputRegion, parameters: ParameterRegion) -> dict[str, Array]:
        known = enclose(net, inputs, parameters)
        terms, _ = terms_of(known, parameters.radius)
        sizes = {"jacobian": terms.first, "hessian": terms.hessian()}
        sizes = {name: jnp.where(jnp.isnan(v), jnp.inf, v) for name, v in sizes.items()}
        return sizes | {"holds": jnp.stack([layer.holds for layer in known.layers])}

    return (jax.vmap(found) if inputs.lo.ndim == 2 else found)(inputs, parameters)

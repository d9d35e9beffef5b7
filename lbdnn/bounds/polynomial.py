r"""The closed form: explicit polynomials in ‖σ‖ and θ̄ ≥ ‖θ‖ that bound Φ and its derivatives.

The derivation is in `norm_recursion`; it is this project's own, in the style of Patil, Fallin,
Nino, Hart, Dixon (2025, arXiv 2503.21007).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import jax
import numpy as np

from ..networks import Affine, Chain, Pointwise
from ..sets import InputRegion, ParameterRegion
from .method import QUANTITIES, widened
from .norm_polynomial import NormPolynomial
from .norm_recursion import capped, known_operations, weight_products

# The norm that is bounded, and its degree in ‖σ‖.
_DEGREES = {"value": 1, "jacobian": 1, "hessian": 2, "input_jacobian": 0}


@dataclass(frozen=True)
class Polynomial:
    """The closed-form bounds: from norms alone.

    **Arguments:**

    - `budgeted`: whether the layers share the budget Σ‖V_j‖² ≤ θ̄² (never larger) or each may have
      norm θ̄.
    """

    budgeted: bool = True

    def bounds(
        self,
        net: Chain,
        inputs: InputRegion,
        parameters: ParameterRegion,
        quantities: Sequence[str] = QUANTITIES,
    ) -> dict[str, np.ndarray]:
        """See `Method.bounds`; the norms are those of the smallest balls about 0."""
        input_norm, parameter_norm = InputRegion.norm, ParameterRegion.norm
        if np.ndim(inputs.lo) == 2:
            input_norm, parameter_norm = jax.vmap(input_norm), jax.vmap(parameter_norm)
        with jax.enable_x64(True):
            norms = np.asarray(input_norm(inputs)), np.asarray(parameter_norm(parameters))
        found = self.upper(net, *norms)
        missing = np.full(np.shape(inputs.radius), np.inf)
        return widened({name: np.asarray(found.get(name, missing)) for name in QUANTITIES})

    def upper(
        self,
        net: Chain,
        input_norm: np.ndarray | float,
        parameter_norm: np.ndarray | float,
        quantities: Sequence[str] | None = None,
    ) -> dict[str, float | np.ndarray]:
        """Upper bounds for every σ and θ of at most these norms, which broadcast.

        **Returns:** a float, or an array where a norm is one, for each of `quantities` (by default
        those that exist; see `polynomials`).
        """
        found = polynomials(net, self.budgeted, quantities)
        values = {name: p(input_norm, parameter_norm) for name, p in found.items()}
        return {name: v if np.ndim(v) else float(v) for name, v in values.items()}


def polynomials(
    net: Chain, budgeted: bool = True, quantities: Sequence[str] | None = None
) -> dict[str, NormPolynomial]:
    """Bounds of ‖Φ‖ "value", ‖∂Φ/∂θ‖₂ "jacobian", the operator norm of ∂²Φ/∂θ² "hessian", and
    ‖∂Φ/∂σ‖₂ "input_jacobian".

    By default all that exist: behind a layer of parameters, an activation whose slope jumps leaves
    no "hessian". The derivation is in `norm_recursion`.

    **Arguments:**

    - `budgeted`: whether the layers share the budget Σ‖V_j‖² ≤ θ̄² or each may have norm θ̄.
    - `quantities`: the names wanted.

    **Raises:** ValueError for a quantity that does not exist, an activation that grows faster than
    a line, or an operation without norms.
    """
    missing = _missing(net)
    if quantities is None:
        quantities = [name for name in _DEGREES if name not in missing]
    for name in quantities:
        if name not in _DEGREES:
            raise ValueError(f"the quantities are {', '.join(_DEGREES)}; got {name!r}")
        if name in missing:
            raise ValueError(missing[name])
    # A coefficient has passed at most 8 roundings an operation, one an addend and a few in its cap,
    # each of at most ε/2.
    roundings = 8 * (len(known_operations(net)) + 4)
    with np.errstate(over="ignore"):
        counts = weight_products(net, budgeted)
        return {
            name: capped(counts[name][: _DEGREES[name] + 1], budgeted, roundings)
            for name in quantities
        }


def remainder(net: Chain, budgeted: bool = True) -> NormPolynomial:
    """R with ‖Φ(σ, θ+θ̃) − Φ(σ, θ) − ∂Φ/∂θ θ̃‖ ≤ R(‖σ‖, θ̄) ‖θ̃‖² for ‖θ‖, ‖θ+θ̃‖ ≤ θ̄.

    It is ½ the bound of the Hessian.

    **Raises:** ValueError where there is no Hessian.
    """
    return 0.5 * polynomials(net, budgeted, ["hessian"])["hessian"]


def _missing(net: Chain) -> dict[str, str]:
    """The quantities that have no bound, each with the sentence that says why.

    **Raises:** ValueError where not even the value has one.
    """
    missing: dict[str, str] = {}
    parameters_seen = False
    for operation in known_operations(net):
        parameters_seen |= isinstance(operation, Affine)
        if not isinstance(operation, Pointwise):
            continue
        ς = operation.activation
        if ς.domain != (-math.inf, math.inf):
            raise ValueError(
                f"{ς.name} is defined on {ς.domain} only, and norms do not keep its arguments "
                f"there; use an activation that is defined for every number"
            )
        if not all(map(math.isfinite, ς.growth)):
            raise ValueError(
                f"{ς.name} grows faster than any line, so no polynomial in the norms bounds the "
                f"network; use an activation with |ς(z)| ≤ a1|z| + a0"
            )
        if not math.isfinite(ς.bound(1)):
            for name in ("input_jacobian", "jacobian", "hessian")[: 3 if parameters_seen else 1]:
                missing[name] = (
                    f"the slope of {ς.name} is unbounded, so there is no {name} bound; ask for "
                    f"'value', or use an activation with a bounded slope"
                )
        elif parameters_seen and not math.isfinite(ς.bound(2)):
            missing.setdefault(
                "hessian",
                f"the slope of {ς.name} jumps or has no bounded derivative, so ∂²Φ/∂θ² has no "
                f"bound; ask for 'value', 'jacobian' or 'input_jacobian', or use a smooth "
                f"activation",
            )
    return missing

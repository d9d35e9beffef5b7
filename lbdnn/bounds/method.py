"""The common face of the methods."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from functools import partial
from typing import Any, Protocol, runtime_checkable

import jax
import numpy as np

from ..compilation import QUICK
from ..networks import Chain
from ..sets import InputRegion, ParameterRegion

QUANTITIES = ("value", "jacobian", "hessian", "input_jacobian")
# The others are bounded on request.
ALL = (*QUANTITIES, "input_jacobian_max", "input_hessian", "mixed_hessian")

# Between enclosures, norms and eigenvalues, which are rounded outward, stand sums, products and
# roots of numbers ≥ 0: a rounding takes at most 2⁻⁵² of such a number away, and there is nothing
# to cancel, so that this widening covers 4·10⁶ roundings one after the other.
WIDENING = 1e-9
ARITHMETIC = (
    "float64; enclosures, norms, eigenvalues and matrix inequalities rounded outward, sums and "
    f"products of upper bounds widened by {WIDENING:g} of themselves; exp and log are assumed to "
    "be accurate to 1e-11"
)


class Method(Protocol):
    """A way to bound ‖Φ‖, ‖∂Φ/∂θ‖, ‖∂²Φ/∂θ²‖ (operator norm), ‖∂Φ/∂σ‖ and others over a set.

    Methods are frozen dataclasses whose fields are their choices.
    """

    @abstractmethod
    def bounds(
        self,
        net: Chain,
        inputs: InputRegion,
        parameters: ParameterRegion,
        quantities: Sequence[str] = QUANTITIES,
    ) -> dict[str, np.ndarray]:
        """Upper bounds, float64, of those of the quantities that the method knows; inf where one
        has none.

        A leading axis on every leaf of both regions gives arrays of bounds. Computed in float64,
        whatever JAX's global setting.
        """
        ...


@runtime_checkable
class Proving(Protocol):
    """A method that also says from which numbers its bounds can be proved again."""

    @abstractmethod
    def proved(
        self,
        net: Chain,
        inputs: InputRegion,
        parameters: ParameterRegion,
        quantities: Sequence[str] = QUANTITIES,
    ) -> tuple[dict[str, np.ndarray], dict[str, dict[str, Any]]]:
        """`bounds` over one region, and for each quantity that has one its proof for
        `lbdnn.check`: the kind of proof, then numbers and arrays."""
        ...


# Such a pass runs for milliseconds: compiling it is what takes time.
@partial(jax.jit, static_argnums=(0, 1), compiler_options=QUICK)
def compiled(
    method: object, net: Chain, inputs: InputRegion, parameters: ParameterRegion
) -> dict[str, jax.Array]:
    """`method.upper` over regions that may have a leading axis, compiled once for a network."""
    upper = partial(method.upper, net)  # pyright: ignore[reportAttributeAccessIssue]
    return (jax.vmap(upper) if inputs.lo.ndim == 2 else upper)(inputs, parameters)


def widened(upper: dict[str, jax.Array] | dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The values with the widening for roundings, as NumPy arrays."""
    return {name: np.asarray(value, np.float64) * (1 + WIDENING) for name, value in upper.items()}

"""One step of an integrator, as a layer."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ...networks import Affine, Pointwise
from ...networks.fully_connected import named
from ..weights.parametrization import matmul, shaped, store_numbers
from .field import Branch, BranchField, Integrator, SkewField, VectorField
from .filter import Shape
from .unrolling import Unrolled, block


@dataclass(frozen=True)
class Layer:
    r"""x ↦ Ψ^h_X(x): one step h of an integrator of a vector field, which keeps its property.

    - "euler": x + hX(x).
    - "lie": x + hX_1(x), and so on with each part X_i of the field in turn.
    - "strang": half steps of all parts but the last, a whole one of that, and the half steps in
      reversed order.
    - "cayley", for X(x) = S(x)x: (I − ½hS)⁻¹(I + ½hS)x with S = S(x).

    **Arguments:** `field`, and by keyword `step` h and `integrator`, by default the first that the
    field names. Parameters are those of the field.

    **Raises:** ValueError for an integrator that does not keep the property, and a step outside the
    range in which it is proved to.
    """

    field: VectorField
    _: KW_ONLY
    step: float
    integrator: Integrator | None = None

    def __post_init__(self) -> None:
        store_numbers(self, "step")
        own = self.field.integrators
        if self.integrator is None:
            object.__setattr__(self, "integrator", own[0])
        if self.integrator not in own:
            words = " or ".join(f'"{name}"' for name in own)
            raise ValueError(
                f"the property of {type(self.field).__name__} is kept by {words}; got "
                f"{self.integrator!r}"
            )
        least, greatest = self.field.steps
        if not least <= self.step <= greatest:
            raise ValueError(
                f"the property of {type(self.field).__name__} is proved for steps from {least:.6g} "
                f"to {greatest:.6g} with these weights; got {self.step!r}"
            )

    @property
    def n(self) -> int:
        """The number of states."""
        return self.field.n

    @property
    def shape(self) -> Shape:
        """Of the states: (n,), or for images (channels, height, width)."""
        return self.field.shape

    @property
    def output(self) -> Shape:
        """The same."""
        return self.shape

    @property
    def lipschitz(self) -> float:
        """A Lipschitz constant for all parameters, in real arithmetic; inf where none is proved."""
        return self.field.lipschitz(self.step)

    def init(self, key: Array) -> Any:
        """Random parameters."""
        return self.field.init(key)

    def __call__(self, parameters: Any, x: Float[Array, "*n"]) -> Float[Array, "*n"]:
        """Ψ^h(x).

        **Raises:** ValueError for an x of another shape.
        """
        x = shaped(x, self.shape, "state")
        return self.apply(self.weights(parameters), x)

    def weights(self, parameters: Any) -> Any:
        """What `apply` takes: branches with weights that are made from the parameters."""
        if isinstance(self.field, BranchField):
            return self.field.branches(parameters)
        return parameters

    def apply(self, weights: Any, x: Float[Array, "*n"]) -> Float[Array, "*n"]:
        """Ψ^h(x), as a call, where weights are made once for many calls.

        **Raises:** ValueError for an x of another shape.
        """
        x = shaped(x, self.shape, "state")
        if isinstance(self.field, SkewField):
            return _cayley(self.step * self.field.matrix(weights, x), x)
        assert isinstance(self.field, BranchField)
        for step, branch in self.steps(weights):
            x = x + step * branch(self.field.activation, x)
        return x

    def unrolled(self, parameters: Any) -> Unrolled:
        """Operations of `lbdnn.networks`, and their parameters, that make the same map.

        Convolutions are written out as matrices, and images row by row.

        **Raises:** ValueError where there are none, and for images that make matrices of more than
        2²⁴ entries.
        """
        if isinstance(self.field, SkewField):
            if not self.field.constant:
                raise ValueError(
                    f"a step of {type(self.field).__name__} is no chain of affine maps and "
                    "activations: its matrix depends on x"
                )
            columns = jnp.eye(self.n, dtype=jax.tree.leaves(parameters)[0].dtype)
            return (Affine(self.n, self.n, False),), (
                jax.vmap(self, (None, 1), 1)(parameters, columns),
            )
        assert isinstance(self.field, BranchField)
        activation = Pointwise(named(self.field.activation))
        blocks = [block(activation, *each) for each in self.steps(self.weights(parameters))]
        return tuple(block for block, _ in blocks), tuple(own for _, own in blocks)

    def steps(self, branches: tuple[Branch, ...]) -> list[tuple[float, Branch]]:
        """What is added to x in turn: step · branch(x)."""
        *others, last = branches
        if self.integrator == "strang":
            halves = [(self.step / 2, branch) for branch in others]
            return [*halves, (self.step, last), *reversed(halves)]
        return [(self.step, branch) for branch in branches]


def _cayley(skew: Float[Array, "n n"], x: Array) -> Array:
    """(I − ½S)⁻¹(I + ½S)x."""
    identity = jnp.eye(len(skew), dtype=skew.dtype)
    return jnp.linalg.solve(identity - skew / 2, x + matmul(skew, x) / 2)

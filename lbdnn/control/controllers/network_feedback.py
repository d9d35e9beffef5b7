"""A trained network as the controller."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from ...networks import Chain, Theta
from ..references import Motion
from .feedback import checked_fields, no_parameters


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class NetworkFeedback:
    """u = scale · Φ(inputs(X), θ) + offset: a network that was trained before, and does not learn.

    **Arguments:**

    - `net`: m outputs. `theta`: θ, its parameters; see `lbdnn.read`.
    - `scale`, `offset`: numbers or (m,), in the units of the controls.
    - `inputs`: the network's inputs from the state X, (N,); by default X itself. A function at the
      top of a module, or anything hashable.

    It knows nothing of the reference: take as reference the state it should keep. Without feedback
    it holds its last control, 0 before the first.

    **Raises:** ValueError from `init` where sizes disagree.
    """

    net: Chain = field(metadata={"static": True})
    theta: Theta
    scale: float | Float[ArrayLike, " m"] = 1.0
    offset: float | Float[ArrayLike, " m"] = 0.0
    inputs: Callable[[Float[Array, " N"]], Float[Array, " k"]] | None = field(
        default=None, metadata={"static": True}
    )

    def init(
        self, theta: Theta | None, measured: Float[Array, " N"], motion: Motion
    ) -> Float[Array, " m"]:
        if theta is not None:
            raise ValueError("the network of this controller does not learn; leave theta out")
        given = jax.eval_shape(self._inputs, measured).shape
        if given != (self.net.inputs,):
            raise ValueError(
                f"the network takes {self.net.inputs} inputs; got shape {given} from a state of "
                f"{measured.size}; pass `inputs`, the function from the one to the other"
            )
        checked_fields(self, ("scale", "offset"), self.net.outputs)
        return jnp.zeros(self.net.outputs, measured.dtype)

    def step(
        self, state: Float[Array, " m"], measured: Float[Array, " N"], motion: Motion, period: float
    ) -> tuple[Float[Array, " m"], Float[Array, " m"]]:
        value = self.net(self.theta, self._inputs(measured))
        control = (jnp.asarray(self.scale) * value + jnp.asarray(self.offset)).astype(state.dtype)
        return control, control

    def without_feedback(self, state: Float[Array, " m"], motion: Motion) -> Float[Array, " m"]:
        return state

    def drift_estimate(
        self, state: Float[Array, " m"], inputs: Float[Array, " N"]
    ) -> Float[Array, " 1"]:
        """NaN, in place of all n."""
        return jnp.full(1, jnp.nan)

    def parameters(self, state: Float[Array, " m"]) -> Float[Array, " 0"]:
        return no_parameters()

    def _inputs(self, state: Array) -> Array:
        return state if self.inputs is None else self.inputs(state)

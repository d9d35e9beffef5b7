"""Plants given by one function."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float

from .plant import Variable

_POINTS = 8
_SIZES = (0.1, 1.0, 10.0, 100.0)
_TOLERANCE = 1e-4


class _ByFunction(eqx.Module):
    # An equinox module: it is checked when a user makes it, not each time JAX rebuilds it, with
    # batches of parameters for instance.
    function: Callable[..., Any] = eqx.field(static=True)
    states: tuple[Variable, ...] = eqx.field(static=True)
    controls: tuple[Variable, ...] = eqx.field(static=True)
    parameters: Any

    def __init__(
        self,
        function: Callable[..., Any],
        states: Iterable[tuple[str, str]],
        controls: Iterable[tuple[str, str]],
        parameters: Any = None,
    ):
        self.function = function
        self.states = tuple(Variable(*one) for one in states)
        self.controls = tuple(Variable(*one) for one in controls)
        self.parameters = parameters

    def __check_init__(self) -> None:
        self._check_sizes()
        if not any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(self.parameters)):
            self._check_values()

    def _check_values(self) -> None:
        """What cannot be checked of parameters that are being traced."""

    def _check_sizes(self) -> None:
        n, m = len(self.states), len(self.controls)
        state, control = (jax.ShapeDtypeStruct((k,), jnp.result_type(float)) for k in (n, m))
        try:
            made = jax.eval_shape(self.rate, state, control)
        except Exception as error:
            reason = (str(error) or type(error).__name__).splitlines()[0]
            raise ValueError(
                f"the function fails for a state of shape ({n},) and a control of shape ({m},): "
                f"{reason}"
            ) from error
        if made.shape != (n,) or not jnp.issubdtype(made.dtype, jnp.floating):
            raise ValueError(
                f"the function gives {n} real numbers, one for each state; got shape {made.shape} "
                f"of type {made.dtype}"
            )

    def rate(self, state: Float[Array, " N"], control: Float[Array, " m"]) -> Float[Array, " N"]:
        """ẋ."""
        more = () if self.parameters is None else (self.parameters,)
        return jnp.asarray(self.function(state, control, *more))


class UserPlant(_ByFunction):
    """ẋ = function(x, u), or function(x, u, parameters).

    **Arguments:**

    - `function`: maps a state (N,) and a control (m,) to ẋ (N,), an array or a list of numbers, by
      operations of `jax.numpy`; define it at the top of a module, without arrays of its own.
    - `states`, `controls`: a name and a unit for each, as `[("angle", "rad"), ("rate", "rad/s")]`.
    - `parameters`: any pytree of numbers and arrays, to be mapped over or differentiated in.

    **Raises:** ValueError when made, if the function does not take or give these sizes.
    """


class AffineUserPlant(_ByFunction):
    """A `UserPlant` affine in u: `drift` and `effectiveness` are made from its one function.

    drift: the highest derivative for u = 0; effectiveness: the derivative of it in u.

    **Arguments:** as of `UserPlant`, and

    - `order`: 1, or 2 where the state is [x; ẋ].

    **Raises:** ValueError when made, as `UserPlant`; if the function is not affine in u; if for
    order 2 the first half of its values is not ẋ. That is checked at random states near 0, with
    controls of sizes 0.1 to 100, to 1e-4 of the values there, where these are finite.
    """

    order: int = eqx.field(static=True)

    def __init__(
        self,
        function: Callable[..., Any],
        states: Iterable[tuple[str, str]],
        controls: Iterable[tuple[str, str]],
        order: int,
        parameters: Any = None,
    ):
        super().__init__(function, states, controls, parameters)
        self.order = order
        if order not in (1, 2):
            raise ValueError(f"the order of an affine plant is 1 or 2; got {order!r}")
        if len(self.states) % order:
            raise ValueError(
                "a plant of order 2 has as many velocities as positions; got "
                f"{len(self.states)} states"
            )

    def drift(self, state: Float[Array, " N"]) -> Float[Array, " n"]:
        """f."""
        return self._highest(state, jnp.zeros(len(self.controls), state.dtype))

    def effectiveness(self, state: Float[Array, " N"]) -> Float[Array, "n m"]:
        """g."""
        zero = jnp.zeros(len(self.controls), state.dtype)
        return jax.jacfwd(self._highest, argnums=1)(state, zero)

    def _highest(self, state: Array, control: Array) -> Array:
        return self.rate(state, control)[len(self.states) * (self.order - 1) // self.order :]

    def _check_values(self) -> None:
        for state, control, rate, drift, push in self._samples():
            lower = len(self.states) - len(drift)
            velocity = state[len(state) - lower :]
            if not np.allclose(rate[:lower], velocity, rtol=_TOLERANCE, atol=0):
                raise ValueError(
                    f"a plant of order 2 has as the first {lower} entries of its rate the "
                    f"velocities, the last {lower} of its state; got {rate[:lower]} at {state}"
                )
            scale = np.abs(rate[lower:]) + np.abs(drift) + np.abs(push).sum(1)
            if np.any(np.abs(rate[lower:] - drift - push.sum(1)) > _TOLERANCE * scale):
                raise ValueError(
                    f"the function is not affine in its control, at the state {state} and the "
                    f"control {control}; use UserPlant, or as control what enters affinely"
                )

    def _samples(self) -> list[tuple[np.ndarray, ...]]:
        """x, u, ẋ, f and g·diag(u) at points where they are finite."""
        draw, samples = np.random.default_rng(0), []
        with jax.enable_x64(True):
            at = jax.jit(lambda x, u: (self.rate(x, u), self.drift(x), self.effectiveness(x) * u))
            for _ in range(_POINTS):
                state = draw.normal(size=len(self.states))
                for size in _SIZES:
                    control = size * draw.normal(size=len(self.controls))
                    values = [np.asarray(value) for value in at(state, control)]
                    if all(np.isfinite(value).all() for value in values):
                        samples.append((state, control, *values))
        return samples

"""How far a map is from a property, measured at a point.

Each is 0 where the property holds, and is computed in the arithmetic of x. `f` maps states to
states; their entries count as one vector, whatever their shape.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..weights.parametrization import matmul

Map = Callable[[Float[Array, "*n"]], Float[Array, "*m"]]


def volume_defect(f: Map, x: Float[Array, "*n"]) -> Float[Array, ""]:
    """|det f'(x) − 1|. The determinant's own rounding grows with the condition of f'(x)."""
    return jnp.abs(jnp.linalg.det(_jacobian(f, x)) - 1)


def sum_defect(f: Map, x: Float[Array, "*n"]) -> Float[Array, ""]:
    """|Σ f(x)_i − Σ x_i|."""
    return jnp.abs(jnp.sum(f(x) - x))


def norm_defect(f: Map, x: Float[Array, "*n"]) -> Float[Array, ""]:
    """|‖f(x)‖ − ‖x‖|."""
    return jnp.abs(_length(f(x)) - _length(x))


def energy_defect(
    f: Map, energy: Callable[[Float[Array, "*n"]], Float[Array, ""]], x: Float[Array, "*n"]
) -> Float[Array, ""]:
    """|H(f(x)) − H(x)|."""
    return jnp.abs(energy(f(x)) - energy(x))


def symplectic_defect(f: Map, x: Float[Array, "*n"]) -> Float[Array, ""]:
    """The largest entry of |JᵀΩJ − Ω|, J = f'(x), Ω = [[0, I], [−I, 0]].

    **Raises:** ValueError for an odd number of states.
    """
    n = jnp.size(x)
    if n % 2:
        raise ValueError(f"a symplectic form needs an even number of states; got {n}")
    jacobian = _jacobian(f, x)
    omega = jnp.kron(jnp.array([[0, 1], [-1, 0]], jacobian.dtype), jnp.eye(n // 2))
    return jnp.max(jnp.abs(matmul(jacobian.T, matmul(omega, jacobian)) - omega))


def lipschitz_ratio(
    f: Map, x: Float[Array, "*n"], y: Float[Array, "*n"], *, steps: int = 0, rate: float = 0.1
) -> Float[Array, ""]:
    r"""The largest ‖f(x) − f(y)‖/‖x − y‖ met by ascent from a pair of points: no constant is less.

    The ascent (Adam) moves the middle of the pair and turns it, and keeps its distance, so that
    rounding, of the order of ε‖f‖/‖x − y‖, does not grow.

    **Arguments:** `x` ≠ `y`; `steps` of the ascent, 0: the ratio of the given pair; `rate`, of
    Adam.
    """
    x, y = (jnp.asarray(v, jnp.result_type(v, float)) for v in (x, y))
    distance = _length(x - y)

    def ratio(pair: tuple[Array, Array]) -> Array:
        middle, direction = pair
        half = distance / 2 * direction / _length(direction)
        return _length(f(middle + half) - f(middle - half)) / distance

    pair = ((x + y) / 2, (x - y) / distance)
    if steps == 0:
        return ratio(pair)
    import optax

    ascent = optax.adam(-rate)

    def step(_: Array, state: tuple) -> tuple:
        pair, memory, most = state
        value, gradient = jax.value_and_grad(ratio)(pair)
        updates, memory = ascent.update(gradient, memory)
        return optax.apply_updates(pair, updates), memory, jnp.maximum(most, value)

    start = (pair, ascent.init(pair), jnp.zeros_like(distance))
    pair, _, most = jax.lax.fori_loop(0, steps, step, start)
    return jnp.maximum(most, ratio(pair))


def _length(x: Float[Array, "*n"]) -> Float[Array, ""]:
    return jnp.linalg.norm(x.ravel())


def _jacobian(f: Map, x: Float[Array, "*n"]) -> Float[Array, "m n"]:
    x = jnp.asarray(x)
    return jax.jacfwd(lambda v: f(v.reshape(x.shape)).ravel())(x.ravel())

"""Networks as pointwise affine maps: Φ(x) = A*(x) x + b*(x)."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import partial
from typing import Literal, NamedTuple, get_args

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from ..networks import Affine, Chain, Operation, Pointwise, Residual, Scaling, Theta
from ..networks.operations import Parameters
from .mean_slopes import mean_slope, slope_of_ray, value_at_zero

Form = Literal["shifted", "paper"]
FORMS: tuple[Form, ...] = get_args(Form)

# Sums of at most so many terms are written out: a call of a matrix product costs more.
_WRITTEN_OUT = 4


class AffineMap(NamedTuple):
    """x ↦ matrix · x + offset."""

    matrix: Float[Array, "*batch m n"]
    offset: Float[Array, "*batch m"]


def linearize(
    net: Chain, theta: Theta, x: Float[ArrayLike, "*batch n"], *, form: Form = "shifted"
) -> AffineMap:
    r"""A*(x) and b*(x) with Φ(x) = A*(x) x + b*(x), at one point or many.

    Each activation is replaced by the line through two of its points, so that for a fully
    connected network

        A* = A_L Λ_L A_{L−1} ⋯ Λ_1 A_0,     b*_i = A_i (Λ_i b*_{i−1} + c_i) + b_i,     b*_0 = b_0.

    - "shifted": Λ_z = diag((ς(z) − ς(0))/z), c = ς(0). It reproduces Φ(x) to rounding.
    - "paper": Λ_z = diag(ς(z)/z), c = 0, and ς'(0) at z = 0 (Drgoňa et al., lemma 3 and
      remark 11). The same where ς(0) = 0. Otherwise it has a pole wherever a neuron receives 0:
      near it A*(x) x and b*(x) are huge and cancel, and at it Φ(x) = A* x + b* is false. A warning
      says so, if x is not being traced.

    This is not the derivative: A*(x) = ∂Φ/∂x where every activation is a line on the segment
    from 0 to z, as for ReLU (proposition 12), and in general only there.
    `lbdnn.derivatives.input_jacobian` is the derivative.

    **Arguments:**

    - `x`: (n,), or (..., n). Work and memory grow with the number of points: (m + widest layer)·n
      numbers a point.

    **Returns:** `AffineMap`: matrix (..., m, n), offset (..., m).

    **Raises:** ValueError if x does not end in the network's number of inputs, or an activation is
    not defined at 0.
    """
    if form not in FORMS:
        raise ValueError(f'form is "shifted" or "paper"; got {form!r}')
    x = checked_points(net, theta, x)
    matrix, offset, nearest = _linearized(net, theta, x.reshape(-1, net.inputs), form)
    if form == "paper" and not isinstance(nearest, Tracer):
        _warn_of_pole(np.asarray(nearest), x.dtype)
    batch = x.shape[:-1]
    return AffineMap(
        matrix.reshape(*batch, net.outputs, net.inputs), offset.reshape(*batch, net.outputs)
    )


def checked_points(net: Chain, theta: Theta, x: Float[ArrayLike, "*batch n"]) -> Array:
    """The points as floating-point numbers, once they and θ are known to fit the network."""
    x = jnp.asarray(x)
    if x.ndim == 0 or x.shape[-1] != net.inputs:
        raise ValueError(
            f"the network takes points of {net.inputs} numbers; got an array of shape {x.shape}"
        )
    if any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves((theta, x))):
        jax.eval_shape(net, theta, jax.ShapeDtypeStruct((net.inputs,), x.dtype))
    else:
        net.validate(theta)
    return x.astype(jnp.result_type(float, x))


@partial(jax.jit, static_argnames=("net", "form"))
def _linearized(
    net: Chain, theta: Theta, points: Float[Array, "b n"], form: Form
) -> tuple[Array, Array, Array]:
    found = linearized_columns(net, theta, points.T, form)
    # Φ(x) at points of one memory layout, matrices of the other.
    return jnp.moveaxis(found.matrix, -1, 0), found.offset.T, found.nearest


class Columns(NamedTuple):
    """What is known after some operations, at points that stand in columns."""

    value: Float[Array, "k b"]
    matrix: Float[Array, "k n b"]
    offset: Float[Array, "k b"]
    nearest: Float[Array, " b"]  # smallest |z| of a neuron with ς(0) ≠ 0


def linearized_columns(
    net: Chain, theta: Theta, points: Float[Array, "n b"], form: Form = "shifted"
) -> Columns:
    """`linearize` inside compiled programs: points in columns, which run fastest in memory."""
    size, count = points.shape
    identity = jnp.eye(size, dtype=points.dtype)[:, :, None]
    nothing = jnp.zeros((size, 1), points.dtype)
    start = Columns(points, identity, nothing, jnp.full(count, jnp.inf, points.dtype))
    found = _in_turn(net.steps(theta), start, form)
    return Columns(
        found.value,
        jnp.broadcast_to(found.matrix, (net.outputs, size, count)),
        jnp.broadcast_to(found.offset, (net.outputs, count)),
        found.nearest,
    )


def _in_turn(steps: Sequence[tuple[Operation, Parameters]], state: Columns, form: Form) -> Columns:
    for operation, own in steps:
        state = _after(operation, own, state, form)
    return state


def _after(operation: Operation, own: Parameters, state: Columns, form: Form) -> Columns:
    value, matrix, offset, nearest = state
    match operation:
        case Affine():
            weight = operation.weight(own)
            bias = own[:, operation.n_in :] if operation.bias else 0
            return Columns(
                product(weight, value) + bias,
                product(weight, matrix),
                product(weight, offset) + bias,
                nearest,
            )
        case Scaling(scale, shift):
            by, plus = (jnp.asarray(part, value.dtype)[:, None] for part in (scale, shift))
            return Columns(by * value + plus, by[:, None] * matrix, by * offset + plus, nearest)
        case Pointwise(activation):
            at_zero = value_at_zero(activation)
            if at_zero != 0:
                nearest = jnp.minimum(nearest, jnp.min(jnp.abs(value), 0))
            slope = (mean_slope if form == "shifted" else slope_of_ray)(activation, value)
            lifted = slope * offset + (at_zero if form == "shifted" else 0)
            # ς(z) from its slope where that loses nothing: XLA would else compute ς again for every
            # use, and GELU costs much.
            reached = activation(value) if at_zero else slope * value
            return Columns(reached, slope[:, None] * matrix, lifted, nearest)
        case Residual(operations):
            inner = _in_turn(list(zip(operations, own, strict=True)), state, form)
            return Columns(
                value + inner.value, matrix + inner.matrix, offset + inner.offset, inner.nearest
            )
    raise ValueError(f"no pointwise affine form of {type(operation).__name__} is known")


def product(weight: Float[Array, "m n"], x: Array) -> Array:
    """weight · x over the first axis of x: shape (n, …) to (m, …)."""
    if weight.shape[1] > _WRITTEN_OUT:
        return jnp.tensordot(weight, x, 1, precision=jax.lax.Precision.HIGHEST)
    rows = [sum(w[k] * x[k] for k in range(weight.shape[1])) for w in weight]
    return jnp.stack([jnp.asarray(row) for row in rows])


def _warn_of_pole(nearest: np.ndarray, dtype: jnp.dtype) -> None:
    # The digits lost are those of ς(0)/z.
    close = nearest < float(jnp.finfo(dtype).eps) ** 0.5
    if close.any():
        at = int(np.sum(nearest == 0))
        warnings.warn(
            f"the paper's form is near its pole at {int(close.sum())} of {close.size} points (a "
            f"neuron with ς(0) ≠ 0 receives {nearest.min():.1e}; 0 at {at} of them, where "
            "Φ(x) = A* x + b* is false): A* x and b* cancel there; form='shifted' has no pole",
            stacklevel=3,
        )

"""Lipschitz constants of flows, for the weights that given parameters make."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from ...activations import Activation
from ...compilation import QUICK
from ...networks.fully_connected import named
from .constant import Constant, above, below, composition, exactly, residual
from .convolution import convolution_least_singular_value, convolution_norm
from .dense import matrix_norm
from .euler import euler_step
from .flows import gradient_step

if TYPE_CHECKING:
    from ..flows import Branch, Flow, Layer
    from ..flows.filter import LinearMap
    from ..flows.flow import Stage


def flow_constant(flow: Flow | Stage, parameters: Any) -> Constant:
    r"""Of a flow, or one layer of it, with these parameters; of a flow the product of its layers'.

    `flow.lipschitz` is for all parameters and in real arithmetic; this is for the weights that
    these parameters make in floating point, where an orthogonal matrix is not quite orthogonal,
    with all errors of rounding counted. It is often smaller, as a matrix may be far within what its
    family allows.

    It is about the map in real arithmetic with exactly the weights that are computed here from
    these parameters, in their precision, and steps rounded to it: x + hF_i(x) for each branch in
    turn. Dense ones are bounded by `euler_step`; convolutional ones by `gradient_step`, with a
    least singular value where boundaries are circular, or 1 + |h|β‖B‖‖A‖. Other programs may
    compute weights that differ in the last digits; where these are to be fixed, store those of
    `unrolled`.

    Steps by a skew-symmetric matrix keep the norm. Where the matrix is constant they are linear, of
    constant 1; where it depends on x, nothing is proved from above.

    **Raises:** ValueError for parameters that are not finite or do not fit, and what is no flow or
    layer.
    """
    # Flows are made of the convolutions of this package.
    from ..flows import AveragePooling, Flatten, Flow, Layer, Linear
    from ..flows.filter import linear

    if isinstance(flow, Flow):
        return composition(*(flow_constant(*each) for each in flow.paired(parameters)))
    with jax.enable_x64(True):
        parameters = jax.tree.map(lambda leaf: jnp.asarray(np.asarray(leaf)), parameters)
        if not all(bool(jnp.all(jnp.isfinite(leaf))) for leaf in jax.tree.leaves(parameters)):
            raise ValueError("parameters hold NaN or infinity; pass finite ones")
        match flow:
            case Layer():
                return _of_layer(flow, parameters)
            case Linear():
                return _norm(linear(flow.weight, parameters.weight))
            case AveragePooling():
                # A root and a quotient are rounded.
                return Constant(below(below(flow.lipschitz)), above(above(flow.lipschitz)))
            case Flatten():
                return exactly(1.0)
    raise ValueError(f"no constant is known of {flow!r}")


def _of_layer(layer: Layer, parameters: Any) -> Constant:
    from ..flows import BranchField, GradientFlow, SkewField

    field = layer.field
    if isinstance(field, SkewField):
        layer(parameters, jnp.zeros(layer.shape))  # refuses parameters that do not fit
        return exactly(1.0) if field.constant else Constant(1.0, math.inf)
    if not isinstance(field, BranchField):
        raise ValueError(f"no Lipschitz constant of {type(field).__name__} is known")
    slopes = outward_slopes(field.activation)
    if not all(map(math.isfinite, slopes)):
        return Constant(0.0, math.inf)
    gradient = isinstance(field, GradientFlow)
    if gradient:  # a family of increasing activations; the enclosure may end just below 0
        slopes = max(slopes[0], 0.0), slopes[1]
    parts = layer.steps(_weights(layer, parameters))
    return composition(*(_of_step(branch, step, slopes, gradient) for step, branch in parts))


@partial(jax.jit, static_argnames="layer", compiler_options=QUICK)
def _weights(layer: Layer, parameters: Any) -> tuple[Branch, ...]:
    return layer.weights(parameters)


def _of_step(branch: Branch, step: float, slopes: tuple[float, float], gradient: bool) -> Constant:
    """Of x + step · branch(x); `gradient`: whether its outer map is minus the adjoint."""
    step = float(np.asarray(step, branch.bias.dtype))
    dense = [isinstance(a, jax.Array | None) for a in (branch.inner, branch.outer)]
    if all(dense):
        outer = None if branch.outer is None else np.asarray(branch.outer)
        return euler_step(np.asarray(branch.inner), outer, step, slopes=slopes)
    inner = _norm(branch.inner)
    if gradient:
        least = _least(branch.inner) if slopes[0] > 0 else 0.0
        return gradient_step(inner, step, slopes=slopes, least_singular_value=least)
    outer = exactly(1.0) if branch.outer is None else _norm(branch.outer)
    steepest = exactly(max(map(abs, slopes)))
    return residual(composition(inner, steepest, outer, exactly(abs(step))))


def _norm(a: LinearMap) -> Constant:
    if isinstance(a, jax.Array):
        return matrix_norm(np.asarray(a))
    return convolution_norm(np.asarray(a.kernel), a.convolution)


def _least(a: LinearMap) -> float:
    assert not isinstance(a, jax.Array)
    return convolution_least_singular_value(np.asarray(a.kernel), a.convolution)


def outward_slopes(activation: str | Activation) -> tuple[float, float]:
    """The least and the greatest difference quotient, rounded outward."""
    with jax.enable_x64(True):
        low, high = named(activation).enclose(1, jnp.asarray(-jnp.inf), jnp.asarray(jnp.inf))
    return float(low), float(high)

"""Lipschitz constants of flows with dense weights, as stored."""

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
from ..flows.field import Branch, BranchField, SkewField
from .constant import Constant, composition, exactly
from .euler import euler_step

if TYPE_CHECKING:
    from ..flows import Flow, Layer


def flow_constant(flow: Flow, parameters: tuple[Any, ...]) -> Constant:
    """Of a flow with these parameters: at most the product of its layers' (`layer_constant`).

    `Flow.lipschitz` is for all parameters and in real arithmetic; this is for the matrices that
    these parameters give in floating point, where an orthogonal matrix is not quite orthogonal,
    with all errors of rounding counted. It is often smaller, as a matrix may be far within what its
    family allows.

    **Raises:** ValueError for another number of parameters, and as `layer_constant`.
    """
    if not isinstance(parameters, tuple | list) or len(parameters) != len(flow.layers):
        raise ValueError(
            f"parameters must be a tuple of {len(flow.layers)} entries, one a layer; make them "
            "with init"
        )
    pairs = zip(flow.layers, parameters, strict=True)
    return composition(*(layer_constant(layer, own) for layer, own in pairs))


def layer_constant(layer: Layer, parameters: Any) -> Constant:
    r"""Of one step with these parameters.

    It is about the map in real arithmetic with exactly the weights that the field's `branches`
    compute here from these parameters, in their precision, and the step rounded to it: x + hF_i(x)
    for each branch in turn (with half steps for "strang"), bounded by `euler_step`. Other programs
    may compute weights that differ in the last digits; where these are to be fixed, store those
    of `unrolled`.

    Steps by a skew-symmetric matrix keep the norm. Where the matrix is constant they are linear, of
    constant 1; where it depends on x, nothing is proved from above.

    **Raises:** ValueError for parameters that are not finite or do not fit, and layers of other
    kinds.
    """
    with jax.enable_x64(True):
        parameters = jax.tree.map(lambda leaf: jnp.asarray(np.asarray(leaf)), parameters)
        if not all(bool(jnp.all(jnp.isfinite(leaf))) for leaf in jax.tree.leaves(parameters)):
            raise ValueError("parameters hold NaN or infinity; pass finite ones")
        field = layer.field
        if isinstance(field, SkewField):
            layer(parameters, jnp.zeros(layer.n))  # refuses parameters that do not fit
            return exactly(1.0) if field.constant else Constant(1.0, math.inf)
        if not isinstance(field, BranchField):
            raise ValueError(f"no Lipschitz constant of {type(field).__name__} is known")
        *others, last = _branches(field, parameters)
        slopes = outward_slopes(field.activation)
    halves = 2 if layer.integrator == "strang" else 1
    firsts = [_step(branch, layer.step / halves, slopes) for branch in others]
    return composition(*firsts, _step(last, layer.step, slopes), *(firsts * (halves - 1)))


@partial(jax.jit, static_argnames="field", compiler_options=QUICK)
def _branches(field: BranchField, parameters: Any) -> tuple[Branch, ...]:
    return field.branches(parameters)


def _step(branch: Branch, step: float, slopes: tuple[float, float]) -> Constant:
    if not all(map(math.isfinite, slopes)):
        return Constant(0.0, math.inf)
    inner, outer = (None if w is None else np.asarray(w) for w in (branch.inner, branch.outer))
    assert inner is not None
    return euler_step(inner, outer, float(np.asarray(step, inner.dtype)), slopes=slopes)


def outward_slopes(activation: str | Activation) -> tuple[float, float]:
    """The least and the greatest difference quotient, rounded outward."""
    with jax.enable_x64(True):
        low, high = named(activation).enclose(1, jnp.asarray(-jnp.inf), jnp.asarray(jnp.inf))
    return float(low), float(high)

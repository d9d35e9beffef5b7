"""Lipschitz constants of flows with given weights."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..lipschitz import (
    Constant,
    composition,
    convolution_norm,
    exactly,
    gradient_step,
    matrix_norm,
    residual,
)
from ..lipschitz.constant import above, below
from .field import Branch, BranchField, slopes
from .filter import Filter, LinearMap, linear
from .flow import Flow, Stage
from .gradient import GradientFlow
from .layer import Layer
from .stages import AveragePooling, Flatten, Linear


def lipschitz_constant(flow: Flow | Stage, parameters: Any) -> Constant:
    r"""‖Φ(x) − Φ(y)‖₂ ≤ L‖x − y‖₂ for all x, y, for the weights that these parameters make.

    `flow.lipschitz` is a number for all parameters, in real arithmetic. This one is about the
    weights as they are computed from the parameters, in the precision of these; for them it is
    proved, all errors of rounding counted, by the norms of `matrix_norm` and `convolution_norm`.
    The map is that of the exact weights; its own rounding in use is not counted.

    A gradient step has the constant max(1, hβ‖A‖² − 1) (`gradient_step`), another branch
    1 + |h|β‖B‖‖A‖; these are multiplied. No least singular values are proved: what contracts by
    construction counts as non-expansive only.

    **Arguments:** `flow`, a `Flow`, or a layer of one; `parameters` as for its call.

    **Returns:** a `lbdnn.structured.lipschitz.Constant`; for `Isometric` 1, for `SpherePreserving`
    inf.

    **Raises:** ValueError for activations that are not Lipschitz, and weights that are not finite.
    """
    if isinstance(flow, Flow):
        return composition(*(lipschitz_constant(*each) for each in flow.paired(parameters)))
    match flow:
        case Layer():
            return _of_step(flow, parameters)
        case Linear():
            return _norm(linear(flow.weight, parameters.weight))
        case AveragePooling():
            return Constant(below(flow.lipschitz), above(flow.lipschitz))
        case Flatten():
            return exactly(1.0)
    raise ValueError(f"no constant is known of {flow!r}")


def _of_step(layer: Layer, parameters: Any) -> Constant:
    field = layer.field
    if not isinstance(field, BranchField):
        known = layer.lipschitz
        return exactly(1.0) if known == 1 else Constant(0.0, math.inf)
    own = slopes(field.activation)
    parts = layer.steps(layer.weights(parameters))
    if isinstance(field, GradientFlow):
        ((step, branch),) = parts
        return gradient_step(_norm(branch.inner), step, slopes=own)
    beta = max(map(abs, own))
    return composition(*(residual(_of_branch(branch, step, beta)) for step, branch in parts))


def _of_branch(branch: Branch, step: float, slope: float) -> Constant:
    """Of step · branch, from above."""
    inner = _norm(branch.inner)
    outer = exactly(1.0) if branch.outer is None else _norm(branch.outer)
    return composition(inner, exactly(slope), outer, exactly(abs(step)))


def _norm(a: LinearMap) -> Constant:
    if isinstance(a, Filter):
        return convolution_norm(np.asarray(a.kernel), a.convolution)
    return matrix_norm(np.asarray(a))

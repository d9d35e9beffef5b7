"""Lipschitz constants of chains of operations: networks with dense layers."""

from __future__ import annotations

from typing import Literal, get_args

import jax
import jax.numpy as jnp
import numpy as np

from ...intervals import Interval
from ...intervals.rounding import normal_above, normal_below
from ...networks import Chain, Theta
from ...sets import Box
from ...spectra.stability.secants import box, secants, whole_space
from .constant import Constant
from .semidefinite import semidefinite_bound

Method = Literal["product", "semidefinite"]
Norm = Literal["euclidean", "maximum"]


def lipschitz_constant(
    net: Chain,
    theta: Theta,
    *,
    inputs: Box | None = None,
    method: Method = "product",
    norm: Norm = "euclidean",
) -> Constant:
    r"""‖Φ(x) − Φ(y)‖ ≤ L‖x − y‖ for all x, y of a box, or of all space, for these weights.

    With d_i between the least and the greatest slope of an activation over what enters it
    (over all numbers, without a box), differences of outputs are those of inputs times
    a product of the weights and diagonal matrices of such d_i. Methods:

    - "product": the product of ‖W_i‖ and the largest |d_i|; 1 + that of the inside for a residual
      block. Quick, at any size.
    - "semidefinite": `semidefinite_bound` too, and the smaller of both. Its time grows with the
      cube of the number of neurons: a second for 150 altogether, some ten seconds for 500.

    `norm` is that of inputs and outputs: "euclidean", or, for the product alone, "maximum".

    All errors of rounding are counted. `lower` is 0; `lbdnn.Attack` finds large derivatives.

    **Raises:** ValueError for another method or norm, and parameters that do not fit the network.
    """
    for name, given, known in (("method", method, Method), ("norm", norm, Norm)):
        if given not in get_args(known):
            raise ValueError(f"{name} must be one of {get_args(known)}; got {given!r}")
    if method == "semidefinite" and norm == "maximum":
        raise ValueError(
            "the semidefinite program bounds Euclidean norms; pass method='product' for "
            "norm='maximum'"
        )
    net.validate(theta)
    with jax.enable_x64(True):
        theta = jax.tree.map(lambda leaf: jnp.asarray(np.asarray(leaf), jnp.float64), theta)
        region = whole_space(net.inputs)
        if inputs is not None:
            lo, hi = (jnp.asarray(end, jnp.float64) for end in inputs.ends(net.inputs))
            region = box(Interval(normal_below(lo), normal_above(hi)))
        found = secants(net, theta, region, jnp.asarray(False))
        upper = float(found.norms[1 if norm == "euclidean" else 2])
        if method == "semidefinite":
            upper = min(upper, semidefinite_bound(net, theta, found.slopes, upper))
    return Constant(0.0, upper)

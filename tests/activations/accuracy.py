"""How exact an evaluation in floating point must be."""

from __future__ import annotations

import numpy as np
from flint import arb

from lbdnn.activations import Activation

# Half-ulps; the worst that was measured is 25 (silu''' in float32), most are below 5.
ROUNDINGS = 64


def tolerance(
    activation: Activation, order: int, z: float, values: list[arb], dtype: type
) -> float:
    """The error that rounding allows in ς⁽ᵈ⁾(z), with values = [ς(z), …, ς⁽ᵈ⁺¹⁾(z)].

    Some roundings of the value, and of the argument and the parameters: no formula in floating
    point can do without the latter. So relative accuracy is asked for wherever it is possible.
    Products of an underflowing exponential with a power of z add an absolute term.
    """
    info = np.finfo(dtype)
    argument = abs(z) + max(map(abs, activation.parameters), default=0.0)
    scale = abs(values[order]) + argument * abs(values[order + 1])
    floor = float(info.tiny) * 1e4
    return float((ROUNDINGS * float(info.eps) / 2 * scale).upper()) + floor

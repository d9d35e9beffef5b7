"""How exact an evaluation in floating point must be."""

from __future__ import annotations

from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
from flint import arb

from lbdnn.activations import Activation

# Half-ulps by order. The worst measured are 14 (orders 0 to 2) and 46; most are below 5.
ROUNDINGS = (24, 24, 24, 64)
BATCH = 12

# JAX's own options, which a user's program is compiled with; other tests compile quickly.
OPTIONS = {"xla_backend_optimization_level": 3, "xla_cpu_use_fusion_emitters": True}


@cache
def compiled(activation: Activation, dtype: type, optimized: bool):
    """A function of BATCH intervals: the lower and upper ends of orders 0 to 3, each (4, BATCH)."""

    @partial(jax.jit, compiler_options=OPTIONS if optimized else None)
    def enclose(lo, hi):
        ends = [activation.enclose(order, lo, hi) for order in range(4)]
        return jnp.stack([e[0] for e in ends]), jnp.stack([e[1] for e in ends])

    def call(intervals):
        with jax.enable_x64(True):
            lower, upper = enclose(*np.asarray(intervals, dtype).T)
        assert lower.dtype == dtype
        return np.asarray(lower), np.asarray(upper)

    return call


def tolerance(
    activation: Activation, order: int, z: float, values: list[arb], dtype: type
) -> float:
    """The error that rounding allows in ς⁽ᵈ⁾(z), with values = [ς(z), …, ς⁽ᵈ⁺¹⁾(z)].

    Some roundings of the value, and of the argument and the parameters: no formula in floating
    point can do without the latter. So relative accuracy is asked for wherever it is possible.
    An exponential that underflows before it is multiplied by a power of z adds an absolute term.
    """
    info = np.finfo(dtype)
    argument = abs(z) + max(map(abs, activation.parameters), default=0.0)
    scale = abs(values[order]) + argument * abs(values[order + 1])
    floor = float(info.tiny) * 1e9
    return float((ROUNDINGS[order] * float(info.eps) / 2 * scale).upper()) + floor

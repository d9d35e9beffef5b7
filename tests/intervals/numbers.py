"""Numbers that attack arithmetic: ordinary, tiny, huge, exact and nearly cancelling ones."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

DTYPES = (np.float64, np.float32)
BATCH = 16

# JAX's own options, which a user's program is compiled with; other tests compile quickly.
OPTIONS = {"xla_backend_optimization_level": 3, "xla_cpu_use_fusion_emitters": True}


def floats(dtype: type, subnormal: bool = True):
    width = np.finfo(dtype).bits
    finite = st.floats(
        width=width, allow_nan=False, allow_infinity=False, allow_subnormal=subnormal
    )
    # In float32 huge stays finite when squared in float64, so that the oracles see it too.
    special = [0.0, 1.0, -1.0, float(np.finfo(dtype).tiny), float(np.finfo(dtype).max), 1e17, -1e17]
    special = [float(dtype(v)) for v in [*special, 1 / 3, np.pi, 1 + np.finfo(dtype).eps]]
    return st.one_of(st.floats(-4, 4, width=width), finite, st.sampled_from(special))


def arrays(dtype: type, count: int = BATCH, subnormal: bool = True):
    return st.lists(floats(dtype, subnormal), min_size=count, max_size=count).map(
        lambda values: np.asarray(values, dtype)
    )


def intervals(dtype: type):
    """Arrays (lo, hi), a third of them degenerate and some with infinite ends."""

    def ordered(data):
        a, b, kind = data
        lo, hi = np.minimum(a, b), np.maximum(a, b)
        lo = np.where(kind == 0, hi, lo)
        return np.where(kind == 3, -np.inf, lo).astype(dtype), np.where(
            kind == 4, np.inf, hi
        ).astype(dtype)

    kinds = st.lists(st.integers(0, 4), min_size=BATCH, max_size=BATCH).map(np.asarray)
    return st.tuples(arrays(dtype), arrays(dtype), kinds).map(ordered)

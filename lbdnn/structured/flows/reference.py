"""The flow itself, to compare steps with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float


def flow_map(
    field: Callable[[Any, Float[Array, " n"]], Float[Array, " n"]],
    parameters: Any,
    x: Float[Array, " n"],
    time: float,
    *,
    tolerance: float = 1e-9,
    max_steps: int = 10_000,
) -> Float[Array, " n"]:
    """x(time) of ẋ = X_θ(x) from x(0) = x, by adaptive steps of diffrax (Tsitouras 5/4).

    It keeps no property beyond its tolerance. NaN where the steps fail. 64-bit arithmetic
    (`jax.enable_x64`) is needed for tolerances like the default.

    **Arguments:** `field`, a `VectorField` or any function of parameters and x; `time` > 0;
    `tolerance`, relative and absolute, a step; `max_steps`.
    """
    import diffrax

    solution = diffrax.diffeqsolve(
        diffrax.ODETerm(lambda t, at, own: field(own, at)),
        diffrax.Tsit5(),
        0.0,
        time,
        None,
        jnp.asarray(x, jnp.result_type(x, float)),
        parameters,
        stepsize_controller=diffrax.PIDController(rtol=tolerance, atol=tolerance),
        max_steps=max_steps,
        throw=False,
    )
    assert solution.ys is not None
    failed = solution.result != diffrax.RESULTS.successful
    return jnp.where(failed, jnp.nan, jnp.asarray(solution.ys)[0])

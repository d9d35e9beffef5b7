"""A plant from one sample to the next, the control held."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import jax.numpy as jnp
from jaxtyping import Array, Float

from .plants import Plant

if TYPE_CHECKING:
    import diffrax


def held(
    plant: Plant,
    state: Float[Array, " N"],
    control: Float[Array, " m"],
    period: float,
    solver: diffrax.AbstractSolver | Literal["euler"],
    substeps: int,
    tolerance: float | None,
) -> Float[Array, " N"]:
    """X one period later: see `simulate`. NaN where adaptive steps fail."""
    if solver == "euler":
        for _ in range(substeps):
            state = state + period / substeps * plant.rate(state, control)
        return state
    import diffrax

    def rate(time: object, at: Array, control: Array) -> Array:
        return plant.rate(at, control)

    term = diffrax.ODETerm(rate)
    if tolerance is None:
        # One step of the solver itself: a third of the time of `diffeqsolve` with one step.
        step = period / substeps
        for _ in range(substeps):
            first = solver.init(term, 0.0, step, state, control)
            state = solver.step(term, 0.0, step, state, control, first, False)[0]
        return state
    solution = diffrax.diffeqsolve(
        term,
        solver,
        0.0,
        period,
        None,
        state,
        control,
        stepsize_controller=diffrax.PIDController(rtol=tolerance, atol=tolerance),
        throw=False,
    )
    assert solution.ys is not None
    failed = solution.result != diffrax.RESULTS.successful
    return jnp.where(failed, jnp.nan, jnp.asarray(solution.ys)[0])

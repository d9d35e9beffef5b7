"""A plant from one sample to the next, the control held."""

from __future__ import annotations

from collections.abc import Iterable
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
        step = period / substeps
        for _ in range(substeps):
            tableau = getattr(solver, "tableau", None)
            if isinstance(solver, diffrax.AbstractERK) and isinstance(
                tableau, diffrax.ButcherTableau
            ):
                state = _explicit_step(plant, state, control, step, tableau)
                continue
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


def _explicit_step(
    plant: Plant, state: Array, control: Array, step: float, tableau: diffrax.ButcherTableau
) -> Array:
    """One Runge–Kutta step by diffrax's tableau, the stages written out.

    Its own step keeps them in an array and loops, which takes longer than what most plants compute.
    """
    slopes: list[Array] = []
    for row in ([], *tableau.a_lower):
        slopes.append(plant.rate(_moved(state, step, row, slopes), control))
    return _moved(state, step, tableau.b_sol, slopes)


def _moved(state: Array, step: float, weights: Iterable[float], slopes: list[Array]) -> Array:
    pairs = zip(weights, slopes, strict=True)
    return sum((step * float(w) * slope for w, slope in pairs if w), state)

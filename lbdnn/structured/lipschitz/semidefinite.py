"""Lipschitz constants from a semidefinite program (LipSDP)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from ...compilation import QUICK
from ...intervals import Interval, all_definite, centred, interval
from ...networks import Chain, Theta
from ...spectra.stability.cones import solver, triangle
from ...spectra.stability.signals import Signals, centres, selected, signals_of
from .constant import above

# By how much the square is enlarged until it is proved; how far inside the solution is sought.
_SLACKS = (1e-6, 1e-4, 1e-2)
_INSIDE = 1e-7


def semidefinite_bound(
    net: Chain, theta: Theta, slopes: Sequence[Interval], product: float
) -> float:
    r"""≥ the Lipschitz constant, for activations with slopes in the given intervals [α, β].

    Let x be a difference of two inputs, z_i those of what enters the activations, s_i of what
    leaves them, Fξ that of the outputs, all linear in ξ = [x; s_1; …; s_L] (z_i = Z_iξ). Each
    neuron has (s − αz)(βz − s) ≥ 0. If diagonal T_i ≥ 0 make

        N = ρ E_xᵀE_x − FᵀF − Σ_i sym[(S_i − α_iZ_i)ᵀ T_i (β_iZ_i − S_i)] ⪰ 0

    (sym A = (A + Aᵀ)/2, S_i selects s_i), then 0 ≤ ξᵀNξ ≤ ρ‖x‖² − ‖Fξ‖²: √ρ is a Lipschitz
    constant. (Fazlyab et al. 2019, arXiv 1906.04893, LipSDP-Neuron; for any slopes and with
    shortcuts.)

    Clarabel finds ρ and T; they are taken as given numbers, and N ≻ 0 is proved for a slightly
    larger ρ with all rounding errors counted. inf where nothing is proved. `product` is
    any estimate of the constant, by which outputs are scaled.

    **Raises:** ImportError without the extra "lmi".
    """
    clarabel = solver()
    finite = all(bool(jnp.all(jnp.isfinite(d.lo) & jnp.isfinite(d.hi))) for d in slopes)
    if not (finite and 0 < product < math.inf):
        return math.inf
    scale = 2.0 ** -math.frexp(product)[1]
    signals = jax.tree.map(np.asarray, centres(net, theta))
    ends = [(np.asarray(d.lo), np.asarray(d.hi)) for d in slopes]
    found = _solved(clarabel, signals, ends, scale, net.inputs)
    if found is None:
        return math.inf
    square, multipliers = found
    split = np.split(multipliers, np.cumsum([d.shape[0] for d in slopes])[:-1])
    for slack in _SLACKS:
        larger = square * (1 + slack) + _INSIDE * slack
        if bool(_proved(net, theta, slopes, split, larger, scale)):
            return above(above(math.sqrt(larger)) / scale)
    return math.inf


@partial(jax.jit, static_argnames="net", compiler_options=QUICK)
def _proved(
    net: Chain,
    theta: Theta,
    slopes: Sequence[Interval],
    multipliers: Sequence[Array],
    square: Array,
    scale: Array,
) -> Bool[Array, ""]:
    """Whether N ≻ 0 is proved for these numbers and the outputs times `scale`, a power of two."""
    signals = signals_of(net, theta)
    start = centred(selected(signals.output.shape[1], 0, net.inputs))
    end = signals.output * interval(scale)
    n = start.mT @ start * interval(square) - end.mT @ end
    for z, s, t, d in zip(signals.entering, signals.leaving, multipliers, slopes, strict=True):
        below = s - z * interval(d.lo)[:, None]
        beyond = z * interval(d.hi)[:, None] - s
        product = below.mT @ (beyond * t[:, None])
        n = n - (product + product.mT) * 0.5
    return all_definite(n)


def _solved(
    clarabel: Any, signals: Signals, slopes: Sequence[Any], scale: float, n: int
) -> tuple[float, Float[np.ndarray, " neurons"]] | None:
    """The least ρ and its T ≥ 0 with N ⪰ a little, approximately."""
    from scipy import sparse

    size = signals.output.shape[1]
    end = scale * signals.output
    columns = []
    for z, s, (low, high) in zip(signals.entering, signals.leaving, slopes, strict=True):
        below, beyond = s - low[:, None] * z, high[:, None] * z - s
        for of_neuron in map(np.outer, below, beyond):
            columns.append(triangle(-(of_neuron + of_neuron.T) / 2))
    neurons = len(columns)
    start = selected(size, 0, n)
    columns.append(triangle(start.T @ start))
    # Clarabel: Ax + s = b, s in the cones.
    first = np.eye(neurons, neurons + 1)
    matrix = -np.vstack([first, np.column_stack(columns)])
    right = np.concatenate([np.zeros(neurons), triangle(-end.T @ end - _INSIDE * np.eye(size))])
    cones = [clarabel.PSDTriangleConeT(size)]
    if neurons:
        cones.insert(0, clarabel.NonnegativeConeT(neurons))
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    cost = np.append(np.zeros(neurons), 1.0)
    nothing = sparse.csc_matrix((neurons + 1, neurons + 1))
    problem = clarabel.DefaultSolver(
        nothing, cost, sparse.csc_matrix(matrix), right, cones, settings
    )
    x = np.asarray(problem.solve().x)
    if not np.isfinite(x).all() or x[-1] <= 0:
        return None
    return float(x[-1]), np.maximum(x[:-1], 0.0)

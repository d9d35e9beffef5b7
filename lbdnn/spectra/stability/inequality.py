"""Quadratic norms in which a network contracts, from a linear matrix inequality."""

from __future__ import annotations

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
from .cones import solver, triangle
from .signals import Signals, centres, selected, signals_of

# The factors tried: first one near 1, then so many by bisection.
_LARGEST = 1 - 2.0**-20
_BISECTIONS = 8


def quadratic_norm(
    net: Chain, theta: Theta, slopes: Sequence[Interval]
) -> tuple[Float[np.ndarray, "n n"], float] | None:
    r"""(root, q) with ‖S‖_P ≤ q < 1 proved for all S with the given slopes; or None.

    P = rootᵀ·root.

    Let x be a difference of two inputs, z_i those of what enters the activations, s_i of what
    leaves them, x⁺ = Fξ that of the outputs, all linear in ξ = [x; s_1; …; s_L] (z_i = Z_iξ). Each
    neuron has s = d·z with α ≤ d ≤ β, so (s − αz)(βz − s) = (d − α)(β − d)z² ≥ 0. If P ≻ 0,
    diagonal T_i ≥ 0 and

        N = q² E_xᵀPE_x − FᵀPF − Σ_i sym[(S_i − α_iZ_i)ᵀ T_i (β_iZ_i − S_i)] ⪰ 0

    (S_i selects s_i, sym A = (A + Aᵀ)/2), then 0 ≤ ξᵀNξ ≤ q²xᵀPx − x⁺ᵀPx⁺ along every such ξ:
    ‖x⁺‖_P ≤ q‖x‖_P. (The S-procedure with diagonal multipliers; Drgoňa et al.'s layers with
    sector-bounded activations, absolute stability in the manner of Lur'e.)

    Clarabel finds P, T for a q, which bisection makes small; its answer is taken as given numbers,
    and N ≻ 0 is proved for them by `lbdnn.intervals.definite`, all rounding errors counted. P ≻ 0,
    as root is triangular without a zero on its diagonal.

    **Raises:** ImportError without the extra "lmi".
    """
    clarabel = solver()
    if not all(bool(jnp.all(jnp.isfinite(d.lo) & jnp.isfinite(d.hi))) for d in slopes):
        return None
    signals = jax.tree.map(np.asarray, centres(net, theta))
    ends = np.cumsum([d.shape[0] for d in slopes])[:-1]

    def proved(q: float) -> np.ndarray | None:
        found = _solved(clarabel, signals, [(d.lo, d.hi) for d in slopes], q, net.inputs)
        if found is None:
            return None
        root, multipliers = found
        split = np.split(multipliers, ends)
        return root if bool(_proved(net, theta, slopes, root, split, q)) else None

    best, low, high = proved(_LARGEST), 0.0, _LARGEST
    if best is None:
        return None
    for _ in range(_BISECTIONS):
        q = (low + high) / 2
        root = proved(q)
        if root is None:
            low = q
        else:
            best, high = root, q
    return best, high


@partial(jax.jit, static_argnames="net", compiler_options=QUICK)
def _proved(
    net: Chain,
    theta: Theta,
    slopes: Sequence[Interval],
    root: Float[Array, "n n"],
    multipliers: Sequence[Array],
    q: Array,
) -> Bool[Array, ""]:
    """Whether N ≻ 0 and P ≻ 0 are proved for these numbers."""
    signals = signals_of(net, theta)
    start = centred(root) @ selected(signals.output.shape[1], 0, net.inputs)
    end = centred(root) @ signals.output
    n = start.mT @ start * interval(q).square() - end.mT @ end
    for z, s, t, d in zip(signals.entering, signals.leaving, multipliers, slopes, strict=True):
        below = s - z * interval(d.lo)[:, None]
        above = z * interval(d.hi)[:, None] - s
        product = below.mT @ (above * t[:, None])
        n = n - (product + product.mT) * 0.5
    return all_definite(n) & jnp.all(jnp.diagonal(root) > 0)


def _solved(
    clarabel: Any, signals: Signals, slopes: Sequence[tuple], q: float, n: int
) -> tuple[np.ndarray, np.ndarray] | None:
    """root and T ≥ 0 with μI ⪯ P ⪯ I and N ⪰ μI for the largest μ, approximately."""
    from scipy import sparse

    pairs = [(i, j) for j in range(n) for i in range(j + 1)]

    def symmetric(i: int, j: int) -> np.ndarray:
        p = np.zeros((n, n))
        p[i, j] = p[j, i] = 1.0
        return p

    size = signals.output.shape[1]
    start, end = selected(size, 0, n), signals.output
    columns, least, most = [], [], []
    for i, j in pairs:
        p = symmetric(i, j)
        columns.append(triangle(q * q * start.T @ p @ start - end.T @ p @ end))
        least.append(triangle(p))
        most.append(triangle(-p))
    for z, s, (low, high) in zip(signals.entering, signals.leaving, slopes, strict=True):
        below, above = s - np.asarray(low)[:, None] * z, np.asarray(high)[:, None] * z - s
        for of_neuron in map(np.outer, below, above):
            columns.append(triangle(-(of_neuron + of_neuron.T) / 2))
            least.append(np.zeros(len(pairs)))
            most.append(np.zeros(len(pairs)))
    neurons = len(columns) - len(pairs)
    columns.append(triangle(-np.eye(size)))
    least.append(triangle(-np.eye(n)))
    most.append(np.zeros(len(pairs)))
    variables = len(columns)
    # Clarabel: Ax + s = b, s in the cones.
    matrix = -np.vstack(
        [np.eye(variables)[len(pairs) : -1], *(np.column_stack(c) for c in (columns, least, most))]
    )
    right = np.concatenate([np.zeros(neurons + len(columns[0]) + len(pairs)), triangle(np.eye(n))])
    cones = [
        clarabel.NonnegativeConeT(neurons),
        clarabel.PSDTriangleConeT(size),
        clarabel.PSDTriangleConeT(n),
        clarabel.PSDTriangleConeT(n),
    ]
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    cost = np.zeros(variables)
    cost[-1] = -1.0
    nothing = sparse.csc_matrix((variables, variables))
    problem = clarabel.DefaultSolver(
        nothing, cost, sparse.csc_matrix(matrix), right, cones, settings
    )
    x = np.asarray(problem.solve().x)
    if not np.isfinite(x).all() or x[-1] <= 0:
        return None
    p = np.sum([x[k] * symmetric(i, j) for k, (i, j) in enumerate(pairs)], 0)
    try:
        root = np.linalg.cholesky(p).T
    except np.linalg.LinAlgError:
        return None
    return root, np.maximum(x[len(pairs) : -1], 0.0)

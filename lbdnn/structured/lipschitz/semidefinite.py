"""Lipschitz constants from a semidefinite program (LipSDP)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool

from ...compilation import QUICK
from ...intervals import Interval, all_definite, centred, interval
from ...networks import Chain, Theta
from ...spectra.stability.signals import Signals, centres, selected, signals_of
from .barrier import Program
from .constant import above

# How far ρ may be above the least one, and by how much it is enlarged for the proof, relatively;
# how many points are tried to prove.
_ACCURACY, _SLACK, _TRIED = 1e-4, 1e-6, 4


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

    An interior-point method finds ρ and T (`Program`); they are taken as given numbers, and N ≻ 0
    is proved for a slightly larger ρ with all rounding errors counted. inf where nothing is proved.
    `product` is any estimate of the constant, by which outputs are scaled.
    """
    finite = all(bool(jnp.all(jnp.isfinite(d.lo) & jnp.isfinite(d.hi))) for d in slopes)
    if not (slopes and finite and 0 < product < math.inf):
        return math.inf
    scale = 2.0 ** -math.frexp(product)[1]
    program = _program(jax.tree.map(np.asarray, centres(net, theta)), slopes, scale)
    found = program.solved(_ACCURACY)
    # Where N is too near to being singular for a proof, an earlier point may have one.
    for multipliers, square in reversed(found[-_TRIED:]):
        if not np.all(multipliers >= 0):
            continue
        split = np.split(multipliers, np.cumsum(program.layers)[:-1])
        larger = square * (1 + _SLACK)
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


def _program(signals: Signals, slopes: Sequence[Interval], scale: float) -> Program:
    ends = [[np.asarray(end)[:, None] for end in (d.lo, d.hi)] for d in slopes]
    layers = list(zip(signals.entering, signals.leaving, ends, strict=True))
    return Program(
        np.concatenate([s - low * z for z, s, (low, _) in layers]),
        np.concatenate([high * z - s for z, s, (_, high) in layers]),
        scale * signals.output,
        tuple(len(d.lo) for d in slopes),
    )

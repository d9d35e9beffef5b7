"""Each term of the layerwise bounds is capped over the radius that the layers share."""

import math
from typing import Any

import jax
import numpy as np
from hypothesis import given, settings, strategies as st

from lbdnn import Ball, Box
from lbdnn.bounds.layers import enclose
from lbdnn.bounds.terms import _budget_terms

from .points import CHAIN_OF_ONES


@jax.jit
def shared_radius(inputs: Any, parameters: Any) -> Any:
    known = enclose(CHAIN_OF_ONES, inputs, parameters)
    return known, _budget_terms(known, parameters.radius)


def largest_power(norms: np.ndarray, powers: np.ndarray, radius: float) -> float:
    """max Π (n_l + ρ_l)^c_l over ‖ρ‖ = radius."""
    low, high = 1e-12, 1e12
    shifts = np.zeros_like(norms)
    for _ in range(200 if np.any(powers) else 0):
        λ = math.sqrt(low * high)
        shifts = (np.sqrt(norms**2 + 2 * powers / λ) - norms) / 2
        low, high = (low, λ) if np.linalg.norm(shifts) < radius else (λ, high)
    return float(np.prod((norms + shifts) ** powers))


@settings(max_examples=10, deadline=None)
@given(st.lists(st.floats(0.01, 3), min_size=3, max_size=3), st.floats(0.1, 3))
def test_every_term_has_the_cap_of_its_own_exponents(weights: list[float], radius: float) -> None:
    net, norms = CHAIN_OF_ONES, np.array(weights)
    with jax.enable_x64(True):
        parameters = Ball(radius).parameter_region(net, net.unravel(norms))
        found = shared_radius(Box(-1, 1).input_region(net), parameters)
        known, terms = jax.tree.map(np.asarray, found)
    # A cap of no layer at all, or of one, still pays for the least multiplier of the grid.
    # Place t lies between Φ_t and Φ_{t+1}; behind the last layer there are ψ and no weight.
    bends = [*(x.bend for x in known.layers[1:]), known.bend]
    slope = [max(abs(float(b.low[0])), abs(float(b.high[0]))) for b in bends]
    bend = [float(b.curvature[0]) for b in bends]
    grown = [float(x.norm) for x in known.layers]

    def term(factor: float, *paths: tuple[int, int], weight: int | None = None) -> float:
        """factor·Π ‖P_ts‖ over the paths (s, t), times one weight more, at most."""
        powers = np.zeros(4)
        for start, stop in paths:
            powers[start + 1 : stop + 1] += 1
            factor *= math.prod(slope[start:stop])
        if weight is not None:
            powers[weight] += 1
        return factor * largest_power(norms, powers[:3], radius)

    for i in range(3):
        truth = term(grown[i], (i, 3))
        assert truth * (1 - 1e-9) <= terms.first[i] <= 1.2 * truth
        for j in range(i + 1, 3):
            truth = term(grown[i] * slope[j - 1], (j, 3), (i, j - 1))
            assert truth * (1 - 1e-9) <= terms.mixed[j, i] <= 1.2 * truth
        for t in range(i, 3):
            for e in range(i, t + 1):
                truth = term(
                    bend[t] * grown[i] * grown[e], (t + 1, 3), (i, t), (e, t), weight=t + 1
                )
                for entry in (terms.curved[t, i, e], terms.curved[t, e, i]):
                    assert truth * (1 - 1e-9) <= entry <= 1.2 * truth

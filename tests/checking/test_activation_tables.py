"""Tables of activations against power series in ball arithmetic."""

import flint
import numpy as np
import pytest
from flint import arb, arb_series
from hypothesis import given, settings, strategies as st

from lbdnn.activations import get
from lbdnn.checking.activation_tables import table
from lbdnn.checking.cell_norms import largest_eigenvalues, spectral_norms
from lbdnn.checking.definitions import definition

ends = st.floats(-4, 4) | st.sampled_from([0.0, -1.0, 3.0, 1 / 64, -0.5])
widths = st.sampled_from([0.0, 1e-9, 1e-3, 0.02, 0.5, 3.0])


@pytest.mark.parametrize("name", ["tanh", "silu", "gelu", "sin", "elu", "hardswish", "relu"])
@settings(max_examples=60, deadline=None)
@given(low=ends, width=widths, place=st.floats(0, 1))
def test_ranges_contain_values(name: str, low: float, width: float, place: float) -> None:
    with flint.ctx.workprec(128):
        known = table(get(name), 8.0)
        high = low + width
        z = min(low + place * width, high)
        pieces = definition(get(name))
        assert pieces is not None
        own = [
            p
            for p in pieces
            if (p.left is None or p.left <= z) and (p.right is None or p.right >= z)
        ]
        for piece in own:  # two at a breakpoint
            series = piece.formula(arb_series([arb(z), 1], prec=5))
            for order in range(5):
                value = series[order] * arb(order).fac()
                below, above = known.over(order, np.array([low]), np.array([high]))
                if value.is_finite():
                    assert float(below[0]) <= value.upper() and value.lower() <= float(above[0])
                if len(own) == 1 and order < 4:
                    near, error = known.at(order, np.array([z]))
                    assert abs(value - arb(float(near[0]))).lower() <= float(error[0])


def test_ranges_are_nearly_the_smallest() -> None:
    with flint.ctx.workprec(128):
        known = table(get("tanh"), 8.0)
    low, high = known.over(1, np.array([0.2, 1.0, -0.501]), np.array([0.2, 3.0, 0.25]))
    slope = 1 - np.tanh([[0.2, 0.2], [3.0, 1.0], [-0.501, 0.0]]) ** 2
    np.testing.assert_allclose(low[:2], slope[:2, 0], atol=1e-9)
    np.testing.assert_allclose(high[:2], slope[:2, 1], atol=1e-9)
    # Where it is not monotone, to a cell of the table.
    assert slope[2, 0] - 0.02 <= low[2] <= slope[2, 0]
    assert 1 <= high[2] <= 1.001
    # A slope that jumps has no second derivative, and nothing is known far out.
    with flint.ctx.workprec(128):
        kinked = table(get("relu"), 8.0)
    assert np.isinf(kinked.over(2, np.array([-0.1]), np.array([0.1]))[1])
    assert kinked.over(2, np.array([0.1]), np.array([0.2]))[1] < 1e-300
    assert np.isinf(known.over(0, np.array([-9.0]), np.array([0.0]))[0])


@settings(max_examples=100, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    shape=st.tuples(st.integers(1, 12), st.integers(1, 12)),
    rank=st.integers(1, 12),
    scale=st.sampled_from([0.0, 1e-120, 1e-3, 1.0, 1e50]),
)
def test_norms_of_matrices(seed: int, shape: tuple[int, int], rank: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    rank = min(rank, *shape)
    x = scale * rng.standard_normal((4, shape[0], rank)) @ rng.standard_normal((4, rank, shape[1]))
    truth = np.linalg.norm(x, 2, (-2, -1))
    assert np.all(spectral_norms(x) >= truth * (1 - 1e-14))
    if scale >= 1e-3:
        assert np.all(spectral_norms(x) <= truth * 1.2)
    square = np.abs(x @ np.swapaxes(x, -1, -2)) if scale <= 1 else np.zeros((4, 2, 2))
    most = np.max(np.linalg.eigvalsh(square), -1)
    assert np.all(largest_eigenvalues(square) >= most * (1 - 1e-14))
    assert np.all(largest_eigenvalues(square) <= most * 1.01 + 1e-100)

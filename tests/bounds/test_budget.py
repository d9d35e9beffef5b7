"""Caps of products whose factors share one radius: never below the truth, and close to it."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from lbdnn.bounds.budget import between, budget, prefix

# Always five layers, so that everything is compiled once; unused ones have the power 0.
LAYERS = 5
norms_of = st.lists(st.just(0.0) | st.floats(1e-6, 1e6), min_size=LAYERS, max_size=LAYERS).map(
    np.array
)
powers_of = st.lists(st.integers(0, 2), min_size=LAYERS, max_size=LAYERS).filter(any).map(np.array)
limits_of = st.lists(st.just(0.0) | st.floats(1e-9, 1), min_size=LAYERS, max_size=LAYERS).map(
    np.array
)
radii = st.floats(1e-6, 1e6)


@jax.jit
def cap_of(norms: jax.Array, limits: jax.Array, powers: jax.Array, radius: jax.Array) -> jax.Array:
    shared = budget(norms, radius)
    once, twice = (shared.brackets(norms, limits, power) for power in (1, 2))
    chosen = jnp.where(powers == 0, 0.0, jnp.where(powers == 1, once, twice))
    return shared.cap(prefix(chosen)[:, -1])


def cap(norms: np.ndarray, limits: np.ndarray, powers: np.ndarray, radius: float) -> float:
    with jax.enable_x64(True):
        arrays = (np.asarray(x, float) for x in (norms, limits, powers))
        return float(cap_of(*arrays, np.float64(radius)))


def largest(norms: np.ndarray, limits: np.ndarray, powers: np.ndarray, radius: float) -> float:
    """max Π (n_l + ρ_l)^c_l over ‖ρ‖ ≤ r, 0 ≤ ρ ≤ R: its (sufficient) conditions, by bisection."""

    def shifts(λ: float) -> np.ndarray:
        share = powers / λ
        roots = norms + np.hypot(norms, np.sqrt(2 * share))
        return np.minimum(np.divide(share, roots, out=np.zeros(LAYERS), where=roots > 0), limits)

    low, high = 1e-60, 1e60
    if np.linalg.norm(shifts(low)) <= radius:
        high = low
    for _ in range(400 if high > low else 0):
        middle = math.sqrt(low) * math.sqrt(high)
        low, high = (low, middle) if np.linalg.norm(shifts(middle)) < radius else (middle, high)
    return float(np.prod((norms + shifts(high)) ** powers))


@settings(max_examples=300, deadline=None)
@given(norms_of, limits_of, powers_of, radii)
def test_never_below_the_maximum(
    norms: np.ndarray, share: np.ndarray, powers: np.ndarray, radius: float
) -> None:
    limits = 2 * radius * share
    truth = largest(norms, limits, powers, radius)
    found = cap(norms, limits, powers, radius)
    assert truth * (1 - 1e-11) <= found
    # The least multiplier costs at most 1/(2·LAYERS) where the limits alone bind.
    assert found <= 1.4 * truth + 1e-250


@settings(max_examples=300, deadline=None)
@given(norms_of, powers_of, radii)
def test_close_to_the_truth_where_only_the_radius_limits(
    norms: np.ndarray, powers: np.ndarray, radius: float
) -> None:
    # Half a step of the grid, δ = log(5e13)/126 for the most uneven of these norms, costs at most
    # a factor exp(½Σc (e^δ − 1 − δ)) = 1.19.
    limits = np.full(LAYERS, radius)
    truth = largest(norms, limits, powers, radius)
    assert truth * (1 - 1e-11) <= cap(norms, limits, powers, radius) <= 1.2 * truth


@settings(max_examples=100, deadline=None)
@given(norms_of, limits_of, powers_of, radii, st.integers(0, 2**32 - 1))
def test_never_below_a_product_of_the_set(
    norms: np.ndarray, share: np.ndarray, powers: np.ndarray, radius: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    shifts = np.abs(rng.standard_normal((50, LAYERS)) ** rng.choice([1, 3], (50, 1)))
    shifts *= radius / np.linalg.norm(shifts, axis=1, keepdims=True)
    limits = radius * share
    products = np.prod((norms + np.minimum(shifts, limits)) ** powers, axis=1)
    assert cap(norms, limits, powers, radius) >= np.max(products) * (1 - 1e-11)


@pytest.mark.parametrize("count", range(1, LAYERS + 1))
@pytest.mark.parametrize("power", [1, 2])
def test_norms_of_zero_give_the_budgeted_polynomial(count: int, power: int) -> None:
    # Π ρ_l ≤ (r/√m)^m.
    powers = np.where(np.arange(LAYERS) < count, power, 0)
    found = cap(np.zeros(LAYERS), np.full(LAYERS, 3.0), powers, 3.0)
    truth = (3 / math.sqrt(count)) ** (count * power)
    assert truth * (1 - 1e-12) <= found <= 1.01 * truth


@pytest.mark.parametrize("radius", [0.0, math.inf])
def test_no_radius_no_cap(radius: float) -> None:
    assert cap(np.ones(LAYERS), np.ones(LAYERS), np.ones(LAYERS), radius) == math.inf


@pytest.mark.parametrize("size", [1e150, 1e160, 1e300])
@pytest.mark.parametrize("radius", [1e-200, 1e-3, 1.0, 1e3, 1e200])
def test_huge_and_tiny_norms_keep_the_contract(size: float, radius: float) -> None:
    norms, powers = np.array([size, 1 / size, 0, 0, 0]), np.array([1, 1, 0, 0, 0])
    found = cap(norms, np.full(LAYERS, radius), powers, radius)
    # Everything in the small one.
    assert not found < size * (1 / size + radius) * (1 - 1e-11)


def test_between_is_the_sum_over_a_range_and_zero_if_that_is_empty() -> None:
    values = np.array([[1.0, 2.0, 4.0, 8.0]])
    sums = prefix(jnp.asarray(values))
    for start in range(5):
        for stop in range(-1, 5):
            expected = values[0, start : max(stop, start)].sum()
            assert between(sums, jnp.asarray(start), jnp.asarray(stop))[0] == expected

"""Natural extensions of formulas, against ball arithmetic and against their own samples."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flint import arb, ctx
from hypothesis import given, settings, strategies as st

from lbdnn.intervals import Interval, interval, natural

from .numbers import DTYPES, intervals
from .test_elementary import contains

ROOT_TWO = math.sqrt(2)


@pytest.fixture(autouse=True)
def digits():
    before, ctx.prec = ctx.prec, 2200
    yield
    ctx.prec = before


def branches(x):
    return jnp.where(x > 1, x * 3, jnp.where((x < -2) | (x == 0), -x, jnp.clip(x, -0.5, 0.5)))


def exact_branches(z):
    if bool(z > 1):
        return z * 3
    if bool(z < -2) or bool(z == 0):
        return -z
    return z.max(arb(-0.5)).min(arb(0.5))


@jax.jit
def bell(x):
    return jnp.exp(-x * x / 2) * (x * x - 1)


def steps(x):
    return ((x + 1e17) + 1.0) - 1e17


def sign(z: arb) -> int:
    return bool(z > 0) - bool(z < 0)


def half_tanh(x):
    return jnp.tanh(0.5 * x) * x


FORMULAS = {
    "branches": (branches, exact_branches),
    "bell": (bell, lambda z: (-z * z / 2).exp() * (z * z - 1)),
    "constants in a row": (steps, lambda z: z + 1),
    "root of two": (lambda x: ROOT_TWO * x, lambda z: arb(2).sqrt() * z),
    "powers": (lambda x: x**3 / (1 + x**4), lambda z: z**3 / (1 + z**4)),
    "derivative": (
        jax.vmap(jax.grad(half_tanh)),
        lambda z: (z / 2).tanh() + z / 2 * (1 - (z / 2).tanh() ** 2),
    ),
    "softplus": (
        lambda x: jnp.maximum(x, 0) + jnp.log1p(jnp.exp(-jnp.abs(x))),
        lambda z: (abs(z) + z) / 2 + (-abs(z)).exp().log1p(),
    ),
    "root": (
        lambda x: jax.lax.rsqrt(1 + x * x) * jnp.sign(x),
        lambda z: (1 + z * z).rsqrt() * sign(z),
    ),
    "library": (
        lambda x: jax.nn.sigmoid(x) * jax.scipy.special.erf(x),
        lambda z: z.erf() / (1 + (-z).exp()),
    ),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_values_are_contained(name):
    function, truth = FORMULAS[name]
    extension = jax.jit(natural(function))

    @settings(max_examples=10, deadline=None)
    @given(st.data(), st.sampled_from([0.0, 1.0, 0.3]), st.booleans())
    def attack(data, place, single):
        dtype = data.draw(st.sampled_from(DTYPES))
        a, b = data.draw(intervals(dtype))
        finite = np.isfinite(a) & np.isfinite(b)
        a = np.where(finite, a, dtype(0))
        b = a if single else np.where(finite, b, dtype(1))
        with jax.enable_x64(True):
            result = extension(interval(a, b))
        lo, hi = np.asarray(result.lo, float), np.asarray(result.hi, float)
        assert result.lo.dtype == dtype
        for x, y, low, high in zip(a.tolist(), b.tolist(), lo, hi, strict=True):
            z = x / 2 + (x / 2 + place * (y / 2 - x / 2)) + place * (y / 2 - x / 2)
            z = min(max(z, x), y)
            assert contains(low, high, truth(arb(z))), (x, y, z, low, high)

    attack()


def test_single_points_are_enclosed_narrowly():
    with jax.enable_x64(True):
        x = np.linspace(-3, 3, 41)
        for name in ("bell", "powers", "softplus", "library", "derivative"):
            function = FORMULAS[name][0]
            result = natural(function)(interval(x))
            width = np.asarray(result.hi - result.lo)
            assert (width <= 5e-14).all(), name


def test_open_comparisons_take_both_branches():
    with jax.enable_x64(True):
        result = natural(branches)(interval(0.75, 1.25))
    assert float(result.lo) == 0.5 and 3.75 <= float(result.hi) < 3.7500001


def test_several_arguments_and_shapes():
    function = natural(lambda x, y: jnp.reshape(x, (2, 1)) * y[None, :] + jnp.zeros((2, 3)))
    result = function(interval(np.ones(2)), interval(np.zeros(3), np.ones(3)))
    assert result.shape == (2, 3) and float(result.hi.max()) == pytest.approx(1, rel=1e-5)
    assert float(natural(lambda x: jnp.full_like(x, 0.1))(interval(2.0)).lo) <= 0.1


def test_undefined_branches_are_anything():
    result = natural(lambda x: jnp.where(x > 0, jnp.log(x), jnp.nan))(interval(-1.0, 1.0))
    assert (float(result.lo), float(result.hi)) == (-math.inf, math.inf)


def test_operations_without_extension_are_refused():
    one = interval(1.0)
    for function in (
        lambda x: jnp.linalg.norm(jnp.stack([x, x]), ord=jnp.inf) + jax.lax.lgamma(x),
        lambda x: x.astype(int) + 1.0,
        lambda x: (x > 0) * 2.0,
    ):
        with pytest.raises(TypeError, match="no interval extension"):
            natural(function)(one)


def test_extensions_are_mapped_over_batches():
    x = interval(np.linspace(-1, 1, 6).reshape(3, 2), np.linspace(0, 2, 6).reshape(3, 2))
    whole, mapped = natural(bell)(x), jax.vmap(natural(bell))(x)
    assert isinstance(mapped, Interval)
    assert np.array_equal(whole.lo, mapped.lo) and np.array_equal(whole.hi, mapped.hi)

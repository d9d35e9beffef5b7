"""Products and sums of matrices with radii contain every choice from the operands."""

from __future__ import annotations

import math
from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from lbdnn.intervals import NormBall, centred, interval, norm_ball

from . import oracle
from .numbers import DTYPES, floats

rng = np.random.default_rng(3)
entrywise = jax.jit(lambda a, b, c: ((a @ b) @ c + a * 0.3 - c).interval())


@jax.jit
def balls(a, b, d, c):
    total = (norm_ball(a, 0.2) @ norm_ball(b, 0.3)).scaled_columns(d) + norm_ball(c, 0.5)
    return total, total.norm()


def matrix(dtype):
    entries = st.lists(floats(dtype), min_size=4, max_size=4)
    return entries.map(lambda values: np.asarray(values, dtype).reshape(2, 2))


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_entrywise_radii_contain_the_truth(data):
    dtype = data.draw(st.sampled_from(DTYPES))
    middles = [data.draw(matrix(dtype)) for _ in range(3)]
    radii = [
        np.abs(data.draw(matrix(dtype))) * data.draw(st.sampled_from([0, 1])) for _ in range(3)
    ]
    signs = [data.draw(st.sampled_from([-1, 0, 1])) for _ in range(3)]
    with jax.enable_x64(True):
        result = entrywise(*map(centred, middles, radii))
    lo, hi = np.asarray(result.lo), np.asarray(result.hi)
    a, b, c = (
        [[m + sign * r for m, r in zip(*rows, strict=True)] for rows in zip(
            oracle.rational(middle), oracle.rational(radius), strict=True)]
        for middle, radius, sign in zip(middles, radii, signs, strict=True)
    )  # fmt: skip
    truth = oracle.product(oracle.product(a, b), c)
    for i in range(2):
        for j in range(2):
            value = truth[i][j] + a[i][j] * Fraction(0.3) - c[i][j]
            assert lo[i, j] == -math.inf or Fraction(float(lo[i, j])) <= value
            assert hi[i, j] == math.inf or value <= Fraction(float(hi[i, j]))


def perturbations(radius, shape, count=20):
    for _ in range(count):
        e = rng.normal(size=shape)
        yield radius * e / (np.linalg.norm(e, 2) * (1 + 1e-12))


def test_norm_balls_contain_every_choice():
    a, b, d = rng.normal(size=(3, 4)), rng.normal(size=(4, 5)), np.abs(rng.normal(size=5))
    spread = 0.1 * np.abs(rng.normal(size=5))
    with jax.enable_x64(True):
        slopes = interval(d - spread, d + spread)
        total, limit = balls(a, b, slopes, np.ones((3, 5)))
    limit, radius = float(limit), float(total.radius)
    centre = np.asarray(total.centre)
    sizes = ((0.2, (3, 4)), (0.3, (4, 5)), (0.5, (3, 5)))
    for e, f, g in zip(*(perturbations(r, shape) for r, shape in sizes), strict=True):
        chosen = d + spread * rng.uniform(-1, 1, 5)
        truth = (a + e) @ (b + f) * chosen + np.ones((3, 5)) + g
        assert np.linalg.norm(truth - centre, 2) <= radius
        assert np.linalg.norm(truth, 2) <= limit


def test_balls_absorb_rounding_and_no_more():
    a = rng.normal(size=(6, 6))

    @jax.jit
    def multiplied(a):
        chain = norm_ball(a)
        for _ in range(4):
            chain = chain @ a
        return chain, chain.norm(), norm_ball(a, 0.25).norm(), centred(a, 0.1)

    with jax.enable_x64(True):
        chain, size, with_radius, entry = multiplied(jnp.asarray(a))
        exact = oracle.rational(a)
        for _ in range(4):
            exact = oracle.product(exact, oracle.rational(a))
        difference = np.array(
            [[float(x - Fraction(float(c))) for x, c in zip(*rows, strict=True)]
             for rows in zip(exact, np.asarray(chain.centre), strict=True)]
        )  # fmt: skip
        assert np.linalg.norm(difference, 2) <= float(chain.radius)
        assert float(chain.radius) < 1e-11 * float(size)
        assert float(with_radius) == pytest.approx(np.linalg.norm(a, 2) + 0.25)
        assert float(entry.norm()) == pytest.approx(np.linalg.norm(a, 2) + 0.6)
        assert float(entry.ball().radius) == pytest.approx(0.6)  # 6×6 entries of 0.1


def test_unknown_entries_stay_unknown_and_zeros_hide_them():
    with jax.enable_x64(True):
        wild = centred(np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([[0.0, math.inf], [0.0, 0.0]]))
        product = wild @ np.eye(2)
        assert np.asarray(product.radius)[0, 1] == math.inf
        assert float(wild.norm()) == math.inf and float(wild.ball().radius) == math.inf
        huge = centred(np.full((2, 2), 1e200))
        assert np.asarray((huge @ huge).interval().hi).tolist() == [[math.inf] * 2] * 2
        assert (
            float((norm_ball(np.full((2, 2), 1e200)) @ np.full((2, 2), 1e200)).norm()) == math.inf
        )


def test_wrong_radii_are_refused():
    with pytest.raises(ValueError, match="NaN"):
        centred(np.array([[math.nan]]))
    with pytest.raises(ValueError, match="lo > hi"):
        centred(np.eye(2), -1.0)
    with pytest.raises(ValueError, match="lo > hi"):
        norm_ball(np.eye(2), -1.0)


def test_batches_and_vmap():
    @jax.jit
    def together(a):
        entrywise = centred(a, 0.1) @ centred(a, 0.1)
        ball = NormBall(a, jnp.full(5, 0.1))
        return entrywise, (ball @ ball).norm(), ball - ball.mT.mT, ball.scaled_rows(jnp.ones(3)) + a

    @jax.jit
    @jax.vmap
    def one_by_one(a):
        ball = NormBall(a, jnp.asarray(0.1))
        return centred(a, 0.1) @ centred(a, 0.1), (ball @ ball).norm()

    with jax.enable_x64(True):
        a = jnp.asarray(rng.normal(size=(5, 3, 3)))
        (batch, norms, difference, scaled), (mapped, each) = together(a), one_by_one(a)
    assert np.allclose(batch.centre, mapped.centre) and np.allclose(batch.radius, mapped.radius)
    assert norms.shape == (5,) and np.allclose(norms, each)
    assert np.allclose(np.asarray(difference.centre), 0) and difference.radius.shape == (5,)
    assert np.allclose(scaled.centre, 2 * np.asarray(a)) and scaled.shape == a.shape

"""Tables of high derivatives and expansions of activations contain the truth."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lbdnn.activations import get
from lbdnn.bounds.expansion.activation_jets import expand
from lbdnn.bounds.expansion.activation_tables import table
from lbdnn.bounds.expansion.monomials import monomials

NAMES = (
    "tanh",
    pytest.param("softplus", marks=pytest.mark.slow),
    pytest.param("gelu", marks=pytest.mark.slow),
)


@pytest.mark.parametrize("name", NAMES)
def test_table_bounds_the_derivatives(name):
    rng = np.random.default_rng(0)
    with jax.enable_x64(True):
        activation = get(name)
        known = table(activation, 6.0)
        middle, half = rng.uniform(-6, 6, 60), 10.0 ** rng.uniform(-4, 0.5, 60)
        lo, hi = np.maximum(middle - half, -6), np.minimum(middle + half, 6)
        points = jnp.asarray(np.linspace(lo, hi, 400))
        for order in (3, 4, 5):
            bound = np.asarray(known.supremum(order, jnp.asarray(lo), jnp.asarray(hi)))
            truth = np.max(np.abs(np.asarray(activation.derivative(order, points))), 0)
            assert np.all(bound >= truth * (1 - 1e-12))
            if name != "gelu":  # the formula of its derivatives loses much in interval arithmetic
                assert np.all(bound <= 1.2 * truth + 0.2 * truth.max())


@pytest.mark.parametrize("name", NAMES)
def test_expansions_contain_the_derivatives(name):
    rng = np.random.default_rng(1)
    variables, n = monomials(3), 8
    with jax.enable_x64(True):
        activation = get(name)
        tables = (table(activation, 8.0),)
        of = jax.jit(lambda z, e: expand((activation,), tables, jnp.asarray(0), variables, z, e))
        for scale in (0.0, 1e-3, 0.1, 0.4):
            z = rng.standard_normal((variables.size, n)) * scale
            z[0] = rng.uniform(-2, 2, n)
            error = rng.uniform(0, 0.1 * scale, n) if scale else np.zeros(n)
            found = of(z, error)
            t = rng.uniform(-1, 1, (300, 3))
            t[::2] = np.sign(t[::2])
            powers = np.array([_powers(variables, x) for x in t])
            truth = powers @ z + error * rng.choice([-1, 1], (300, n))
            reach = np.sum(np.abs(z[1:]), 0) + error
            for order, one in enumerate(found):
                exact = np.asarray(activation.derivative(order, jnp.asarray(truth)))
                away = np.abs(exact - powers @ np.asarray(one.coefficients))
                assert np.all(away <= np.asarray(one.error) + 1e-15)
                # Second order: no more than the argument's error and the cube of its reach.
                assert np.all(np.asarray(one.error) <= 1e-13 + 10 * (error + reach**3))
                assert np.all(np.asarray(one.fresh) <= np.asarray(one.error))


def _powers(variables, t):
    pairs = [t[a] * t[b] for a, b in zip(variables.first, variables.second, strict=True)]
    return np.array([1.0, *t, *pairs])

"""(ς(z) − ς(0))/z keeps its digits near 0."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flint import arb, ctx

from lbdnn import activations
from lbdnn.activations import Activation
from lbdnn.spectra import mean_slope

EXACT = {
    "logistic": lambda z: 1 / (1 + (-z).exp()),
    "softplus": lambda z: (1 + z.exp()).log(),
    "tanh": lambda z: z.tanh(),
    "hardsigmoid": lambda z: min(max(z / 6 + arb(1) / 2, arb(0)), arb(1)),
}


@pytest.mark.parametrize("x64", [False, True])
@pytest.mark.parametrize("name", EXACT)
def test_near_and_far_from_zero(name, x64):
    exact = EXACT[name]
    with jax.enable_x64(x64):
        z = jnp.concatenate([10.0 ** jnp.arange(-14, 2, 0.25), -(10.0 ** jnp.arange(-14, 2, 0.25))])
        found = np.asarray(mean_slope(activations.get(name), z), float)
        eps = float(jnp.finfo(z.dtype).eps)
    before, ctx.prec = ctx.prec, 200
    try:
        points = [arb(float(value)) for value in z]
        true = np.array([float((exact(p) - exact(arb(0))) / p) for p in points])
    finally:
        ctx.prec = before
    assert np.max(np.abs(found - true) / np.abs(true)) < 16 * eps


@pytest.mark.parametrize("x64", [False, True])
def test_times_z_it_is_the_increment(x64):
    every = [activations.get(name) for name in activations.names()]

    @jax.jit
    def increments(z):
        return [(mean_slope(a, z) * z, a(z) - a.value_at_zero) for a in every]

    with jax.enable_x64(x64):
        z = jnp.asarray(np.random.default_rng(0).normal(0, 2, 1000))
        for product, increment in increments(z):
            size = 1 + np.abs(increment).max()
            np.testing.assert_allclose(product, increment, atol=4 * size * jnp.finfo(z.dtype).eps)


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "selu", "tanh", "logistic", "silu"])
def test_at_zero_it_is_the_slope_and_differentiable(name):
    activation = activations.get(name)
    at_zero = float(mean_slope(activation, jnp.zeros(())))
    assert at_zero == pytest.approx(activation.slope_at_zero, rel=1e-6)
    slope = jax.grad(lambda z: mean_slope(activation, z))(0.0)
    assert np.isfinite(slope)
    if activation.smooth:  # the mean slope is ς'(0) + ς''(0) z/2 + …
        half = float(activation.derivative(2, np.zeros(()))) / 2
        assert slope == pytest.approx(half, abs=1e-5)


def test_steep_activation_of_a_user():
    steep = Activation(
        "steep_logistic",
        _steep,
        extremes=((),) * 4,
        limits=((0.0, 1.0), (0.0, 0.0), (0.0, 0.0), (0.0, 0.0)),
        growth=(0.0, 1.0),
    )
    with jax.enable_x64(True):
        z = jnp.array([1e-9, -1e-5, 1e-3])
        found = np.asarray(mean_slope(steep, z))
        np.testing.assert_allclose(found, np.tanh(200 * z) / (2 * z), rtol=1e-13)


def _steep(z):
    return 1 / (1 + jnp.exp(-400 * z))


def test_refuses_an_activation_without_a_value_at_zero():
    logarithm = Activation(
        "logarithm",
        jnp.log,
        extremes=((),) * 4,
        limits=(
            (-np.inf, np.inf), (np.inf, 0.0), (-np.inf, 0.0), (np.inf, 0.0)
        ),
        growth=(np.inf, np.inf),
        domain=(0.0, np.inf),
    )  # fmt: skip
    with pytest.raises(ValueError, match="not defined at 0"):
        mean_slope(logarithm, jnp.ones(3))

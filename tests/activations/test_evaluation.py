"""ς and its derivatives in floating point: finite, exact, and what `jax.grad` sees."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lbdnn.activations import get, names

from .accuracy import OPTIONS, tolerance
from .pieces import INF
from .reference import exact, typed_cases

NAMES = pytest.mark.parametrize("activation", [get(name) for name in names()], ids=str)


def points(activation, dtype):
    """Everywhere: small and large, near and at the critical points, up to the largest floats."""
    info = np.finfo(dtype)
    random = np.random.default_rng(0)
    largest = float(info.max)
    huge = 10.0 ** random.uniform(-30, np.log10(largest) - 0.1, 12)
    near = [
        p * (1 + k * float(info.eps)) for g in activation.extremes for p, _ in g for k in (-2, 3)
    ]
    left = activation.domain[0]
    close = left + 10.0 ** random.uniform(-6, 1, 6) if left > -INF else []
    fixed = [0.0, 1.0, -1.0, 1e4, -1e4, 700.0, -700.0, 3e38, -3e38, largest, -largest]
    uniform = random.uniform(-1, 1, 30) * np.repeat([5, 40, 90], 10)
    z = np.concatenate([fixed, uniform, huge, -huge, near, close]).astype(dtype)
    special = np.asarray([p for p, v in activation.extremes[3] if v == INF], dtype)
    distance = np.min(np.abs(z[:, None] - special), 1, initial=INF)
    # At a kink both one-sided values are right, and near one its own rounding decides.
    return z[(z > left) & (distance > 8 * info.eps * np.abs(z))]


@pytest.mark.parametrize(("activation", "dtype"), typed_cases())
def test_values_are_exact_everywhere(activation, dtype):
    """Against ball arithmetic, compiled: to some ulps of the value, of argument and of parameters.

    Measured worst (in half-ulps; jaxlib 0.10.2 on a CPU): orders 0 to 2: 14 (tanhshrink', from
    tanh itself), order 3: 46 (gelu_tanh); most are below 5. Near zeros of ς⁽ᵈ⁾ that are not
    zeros of its formula's factors this is an absolute error, elsewhere a relative one.
    """
    z = points(activation, dtype)
    with jax.enable_x64(True):
        orders = jax.jit(
            lambda x: [activation.derivative(d, x) for d in range(4)], compiler_options=OPTIONS
        )
        values = np.asarray(orders(z))
    assert values.dtype == dtype
    for i, x in enumerate(map(float, z)):
        true = exact(activation, x, 5)
        for order in range(4):
            value = float(true[order])
            if abs(value) <= float(np.finfo(dtype).max):
                error = abs(values[order, i] - value)
                assert error <= tolerance(activation, order, x, true, dtype), (order, x)


@NAMES
def test_automatic_differentiation_gives_the_formulas(activation):
    """In forward and backward mode, compiled and mapped, three times over, at any argument."""
    z = points(activation, np.float32)
    z = z[np.abs(z) < 1e30] if not activation.bound(0) < INF else z
    second = jax.grad(jax.grad(activation))
    forward = jax.jacfwd(jax.jacrev(jax.jacfwd(activation)))
    found = jax.jit(jax.vmap(lambda x: (jax.grad(activation)(x), second(x), forward(x))))(z)
    for order in (1, 2, 3):
        expected = np.asarray(activation.derivative(order, jnp.asarray(z)))
        np.testing.assert_allclose(found[order - 1], expected, rtol=1e-5, atol=1e-6)


@NAMES
def test_no_nan_reaches_a_network(activation):
    """Values, gradients and Hessians of a layer are finite at huge arguments."""
    if activation.growth[0] == INF:
        pytest.skip("exceeds every float")
    weights = jnp.asarray([[1e4, -1.0, 3e3], [-3e19, 1e-3, 2.0]])

    def layer(x):
        return jnp.sum(activation(weights @ x) * 1e-9)

    points = jnp.asarray([[1.0, 1.0, 1.0], [-1.0, 2.0, 0.0], [0.0, 0.0, 0.0], [1e3, 1.0, -1e3]])
    for quantity in jax.jit(
        jax.vmap(lambda x: (layer(x), jax.grad(layer)(x), jax.hessian(layer)(x)))
    )(points):
        assert jnp.all(jnp.isfinite(quantity))


@NAMES
def test_nan_stays_nan(activation):
    assert jnp.isnan(activation(jnp.asarray(jnp.nan)))


def test_small_slopes_and_values_keep_their_digits():
    """Where subtraction would leave none: tails of ς' and zeros at 0, in float32."""
    assert float(get("tanh").derivative(1, jnp.float32(20.0))) == pytest.approx(4 * np.exp(-40.0))
    assert float(get("mish").derivative(1, jnp.float32(40.0))) == 1.0
    assert float(get("logistic")(jnp.float32(-80.0))) == pytest.approx(np.exp(-80.0), rel=1e-5)
    assert float(get("tanhshrink")(jnp.float32(1e-6))) == pytest.approx(1e-18 / 3, rel=1e-5)
    assert float(get("blu", 1.0)(jnp.float32(-1e6))) == pytest.approx(-1 + 5e-7, rel=1e-7)

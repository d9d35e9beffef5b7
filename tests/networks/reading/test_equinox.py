"""Networks from equinox, against equinox's own call."""

from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from lbdnn.activations import get
from lbdnn.networks import ModelError, from_equinox

FUNCTIONS = [
    jax.nn.relu, jax.nn.leaky_relu, jax.nn.elu, jax.nn.celu, jax.nn.selu, jax.nn.sigmoid,
    jax.nn.log_sigmoid, jax.nn.silu, jax.nn.swish, jax.nn.mish, jax.nn.softplus, jax.nn.soft_sign,
    jax.nn.hard_tanh, jax.nn.relu6, jax.nn.hard_sigmoid, jax.nn.hard_swish, jax.nn.gelu,
    jnp.tanh, jax.nn.tanh, jax.lax.tanh, jax.lax.logistic, jnp.sin, jnp.arctan, jnp.atan,
    partial(jax.nn.gelu, approximate=False), partial(jax.nn.leaky_relu, negative_slope=0.3),
    partial(jax.nn.elu, alpha=0.5), partial(jax.nn.celu, alpha=2.0),
]  # fmt: skip


@pytest.mark.parametrize("function", FUNCTIONS, ids=range(len(FUNCTIONS)))
def test_activations(function, value):
    mlp = eqx.nn.MLP(1, 1, 3, 1, function, key=jax.random.key(0))
    points = np.linspace(-8, 8, 21)[:, None]
    expected = jax.jit(jax.vmap(mlp))(jnp.asarray(points, jnp.float32))
    np.testing.assert_allclose(value(from_equinox(mlp), points), expected, rtol=2e-5, atol=2e-6)


@given(
    st.sampled_from([1, 3, "scalar"]),
    st.sampled_from([1, 2, "scalar"]),
    st.integers(0, 4),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
@settings(max_examples=8, deadline=None)
def test_shapes_biases_and_scan(value, n_in, n_out, depth, bias, final_bias, scan):
    with jax.enable_x64(True):
        mlp = eqx.nn.MLP(
            n_in, n_out, 4, depth, jnp.tanh, jax.nn.sigmoid, bias, final_bias,
            scan=scan, key=jax.random.key(depth),
        )  # fmt: skip
        model = from_equinox(mlp, name="policy")
        points = np.random.default_rng(0).normal(size=(3, model.net.inputs))
        given = points[:, 0] if n_in == "scalar" else points
        expected = np.asarray(jax.jit(jax.vmap(mlp))(given)).reshape(3, -1)
    np.testing.assert_allclose(value(model, points), expected, atol=1e-13)
    assert model.name == "policy"
    layers = [mlp.layers[0], mlp.layers[-1]] if depth else [mlp.layers[0]]
    assert sum(a.bias for a in model.net.affine) == (depth * bias + final_bias)
    assert all(w.dtype == layers[0].weight.dtype for w in model.net.weights(model.theta))


def test_identities_are_linear():
    for final in (lambda: jax.nn.identity, eqx.nn.Identity):
        mlp = eqx.nn.MLP(1, 1, 2, 1, jnp.tanh, final(), key=jax.random.key(0))
        assert from_equinox(mlp).net.operations[1].activation == get("tanh")
        assert len(from_equinox(mlp).net.operations) == 3


def test_an_unknown_function_must_be_named(value):
    mlp = eqx.nn.MLP(2, 1, 3, 1, lambda x: jnp.tanh(x), key=jax.random.key(0))
    with pytest.raises(ModelError, match=r"activation is .*activation='tanh'"):
        from_equinox(mlp)
    model = from_equinox(mlp, activation="tanh")
    points = np.ones((1, 2))
    np.testing.assert_allclose(value(model, points), jax.vmap(mlp)(points), rtol=1e-5)
    mlp = eqx.nn.MLP(2, 1, 3, 1, jnp.tanh, lambda x: 2 * x, key=jax.random.key(0))
    with pytest.raises(ModelError, match=r"final_activation is .*output='tanh'"):
        from_equinox(mlp)
    learned = eqx.nn.MLP(2, 1, 3, 1, eqx.nn.PReLU(0.1), key=jax.random.key(0))
    with pytest.raises(ModelError, match="not recognised"):
        from_equinox(learned)


def test_refused():
    with pytest.raises(ModelError, match=r"takes an eqx\.nn\.MLP; got Linear"):
        from_equinox(eqx.nn.Linear(1, 1, key=jax.random.key(0)))
    mlp = eqx.nn.MLP(1, 1, 2, 1, key=jax.random.key(0))
    bad = eqx.tree_at(lambda m: m.layers[1].weight, mlp, jnp.full((1, 2), jnp.nan))
    with pytest.raises(ModelError, match="W of layer 1 holds NaN"):
        from_equinox(bad)
    batch = eqx.filter_vmap(lambda k: eqx.nn.MLP(1, 1, 2, 1, key=k))(
        jax.random.split(jax.random.key(0), 3)
    )
    with pytest.raises(ModelError, match=r"W of layer 0 has shape \(3, 2, 1\)"):
        from_equinox(batch)

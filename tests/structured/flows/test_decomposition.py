"""Gradients and tangential fields, and energies."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lbdnn.structured import flows

from .families import parameters

X = np.array([0.7, -1.1, 0.4])
MATRIX = np.array([[1.0, 2, -3], [0.5, -1, 4], [2, 0, 0.3]])


@jax.jit(static_argnums=(0, 2))
def parts(f, x, nodes=32):
    """The decomposition, its defect, and the derivative of its gradient."""

    def gradient(x):
        return flows.decompose(f, x, nodes=nodes).gradient

    defect = flows.decomposition_defect(f, x, nodes=nodes)
    return flows.decompose(f, x, nodes=nodes), defect, jax.jacfwd(gradient)(x)


def found(f, x, nodes=32):
    return jax.tree.map(np.asarray, parts(f, x, nodes))


def test_a_linear_field_splits_into_its_symmetric_and_its_skew_part():
    with jax.enable_x64(True):
        split, defect, curl = found(lambda x: MATRIX @ x, X, 1)
    np.testing.assert_allclose(split.potential, X @ MATRIX @ X / 2, rtol=1e-14)
    np.testing.assert_allclose(split.gradient, (MATRIX + MATRIX.T) @ X / 2, rtol=1e-14)
    np.testing.assert_allclose(split.tangential, (MATRIX - MATRIX.T) @ X / 2, rtol=1e-14)
    np.testing.assert_allclose(curl, (MATRIX + MATRIX.T) / 2, rtol=1e-14)
    assert defect < 1e-14


def test_the_parts_of_a_neural_field_are_a_gradient_and_tangential():
    def f(x):
        return jnp.tanh(MATRIX @ x + 0.5)

    with jax.enable_x64(True):
        split, defect, curl = found(f, X)
        whole = np.asarray(f(X))
        coarse = float(flows.decomposition_defect(f, X, nodes=2))
    np.testing.assert_allclose(split.gradient + split.tangential, whole, rtol=1e-14)
    np.testing.assert_allclose(curl, curl.T, atol=1e-13)
    assert abs(X @ split.tangential) < 1e-11 and defect < 1e-11
    assert np.linalg.norm(split.tangential) > 0.1
    # Too few nodes do not pass unseen.
    assert coarse > 1e-3


def test_gradients_have_no_tangential_part_and_tangential_fields_no_potential():
    with jax.enable_x64(True):
        cubic, _, _ = found(lambda x: 3 * x**2 + x[0] * x[1] * x[2] / x, X, 2)
        sphere = flows.SpherePreserving(3)
        own = jax.tree.map(lambda v: v[0], parameters(sphere, 0))
        tangential, _, _ = found(lambda x: sphere(own, x), X, 8)
    np.testing.assert_allclose(cubic.tangential, 0, atol=1e-14)
    np.testing.assert_allclose(cubic.potential, np.sum(X**3) + np.prod(X), rtol=1e-14)
    np.testing.assert_allclose([tangential.potential, *tangential.gradient], 0, atol=1e-14)


def test_kinks_cost_digits_that_nodes_regain():
    def f(x):
        return jax.nn.relu(MATRIX @ x - 0.2)

    points = np.random.default_rng(0).normal(size=(10, 3))
    with jax.enable_x64(True):
        few, many = (
            float(
                jnp.mean(jax.jit(jax.vmap(partial(flows.decomposition_defect, f, nodes=n)))(points))
            )
            for n in (4, 400)
        )
    assert 1e-4 < many < 0.1 * few


def test_energy_is_the_closed_form_where_there_is_one():
    field = flows.Hamiltonian(4, 3, activation="sin")
    with jax.enable_x64(True):
        own = jax.tree.map(lambda v: v[0], parameters(field, 0))
        x = np.array([0.3, -1.0, 0.8, 0.2])

        def closed(ridges, z):
            return -ridges.heights @ np.cos(ridges.weight @ z + ridges.bias)

        whole = closed(own.potential, x[:2]) + closed(own.kinetic, x[2:])
        at_zero = closed(own.potential, np.zeros(2)) + closed(own.kinetic, np.zeros(2))
        found = float(field.energy(own, x))
    assert found == pytest.approx(whole - at_zero, rel=1e-12)


def test_energy_errors_of_symplectic_steps_do_not_accumulate():
    # A pendulum: V = −cos q, T = 1 − cos p for small p.
    field = flows.Hamiltonian(2, 1, activation="sin")
    ridge = flows.Ridges(np.ones((1, 1)), np.zeros(1), np.ones(1))
    own = flows.Energies(ridge, ridge)
    start = np.array([0.9, 0.0])

    @jax.jit(static_argnums=0)
    def drift(layer):
        def step(x, _):
            x = layer(own, x)
            return x, flows.energy_defect(lambda _: x, lambda y: field.energy(own, y), start)

        return jax.lax.scan(step, jnp.asarray(start), length=2000)[1]

    with jax.enable_x64(True):
        coarse, fine = (
            np.asarray(drift(flows.Layer(field, step=h, integrator="strang"))) for h in (0.2, 0.1)
        )
        euler = start
        for _ in range(100):
            euler = euler + 0.2 * np.asarray(field(own, euler))
        away = float(flows.energy_defect(lambda _: euler, lambda y: field.energy(own, y), start))
    assert np.max(coarse[1000:]) < 1.05 * np.max(coarse[:1000]) < 0.01
    assert np.max(coarse) / np.max(fine) == pytest.approx(4, rel=0.1)
    assert away > 10 * np.max(coarse)


def test_wrong_shapes_and_numbers_of_nodes_are_refused():
    with pytest.raises(ValueError, match="number of nodes must be positive; got 0"):
        flows.potential(lambda x: x, X, nodes=0)
    with pytest.raises(ValueError, match=r"f must map \(3,\) to \(3,\)"):
        flows.potential(lambda x: x[:2], X)

"""Flows as networks: unrolled, and beside diffrax."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lbdnn
from lbdnn.spectra import linearize
from lbdnn.structured import flows
from lbdnn.structured.weights import Orthogonal

from .families import ALL, GRADIENTS, ISOMETRIC, MASS, SPHERES, SYMPLECTIC, label, parameters


@jax.jit(static_argnums=0)
def both(flow, own, x):
    net, theta = flow.unrolled(own)
    return flow(own, x), net(theta, x), linearize(net, theta, x)


SLOW = (GRADIENTS[0], GRADIENTS[2], MASS[0], SYMPLECTIC[1], ISOMETRIC[0])


@pytest.mark.parametrize(
    "layer",
    [
        pytest.param(one, id=label(one), marks=pytest.mark.slow if one in SLOW else ())
        for one in ALL
        if one not in SPHERES
    ],
)
def test_unrolled_networks_have_the_same_values(layer):
    flow = flows.Flow((layer, layer))
    x = np.random.default_rng(0).normal(size=flow.n)
    with jax.enable_x64(True):
        own = jax.tree.map(lambda v: v[0], parameters(flow, 1))
        value, of_net, line = jax.tree.map(np.asarray, both(flow, own, x))
    np.testing.assert_allclose(of_net, value, atol=1e-14)
    np.testing.assert_allclose(line.matrix @ x + line.offset, value, atol=1e-13)


def test_a_step_whose_matrix_depends_on_x_is_not_unrolled():
    with pytest.raises(ValueError, match="a step of SpherePreserving is no chain"):
        SPHERES[0].unrolled(SPHERES[0].init(jax.random.key(0)))


def test_a_residual_network_is_an_euler_flow():
    layer = flows.Layer(flows.Residual(2, 3), step=0.5)
    flow = flows.Flow((layer, layer))
    net = lbdnn.ResidualNetwork((2,), blocks=2, hidden=(3,), preactivation=False)
    own = flow.init(jax.random.key(0))
    theta = net.with_weights(
        [
            block
            for p in own
            for block in (
                np.concatenate([p.inner, p.bias[:, None]], 1),
                np.concatenate([0.5 * p.outer, np.zeros((2, 1))], 1),
            )
        ]
    )
    x = jnp.array([0.3, -0.7])
    np.testing.assert_allclose(net(theta, x), flow(own, x), atol=1e-6)


def test_steps_are_those_of_diffrax_where_it_has_them():
    import diffrax

    with jax.enable_x64(True):
        x = jnp.array([0.3, -0.7])
        euler = flows.Layer(flows.Residual(2, 3), step=0.5)
        own = jax.tree.map(lambda v: v[0], parameters(euler, 0))
        term = diffrax.ODETerm(lambda t, y, args: euler.field(own, y))
        found = diffrax.Euler().step(term, 0.0, 0.5, x, None, None, False)[0]
        np.testing.assert_allclose(euler(own, x), found, rtol=1e-15)

        lie = flows.Layer(flows.Hamiltonian(2, 3), step=0.5, integrator="lie")
        own = jax.tree.map(lambda v: v[0], parameters(lie, 0))
        terms = (
            diffrax.ODETerm(lambda t, p, args: lie.field(own, jnp.array([0.0, p]))[0]),
            diffrax.ODETerm(lambda t, q, args: lie.field(own, jnp.array([q, 0.0]))[1]),
        )
        found = diffrax.SemiImplicitEuler().step(terms, 0.0, 0.5, (x[0], x[1]), None, None, False)[
            0
        ]
        np.testing.assert_allclose(lie(own, x), jnp.stack(found), rtol=1e-14)


@jax.jit(static_argnums=0)
def exact(field, own, x):
    return flows.flow_map(field, own, x, 1.0, tolerance=1e-10)


@pytest.mark.parametrize(
    ("field", "integrator", "order"),
    [
        (flows.Hamiltonian(2, 3), "lie", 1),
        (flows.Hamiltonian(2, 3), "strang", 2),
        pytest.param(flows.VolumePreserving(3), "strang", 2, marks=pytest.mark.slow),
        pytest.param(flows.Isometric(3), "cayley", 2, marks=pytest.mark.slow),
        pytest.param(flows.SpherePreserving(3), "cayley", 1, marks=pytest.mark.slow),
        pytest.param(flows.MassPreserving(3), "euler", 1, marks=pytest.mark.slow),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, flows.VectorField) else str(value),
)
def test_steps_converge_to_the_flow(field, integrator, order):
    x = np.random.default_rng(0).normal(size=field.n)
    with jax.enable_x64(True):
        own = jax.tree.map(lambda v: 0.5 * v[0], parameters(field, 0))
        target = exact(field, own, x)
        errors = []
        for count in (32, 64):
            layer = flows.Layer(field, step=1 / count, integrator=integrator)
            step = jax.jit(layer)
            y = x
            for _ in range(count):
                y = step(own, y)
            errors.append(float(jnp.linalg.norm(y - target)))
    assert np.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.15)


@pytest.mark.slow
def test_certificates_hold_for_a_flow():
    layer = flows.Layer(flows.GradientFlow(Orthogonal(2, 2), "tanh"), step=0.5)
    with jax.enable_x64(True):
        own = jax.tree.map(lambda v: v[0], parameters(layer, 0))
        net, theta = flows.Flow((layer,)).unrolled((own,))
        found = lbdnn.certify(
            net, theta, inputs=lbdnn.Box(-1, 1), quantities=("input_jacobian",), attack=None
        )
        x, y = np.random.default_rng(0).uniform(-1, 1, (2, 2))
        ratio = flows.lipschitz_ratio(lambda x: layer(own, x), x, y)
    assert ratio <= found["input_jacobian"].upper

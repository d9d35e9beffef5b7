"""What the layers keep: measured on random parameters and on trained ones."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from lbdnn.structured import flows

from .families import ISOMETRIC, MASS, SPHERES, SYMPLECTIC, VOLUME, label, parameters, twice

SCALES = (0.0, 1.0, 5.0)
LAWS = [
    *((layer, flows.volume_defect) for layer in VOLUME),
    *((layer, flows.sum_defect) for layer in MASS),
    *((layer, flows.norm_defect) for layer in (*SPHERES, *ISOMETRIC)),
    *((layer, flows.symplectic_defect) for layer in SYMPLECTIC),
]
SMALL = (VOLUME[0], MASS[0], SPHERES[0], ISOMETRIC[0], SYMPLECTIC[1])


@jax.jit(static_argnums=(0, 1))
def study(flow, defect, begun, x, target):
    """Defects before and after training towards a map without the property, and its losses."""

    def loss(p):
        return jnp.sum((jax.vmap(flow, (None, 0))(p, x) - target) ** 2)

    def train(p):
        adam = optax.adam(0.03)

        def step(_, state):
            updates, memory = adam.update(jax.grad(loss)(state[0]), state[1])
            return optax.apply_updates(state[0], updates), memory

        return jax.lax.fori_loop(0, 20, step, (p, adam.init(p)))[0]

    def worst(p):
        return jnp.max(jax.vmap(lambda at: defect(lambda y: flow(p, y), at))(x))

    after = jax.vmap(train)(begun)
    return tuple(jax.vmap(f)(p) for f in (worst, loss) for p in (begun, after))


@pytest.mark.parametrize(
    ("layer", "defect"),
    [
        pytest.param(*law, id=label(law[0]), marks=pytest.mark.slow if law[0] in SMALL else ())
        for law in LAWS
    ],
)
def test_random_and_trained_layers_keep_their_property(layer, defect):
    flow = twice(layer)
    x = np.random.default_rng(1).normal(size=(3, flow.n))
    with jax.enable_x64(True):
        begun = parameters(flow, 2, SCALES)
        random, trained, first, last = map(np.asarray, study(flow, defect, begun, x, 1 - 2 * x))
    # Determinants, and forms of derivatives with entries up to 1e3 lose three digits, and squares.
    assert np.all(np.maximum(random, trained) < [1e-14, 3e-14, 1e-10])
    assert last[1] < first[1] or flow.n == 1


def test_a_residual_layer_keeps_nothing():
    layer = flows.Layer(flows.Residual(2, 3), step=0.5)
    own = layer.init(jax.random.key(0))
    laws = (flows.volume_defect, flows.sum_defect, flows.norm_defect, flows.symplectic_defect)
    found = jax.jit(lambda x: [law(lambda y: layer(own, y), x) for law in laws])(jnp.ones(2))
    assert min(found) > 0.01


def test_euler_steps_do_not_keep_volume_nor_norms():
    for layer, defect in ((VOLUME[0], flows.volume_defect), (SPHERES[0], flows.norm_defect)):
        own = jax.tree.map(jnp.ones_like, layer.init(jax.random.key(0)))
        found = defect(lambda x, f=layer.field, own=own: x + 0.7 * f(own, x), -jnp.ones(2))
        assert found > 0.01
        with pytest.raises(ValueError, match=f"is kept by \"{layer.integrator}\".*got 'euler'"):
            flows.Layer(layer.field, step=0.7, integrator="euler")


def test_zero_weights_and_steps_move_nothing():
    x = jnp.array([0.3, -2.0])
    for layer in (*VOLUME[:1], *MASS[:1], *SYMPLECTIC[:1], *SPHERES[:1]):
        zero = jax.tree.map(jnp.zeros_like, layer.init(jax.random.key(0)))
        np.testing.assert_array_equal(layer(zero, x), x)
        still = flows.Layer(layer.field, step=0.0)
        np.testing.assert_array_equal(still(layer.init(jax.random.key(0)), x), x)
        assert still.lipschitz == 1


def test_huge_weights_keep_sum_and_norm_to_their_rounding():
    x = np.array([0.3, -2.0, 1.0])
    with jax.enable_x64(True):
        mass = flows.Layer(flows.MassPreserving(3, activation="relu"), step=1.0)
        own = jax.tree.map(lambda v: v[0], parameters(mass, 0, (1e8,)))
        assert jnp.max(jnp.abs(mass(own, x))) > 1e7
        assert flows.sum_defect(lambda x: mass(own, x), x) < 1e-6
        sphere = flows.Layer(flows.SpherePreserving(3, activation="relu"), step=1.0)
        own = jax.tree.map(lambda v: v[0], parameters(sphere, 0, (1e8,)))
        assert flows.norm_defect(lambda x: sphere(own, x), x) < 1e-6


def test_isometric_layers_keep_distances():
    layer = ISOMETRIC[1]
    with jax.enable_x64(True):
        own = parameters(layer, 0)[0]
        x, y = np.random.default_rng(0).normal(size=(2, 3))
        assert abs(flows.lipschitz_ratio(lambda x: layer(own, x), x, y) - 1) < 1e-14


def test_symmetric_steps_backwards_undo_those_forwards():
    for layer in (VOLUME[1], SYMPLECTIC[0], ISOMETRIC[1]):
        back = flows.Layer(layer.field, step=-layer.step, integrator=layer.integrator)
        with jax.enable_x64(True):
            own = jax.tree.map(lambda v: v[0], parameters(layer, 0))
            x = np.random.default_rng(0).normal(size=layer.n)
            np.testing.assert_allclose(back(own, layer(own, x)), x, atol=1e-13)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: flows.VolumePreserving(1), "n must be at least 2; got 1"),
        (lambda: flows.MassPreserving(1), "n must be at least 2; got 1"),
        (lambda: flows.SpherePreserving(0), "n must be a positive integer; got 0"),
        (lambda: flows.Hamiltonian(3, 2), "n must be even, as many positions as momenta; got 3"),
        (lambda: flows.Layer(flows.Isometric(2), step=np.inf), "step must be a finite number"),
        (lambda: flows.Flow(()), "at least one layer; got none"),
        (
            lambda: flows.Flow((VOLUME[0], VOLUME[1])),
            r"layer 1 .* takes states of shape \(3,\); the one before it gives \(2,\)",
        ),
        (lambda: VOLUME[0](VOLUME[0].init(jax.random.key(0)), np.ones(3)), "must have shape"),
        (lambda: twice(VOLUME[0])((), np.ones(2)), "a tuple of 2 entries"),
        (lambda: flows.symplectic_defect(lambda x: x, np.ones(3)), "an even number of states"),
    ],
)
def test_what_does_not_fit_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()

"""Layers whose states are images."""

from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lbdnn.structured import flows
from lbdnn.structured.lipschitz import Convolution, flow_constant
from lbdnn.structured.weights import (
    BlockOrthogonalConvolution,
    NormBounded,
    NormBoundedConvolution,
    Orthogonal,
    OrthogonalConvolution,
    UnstructuredConvolution,
)

from .families import parameters

KEY = jax.random.key(0)
IMAGE = Convolution((3, 2), (3, 3))
BOUNDED = NormBoundedConvolution(2, 1, IMAGE)
WHOLE = OrthogonalConvolution(1, 1, (3, 2))
GRADIENT = flows.Layer(flows.GradientFlow(BOUNDED, "relu"), step=2.0)
CONTRACTION = flows.Layer(flows.GradientFlow(WHOLE), step=4 / 3)
EXPANSIVE = flows.Layer(flows.Expansive(WHOLE), step=0.5)
BLOCK = flows.Layer(
    flows.ResidualBlock(BOUNDED, NormBoundedConvolution(1, 2, IMAGE, bound=0.5)), step=-1.0
)
LIFTING = Convolution((6, 4), (3, 2), padding=(1, 0), stride=2)
CLASSIFIER = flows.Flow(
    (
        flows.Linear(NormBoundedConvolution(1, 2, LIFTING)),
        EXPANSIVE,
        CONTRACTION,
        GRADIENT,
        BLOCK,
        flows.AveragePooling((1, 3, 2), (3, 1)),
        flows.Flatten((1, 1, 2)),
        flows.Layer(flows.GradientFlow(Orthogonal(2, 2)), step=1.0),
        flows.Linear(NormBounded(3, 2, bound=2.0)),
    )
)


def drawn(flow, scale, seed=0):
    return jax.tree.map(lambda v: v[0], parameters(flow, seed, (scale,)))


@jax.jit(static_argnums=0)
def study(flow, own, x):
    net, theta = flow.unrolled(own)
    value = flow(own, x)
    return value, flow.apply(flow.weights(own), x), net(theta, x.ravel()), theta


@pytest.mark.slow
def test_a_classifier_of_images_is_the_network_it_is_unrolled_to():
    x = np.random.default_rng(1).normal(size=CLASSIFIER.shape)
    with jax.enable_x64(True):
        value, again, of_net, _ = study(CLASSIFIER, drawn(CLASSIFIER, 1.0), x)
    assert CLASSIFIER.shape == (2, 6, 4) and CLASSIFIER.output == (3,) and CLASSIFIER.n == 48
    assert value.shape == (3,) and np.linalg.norm(value) > 0.1
    np.testing.assert_array_equal(again, value)
    np.testing.assert_allclose(of_net, value, atol=1e-13)


def test_constants_of_layers_for_all_parameters_and_of_flows():
    known = [1, 1.5, 1 / 3, 1, 1.5, 1 / np.sqrt(3), 1, 0.5, 2]
    assert [layer.lipschitz for layer in CLASSIFIER.layers] == pytest.approx(known)
    assert CLASSIFIER.lipschitz == pytest.approx(np.prod(known))
    free = UnstructuredConvolution(1, 1, IMAGE)
    assert flows.Linear(free).lipschitz == np.inf
    assert flows.Layer(flows.ResidualBlock(free, free), step=1.0).lipschitz == np.inf
    assert flows.Layer(flows.ResidualBlock(free, free), step=0.0).lipschitz == 1
    assert flows.GradientFlow(NormBoundedConvolution(2, 1, IMAGE, bound=0.5)).steps == (0, 8)
    assert PAIR.shape == (1, 3, 2) and PAIR.lipschitz == pytest.approx(1)
    assert PAIR.layers[1] == CONTRACTION
    blocks = flows.alternating((1, 3, 2), 1, method="blocks")
    assert blocks.layers[0].field.weight == BlockOrthogonalConvolution(1, 1, (3, 2))
    assert blocks.lipschitz == PAIR.lipschitz


PAIR = flows.alternating((1, 3, 2), 1)


@jax.jit(static_argnums=0)
def steepest(flow, own, x, y):
    """The largest ratios found, for given parameters and for ones trained to make them large."""

    def ratios(p, steps):
        def one(x, y):
            return flows.lipschitz_ratio(lambda z: flow(p, z), x, y, steps=steps)

        return jax.vmap(one)(x, y)

    def step(p, _):
        slope = jax.grad(lambda p: jnp.mean(ratios(p, 0)))(p)
        size = jnp.sqrt(sum(jnp.sum(g**2) for g in jax.tree.leaves(slope)) + 1e-30)
        return jax.tree.map(lambda v, g: v + 0.3 * g / size, p, slope), None

    trained = jax.lax.scan(step, own, length=30)[0]
    return ratios(own, 20), ratios(trained, 20)


@pytest.mark.parametrize(
    "flow",
    [
        pytest.param(GRADIENT, id="bounded"),
        pytest.param(PAIR, id="orthogonal pair"),
    ],
)
@pytest.mark.slow
def test_no_attack_exceeds_the_constant(flow):
    x, y = np.random.default_rng(0).normal(size=(2, 3, *flow.shape))
    with jax.enable_x64(True):
        found = [
            np.asarray(steepest(flow, drawn(flow, scale), x, x + 0.1 * y))
            for scale in (0.0, 1.0, 100.0)
        ]
    assert np.max(found) <= flow.lipschitz * (1 + 1e-11)
    # The attack is worth something.
    assert np.max(found) > 0.7 * flow.lipschitz


def test_bounded_gradient_steps_beyond_the_range_are_refused_and_expand():
    circular = Convolution((4, 2), (3, 1), boundary="circular")
    field = flows.GradientFlow(NormBoundedConvolution(1, 1, circular), "relu")
    with pytest.raises(ValueError, match="proved for steps from 0 to 2 with these weights"):
        flows.Layer(field, step=2.5)
    with jax.enable_x64(True):
        # A large kernel has the norm 1, at the constant image, where the bias opens all neurons.
        own = flows.WeightAndBias(np.full((1, 1, 3, 1), 1e6), np.full(1, 9.0))
        x = np.ones((1, 4, 2))
        rate = jax.jit(lambda x: field(own, x))
        moved = x + 2.5 * (rate(x) - rate(0 * x))
    np.testing.assert_allclose(moved, -1.5 * x, atol=1e-9)


def test_orthogonal_convolutions_are_proved_to_contract():
    field = flows.GradientFlow(BlockOrthogonalConvolution(2, 2, (3, 2)))
    for step, least in ((4 / 3, 0.0), (0.5, 0.5)):
        layer = flows.Layer(field, step=step)
        found = flow_constant(layer, drawn(layer, 3.0))
        # 1 - step/2: least, and so proved, where all slopes are 1/2.
        assert found.upper == pytest.approx(layer.lipschitz) == 1 - step / 2
        assert found.lower == pytest.approx(least)


@pytest.mark.slow
def test_proved_constants_of_given_weights():
    flow = flows.Flow((flows.Layer(GRADIENT.field, step=3 / 2), GRADIENT, BLOCK))
    own = drawn(flow, 1.0)
    with jax.enable_x64(True):
        parts = [flow_constant(*each) for each in flow.paired(own)]
        whole = flow_constant(flow, own)
        x, y = np.random.default_rng(0).normal(size=(2, *flow.shape))
        ratio = float(flows.lipschitz_ratio(lambda x: flow(own, x), x, y))
        branch = BLOCK.weights(own[2])[0]
        inner, outer = (np.linalg.norm(a.matrix(), 2) for a in (branch.inner, branch.outer))
    assert ratio <= whole.upper <= flow.lipschitz
    assert whole.upper == pytest.approx(np.prod([part.upper for part in parts]), rel=1e-12)
    # These weights are below their bounds, and the constant knows it.
    assert 1 + inner * outer <= parts[2].upper < BLOCK.lipschitz - 0.1


def test_proved_constants_of_dense_layers_and_of_fields_without_branches():
    dense = flows.Layer(flows.GradientFlow(NormBounded(2, 2), "relu"), step=3.0 - 1)
    own = flows.WeightAndBias(np.diag([1e9, 0.0]), np.zeros(2))
    assert flow_constant(dense, own).upper == pytest.approx(1, rel=1e-6)
    for field, known in ((flows.Isometric(2), 1), (flows.SpherePreserving(2), np.inf)):
        layer = flows.Layer(field, step=0.5)
        assert flow_constant(layer, layer.init(KEY)).upper == known
    residual = flows.Layer(flows.Residual(1, 1, activation="relu"), step=-2.0)
    own = flows.HiddenLayer(np.full((1, 1), 3.0), np.zeros(1), np.full((1, 1), 0.5))
    assert flow_constant(residual, own).upper == pytest.approx(2, rel=1e-12)  # x − 3 relu(x)


def test_average_pooling_has_the_proved_norm():
    pooling = flows.AveragePooling((2, 4, 6), (2, 3))
    x = np.arange(48.0).reshape(2, 4, 6)
    found = pooling((), x)
    for c, i, j in np.ndindex(found.shape):
        window = x[c, 2 * i : 2 * i + 2, 3 * j : 3 * j + 3]
        assert found[c, i, j] == pytest.approx(window.mean(), rel=1e-6)
    (_,), (matrix,) = pooling.unrolled(())
    assert np.linalg.norm(matrix, 2) == pytest.approx(pooling.lipschitz, rel=1e-6)
    for window in ((2, 3), (3, 25), (15, 20)):
        proved = flow_constant(flows.AveragePooling((1, *window), window), ())
        low, high = Fraction(proved.lower) ** 2, Fraction(proved.upper) ** 2
        assert low <= Fraction(1, window[0] * window[1]) <= high


def test_defects_are_those_of_the_entries():
    def image(x):
        return x[::-1] * 2

    x = np.arange(1.0, 9.0).reshape(2, 2, 2)
    assert flows.volume_defect(image, x) == pytest.approx(2**8 - 1)
    assert flows.sum_defect(image, x) == pytest.approx(36)
    assert flows.norm_defect(image, x) == pytest.approx(np.linalg.norm(x.ravel()), rel=1e-6)
    assert flows.lipschitz_ratio(image, x, 0 * x, steps=2) == pytest.approx(2)
    assert flows.symplectic_defect(lambda x: x, x) == 0


COUPLINGS = (
    flows.Layer(flows.Coupling(UnstructuredConvolution(1, 2, IMAGE), BOUNDED), step=0.7),
    flows.Layer(
        flows.Coupling(NormBounded(2, 1), NormBounded(1, 2)), step=0.5, integrator="strang"
    ),
)


@pytest.mark.parametrize(
    "layer",
    [
        pytest.param(COUPLINGS[0], id="images", marks=pytest.mark.slow),
        pytest.param(COUPLINGS[1], id="vectors"),
    ],
)
def test_couplings_keep_volume_and_are_what_they_say(layer):
    own = drawn(layer, 3.0)
    x = np.random.default_rng(0).normal(size=layer.shape)
    with jax.enable_x64(True):
        defect = jax.jit(lambda x: flows.volume_defect(lambda x: layer(own, x), x))(x)
        rate = np.asarray(jax.jit(layer.field)(own, x))
        net, theta = flows.Flow((layer,)).unrolled((own,))
        of_net = np.asarray(net(theta, x.ravel())).reshape(x.shape)
        value = np.asarray(layer(own, x))
        first, second = layer.field.first, layer.field.second
        k = flows.Linear(first).output[0]
        weights = (first, own.first, x[k:]), (second, own.second, x[:k])
        parts = [
            np.tanh(flows.Linear(weight)(flows.WeightAndBias(*each), part))
            for weight, each, part in weights
        ]
    assert float(defect) < 1e-13
    np.testing.assert_allclose(rate, np.concatenate(parts), atol=1e-14)
    np.testing.assert_allclose(of_net, value, atol=1e-13)


SYMPLECTIC = flows.Layer(
    flows.SymplecticCoupling(
        UnstructuredConvolution(2, 1, IMAGE),
        NormBoundedConvolution(1, 1, Convolution((3, 2), (3, 1), boundary="circular")),
    ),
    step=0.7,
)


def test_symplectic_steps_of_images_keep_the_form_and_are_those_of_the_energy():
    layer, field = SYMPLECTIC, SYMPLECTIC.field
    x = np.random.default_rng(0).normal(size=layer.shape)

    @jax.jit
    def study(own):
        net, theta = flows.Flow((layer,)).unrolled((own,))
        apart = layer(own, x) - net(theta, x.ravel()).reshape(x.shape)
        slope = jax.grad(lambda x: field.energy(own, x))(x)
        rate = jnp.concatenate([slope[1:], -slope[:1]])
        return (
            flows.symplectic_defect(lambda x: layer(own, x), x),
            jnp.max(jnp.abs(apart)),
            jnp.max(jnp.abs(field(own, x) - rate)),
        )

    assert layer.shape == (2, 3, 2)
    for scale in (1.0, 5.0):
        with jax.enable_x64(True):
            defect, apart, off = map(float, study(drawn(layer, scale)))
        # Entries of the form are squares of those of the derivative.
        assert defect < 1e-13 * scale**4 and apart < 1e-13 * scale**2 and off < 1e-5 * scale**2


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: flows.SymplecticCoupling(BOUNDED, NormBounded(2, 1)), "on as many momenta; they"),
        (lambda: GRADIENT.apply((), np.ones((1, 2, 3))), r"shape \(1, 3, 2\)"),
        (lambda: flows.Flatten((2, 6, 4))((), np.ones((6, 4))), r"shape \(2, 6, 4\)"),
        (lambda: flows.Expansive(BOUNDED), r"keep the shape of images; it maps \(1, 3, 2\) to"),
        (lambda: flows.ResidualBlock(BOUNDED, BOUNDED), r"outer one must map \(2, 3, 2\) to"),
        (lambda: flows.Coupling(BOUNDED, BOUNDED), "first weight maps the second part"),
        (lambda: flows.GradientFlow(UnstructuredConvolution(1, 1, IMAGE)), "NormBoundedConv"),
        (lambda: flows.AveragePooling((1, 3, 4), (2, 2)), "do not divide images of"),
        (lambda: flows.AveragePooling((3, 4), (2, 2)), "shape must be a tuple of 3 positive"),
        (lambda: flows.AveragePooling((1, 3, 4), 2), "window must be a tuple of 2 positive"),
        (lambda: flows.Flatten((2, 0)), "shape must be a tuple of positive integers"),
        (lambda: flows.Flow((GRADIENT, flows.Linear(NormBounded(1, 6)))), r"states of shape \(6,"),
        (
            lambda: flows.alternating((1, 3, 2), 1, method="householder"),
            '"cayley" or "blocks"; got',
        ),
        (lambda: flows.alternating(6, 1, method="blocks"), '"blocks" makes convolutions'),
        (lambda: flow_constant("layer", ()), "no constant is known of 'layer'"),
    ],
)
def test_what_does_not_fit_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()

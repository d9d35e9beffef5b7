"""The classifiers that are compared."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lbdnn.structured import classifiers, flows
from lbdnn.structured.classifiers.resnet import normalized
from lbdnn.structured.lipschitz import Convolution
from lbdnn.structured.weights import NormBounded, UnstructuredConvolution

KEY = jax.random.key(0)
FIVE = (
    classifiers.residual_classifier((2, 2), 3, pairs=2),
    classifiers.residual_classifier((2, 2), 3, pairs=2, normalized=True),
    classifiers.nonexpansive_classifier((2, 2), 3, pairs=2),
    classifiers.alternating_classifier((2, 2), 3, pairs=2, constants="published"),
    classifiers.alternating_classifier((2, 2), 3, pairs=2),
)


def test_models_train_as_many_numbers():
    # 2p matrices n × n, 2p biases, and the readout k × n with its bias.
    counts = {classifiers.parameter_count(model) for model in FIVE}
    assert counts == {2 * 2 * (4 * 4 + 4) + 3 * 4 + 3}


def shapes_in(jaxpr):
    """Of all arrays that a program makes, in the programs within it too."""
    for equation in jaxpr.eqns:
        yield from (variable.aval.shape for variable in equation.outvars)
        for inner in jax.tree.leaves(equation.params, is_leaf=lambda v: hasattr(v, "eqns")):
            if hasattr(inner, "eqns"):
                yield from shapes_in(getattr(inner, "jaxpr", inner))


@pytest.mark.parametrize("model", FIVE, ids=range(5))
def test_weights_are_computed_once_for_all_images(model):
    # Seven images of four pixels: what depends on an image are vectors, no matrices an image.
    shapes = jax.eval_shape(model.init, jax.random.key(0))
    program = jax.make_jaxpr(jax.vmap(model, (None, 0)))(shapes, jnp.zeros((7, 2, 2)))
    own = {shape for shape in shapes_in(program.jaxpr) if 7 in shape}
    assert own and all(len(shape) <= 2 for shape in own)


@pytest.mark.slow
def test_convolutional_classifiers_have_as_many_numbers_and_are_the_networks_that_are_proved():
    model = classifiers.convolutional_classifier((8, 8), 10, pairs=2)
    # Less than a row of each of the three dense steps is missing.
    assert 0 <= 4 * (64 * 64 + 64) + 650 - classifiers.parameter_count(model) < 3 * 65
    image = np.random.default_rng(0).uniform(size=(2, 3, 2)).astype(np.float32)
    small = classifiers.convolutional_classifier((2, 3, 2), 3, pairs=1, hidden=2, kernel=(3, 1))
    own = jax.tree.map(lambda v: 3 * v, jax.jit(small.init)(KEY))
    assert small.body.shape == (2, 3, 2) and small.features == 12
    proved = classifiers.certified(small, own)
    np.testing.assert_allclose(jax.jit(proved)(image), jax.jit(small)(own, image), atol=1e-5)
    # Non-expansive whatever the parameters are, but for the rounding of the weights.
    assert proved.certificate.features <= 1 + 1e-6
    # More states than pixels: the other channels begin with zeros.
    body = flows.Flow((flows.Linear(UnstructuredConvolution(1, 2, Convolution((2, 2), (1, 1)))),))
    wide = classifiers.Classifier(body, classes=2, image=(2, 2))
    own = jax.jit(wide.init)(KEY)
    features = own.body[0].weight[0, 0, 0, 0] * image[0, :2] + own.body[0].bias
    logits, weight = jax.jit(lambda own: (wide(own, image[0, :2]), wide.weight(own.readout)))(own)
    np.testing.assert_allclose(logits, weight @ features.ravel(), atol=1e-6)


@pytest.mark.parametrize("factor", [1e-3, 1.0, 1e3])
def test_normalized_weights_have_the_norm_1(factor):
    weight = factor * np.random.default_rng(0).normal(size=(3, 5))
    found = np.asarray(normalized(jnp.asarray(weight, jnp.float32)))
    # Estimates are from below: weights from above.
    assert 1 - 1e-6 < np.linalg.norm(found[:, :-1], 2) < 1.001
    np.testing.assert_allclose(found[:, -1], weight[:, -1], rtol=1e-6)


def test_the_lift_adds_zeros():
    wide = classifiers.residual_classifier((2, 2), 3, pairs=1, n=6)
    assert classifiers.parameter_count(wide) == 2 * (6 * 6 + 6) + 3 * 6 + 3
    lift = jax.jit(lambda own: wide.unrolled(own)[1][0])(wide.init(jax.random.key(0)))
    np.testing.assert_array_equal(lift, np.eye(6)[:, :4])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: classifiers.Classifier(flows.alternating(2, 1), classes=3, image=(2, 2)),
            "an image of 4 pixels does not fit into 2 states",
        ),
        (
            lambda: classifiers.Classifier(flows.alternating(2, 1), classes=1, image=(2,)),
            "at least 2 classes",
        ),
        (lambda: classifiers.residual_classifier((2, 0), 3, pairs=1), r"image must be a shape"),
        (lambda: classifiers.nonexpansive_classifier(4, 3, pairs=1), r"image must be a shape"),
        (
            lambda: classifiers.Classifier(
                flows.alternating(4, 1), classes=3, image=(4,), readout=NormBounded(3, 5)
            ),
            r"of shape \(3, 4\); its shape is \(3, 5\)",
        ),
        (
            lambda: jax.eval_shape(FIVE[0], jax.eval_shape(FIVE[0].init, KEY), jnp.zeros(4)),
            r"one image of shape \(2, 2\); got \(4,\)",
        ),
        (lambda: classifiers.residual_classifier((4,), 3, pairs=1, step=0.0), "step must be"),
        (lambda: classifiers.convolutional_classifier((4,), 3, pairs=1), "need images such as"),
        (lambda: classifiers.convolutional_classifier((4, 4), 3, pairs=0), "pairs must be a pos"),
        (
            lambda: classifiers.convolutional_classifier((2, 2), 3, pairs=1),
            "with 416 numbers leave",
        ),
    ],
)
def test_what_makes_no_classifier_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()

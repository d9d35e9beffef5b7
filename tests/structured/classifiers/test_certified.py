"""Radii with proof: nothing nearer has another class, and for an isometry something farther has."""

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lbdnn.networks import Affine, Chain, FullyConnected, Residual
from lbdnn.structured import classifiers, flows
from lbdnn.structured.classifiers import Classifier, certified
from lbdnn.structured.lipschitz import operation_constants
from lbdnn.structured.weights import Unstructured

from .test_models import FIVE

RNG = np.random.default_rng(0)
RELU = FullyConnected((1, 1, 1), "relu").operations[1]
IMAGES = RNG.uniform(size=(40, 2, 2)).astype(np.float32)


@jax.jit(static_argnums=0)
def values_of(net, theta, points):
    """Logits and their derivatives in the image."""

    def one(x):
        return net(theta, x), jax.jacrev(net, 1)(theta, x)

    return jax.vmap(one)(points)


all_five = pytest.mark.parametrize(
    "classifier", FIVE, ids=["resnet", "normalized", "nonexpansive", "published", "sharp"]
)


def exact(model):
    return jax.tree.map(lambda w: jnp.asarray(w, jnp.float64), model.theta)


def error_in_single(model, size):
    constants = operation_constants(model.net, model.theta)
    return classifiers.logit_error(model.net, model.theta, constants, size=size, dtype=np.float32)


def margins_of(model, points, classes):
    """Leads of the class over each other one, and their derivatives in the image."""
    logits, slopes = (np.asarray(found) for found in values_of(model.net, exact(model), points))
    rows = np.arange(len(points))
    return logits[rows, classes][:, None] - logits, slopes[rows, classes][:, None] - slopes


def test_the_radius_of_an_isometry_is_the_distance_to_the_boundary():
    body = flows.Flow((flows.Layer(flows.Isometric(4), step=1.0),))
    classifier = Classifier(body, classes=3, image=(2, 2), readout=Unstructured(3, 4))
    parameters = classifier.init(jax.random.key(1))
    model = certified(classifier, parameters)
    assert model.certificate.features == pytest.approx(1, abs=1e-6)
    np.testing.assert_allclose(model(IMAGES[0]), classifier(parameters, IMAGES[0]), atol=1e-6)
    found = model.radii(IMAGES)
    with jax.enable_x64(True):
        points, rows = IMAGES.reshape(-1, 4).astype(np.float64), np.arange(len(IMAGES))
        gaps, normals = margins_of(model, points, found.classes)
        with np.errstate(invalid="ignore"):
            distances = gaps / np.linalg.norm(normals, axis=2)
        nearest = np.nanargmin(distances, 1)
        np.testing.assert_allclose(found.radii, distances[rows, nearest], rtol=1e-5)
        toward = -normals[rows, nearest] / np.linalg.norm(normals[rows, nearest], axis=1)[:, None]
        for factor, changed in ((1 - 1e-6, False), (1 + 1e-4, True)):
            moved = points + factor * found.radii[:, None] * toward
            now = np.argmax(np.asarray(values_of(model.net, exact(model), moved)[0]), 1)
            assert np.all((now != found.classes) == changed)
        # Nearer than rounding in single precision, classes are no longer proved.
        single = model.radii(IMAGES, deployed=True).radii
        bound = error_in_single(model, float(np.max(np.linalg.norm(points, axis=1) + single)))
        nearest_normals = np.linalg.norm(normals[rows, nearest], axis=1)
        assert np.all(found.radii - single >= np.sqrt(2) * bound / nearest_normals * (1 - 1e-6))
        assert np.all(found.radii - single <= 1e-4)


@pytest.mark.slow
@all_five
def test_no_image_within_the_radius_has_another_class(classifier):
    parameters = classifier.init(jax.random.key(0))
    model = certified(classifier, parameters)
    found = model.radii(IMAGES)
    assert np.mean(found.radii > 1e-3) > 0.5
    with jax.enable_x64(True):
        points = IMAGES.reshape(-1, 4).astype(np.float64)
        _, slopes = margins_of(model, points, found.classes)
        for rival in range(3):
            length = np.linalg.norm(slopes[:, rival], axis=1)[:, None]
            toward = -slopes[:, rival] / np.maximum(length, 1e-300)
            moved = points + 0.999999 * found.radii[:, None] * toward
            now = np.argmax(np.asarray(values_of(model.net, exact(model), moved)[0]), 1)
            assert np.array_equal(now, found.classes)


@pytest.mark.slow
def test_the_margin_of_a_radius_proves_it():
    classifier = FIVE[-1]
    model = certified(classifier, classifier.init(jax.random.key(3)))
    found = model.radii(IMAGES)
    logits = np.asarray(jax.vmap(model)(IMAGES))
    for radius in (0.01, 0.05, 0.1):
        margin = classifiers.margin_for_radius(radius, lipschitz=model.certificate.logits)
        reached = np.asarray(classifiers.hinge(logits, found.classes, margin=margin)) == 0
        assert np.any(reached) and np.all(found.radii[reached] > radius * (1 - 1e-4))


@pytest.mark.slow
def test_images_between_classes_have_the_radius_0():
    classifier = FIVE[0]
    own = classifier.init(jax.random.key(0))
    rows = jax.tree.map(jnp.zeros_like, own.readout)
    model = certified(classifier, own._replace(readout=rows))
    assert np.all(model.radii(IMAGES).radii == 0)
    model = certified(classifier, own._replace(readout=rows, bias=jnp.array([1.0, 0, 0])))
    assert np.all(model.radii(IMAGES).radii == np.inf)


@pytest.mark.slow
@all_five
def test_single_precision_is_no_farther_off_than_the_bound(classifier):
    model = certified(classifier, classifier.init(jax.random.key(0)))
    bound = error_in_single(model, float(np.max(np.linalg.norm(IMAGES, axis=(1, 2)))))
    single = np.asarray(jax.vmap(model)(IMAGES))
    with jax.enable_x64(True):
        points = IMAGES.reshape(-1, 4).astype(np.float64)
        double = np.asarray(values_of(model.net, exact(model), points)[0])
    off = np.max(np.linalg.norm(single - double, axis=1))
    assert 0 < off <= bound < 1e-3


def test_errors_of_all_layers_add_up():
    # Factors near 2 of which every product is rounded upward, as far as can be.
    near = (2 + np.arange(200) * 2.0**-22).astype(np.float32)
    start = x = np.float32(1.3)
    weights = []
    for _ in range(50):
        gains = near * x / (near.astype(np.float64) * float(x))
        weights.append(near[np.argmax(gains)].reshape(1, 1))
        x = x * weights[-1][0, 0]
    net = Chain((Affine(1, 1, False),) * 50, 1)
    theta = net.with_weights(weights)
    constants = operation_constants(net, theta)
    bound = classifiers.logit_error(net, theta, constants, size=float(start), dtype=np.float32)
    off = float(x) - float(start) * math.prod(float(w[0, 0]) for w in weights)
    assert off <= bound < 10 * off


def test_what_overflows_has_no_bound():
    net = FullyConnected((1, 1, 1), "relu", bias=False)
    huge = net.with_weights([np.full((1, 1), 1e30, np.float32)] * 2)
    constants = operation_constants(net, huge)
    assert classifiers.logit_error(net, huge, constants, size=1.0, dtype=np.float32) == np.inf
    with pytest.raises(ValueError, match="not exact in float32"):
        own = net.with_weights([np.full((1, 1), 0.1)] * 2)
        classifiers.logit_error(net, own, constants, size=1.0, dtype=np.float32)


def test_what_cannot_be_certified_is_refused():
    classifier = FIVE[0]
    own = classifier.init(jax.random.key(0))
    several = jax.tree.map(lambda v: np.stack([v, v]), own)
    with pytest.raises(ValueError, match="of several seeds, pass those of one"):
        certified(classifier, several)
    with pytest.raises(ValueError, match="NaN"):
        certified(classifier, own._replace(bias=jnp.full(3, jnp.nan)))
    model = certified(classifier, own)
    with pytest.raises(ValueError, match=r"of shape \(m, 2, 2\); got float32 of shape \(40, 4\)"):
        model.radii(IMAGES.reshape(40, 4))
    with pytest.raises(ValueError, match="NaN or infinity"):
        model.radii(IMAGES * np.inf)
    double = jax.tree.map(lambda w: w.astype(np.float64), model.theta)
    proof = classifiers.lipschitz_certificate(model.net, double)
    wide = dataclasses.replace(model, theta=double, certificate=proof)
    with pytest.raises(ValueError, match="evaluate within jax"):
        wide(IMAGES[0])
    assert model.radii(IMAGES[:0]).radii.shape == (0,)
    with pytest.raises(ValueError, match="ends in an affine readout"):
        net = FullyConnected((2, 2), "tanh", output="tanh")
        classifiers.lipschitz_certificate(net, net.init(jax.random.key(0)))


def test_the_weights_of_a_certificate_stay():
    given = np.diag([1.0, 2.0]).astype(np.float32)
    model = fixed((Affine(2, 2, False),), (given,))
    before = model.radii(np.ones((1, 2)))
    given[:] = 0
    for leaf in jax.tree.leaves(model.theta):
        with pytest.raises(ValueError, match="read-only"):
            leaf[:] = 0
    assert model.radii(np.ones((1, 2))) == before
    with pytest.raises(ValueError, match="the certificate is of other weights"):
        dataclasses.replace(model, theta=(given,))


def fixed(operations, theta):
    """A classifier of vectors with these weights, in float32."""
    net = Chain(operations, operations[0].n_in if isinstance(operations[0], Affine) else 2)
    theta = jax.tree.map(lambda w: np.asarray(w, np.float32), theta)
    proof = classifiers.lipschitz_certificate(net, theta)
    return classifiers.CertifiedClassifier(net, theta, (net.inputs,), proof)


def test_nothing_is_proved_of_deployment_where_numbers_overflow_on_the_way():
    inside = (Affine(2, 1, False), RELU, Affine(1, 2, False))
    weights = (np.array([[1e30, 0.0]]), None, np.array([[1e-30], [0.0]]))
    model = fixed((Residual(inside), Affine(2, 2, False)), (weights, np.eye(2)))
    image = np.array([[1e10, 1.0]])
    assert model.radii(image).radii > 1e9
    assert model.radii(image, deployed=True).radii == 0
    wide = fixed((Affine(1, 2, True),), (np.array([[1e-37, 100.0], [0.0, 0.0]]),))
    assert wide.radii(np.zeros((1, 1)), deployed=True).radii == 0


def test_weights_below_the_normal_numbers_may_be_taken_for_zero():
    model = fixed((Affine(2, 2, False),), (np.diag([1e-39, 5e-40]),))
    image = np.full((1, 2), 1e38)
    assert model.radii(image).radii > 1e37
    assert model.radii(image, deployed=True).radii == 0

"""Adversarial examples: closed forms of linear classifiers, enumeration in two dimensions."""

from fractions import Fraction
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.tree_util import Partial

from lbdnn.search import ProjectedGradient

NORMS = ("2", "maximum")
SHAPE = (2, 3)
ATTACK = {norm: ProjectedGradient(norm, steps=30, restarts=4) for norm in NORMS}


def linear(parameters, image):
    weight, bias = parameters
    return weight @ image.ravel() + bias


def dense(parameters, image):
    hidden = jnp.maximum(parameters[0] @ image.ravel() + parameters[1], 0)
    return parameters[2] @ hidden


@cache
def case(seed=0, count=6):
    """A linear classifier, images near the middle of the range and their labels from it."""
    draw = np.random.default_rng(seed)
    weight, bias = draw.normal(size=(3, 6)), draw.normal(size=3)
    images = draw.uniform(0.35, 0.65, (count, *SHAPE))
    labels = np.argmax(images.reshape(count, -1) @ weight.T + bias, 1)
    return Partial(linear, (weight, bias)), images, labels


def distances(logits, images, labels, norm):
    """How far the nearest boundary is, without the box."""
    weight, bias = logits.args[0]
    values = images.reshape(len(images), -1) @ weight.T + bias
    found = []
    for value, label in zip(values, labels, strict=True):
        others = np.delete(np.arange(3), label)
        slopes = np.linalg.norm(weight[label] - weight[others], 2 if norm == "2" else 1, axis=1)
        found.append(np.min((value[label] - value[others]) / slopes))
    return np.array(found)


@pytest.mark.parametrize("norm", NORMS)
def test_smallest_perturbations_of_a_linear_classifier(norm):
    logits, images, labels = case()
    exact = distances(logits, images, labels, norm)
    reached = exact < 0.3  # there the box plays no part
    assert reached.sum() >= 2
    found = ATTACK[norm].smallest(logits, images, labels, np.linspace(0.02, 0.3, 8))
    assert np.all(found.fooled[reached])
    assert np.all(found.sizes[reached] <= 1.002 * exact[reached])
    assert np.all(found.sizes[found.fooled] >= (1 - 1e-9) * exact[found.fooled])


@pytest.mark.parametrize("norm", NORMS)
def test_least_margin_over_ball_and_box(norm):
    weight = np.random.default_rng(3).normal(size=(2, 6))
    logits = Partial(linear, (weight, np.zeros(2)))
    draw = np.random.default_rng(4)
    images = np.clip(draw.uniform(-0.5, 1.5, (5, *SHAPE)), 0, 1)
    labels = np.arange(5) % 2
    radii = np.array([0.1, 0.3, 0.5, 0.7, 0.9])
    found = ATTACK[norm](logits, images, labels, radii)
    for image, label, radius, margin in zip(images, labels, radii, found.margins, strict=True):
        slope, x = weight[label] - weight[1 - label], image.ravel()
        if norm == "maximum":
            nearest = np.clip(x - radius * np.sign(slope), 0, 1)
        else:
            # Karush, Kuhn and Tucker: clip(x − t·slope), t as large as the ball allows.
            low, high = 0.0, 1e3
            for _ in range(60):
                length = (low + high) / 2
                inside = np.linalg.norm(np.clip(x - length * slope, 0, 1) - x) <= radius
                low, high = (length, high) if inside else (low, length)
            nearest = np.clip(x - low * slope, 0, 1)
        least = slope @ nearest
        assert least - 1e-6 <= margin <= least + 5e-3 * radius * np.linalg.norm(slope)


@pytest.mark.parametrize("norm", NORMS)
def test_points_lie_in_ball_and_box_exactly_and_have_their_margins(norm):
    logits, images, labels = case()
    images = np.concatenate([images, np.zeros((1, *SHAPE)), np.ones((1, *SHAPE))])
    labels = np.concatenate([labels, [0, 1]])
    radii = np.array([0, 1e-7, 0.01, 0.1, 1 / 3, 0.5, 1 / 3, 2.0])
    found = ATTACK[norm](logits, images, labels, radii)
    weight, bias = logits.args[0]
    for i, radius in enumerate(radii):
        shift = [
            Fraction(float(p)) - Fraction(float(x))
            for p, x in zip(found.images[i].ravel(), images[i].ravel(), strict=True)
        ]
        square = sum(s**2 for s in shift) if norm == "2" else max(s**2 for s in shift)
        assert square <= Fraction(float(found.sizes[i])) ** 2
        assert found.sizes[i] <= radius and (found.sizes[i] >= 0.9 * min(radius, 0.3))
    assert np.all((found.images >= 0) & (found.images <= 1))
    values = found.images.reshape(len(labels), -1) @ weight.T + bias
    own = values[np.arange(len(labels)), labels]
    values[np.arange(len(labels)), labels] = -np.inf
    np.testing.assert_allclose(found.margins, own - values.max(1), rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(found.fooled, found.margins <= 0)
    np.testing.assert_array_equal(found.labels == labels, ~found.fooled)


def test_least_margin_of_a_network_is_found_by_enumeration_too():
    draw = np.random.default_rng(1)
    parameters = [draw.normal(size=s) for s in ((12, 2), (12,), (3, 12))]
    images, labels = draw.uniform(size=(4, 2)), np.array([0, 1, 2, 0])
    found = ATTACK["2"](Partial(dense, parameters), images, labels, 0.4)
    line = np.linspace(-0.4, 0.4, 201)
    grid = np.stack(np.meshgrid(line, line), -1).reshape(-1, 2)
    for image, label, margin in zip(images, labels, found.margins, strict=True):
        points = image + grid
        keep = np.all((points >= 0) & (points <= 1), 1) & (np.linalg.norm(grid, axis=1) <= 0.4)
        hidden = np.maximum(points[keep] @ parameters[0].T + parameters[1], 0)
        values = hidden @ parameters[2].T
        margins = values[:, label] - np.max(np.delete(values, label, 1), 1)
        assert margin <= margins.min() + 1e-3


def test_no_scale_of_the_logits_hides_the_gradient():
    logits, images, labels = case()
    weight, bias = logits.args[0]
    at = np.full(len(labels), 0.15)
    plain = ATTACK["2"](logits, images, labels, at)
    for scale in (1e-25, 1e9):
        scaled = ATTACK["2"](Partial(linear, (scale * weight, scale * bias)), images, labels, at)
        np.testing.assert_allclose(scaled.margins / scale, plain.margins, atol=1e-5)


def test_attacked_accuracy_falls_with_the_radius_and_begins_at_the_clean_one():
    logits, images, labels = case(count=8)
    wrong = np.where(np.arange(8) < 2, (labels + 1) % 3, labels)
    found = ATTACK["2"].smallest(logits, images, wrong, [0.2, 0.05, 0.1])
    assert found.accuracy([0.0]) == 0.75 and np.all(found.sizes[:2] == 0)
    curve = found.accuracy(np.linspace(0, 0.25, 11))
    assert np.all(np.diff(curve) <= 0) and curve[-1] < 0.75
    for size in found.sizes[found.fooled]:
        assert found.accuracy([size]) < found.accuracy([size * (1 - 1e-9) - 1e-300]) or size == 0


def test_an_image_is_attacked_alike_in_other_company():
    logits, images, labels = case()
    many = ATTACK["2"](logits, images, labels, 0.1)
    few = ATTACK["2"](logits, images[:2], labels[:2], 0.1)
    np.testing.assert_array_equal(many.images[:2], few.images)


def test_a_classifier_with_other_parameters_is_not_compiled_again():
    traced = []

    def counted(parameters, image):
        traced.append(1)
        return linear(parameters, image)

    logits, images, labels = case()
    for parameters in ((np.ones((3, 6)), np.arange(3.0)), logits.args[0]):
        before = len(traced)
        ATTACK["2"](Partial(counted, parameters), images, labels, 0.1)
    assert len(traced) - before <= 1  # its shape alone is asked for


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": np.array([0, 3])}, "labels are integers from 0 to 2; got int64 from 0 to 3"),
        ({"labels": np.array([0, -1])}, "from -1 to 0"),
        ({"labels": np.array([0.0, 1.0])}, "got float64"),
        ({"labels": np.array([0])}, r"one label for each; got shapes \(2, 2, 3\) and \(1,\)"),
        ({"images": np.zeros((2, 5))}, r"do not take images of shape \(5,\)"),
        ({"images": np.full((2, *SHAPE), np.nan)}, r"pixels lie within \[0, 1\]"),
        ({"images": np.full((2, *SHAPE), 1.01)}, r"those of image 0 do not"),
        ({"radius": -0.1}, "radii are finite numbers >= 0"),
        ({"radius": np.nan}, "radii are finite numbers >= 0"),
        ({"radius": [0.1, 0.1, 0.1]}, "one for each of 2 images"),
        ({"logits": lambda image: image.sum()}, r"a vector \(k,\) with k ≥ 2"),
        ({"logits": lambda image: jnp.full(3, jnp.nan)}, "of image 0 are not finite"),
    ],
)
def test_bad_input_is_one_sentence(change, message):
    logits, images, labels = case()
    given = {"logits": logits, "images": images[:2], "labels": labels[:2], "radius": 0.1}
    with pytest.raises(ValueError, match=message) as caught:
        ATTACK["2"](**(given | change))
    assert "\n" not in str(caught.value)


def test_bad_choices_are_one_sentence():
    for wrong, message in (
        ({"norm": "1"}, "the norm is one of"),
        ({"steps": 0}, "at least one start"),
        ({"pixels": (1.0, 0.0)}, "lo < hi"),
    ):
        with pytest.raises(ValueError, match=message):
            ProjectedGradient(**wrong)
    logits, images, labels = case()
    for radii in ([], 0.1, [-1.0]):
        with pytest.raises(ValueError, match="radii"):
            ATTACK["2"].smallest(logits, images, labels, radii)


def test_the_global_precision_does_not_matter():
    logits, images, labels = case()
    plain = ATTACK["2"](logits, images, labels, 0.1)
    with jax.enable_x64(True):
        wide = ATTACK["2"](logits, images, labels, 0.1)
    np.testing.assert_array_equal(plain.images, wide.images)

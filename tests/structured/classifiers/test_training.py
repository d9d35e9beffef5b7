"""Training: seeded, resumable, with failures as a status."""

import functools

import jax
import numpy as np
import optax
import pytest

from lbdnn.structured import classifiers
from lbdnn.structured.classifiers import epochs

CLASSIFIER = classifiers.alternating_classifier((2, 2), 3, pairs=1)
LABELS = np.arange(60) % 3
# Three corners, and noise.
IMAGES = np.eye(4)[LABELS].reshape(-1, 2, 2) + np.random.default_rng(0).normal(size=(60, 2, 2)) / 10
KEYS = jax.random.split(jax.random.key(0), 2)


def train(*, rate=(0.1, 0.1), count=6, keys=KEYS, images=IMAGES, labels=LABELS, **options):
    return classifiers.train(
        CLASSIFIER, images, labels, keys=keys, epochs=count, batch=20, rate=rate, **options
    )


@pytest.fixture(scope="module")
def trained():
    return train()


def equal(one, other):
    leaves = zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True)
    return all(np.array_equal(a, b, equal_nan=True) for a, b in leaves)


def test_equal_calls_give_equal_parameters_and_keys_others(trained):
    assert equal(trained, train())
    first, second = (jax.tree.map(lambda v, i=i: v[i], trained.parameters) for i in (0, 1))
    assert not equal(first, second)


def test_training_finds_the_classes(trained):
    assert trained.losses.shape == (2, 6) and np.all(trained.failed == -1)
    for i in (0, 1):
        own = jax.tree.map(lambda v, i=i: v[i], trained.parameters)
        assert np.all(trained.losses[i, -1] < 0.8 * trained.losses[i, 0])
        found = classifiers.certified(CLASSIFIER, own).radii(IMAGES)
        assert np.mean(found.classes == LABELS) > 0.9


@pytest.mark.parametrize("every", [2, 100])
def test_an_interrupted_training_goes_on_as_if_it_had_not_been(
    trained, every, tmp_path, monkeypatch
):
    path, epoch, calls = tmp_path / "kept.npz", epochs.next_epoch, []
    compiled = epoch._cache_size()

    def interrupted(*arguments):
        calls.append(arguments)
        if len(calls) > 3:
            raise KeyboardInterrupt
        return epoch(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(epochs, "next_epoch", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train(checkpoint=path, every=every)
    counted = []
    monkeypatch.setattr(epochs, "next_epoch", lambda *a: (counted.append(a), epoch(*a))[1])
    assert equal(train(checkpoint=path, every=every), trained)
    assert len(counted) == 3  # what was done is not done again
    assert equal(train(checkpoint=path, every=every), trained)
    assert len(counted) == 3
    assert epoch._cache_size() == compiled  # one program serves all epochs, before and after


def test_a_checkpoint_of_something_else_is_refused(trained, tmp_path):
    path = tmp_path / "kept.npz"
    train(checkpoint=path)
    for other in ({"rate": 0.04}, {"images": 2 * IMAGES}, {"keys": KEYS[::-1]}, {"margin": 2.0}):
        with pytest.raises(ValueError, match="another classifier, other data or other numbers"):
            train(checkpoint=path, **other)
    other = functools.partial(optax.adam, b1=0.8)
    with pytest.raises(ValueError, match="another classifier, other data or other numbers"):
        train(checkpoint=path, optimizer=other)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match="no checkpoint of this version"):
        train(checkpoint=path)


def test_a_loss_that_is_not_finite_is_a_status_of_its_key_alone(trained):
    found = train(rate=(0.1, 1e38))
    assert list(found.failed) == [-1, 0]
    assert np.all(np.isnan(found.losses[1])) and equal(found.losses[0], trained.losses[0])
    assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(found.parameters))
    first = [jax.tree.map(lambda v: v[0], each.parameters) for each in (found, trained)]
    assert equal(*first)


@pytest.mark.slow
def test_one_key_and_data_of_each_key(trained):
    twice = train(images=np.stack([IMAGES] * 2), labels=np.stack([LABELS] * 2))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-4), twice, trained)
    one = train(keys=KEYS[1], rate=0.1)
    assert one.losses.shape == (6,) and one.failed.shape == ()
    np.testing.assert_allclose(one.losses, trained.losses[1], atol=1e-4)


@pytest.mark.slow
def test_each_epoch_has_an_order_of_its_own():
    # Parameters that stay, and two thirds of the images an epoch: losses tell which.
    still = {"keys": KEYS, "epochs": 3, "batch": 40, "rate": 1e-30}
    found = classifiers.train(CLASSIFIER, IMAGES, LABELS, **still)
    assert len(set(found.losses[0])) == len(set(found.losses[1])) == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"labels": LABELS + 1}, "labels must be from 0 to 2, as there are 3 classes; got 1 to 3"),
        ({"labels": LABELS - 1}, "got -1 to 1"),
        ({"labels": LABELS.astype(float)}, "labels must be integers; got float"),
        ({"labels": LABELS[:59]}, r"images must have shape \(59, 2, 2\)"),
        ({"labels": np.stack([LABELS] * 3)}, r"labels must have shape \(m,\), or \(2, m\)"),
        ({"images": IMAGES.reshape(60, 4)}, r"one image of shape \(2, 2\) a label; got \(60, 4\)"),
        ({"images": np.full_like(IMAGES, np.nan)}, "images hold NaN or infinity"),
        ({"rate": 0.0}, "the rate must be positive and finite, one number or one for each of 2"),
        ({"margin": (1.0, 2.0, 3.0)}, "the margin must be positive"),
        ({"every": 0}, "every must be a positive number of epochs"),
        ({"count": 0}, "epochs must be a positive integer; got 0"),
        ({"count": "6"}, "epochs must be a positive integer; got '6'"),
        ({"every": 2.5}, "every must be a positive number of epochs; got 2.5"),
        ({"every": None}, "every must be a positive number of epochs; got None"),
        ({"keys": 0}, r"keys must be jax.random.key\(seed\), or an array"),
        ({"keys": KEYS[None]}, r"keys must be .* got \(1, 2\)"),
        ({"labels": np.full(60, "1")}, "labels must be integers; got <U1"),
        ({"images": IMAGES + 1j}, "images must be an array of real numbers; got complex"),
        ({"images": np.full(IMAGES.shape, "0")}, "images must be an array of real numbers"),
        ({"rate": "fast"}, "the rate must be positive and finite, .*; got fast"),
        ({"margin": 1j}, "the margin must be positive and finite"),
        ({"optimizer": 0.1}, "optimizer must make one of a schedule"),
        ({"checkpoint": 3}, "checkpoint must be the path of a file; got 3"),
    ],
)
def test_what_cannot_be_trained_on_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        train(**options)


def test_only_classifiers_with_whole_numbers_of_images_are_trained():
    for classifier, batch, message in [
        (CLASSIFIER.body, 20, "what is trained must be a Classifier"),
        (CLASSIFIER, "20", "batch must be a positive integer; got '20'"),
        (CLASSIFIER, None, "batch must be a positive integer; got None"),
    ]:
        with pytest.raises(ValueError, match=message):
            classifiers.train(classifier, IMAGES, LABELS, keys=KEYS, epochs=1, batch=batch)

"""Saved classifiers: read back bit for bit, and refused when changed."""

import json

import jax
import numpy as np
import pytest

import lbdnn
from lbdnn.structured import classifiers

from .test_models import FIVE

numpy_files = pytest.importorskip("safetensors.numpy")
KEY = "lbdnn classifier"
IMAGES = np.random.default_rng(0).uniform(size=(5, 2, 2)).astype(np.float32)


@pytest.fixture(scope="module")
def model():
    return classifiers.certified(FIVE[4], FIVE[4].init(jax.random.key(0)))


@pytest.fixture
def path(model, tmp_path):
    model.save(tmp_path / "model.safetensors")
    return tmp_path / "model.safetensors"


def changed(path, *, tensor=None, **entries):
    """The file with other numbers in a tensor, or other entries in its metadata."""
    from safetensors import safe_open

    with safe_open(path, framework="numpy") as file:
        metadata = file.metadata()
        tensors = {name: file.get_tensor(name) for name in metadata and file.keys()}
    if tensor is not None:
        tensors[tensor] = np.nextafter(tensors[tensor], np.float32(9))
    metadata |= entries
    path.write_bytes(numpy_files.save(tensors, {k: v for k, v in metadata.items() if v}))
    return path


def content(path):
    from safetensors import safe_open

    with safe_open(path, framework="numpy") as file:
        return json.loads(file.metadata()[KEY])


def test_a_model_is_read_back_bit_for_bit(model, path):
    found = classifiers.load(path)
    assert found.net == model.net and found.image == model.image
    assert found.certificate == model.certificate
    for own, its in zip(jax.tree.leaves(found.theta), jax.tree.leaves(model.theta), strict=True):
        assert own.dtype == its.dtype and np.array_equal(own, its)
    assert np.array_equal(jax.vmap(found)(IMAGES), jax.vmap(model)(IMAGES))
    ours, theirs = model.radii(IMAGES), found.radii(IMAGES)
    assert np.array_equal(ours.radii, theirs.radii)
    # What the certificate says is proved again from the file alone.
    assert classifiers.lipschitz_certificate(found.net, found.theta) == model.certificate
    assert lbdnn.read(path).net == model.net


def test_changed_weights_are_refused(path):
    with pytest.raises(lbdnn.ModelError, match="certificate is of other weights"):
        classifiers.load(changed(path, tensor="V3"))


@pytest.mark.parametrize("where", ["features", "image", "layers"])
def test_a_changed_certificate_is_refused(path, where):
    told = content(path)
    told["certificate"]["features"] = (
        (0.1).hex() if where == "features" else told["certificate"]["features"]
    )
    told["image"] = [4] if where == "image" else told["image"]
    told["certificate"]["layers"] = [] if where == "layers" else told["certificate"]["layers"]
    with pytest.raises(lbdnn.ModelError, match="changed after it was written"):
        classifiers.load(changed(path, **{KEY: json.dumps(told)}))


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "without the certificate"), ("[", "cannot be used"), ("{}", "cannot be used")],
)
def test_a_file_without_certificate_is_refused(path, text, message):
    with pytest.raises(lbdnn.ModelError, match=message):
        classifiers.load(changed(path, **{KEY: text}))


def test_certificates_are_read_as_they_are_written(model):
    own = model.certificate.as_content()
    again = classifiers.LipschitzCertificate.from_content(json.loads(json.dumps(own)))
    assert again == model.certificate
    for wrong in ({"features": "nan"}, {"features": (-1.0).hex()}, {"format": "other"}):
        with pytest.raises(ValueError, match="certificate"):
            classifiers.LipschitzCertificate.from_content(own | wrong)
    with pytest.raises(ValueError, match="not one of this version"):
        classifiers.LipschitzCertificate.from_content({"format": own["format"]})
    assert "features" in str(model.certificate)

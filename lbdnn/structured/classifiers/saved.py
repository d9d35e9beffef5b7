"""Classifiers in files: the network in the library's own format, its certificate beside it."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from ...activations import Activation
from ...certificate import fingerprint
from ...networks import ModelError, read, write
from .certificate import LipschitzCertificate, fitting
from .classifier import image_shape

if TYPE_CHECKING:
    from .certified import CertifiedClassifier

KEY = "lbdnn classifier"


def save(model: CertifiedClassifier, path: str | os.PathLike[str]) -> None:
    """See `CertifiedClassifier.save`."""
    content = {"image": list(model.image), "certificate": model.certificate.as_content()}
    content["checksum"] = _checksum(content)
    write(path, model.net, model.theta, metadata={KEY: json.dumps(content)})


def load(
    path: str | os.PathLike[str], *, activations: Mapping[str, Activation] | None = None
) -> CertifiedClassifier:
    """Reads what `CertifiedClassifier.save` wrote.

    It is checked that the certificate is whole and names exactly these weights. What it says can be
    proved again: `lipschitz_certificate(model.net, model.theta)`.

    **Arguments:** `activations`, those that are not in the library, by name, as for `lbdnn.read`.

    **Raises:** `lbdnn.ModelError`, a ValueError, in one sentence, for a file that cannot be read,
    that is no saved classifier, or that was changed; ImportError naming the extra to install.
    """
    from .certified import CertifiedClassifier

    found = read(path, format="safetensors", activations=activations)
    from safetensors import safe_open

    with safe_open(path, framework="numpy") as file:
        text = (file.metadata() or {}).get(KEY)
    if text is None:
        raise ModelError(f"{path}: a network without the certificate of a saved classifier")
    try:
        content = json.loads(text)
        if content.pop("checksum") != _checksum(content):
            raise ValueError("it was changed after it was written: its checksum is another")
        image = image_shape(content["image"])
        certificate = LipschitzCertificate.from_content(content["certificate"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ModelError(f"{path}: the certificate cannot be used ({error})") from None
    theta = jax.tree.map(np.asarray, found.theta)
    if certificate.network != fingerprint(found.net, theta):
        raise ModelError(
            f"{path}: the certificate is of other weights: the file was changed after it was "
            "written"
        )
    if math.prod(image) != found.net.inputs:
        raise ModelError(f"{path}: images of shape {image} are no inputs of the network")
    if not fitting(certificate, found.net):
        raise ModelError(f"{path}: the certificate cannot be used (its numbers do not fit)")
    return CertifiedClassifier(found.net, theta, image, certificate)


def _checksum(content: Mapping[str, Any]) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()

"""The models that are compared."""

from __future__ import annotations

from collections.abc import Mapping

from lbdnn.structured.classifiers import (
    Classifier,
    alternating_classifier,
    convolutional_classifier,
    nonexpansive_classifier,
    residual_classifier,
)

# The one that the others are compared with, and pairs of which one is the other's refinement.
REFERENCE = "ResNet"
PUBLISHED, SHARP = "alternating, published", "alternating, sharp"
DENSE, CONVOLUTIONAL = "non-expansive", "non-expansive, convolutional"
FLOWS = (DENSE, CONVOLUTIONAL, PUBLISHED, SHARP)
REFINED = ((CONVOLUTIONAL, DENSE), (SHARP, PUBLISHED))


def models(pairs: int, *, convolutional: bool = False) -> Mapping[str, Classifier]:
    """Classifiers of 8 × 8 pixels with as many parameters, but for 39 of the convolutional."""
    image, classes = (8, 8), 10
    every = {
        REFERENCE: residual_classifier(image, classes, pairs=pairs),
        "ResNet, normalised": residual_classifier(image, classes, pairs=pairs, normalized=True),
        DENSE: nonexpansive_classifier(image, classes, pairs=pairs),
        CONVOLUTIONAL: convolutional_classifier(image, classes, pairs=pairs),
        PUBLISHED: alternating_classifier(image, classes, pairs=pairs, constants="published"),
        SHARP: alternating_classifier(image, classes, pairs=pairs, constants="sharp"),
    }
    return {name: one for name, one in every.items() if convolutional or name != CONVOLUTIONAL}

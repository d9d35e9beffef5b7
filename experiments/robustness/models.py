"""The models that are compared."""

from __future__ import annotations

from collections.abc import Mapping

from lbdnn.structured.classifiers import (
    Classifier,
    alternating_classifier,
    nonexpansive_classifier,
    residual_classifier,
)

# The one that the others are compared with, and those of which one is the other's refinement.
REFERENCE = "ResNet"
PUBLISHED, SHARP = "alternating, published", "alternating, sharp"
FLOWS = ("non-expansive", PUBLISHED, SHARP)


def models(pairs: int) -> Mapping[str, Classifier]:
    """Five classifiers of 8 × 8 pixels with equal numbers of parameters."""
    image, classes = (8, 8), 10
    return {
        REFERENCE: residual_classifier(image, classes, pairs=pairs),
        "ResNet, normalised": residual_classifier(image, classes, pairs=pairs, normalized=True),
        "non-expansive": nonexpansive_classifier(image, classes, pairs=pairs),
        PUBLISHED: alternating_classifier(image, classes, pairs=pairs, constants="published"),
        SHARP: alternating_classifier(image, classes, pairs=pairs, constants="sharp"),
    }

"""Accuracy on the test images: clean, certified, attacked."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from experiments.robustness.digits import Digits
from experiments.robustness.trials import Logits
from lbdnn.search import Adversaries, ProjectedGradient
from lbdnn.structured.classifiers import Classifier, certified

RADII = {
    "2": (0.1, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 1.5),
    "maximum": (0.02, 0.04, 0.06, 0.08, 0.1, 0.15, 0.2),
}
KINDS = ("certified", "attacked", "attacked, maximum")
# Of the summary.
TOLD = dict(zip(KINDS, (0.3, 0.5, 0.1), strict=True))


class Measured(NamedTuple):
    """One network and its test images.

    `correct`: which are told right; `certified`: the proved radius of each, in the 2-norm, 0 of the
    others; `attacked`, by norm, the smallest perturbations found; `lengths` their 2-norms.
    """

    correct: Bool[np.ndarray, " m"]
    certified: Float[np.ndarray, " m"]
    attacked: dict[str, Adversaries]
    lengths: dict[str, Float[np.ndarray, " m"]]

    def accuracies(self) -> dict[str, np.ndarray]:
        """By kind, at the radii of its norm."""
        proved = self.correct & (self.certified > np.array(RADII["2"])[:, None])
        found = {norm: one.accuracy(RADII[norm]) for norm, one in self.attacked.items()}
        curves = (np.mean(proved, 1), found["2"], found["maximum"])
        return dict(zip(KINDS, curves, strict=True))

    def contradictions(self) -> int:
        """Adversarial examples within the proved radius, and curves in the wrong order: none."""
        inside = [
            np.sum(self.correct & self.attacked[norm].fooled & (length < self.certified))
            for norm, length in self.lengths.items()
        ]
        curves, clean = self.accuracies(), float(np.mean(self.correct))
        ordered = np.all(curves["certified"] <= curves["attacked"])
        below = all(np.all(curve <= clean) for curve in curves.values())
        return int(sum(inside)) + (not ordered) + (not below)


def measured(
    classifier: Classifier, parameters: Any, test: Digits, attacks: dict[str, ProjectedGradient]
) -> Measured:
    """Certifies the network, and attacks the very network that is certified."""
    model = certified(classifier, parameters)
    proved = model.radii(test.images)
    logits = Logits(model.net, model.theta)
    found = {
        norm: attack.smallest(logits, test.images, test.labels, RADII[norm])
        for norm, attack in attacks.items()
    }
    correct = ~(found["2"].fooled & (found["2"].sizes == 0))
    proved_right = correct & (proved.classes == test.labels)
    lengths = {
        norm: np.linalg.norm((one.images - test.images).reshape(len(correct), -1), axis=1)
        for norm, one in found.items()
    }
    return Measured(correct, np.where(proved_right, proved.radii, 0.0), found, lengths)

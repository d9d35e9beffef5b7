"""What is drawn of the measurements."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from experiments.output import Output
from experiments.robustness import answer
from experiments.robustness.answer import Networks
from experiments.robustness.digits import Digits
from experiments.robustness.measurement import KINDS, RADII
from experiments.robustness.models import REFERENCE
from experiments.robustness.trials import Judged, Plan
from lbdnn.plotting.robustness import (
    Picture,
    accuracy_by_radius,
    accuracy_by_trial,
    adversarial_pictures,
)

_HEADINGS = {
    "certified": "certified accuracy",
    "attacked": "attacked accuracy, 2-norm",
    "attacked, maximum": "attacked accuracy, maximum norm",
}
_PICTURES = 3


def draw(
    networks: Networks,
    own: Mapping[str, int],
    found: Mapping[str, Judged],
    plan: Plan,
    test: Digits,
    output: Output,
) -> None:
    """Accuracies with paired intervals, the trials, and pictures of adversarial examples."""
    reference = networks[REFERENCE, own[REFERENCE]]
    panels = []
    for kind in KINDS:
        radii = (0.0, *RADII["maximum" if "maximum" in kind else "2"])
        means, apart = {}, {}
        for name, i in own.items():
            curves = answer.curves(networks[name, i])
            both = answer.differences(networks[name, i], reference)
            means[name] = 100 * np.concatenate([curves["clean"].mean(0), curves[kind].mean(0)])
            if name != REFERENCE:
                apart[name] = tuple(
                    100 * np.concatenate(parts)
                    for parts in zip(both["clean"], both[kind], strict=True)
                )
        panels.append((_HEADINGS[kind], np.array(radii), means, apart))
    output.figure("accuracy", accuracy_by_radius(panels, REFERENCE))
    margins = np.array([trial.margin for trial in plan.trials])
    points = {
        name: (margins, 100 * one.clean.mean(1), 100 * one.attacked.mean(1))
        for name, one in found.items()
    }
    output.figure("trials", accuracy_by_trial(points))
    output.figure("adversaries", adversarial_pictures(_pictures(networks, own, test)))


def _pictures(
    networks: Networks, own: Mapping[str, int], test: Digits
) -> list[tuple[np.ndarray, int, dict[str, Picture]]]:
    """Of the first seed: the first images that all models tell right and that fool each."""
    first = {name: networks[name, i][0] for name, i in own.items()}
    usable = np.all([one.correct & one.attacked["2"].fooled for one in first.values()], axis=0)
    chosen, digits = [], set()
    for place in np.flatnonzero(usable):
        if test.labels[place] not in digits and len(chosen) < _PICTURES:
            chosen.append(place)
            digits.add(test.labels[place])
    return [
        (
            test.images[place],
            int(test.labels[place]),
            {
                name: Picture(
                    one.attacked["2"].images[place],
                    int(one.attacked["2"].labels[place]),
                    float(one.lengths["2"][place]),
                )
                for name, one in first.items()
            },
        )
        for place in chosen
    ]

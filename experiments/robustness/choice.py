"""Which trials are compared: chosen on the images kept for validation."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from experiments.robustness.trials import Judged

# Clean accuracies that differ by no more count as the same.
POINT = 0.01


def best(judged: Judged) -> int:
    """Of the trials within a point of the model's best mean accuracy, the one that withstands
    attacks best."""
    clean = judged.clean.mean(1)
    return _most(judged, clean >= clean.max() - POINT - 1e-9)


def at_same_accuracy(a: Judged, b: Judged) -> tuple[int, int]:
    """A trial of each, both near the highest accuracy that both models reach.

    Of the trials within half a point of it, the ones that withstand attacks best; where there is
    none, the nearest.
    """
    level = min(one.clean.mean(1).max() for one in (a, b))
    places = []
    for one in (a, b):
        away = np.abs(one.clean.mean(1) - level)
        places.append(_most(one, away <= max(POINT / 2, away.min()) + 1e-9))
    return places[0], places[1]


def _most(judged: Judged, allowed: np.ndarray) -> int:
    return int(np.argmax(np.where(allowed, judged.attacked.mean(1), -1.0)))


def comparisons(judged: Mapping[str, Judged], pairs: list[tuple[str, str]]) -> dict:
    """(model, other model) to the trials of both, for those that are there."""
    return {
        (a, b): at_same_accuracy(judged[a], judged[b])
        for a, b in pairs
        if a in judged and b in judged
    }

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
    """A trial of each, with clean accuracies within a point.

    That of the model whose best accuracy is lower is its best. Of the other model's trials from
    half a point below it to a point above, the one that withstands attacks best is taken, or the
    nearest where there is none: one that is better in both respects is not passed over.
    """
    if a.clean.mean(1).max() > b.clean.mean(1).max():
        second, first = at_same_accuracy(b, a)
        return first, second
    own = best(a)
    above = b.clean.mean(1) - a.clean[own].mean()
    near = (above >= -POINT / 2 - 1e-9) & (above <= POINT + 1e-9)
    return own, _most(b, near if near.any() else np.abs(above) <= np.abs(above).min() + 1e-9)


def _most(judged: Judged, allowed: np.ndarray) -> int:
    return int(np.argmax(np.where(allowed, judged.attacked.mean(1), -1.0)))


def comparisons(judged: Mapping[str, Judged], pairs: list[tuple[str, str]]) -> dict:
    """(model, other model) to the trials of both, for those that are there."""
    return {
        (a, b): at_same_accuracy(judged[a], judged[b])
        for a, b in pairs
        if a in judged and b in judged
    }

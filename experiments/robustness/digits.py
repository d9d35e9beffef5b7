"""The handwritten digits that come with scikit-learn, split into three parts."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

# Of the images, for training and for validation; the rest is for the test.
_SHARES = (0.6, 0.2)


class Digits(NamedTuple):
    """Images of 8 × 8 pixels, each from 0 to 1, and the digits that they show."""

    images: Float[np.ndarray, "m 8 8"]
    labels: Int[np.ndarray, " m"]


class Split(NamedTuple):
    train: Digits
    validation: Digits
    test: Digits

    def judged_by(self, count: int) -> Split:
        """The same with at most so many images for validation, and for the test."""
        few = (Digits(part.images[:count], part.labels[:count]) for part in self[1:])
        return Split(self.train, *few)


def digits() -> Digits:
    """All 1797 of them, in float32: exactly what is stored, sixteenths.

    Raises ImportError, in one sentence, where scikit-learn is missing.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise ImportError("the digits need the digits extra: pip install 'lbdnn[digits]'") from None
    images, labels = load_digits(return_X_y=True)
    return Digits(images.reshape(-1, 8, 8).astype(np.float32) / 16, labels.astype(np.int32))


def split(every: Digits, seed: int) -> Split:
    """Three parts without a common image, drawn by the seed."""
    order = np.random.default_rng(seed).permutation(len(every.labels))
    ends = np.cumsum([round(share * len(order)) for share in _SHARES])
    return Split(*(Digits(every.images[at], every.labels[at]) for at in np.split(order, ends)))

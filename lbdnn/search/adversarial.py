"""Adversarial examples of classifiers: perturbed images that get another label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, get_args

import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, Int

from .labelled_images import Classifier, LabelledImages
from .projected_gradient import Norm, descended


class Adversaries(NamedTuple):
    """A perturbed image for each image, evaluated there in float64.

    Its margin is its label's logit less the largest other one; `fooled` says that this is not
    positive, `labels` what the classifier answers; `sizes` are the perturbations' norms, rounded
    upwards.
    """

    images: Float[np.ndarray, "b ..."]
    margins: Float[np.ndarray, " b"]
    fooled: Bool[np.ndarray, " b"]
    labels: Int[np.ndarray, " b"]
    sizes: Float[np.ndarray, " b"]

    def accuracy(self, radii: Sequence[float]) -> Float[np.ndarray, " r"]:
        """The share of images for which no perturbation of at most that size was found."""
        beaten = self.fooled & (self.sizes <= np.asarray(radii, float)[:, None])
        return 1 - np.mean(beaten, axis=1)


@dataclass(frozen=True)
class ProjectedGradient:
    r"""Projected gradient descent of the margin, from several starts in the ball.

    The steps go along the gradient (ℓ₂) or its signs (ℓ∞), without what points out of the box of
    pixels, and their length falls from the radius to 0 (Madry et al. 2018, arXiv 1706.06083; Croce
    and Hein 2020, arXiv 2003.01690). The loss is a difference of logits, whose gradient does not
    vanish where the classifier is sure: the first start descends the margin, the others, from
    random points, the difference to one other class each (Gowal et al. 2019, arXiv 1910.09338).

    The descent is in float32. What is returned is put into the ball and the box in float64,
    rounded inwards, and evaluated there: an adversarial example is one, whatever the descent did.

    **Arguments:**

    - `norm`: of perturbations, "2" or "maximum".
    - `steps` of each of the `restarts`; `seed` of the random points.
    - `pixels`: the range of the pixels.
    """

    norm: Norm = "2"
    steps: int = 50
    restarts: int = 10
    seed: int = 0
    pixels: tuple[float, float] = (0.0, 1.0)

    def __post_init__(self) -> None:
        if self.norm not in get_args(Norm):
            raise ValueError(f"the norm is one of {get_args(Norm)}; got {self.norm!r}")
        if min(self.steps, self.restarts) < 1:
            raise ValueError(f"an attack needs at least one start and one step; got {self}")
        lo, hi = self.pixels
        if not (np.isfinite([lo, hi]).all() and lo < hi):
            raise ValueError(f"pixels take a range lo < hi; got {self.pixels}")

    def __call__(
        self,
        logits: Classifier,
        images: Float[Any, "b ..."],
        labels: Int[Any, " b"],
        radius: float | Sequence[float],
    ) -> Adversaries:
        """The points of least margin that were found at one radius, or at one for each image.

        `logits` is a pure function of one image. It is compiled once for one size of images: one
        that carries its parameters as a pytree, such as an equinox module or
        `jax.tree_util.Partial(net, theta)`, is compiled once for all parameters.

        **Raises:** ValueError for images that are not finite or outside the range of pixels,
        labels that are not classes, and radii that are negative or not finite.
        """
        case = self._case(logits, images, labels)
        radii = np.asarray(radius, float)
        if radii.ndim > 1 or (radii.ndim == 1 and radii.shape != case.labels.shape):
            raise ValueError(
                f"an attack takes one radius, or one for each of {len(case.labels)} images; got "
                f"shape {radii.shape}"
            )
        _check_radii(radii)
        every = np.arange(len(case.labels))
        radii = np.broadcast_to(radii, every.shape)
        return _result(case, self._attacked(case, every, radii, case.images))

    def smallest(
        self,
        logits: Classifier,
        images: Float[Any, "b ..."],
        labels: Int[Any, " b"],
        radii: Sequence[float],
    ) -> Adversaries:
        """The smallest perturbations found that change the label: attacked accuracy by radius.

        At each radius, from the smallest on, images are attacked whose label has not changed
        before, also from the best point of the radius before; what is found is shrunk towards the
        image as far as the label stays wrong. Where nothing is found it is the point of least
        margin at the largest radius. `accuracy` of the result falls with the radius.

        Arguments and errors otherwise as for a call.
        """
        case = self._case(logits, images, labels)
        ordered = np.asarray(radii, float)
        if ordered.ndim != 1 or ordered.size == 0:
            raise ValueError(f"pass radii as a list of at least one; got {radii!r}")
        _check_radii(ordered)
        ordered = np.sort(ordered)
        points = case.images.copy()
        left = np.flatnonzero(case.evaluated(points)[0] > 0)
        for radius in ordered:
            at = np.full(len(left), radius)
            points[left] = self._attacked(case, left, at, points[left])
            now = case.evaluated(points[left], left)[0] <= 0
            won, left = left[now], left[~now]
            points[won] = case.shrunk(points[won], won, at[: len(won)])
        return _result(case, points)

    def _case(self, logits: Classifier, images: Any, labels: Any) -> LabelledImages:
        return LabelledImages(logits, images, labels, norm=self.norm, pixels=self.pixels)

    def _attacked(
        self, case: LabelledImages, chosen: np.ndarray, radii: np.ndarray, starts: np.ndarray
    ) -> np.ndarray:
        """Points of least margin in the ball of each chosen image."""

        def descend(places: np.ndarray) -> Any:
            own = (chosen[places], radii[places], starts[places])
            problems = case.problems(*own, self.restarts, self.seed)
            return descended(case.fast, problems, self.norm, jnp.asarray(self.steps))

        points = case.by_blocks(descend, len(chosen), starts.shape[1:])
        return case.inside(points, chosen, radii)


def _result(case: LabelledImages, points: Float[np.ndarray, "b n"]) -> Adversaries:
    margins, labels = case.evaluated(points)
    sizes = case.sizes(points, case.images)
    return Adversaries(case.shaped(points), margins, margins <= 0, labels, sizes)


def _check_radii(radii: np.ndarray) -> None:
    if not np.all(np.isfinite(radii) & (radii >= 0)):
        raise ValueError(f"radii are finite numbers >= 0; got {radii}")

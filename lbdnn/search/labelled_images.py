"""Images with labels, and the classifier that is to tell them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ..sets import InputRegion
from .projected_gradient import Norm, Problem, evaluated, shrunk

Classifier = Callable[[Float[Array, "..."]], Float[Array, " k"]]

# Images at a time: a size that is compiled once.
_TOGETHER = 64


class LabelledImages:
    """Checked images, flat vectors in float64, and their classifier in both precisions.

    `images` (b, n) and `labels` (b,); `exact` and `fast` are the classifier of a flat image in
    float64 and in float32. Where `chosen` is an argument it holds the places of images that go
    with the points.

    Raises ValueError, in one sentence, for images, labels and classifiers that do not fit.
    """

    def __init__(
        self,
        logits: Classifier,
        images: Float[Any, "b ..."],
        labels: Int[Any, " b"],
        *,
        norm: Norm,
        pixels: tuple[float, float],
    ) -> None:
        self.norm: Norm = norm
        self.pixels = pixels
        given = np.asarray(images, np.float64)
        self.labels = np.asarray(labels)
        if given.ndim < 2 or given.size == 0 or self.labels.shape != given.shape[:1]:
            raise ValueError(
                "an attack takes images (b, …) and one label for each; got shapes "
                f"{given.shape} and {self.labels.shape}"
            )
        self._shape = given.shape[1:]
        self.images = given.reshape(len(given), -1)
        wrong = ~np.all((self.images >= pixels[0]) & (self.images <= pixels[1]), axis=1)
        if wrong.any():
            raise ValueError(
                f"pixels lie within [{pixels[0]:g}, {pixels[1]:g}]; those of image "
                f"{np.argmax(wrong)} do not"
            )
        with jax.enable_x64(True):
            self.exact = _Flat(_cast(logits, jnp.float64), self._shape)
            self.fast = _Flat(_cast(logits, jnp.float32), self._shape)
            self._check_classes()
        values = self._logits(self.images)
        finite = np.all(np.isfinite(values), axis=1)
        if not finite.all():
            raise ValueError(f"the logits of image {np.argmin(finite)} are not finite numbers")
        np.put_along_axis(values, self.labels[:, None], -np.inf, axis=1)
        # The other classes, the likeliest first.
        self._others = np.argsort(-values, axis=1, kind="stable")[:, :-1]

    def _check_classes(self) -> None:
        try:
            out = eqx.filter_eval_shape(self.exact, jnp.zeros(self.images.shape[1]))
        except (TypeError, ValueError) as error:
            why = (str(error).splitlines() or [""])[0]
            raise ValueError(f"logits do not take images of shape {self._shape}: {why}") from None
        if getattr(out, "ndim", None) != 1 or out.size < 2:
            raise ValueError(
                "logits give a vector (k,) with k ≥ 2 for one image; these give "
                f"{getattr(out, 'shape', out)}"
            )
        least, most = self.labels.min(), self.labels.max()
        if self.labels.dtype.kind not in "iu" or least < 0 or most >= out.size:
            raise ValueError(
                f"labels are integers from 0 to {out.size - 1}; got {self.labels.dtype} from "
                f"{least} to {most}"
            )
        self._classes = out.size

    def evaluated(
        self, points: Float[np.ndarray, "c n"], chosen: np.ndarray | None = None
    ) -> tuple[Float[np.ndarray, " c"], Int[np.ndarray, " c"]]:
        """Margins and the classifier's labels, in float64."""
        labels = (self.labels if chosen is None else self.labels[chosen])[:, None]
        values = self._logits(points)
        own = np.take_along_axis(values, labels, axis=1)[:, 0]
        found = np.argmax(values, axis=1)
        np.put_along_axis(values, labels, -np.inf, axis=1)
        return own - np.max(values, axis=1), found

    def _logits(self, points: Float[np.ndarray, "c n"]) -> Float[np.ndarray, "c k"]:
        k = self._classes
        return self.by_blocks(
            lambda at: evaluated(self.exact, jnp.asarray(points[at])), len(points), (k,)
        )

    def shrunk(
        self, points: Float[np.ndarray, "c n"], chosen: np.ndarray, radii: np.ndarray
    ) -> Float[np.ndarray, "c n"]:
        """Points without positive margin, moved towards their images as far as that stays."""

        def nearer(at: np.ndarray) -> Array:
            own = (self.images[chosen[at]], points[at], self.labels[chosen[at]])
            return shrunk(self.exact, *(jnp.asarray(x) for x in own))

        shape = points.shape[1:]
        found = self.inside(self.by_blocks(nearer, len(chosen), shape), chosen, radii)
        # Rounding may have moved it back.
        wrong = self.evaluated(found, chosen)[0] <= 0
        return np.where(wrong[:, None], found, points)

    def problems(
        self, chosen: np.ndarray, radii: np.ndarray, first: np.ndarray, restarts: int, seed: int
    ) -> Problem:
        """What is descended, in float32: without a target from the points `first`, and towards one
        class each, the likeliest first, from random points, which depend on the image's place.
        """
        images, n = self.images[chosen], self.images.shape[1]
        lo, hi = (np.full_like(images, end) for end in self.pixels)
        limits = radii
        if self.norm == "maximum":
            lo, hi = np.fmax(lo, images - radii[:, None]), np.fmin(hi, images + radii[:, None])
            limits = np.full_like(radii, np.inf)
        draws = np.stack([_in_ball(self.norm, restarts - 1, n, [seed, at]) for at in chosen])
        starts = images[:, None] + radii[:, None, None] * draws
        starts = np.concatenate([first[:, None], starts], axis=1)
        others = np.resize(np.arange(self._others.shape[1]), restarts - 1)
        targets = np.pad(self._others[chosen][:, others], [(0, 0), (1, 0)], constant_values=-1)
        *region, radius, begin = (
            jnp.asarray(x, jnp.float32) for x in (lo, hi, images, limits, radii, starts)
        )
        labels = jnp.asarray(self.labels[chosen])
        return Problem(labels, InputRegion(*region), radius, begin, jnp.asarray(targets))

    def inside(
        self, points: Float[np.ndarray, "c n"], chosen: np.ndarray, radii: np.ndarray
    ) -> Float[np.ndarray, "c n"]:
        """The points, moved into the box and the ball where rounding has put them outside."""
        images, radii = self.images[chosen], radii[:, None]
        points = np.clip(points, *self.pixels)
        for share in (1e-15, 1e-12, 1e-9):
            sizes = self.sizes(points, images)[:, None]
            scale = (1 - share) * radii / np.where(sizes > 0, sizes, 1)
            nearer = np.clip(images + scale * (points - images), *self.pixels)
            points = np.where(sizes > radii, nearer, points)
        return np.where(self.sizes(points, images)[:, None] > radii, images, points)

    def sizes(
        self, points: Float[np.ndarray, "c n"], images: Float[np.ndarray, "c n"]
    ) -> Float[np.ndarray, " c"]:
        """Upper bounds of the norms of the differences; 0 where there is none."""
        shift = np.abs(points - images)
        largest = np.max(shift, axis=1)
        length = largest
        if self.norm == "2":
            unit = shift / np.where(largest > 0, largest, 1)[:, None]
            length = largest * np.sqrt(np.sum(unit**2, axis=1))
        # The difference, and for the 2-norm n quotients, squares and sums, a root and a product,
        # are each off by half of this share at most; halves of subnormal numbers are less than it.
        share = (shift.shape[1] + 8) * np.finfo(float).eps
        return np.where(largest > 0, length * (1 + share) + np.finfo(float).tiny, 0.0)

    def shaped(self, points: Float[np.ndarray, "c n"]) -> Float[np.ndarray, "c ..."]:
        return points.reshape(len(points), *self._shape)

    def by_blocks(
        self, compute: Callable[[np.ndarray], Array], count: int, shape: tuple[int, ...]
    ) -> Float[np.ndarray, "count ..."]:
        """`compute(places)` of all places, in blocks of one size, the last filled up."""
        found = np.empty((count, *shape))
        for start in range(0, count, _TOGETHER):
            places = np.arange(start, min(start + _TOGETHER, count))
            with jax.enable_x64(True):
                block = compute(np.resize(places, _TOGETHER))
            found[places] = np.asarray(block)[: len(places)]
        return found


class _Flat(eqx.Module):
    """A classifier as a function of flat images."""

    logits: Any
    shape: tuple[int, ...] = eqx.field(static=True)

    def __call__(self, x: Float[Array, " n"]) -> Float[Array, " k"]:
        return self.logits(x.reshape(self.shape))


def _in_ball(norm: Norm, count: int, n: int, seed: list[int]) -> Float[np.ndarray, "count n"]:
    """Points uniformly distributed in the unit ball."""
    draw = np.random.default_rng(seed)
    if norm == "maximum":
        return draw.uniform(-1, 1, (count, n))
    points = draw.normal(size=(count, n))
    lengths = draw.uniform(size=(count, 1)) ** (1 / n)
    return lengths * points / np.linalg.norm(points, axis=1, keepdims=True)


def _cast(logits: Any, dtype: Any) -> Any:
    """Its parameters in this precision."""

    def one(leaf: Any) -> Any:
        return jnp.asarray(leaf, dtype) if eqx.is_inexact_array_like(leaf) else leaf

    return jax.tree.map(one, logits)

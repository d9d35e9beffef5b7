"""Classifiers as they are deployed: fixed weights, with proved radii about images."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Int

from ...certificate import fingerprint
from ...compilation import QUICK
from ...networks import Chain, Theta
from ..lipschitz import Constant
from ..lipschitz.euler import frobenius
from . import saved
from .certificate import LipschitzCertificate, lipschitz_certificate
from .classifier import Classifier, ClassifierParameters, flat
from .rounding import logit_error


class Radii(NamedTuple):
    """`classes`: the class of each image; `radii`: no image nearer than that has another one."""

    classes: Int[np.ndarray, " m"]
    radii: Float[np.ndarray, " m"]


@dataclass(frozen=True, eq=False)
class CertifiedClassifier:
    """A network with fixed weights that maps images to logits, and what is proved of it.

    `net` maps images as vectors to logits, `theta` are its weights, kept as read-only NumPy arrays,
    `image` is the shape of an image, `certificate` what `lipschitz_certificate(net, theta)` proves.

    **Raises:** ValueError for a certificate of other weights.
    """

    net: Chain
    theta: Theta
    image: tuple[int, ...]
    certificate: LipschitzCertificate

    def __post_init__(self) -> None:
        object.__setattr__(self, "theta", jax.tree.map(_kept, self.theta))
        if self.certificate.network != fingerprint(self.net, self.theta):
            raise ValueError(
                "the certificate is of other weights: make it by lipschitz_certificate(net, theta)"
            )

    @property
    def classes(self) -> int:
        """The number of classes."""
        return self.net.outputs

    def __call__(self, image: Float[Array, "*image"]) -> Float[Array, " k"]:
        """The logits of one image, computed in the precision of the weights.

        **Raises:** ValueError for an image of another shape, and for weights in float64 while JAX
        computes in 32 bits (`jax.enable_x64`).
        """
        narrow = jnp.result_type(float) == jnp.float32
        if narrow and any(leaf.dtype == np.float64 for leaf in jax.tree.leaves(self.theta)):
            raise ValueError("the weights are in float64: evaluate within jax.enable_x64(True)")
        return self.net(jax.tree.map(jnp.asarray, self.theta), flat(image, self.image))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes a network of `lbdnn.write` (`.safetensors`) with the certificate in its metadata.

        `load` gives back equal weights and numbers bit for bit; `lbdnn.read` reads the network. The
        file appears whole or not at all.

        **Raises:** `lbdnn.ModelError` for another suffix, ImportError naming the extra to install.
        """
        saved.save(self, path)

    def radii(self, images: Float[ArrayLike, "m ..."], *, deployed: bool = False) -> Radii:
        r"""The class of each image, and a distance within which every image has that class.

        With logits f = WΨ + c and L the proved constant of Ψ, |(f_i − f_j)(x + δ) − (f_i − f_j)(x)|
        ≤ ‖w_i − w_j‖ L ‖δ‖. So for i the class of x it stays the only largest logit for

            ‖δ‖ < min over j ≠ i of (f_i(x) − f_j(x)) / (‖w_i − w_j‖ L).

        That is never less than margin/(√2 ‖W‖ L). Logits are computed in float64, and a margin is
        taken to be smaller by √2 `logit_error`; all else is rounded downward. What is proved is
        about the network in real arithmetic with these weights, and about distances in Euclidean
        norm between images as they are given.

        **Arguments:** `images`; `deployed`: whether it is to hold for the network as it is computed
        in the precision of the weights, too, sums in any order: then margins are smaller by
        √2 `logit_error` in that precision as well, over all images within the radii.

        **Returns:** `Radii`; the radius is 0 where nothing is proved, inf where no image has
        another class.

        **Raises:** ValueError for images of another shape, and images that are not finite.
        """
        images = np.asarray(images)
        if images.shape[1:] != self.image or images.dtype.kind not in "fiu":
            raise ValueError(
                f"images must be an array of real numbers of shape (m, {str(self.image)[1:-1]}); "
                f"got {images.dtype} of shape {images.shape}"
            )
        points = images.reshape(len(images), math.prod(self.image)).astype(np.float64)
        if not np.all(np.isfinite(points)):
            raise ValueError("images hold NaN or infinity; pass finite ones")
        if not len(points):
            return Radii(np.zeros(0, np.int64), np.zeros(0))
        with jax.enable_x64(True):
            theta = jax.tree.map(lambda w: jnp.asarray(np.asarray(w), jnp.float64), self.theta)
            logits = np.asarray(_logits(self.net, theta, jnp.asarray(points)))
        size = max(map(frobenius, points)) * (1 + 1e-9)
        constants = [Constant(0.0, upper) for _, upper in self.certificate.layers]
        error = logit_error(self.net, self.theta, constants, size=size)
        classes = np.argmax(logits, 1)
        radii = self._radii(logits, classes, error)
        if deployed:
            dtype = np.result_type(*jax.tree.leaves(self.theta))
            reach = (size + float(np.max(radii))) * (1 + 1e-9)
            of_type = logit_error(self.net, self.theta, constants, size=reach, dtype=dtype)
            radii = self._radii(logits, classes, (error + of_type) * (1 + 1e-9))
        return Radii(classes, radii)

    def _radii(self, logits: np.ndarray, classes: np.ndarray, error: float) -> np.ndarray:
        own = logits[np.arange(len(logits)), classes]
        others = np.arange(self.classes) != classes[:, None]
        # The difference, √2 times the error and the quotient are rounded; 8 roundings are taken.
        down = 1 - 8 * float(np.finfo(np.float64).eps)
        margins = (own[:, None] - logits) * down - math.sqrt(2) * error / down
        pairs, tiny = np.asarray(self.certificate.pairs)[classes], np.finfo(np.float64).tiny
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            distances = np.maximum(pairs * self.certificate.features, tiny)
            distances = np.where((pairs == 0) | (self.certificate.features == 0), 0.0, distances)
            radii = np.minimum(down * down * margins / distances, np.finfo(np.float64).max)
        radii = np.where(distances == 0, np.inf, radii)
        return np.min(np.where(others, np.where(margins > 0, radii, 0.0), np.inf), 1)


def certified(classifier: Classifier, parameters: ClassifierParameters) -> CertifiedClassifier:
    """The classifier with weights computed from parameters once and for all, and their certificate.

    **Raises:** ValueError for parameters that are not finite, several sets of them at once, and
    operations without a Lipschitz constant.
    """
    expected = jax.eval_shape(classifier.init, jax.random.key(0))
    theirs, ours = (jax.tree.map(np.shape, tree) for tree in (parameters, expected))
    if theirs != ours:
        raise ValueError(
            "parameters must have the shapes that init makes; of several seeds, pass those of one: "
            "jax.tree.map(lambda v: v[0], parameters)"
        )
    found: list[Chain] = []
    jax.eval_shape(lambda own: found.append(classifier.unrolled(own)[0]), parameters)
    theta = jax.tree.map(np.asarray, _weights(classifier, parameters))
    return CertifiedClassifier(
        found[0], theta, classifier.image, lipschitz_certificate(found[0], theta)
    )


def _kept(weight: ArrayLike) -> np.ndarray:
    """A copy that cannot be written to."""
    own = np.array(weight)
    own.setflags(write=False)
    return own


@partial(jax.jit, static_argnums=0, compiler_options=QUICK)
def _weights(classifier: Classifier, parameters: ClassifierParameters) -> Theta:
    return classifier.unrolled(parameters)[1]


@partial(jax.jit, static_argnums=0)
def _logits(net: Chain, theta: Theta, points: Float[Array, "m n"]) -> Float[Array, "m k"]:
    return jax.vmap(net, (None, 0))(theta, points)

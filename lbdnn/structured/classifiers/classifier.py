"""Classifiers of images with a flow between a lift and a readout."""

from __future__ import annotations

import math
import operator
from dataclasses import KW_ONLY, dataclass
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ...networks import Affine, Chain, Theta
from ..weights import NormBounded, Parametrization
from ..weights.parametrization import matmul, shaped, store_sizes


class Body(Protocol):
    """What stands between lift and readout: a `lbdnn.structured.flows.Flow`, a `ResNet`.

    Frozen and hashable. It maps states of `shape`, `n` numbers, to features of shape `output`;
    `unrolled(parameters)` is the same map of x.ravel() as a network and its weights. Both are pure
    functions of arrays.
    """

    @property
    def n(self) -> int: ...
    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def output(self) -> tuple[int, ...]: ...
    def init(self, key: Array) -> Any: ...
    def __call__(self, parameters: Any, x: Array) -> Array: ...
    def unrolled(self, parameters: Any) -> tuple[Chain, Theta]: ...


class ClassifierParameters(NamedTuple):
    """`body`: those of the body; `readout`: what the readout's weight is made from; `bias`: (k,).

    All of them are trained.
    """

    body: Any
    readout: Any
    bias: Float[Array, " k"]


@dataclass(frozen=True)
class Classifier:
    r"""image ↦ W Ψ(x) + c, x the image with zeros after its pixels, Ψ the body, W the readout.

    The states of the body may be vectors, or images again: then the first pixels of their first
    channels are those of the image, in order.

    Adding zeros keeps distances, so a Lipschitz constant L of Ψ is one of features as functions of
    the image. With ‖W‖₂ ≤ 1 (the default readout) it is one of the logits, and a margin m between
    the largest logit and the others proves that no image nearer than m/(√2 L) has another class.

    `classifier(parameters, image)` is a pure function of arrays, shape `image` to (classes,); map
    it over images by `jax.vmap(classifier, (None, 0))`, which computes weights from parameters
    once for all of them.

    **Arguments:**

    - `body`: at least as many states as the image has pixels; with a form as a network
      (`Flow.unrolled`) for all that is proved.
    - `classes`: k ≥ 2.
    - `image`: the shape of an image, (8, 8) or (64,), say.
    - `readout`: what makes W (k, m), m the number of features, by default `NormBounded(k, m)`.

    **Raises:** ValueError for fewer states than pixels, fewer than two classes, shapes that are no
    positive integers, and a readout of another shape.

    Celledoni et al. (2022, arXiv 2210.02373), section 5.
    """

    body: Body
    _: KW_ONLY
    classes: int
    image: tuple[int, ...]
    readout: Parametrization | None = None

    def __post_init__(self) -> None:
        store_sizes(self, "classes")
        object.__setattr__(self, "image", image_shape(self.image))
        if self.classes < 2:
            raise ValueError("a classifier needs at least 2 classes; got 1")
        if self.inputs > self.body.n:
            raise ValueError(
                f"an image of {self.inputs} pixels does not fit into {self.body.n} states: take a "
                f"body with n >= {self.inputs}"
            )
        if self.readout is None:
            object.__setattr__(self, "readout", NormBounded(self.classes, self.features))
        if self.weight.shape != (self.classes, self.features):
            raise ValueError(
                f"the readout must make weights of shape {(self.classes, self.features)}; its "
                f"shape is {self.weight.shape}"
            )

    @property
    def inputs(self) -> int:
        """The number of pixels."""
        return math.prod(self.image)

    @property
    def features(self) -> int:
        """The number of features, which the readout acts on."""
        return math.prod(self.body.output)

    @property
    def weight(self) -> Parametrization:
        """The readout's parametrization."""
        assert self.readout is not None
        return self.readout

    def init(self, key: Array) -> ClassifierParameters:
        """Random parameters; c = 0."""
        first, second = jax.random.split(key)
        readout = self.weight.init(second)
        return ClassifierParameters(self.body.init(first), readout, jnp.zeros(self.classes))

    def __call__(
        self, parameters: ClassifierParameters, image: Float[Array, "*image"]
    ) -> Float[Array, " k"]:
        """The logits of one image.

        **Raises:** ValueError for an image of another shape.
        """
        x = jnp.pad(flat(image, self.image), (0, self.body.n - self.inputs))
        features = self.body(parameters.body, x.reshape(self.body.shape)).ravel()
        weight, bias = self._readout(parameters)
        return matmul(weight, features) + bias

    def unrolled(self, parameters: ClassifierParameters) -> tuple[Chain, Theta]:
        """The same map of images as vectors, as a network and its weights.

        For `lbdnn.certify`, `lbdnn.spectra.linearize` and the rest. Its first operation is the
        lift, a fixed matrix of ones and zeros (none where image and state have one size), its last
        one the readout.

        **Raises:** ValueError where the body has no such form.
        """
        n = self.body.n
        net, own = self.body.unrolled(parameters.body)
        weight, bias = self._readout(parameters)
        last = jnp.concatenate([weight, bias[:, None]], 1)
        operations, theta = (*net.operations, Affine(self.features, self.classes)), (*own, last)
        if self.inputs < n:
            lift = jnp.eye(n, self.inputs, dtype=last.dtype)
            operations, theta = (Affine(self.inputs, n, False), *operations), (lift, *theta)
        return Chain(operations, self.inputs), theta

    def _readout(self, parameters: ClassifierParameters) -> tuple[Array, Array]:
        bias = shaped(parameters.bias, (self.classes,), "bias of the readout")
        return self.weight(parameters.readout), bias


def parameter_count(classifier: Classifier) -> int:
    """How many numbers are trained."""
    shapes = jax.eval_shape(classifier.init, jax.random.key(0))
    return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(shapes))


def image_shape(shape: Any) -> tuple[int, ...]:
    """The shape as a tuple of positive integers; ValueError if it is none."""
    try:
        found = tuple(map(operator.index, shape))
    except TypeError:
        found = ()
    if not found or min(found) < 1:
        raise ValueError(f"image must be a shape such as (8, 8); got {shape!r}")
    return found


def flat(image: Float[Array, "*image"], shape: tuple[int, ...]) -> Float[Array, " n"]:
    """The image as a vector; ValueError if it has another shape."""
    if np.shape(image) != shape:
        raise ValueError(
            f"the classifier takes one image of shape {shape}; got {np.shape(image)}: reshape "
            "it, and map over several with jax.vmap"
        )
    return jnp.reshape(jnp.asarray(image, jnp.result_type(image, float)), (-1,))

r"""Classifiers to compare, with the same numbers of weights.

All but the convolutional one have, between the same lift and the same readout, 2p square weight
matrices n × n and 2p biases (n,), every entry of which is trained: 2p(n² + n) numbers, by
`parameter_count`. Orthogonal matrices are products of n reflections, made from n vectors. They form
a set of dimension n(n − 1)/2 only, so the constrained models have fewer degrees of freedom than the
others, never more.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ...activations import Activation
from ..flows import Flatten, Flow, GradientFlow, Layer, alternating
from ..flows.alternation import Constants
from ..lipschitz import Convolution
from ..weights import NormBounded, NormBoundedConvolution
from .classifier import Classifier, image_shape
from .resnet import ResNet


def residual_classifier(
    image: Sequence[int],
    classes: int,
    *,
    pairs: int,
    n: int | None = None,
    activation: str | Activation = "relu",
    step: float | None = None,
    normalized: bool = False,
) -> Classifier:
    """x + h(BΣ(Ax + b) + c), `pairs` blocks of a `ResNet`, without constraint or `normalized`.

    **Arguments:** `image`, its shape; `classes`; `pairs` of weight matrices; `n` states, by default
    as many as pixels; the others as for `ResNet`.

    **Raises:** ValueError as `ResNet` and `Classifier`.
    """
    n = _states(image, n)
    body = ResNet(n, n, pairs, step=step, activation=activation, normalized=normalized)
    return Classifier(body, classes=classes, image=tuple(image))


def nonexpansive_classifier(
    image: Sequence[int],
    classes: int,
    *,
    pairs: int,
    n: int | None = None,
    activation: str | Activation = "relu",
    step: float | None = None,
) -> Classifier:
    """x − hAᵀΣ(Ax + b) with ‖A‖ ≤ 1, 2 · `pairs` times: the Lipschitz constant 1 of all layers.

    **Arguments:** `step`, 0 ≤ h ≤ 2/β, by default 1/β; the others as for `residual_classifier`.

    **Raises:** ValueError as `GradientFlow`, `Layer` and `Classifier`.
    """
    n = _states(image, n)
    field = GradientFlow(NormBounded(n, n), activation)
    layer = Layer(field, step=field.steps[1] / 2 if step is None else step)
    return Classifier(Flow((layer,) * (2 * pairs)), classes=classes, image=tuple(image))


def alternating_classifier(
    image: Sequence[int],
    classes: int,
    *,
    pairs: int,
    n: int | None = None,
    activation: str | Activation = "leaky_relu(0.5)",
    constants: Constants = "sharp",
    contraction_step: float | None = None,
) -> Classifier:
    """Expansive and contractive layers in turn, the Lipschitz constant 1 of every pair.

    **Arguments:** `constants`, `contraction_step`: as for `lbdnn.structured.flows.alternating`; the
    others as for `residual_classifier`.

    **Raises:** ValueError as `alternating` and `Classifier`.
    """
    n = _states(image, n)
    flow = alternating(
        n,
        pairs,
        activation=activation,
        constants=constants,
        contraction_step=contraction_step,
        method="householder",
    )
    return Classifier(flow, classes=classes, image=tuple(image))


def convolutional_classifier(
    image: Sequence[int],
    classes: int,
    *,
    pairs: int,
    hidden: int = 8,
    kernel: tuple[int, int] = (5, 5),
    activation: str | Activation = "relu",
    step: float | None = None,
) -> Classifier:
    """As `nonexpansive_classifier`, with two convolutional steps before 2 · `pairs` − 1 dense ones.

    The first two are gradient flows over images, A a convolution of the image's channels to
    `hidden` ones with zeros around, ‖A‖ ≤ 1. The others have as many rows as make up the same
    number of parameters, or up to a row of each less.

    **Arguments:** `image`, (height, width) or (channels, height, width); `hidden` channels and
    `kernel`, odd, of the convolutions; the others as for `nonexpansive_classifier`.

    **Raises:** ValueError for other images, no pairs, so many numbers in convolutions that none are
    left, and as `nonexpansive_classifier`.
    """
    shape = image_shape(image)
    if len(shape) not in (2, 3):
        raise ValueError(f"convolutions need images such as (8, 8) or (3, 8, 8); got {shape}")
    if not isinstance(pairs, int | np.integer) or pairs < 1:
        raise ValueError(f"pairs must be a positive integer; got {pairs!r}")
    channels, height, width = (1, *shape) if len(shape) == 2 else shape
    n = math.prod(shape)
    convolution = Convolution((height, width), kernel)
    local = GradientFlow(NormBoundedConvolution(hidden, channels, convolution), activation)
    taken = 2 * hidden * (channels * math.prod(convolution.kernel) + 1)
    rows = (2 * pairs * n * (n + 1) - taken) // ((2 * pairs - 1) * (n + 1))
    if rows < 1:
        raise ValueError(
            f"convolutions with {taken} numbers leave none of {2 * pairs * n * (n + 1)} for the "
            "dense steps: pass fewer hidden channels, or more pairs"
        )
    dense = GradientFlow(NormBounded(rows, n), activation)
    first, last = (
        Layer(each, step=each.steps[1] / 2 if step is None else step) for each in (local, dense)
    )
    flow = Flow((first, first, Flatten((channels, height, width)), *(last,) * (2 * pairs - 1)))
    return Classifier(flow, classes=classes, image=shape)


def _states(image: Sequence[int], n: int | None) -> int:
    return math.prod(image_shape(image)) if n is None else n

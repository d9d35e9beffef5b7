"""Networks of gradient layers x − τAᵀrelu(Ax + b): from a file, or random."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lbdnn.structured.lipschitz import Convolution

# Standard deviations of the channels of CIFAR-10, as the published network was trained with.
CIFAR10 = (0.2023, 0.1994, 0.2010)


@dataclass(frozen=True)
class Stage:
    """x ↦ relu(rescaling · lift(x)), gradient layers, 2 × 2 max-pooling.

    `lift` (o, i, k, k), `weights` each (o, o, k, k), `biases` (o,), `steps` τ; zero padding;
    `image` is the height and width before pooling, in pixels.
    """

    lift: np.ndarray
    rescaling: float
    weights: tuple[np.ndarray, ...]
    biases: tuple[np.ndarray, ...]
    steps: tuple[float, ...]
    image: int

    def convolution(self, weight: np.ndarray) -> Convolution:
        return Convolution((self.image, self.image), (weight.shape[2], weight.shape[3]))

    @property
    def windows(self) -> Convolution:
        """Of the pooling."""
        return Convolution((self.image, self.image), (2, 2), padding=0, stride=2)


@dataclass(frozen=True)
class GradientNetwork:
    """Stages, then one affine layer; inputs are images divided by `deviations`, by channel."""

    name: str
    stages: tuple[Stage, ...]
    weight: np.ndarray
    bias: np.ndarray
    deviations: tuple[float, ...]

    @property
    def inputs(self) -> tuple[int, int, int]:
        """Channels, height, width."""
        return self.stages[0].lift.shape[1], self.stages[0].image, self.stages[0].image


def random(seed: int) -> GradientNetwork:
    """Two stages of 4 and 8 channels for images of 3 × 16 × 16; steps on both sides of 2/‖A‖²."""
    draw = np.random.default_rng(seed)
    stages, channels, image = [], 3, 16
    for width in (4, 8):
        lift, *weights = (
            draw.normal(size=(width, n, 3, 3)) / (3 * np.sqrt(width))
            for n in (channels, width, width)
        )
        biases = tuple(0.1 * draw.normal(size=width) for _ in weights)
        stages.append(Stage(lift, 1.0, tuple(weights), biases, (0.5, 1.5), image))
        channels, image = width, image // 2
    final = draw.normal(size=(10, channels * image**2)) / image / np.sqrt(channels)
    return GradientNetwork(
        f"random, seed {seed}", tuple(stages), final, np.zeros(10), (1.0, 1.0, 1.0)
    )


def read(path: Path, deviations: tuple[float, ...] | None = None) -> GradientNetwork:
    """The network of an NPZ file.

    Its names are `seq.S.u` (the steps are |u|), `seq.S.rescalings` (the last one counts),
    `seq.S.conv1.0.weight`, `seq.S.convs.J.weight` and `.bias`, `FC.1.weight` and `.bias`. The size
    of the images follows from the last layer.

    Raises ValueError, in one sentence, for any other file.
    """
    held = arrays(path)
    try:
        return _network(path.name, held, deviations)
    except ValueError as error:
        raise ValueError(f"{path} is no network of gradient layers: {error}") from None


def arrays(path: Path) -> dict[str, np.ndarray]:
    """What an NPZ file holds; ValueError, in one sentence, where it cannot be read."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except FileNotFoundError:
        raise ValueError(f"there is no file {path}; pass --model FILE.npz") from None
    except Exception as error:  # a damaged header raises what its bytes happen to mean
        raise ValueError(
            f"{path} cannot be read as an NPZ file of arrays ({type(error).__name__})"
        ) from None


def _network(
    name: str, arrays: Mapping[str, np.ndarray], deviations: tuple[float, ...] | None
) -> GradientNetwork:
    left = dict(arrays)

    def take(key: str, *shape: int | None) -> np.ndarray:
        if key not in left:
            raise ValueError(f"it has no {key}")
        array = left.pop(key)
        fits = len(array.shape) == len(shape) and all(
            n == m if m is not None else n > 0 for n, m in zip(array.shape, shape, strict=True)
        )
        if not fits:
            wanted = ", ".join("any" if n is None else str(n) for n in shape)
            raise ValueError(f"{key} has shape {array.shape}, not ({wanted})")
        if array.dtype.kind != "f" or not np.all(np.isfinite(array)):
            raise ValueError(f"{key} must hold finite floating-point numbers")
        return array

    count = len({m[1] for key in arrays if (m := re.match(r"seq\.(\d+)\.", key))})
    if count == 0:
        raise ValueError("it has no seq.0.u")
    last = take("FC.1.weight", None, None)
    bias = take("FC.1.bias", len(last))
    found, channels = [], None
    for s in range(count):
        lift = take(f"seq.{s}.conv1.0.weight", None, channels, None, None)
        steps = np.abs(take(f"seq.{s}.u", None).astype(np.float64))
        rescaling = float(take(f"seq.{s}.rescalings", None)[-1])
        channels = len(lift)
        places = [f"seq.{s}.convs.{j}" for j in range(len(steps))]
        weights = tuple(take(f"{p}.weight", channels, channels, None, None) for p in places)
        if any(k % 2 == 0 for w in (lift, *weights) for k in w.shape[2:]):
            raise ValueError(f"a kernel of stage {s} has an even number of taps")
        biases = tuple(take(f"{p}.bias", channels) for p in places)
        found.append((lift, rescaling, weights, biases, tuple(steps.tolist())))
    if left:
        raise ValueError(f"it holds {min(left)} too, which has no place in it")
    assert channels
    side = math.isqrt(last.shape[1] // channels)
    if side < 1 or channels * side**2 != last.shape[1]:
        raise ValueError(f"FC.1.weight has {last.shape[1]} columns for {channels} square channels")
    stages = tuple(Stage(*one, image=side * 2 ** (count - s)) for s, one in enumerate(found))
    inputs = stages[0].lift.shape[1]
    own = deviations or (CIFAR10 if inputs == 3 else (1.0,) * inputs)
    if len(own) != inputs or not all(0 < d < math.inf for d in own):
        raise ValueError(f"--deviations takes {inputs} positive numbers, one an input channel")
    return GradientNetwork(name, stages, last, bias, own)

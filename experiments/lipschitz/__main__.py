"""Certified Lipschitz constants of a network from a file.

Of dense layers (ONNX, .nnet, safetensors, text; NPZ with the names of a PyTorch state dict), over a
box of inputs and over all of space: by the norms of the layers, by a semidefinite program, by
enclosures of the derivative, in Euclidean norms and, where a method can, in maximum norms; beneath
them the largest derivative that an attack finds.

Of layers x − τAᵀrelu(Ax + b), A a convolution (NPZ): for each it is decided, with proof, whether
τ‖A‖² ≤ 2, which makes the layer non-expansive; norms are those of the linear maps on images of the
true size. Without --model: a small random network of these.

All bounds are proved, all errors of rounding counted.
"""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import tyro

import lbdnn
from experiments.given_inputs import input_box
from experiments.lipschitz import convolutional, dense
from experiments.lipschitz.dense_bounds import Given, MethodName
from experiments.lipschitz.gradient_network import GradientNetwork, arrays, random, read
from experiments.output import Output
from lbdnn import Model
from lbdnn.networks.reading.state_dict import read_state_dict


@dataclass(frozen=True)
class Settings:
    model: Path | None = None
    """A file of the network."""
    inputs: tuple[str, str] | None = None
    """LO HI of the box of inputs of dense layers: a number each, or one a network input, separated
    by commas."""
    activation: str | None = None
    """Of dense layers from a file that does not name its own."""
    methods: tuple[MethodName, ...] | None = None
    """For dense layers. By default all, but the semidefinite program only up to 1000 neurons; with
    --quick all but dissipation and refined, which take longest."""
    deviations: tuple[float, ...] | None = None
    """Standard deviations that images are divided by, one a channel; by default CIFAR-10's for
    three channels."""
    quick: bool = False
    """Fewer steps for the lower bounds, which are then a little lower, and quick methods."""
    seed: int = 0
    """Of the random network."""
    output: Path = Path("results/lipschitz")
    """Folder of the results."""


def main() -> int:
    settings = tyro.cli(Settings, prog="lipschitz", description=__doc__)
    try:
        if settings.seed < 0:
            raise ValueError("--seed takes a number >= 0")
        return _run(settings)
    except (ValueError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def _run(settings: Settings) -> int:
    net = _network(settings)
    kind, others = "layers x − τAᵀrelu(Ax + b)", ("inputs", "activation", "methods")
    if isinstance(net, Model):
        kind, others = "dense layers", ("deviations",)
    for name in others:
        if getattr(settings, name) is not None:
            raise ValueError(f"--{name} does not go with a network of {kind}; leave it out")
    if not isinstance(net, Model):
        output = Output(settings.output, asdict(settings))
        return convolutional.run(net, output, steps=16 if settings.quick else 64)
    box = input_box(net, settings.inputs)
    output = Output(settings.output, asdict(settings))
    return dense.run(Given(net, box, settings.methods, settings.quick), output)


def _network(settings: Settings) -> Model | GradientNetwork:
    path, activation = settings.model, settings.activation
    if path is None:
        if settings.deviations is not None:
            raise ValueError("--deviations goes with --model")
        return random(settings.seed)
    if path.suffix != ".npz":
        return lbdnn.read(path, activation=activation)
    held = arrays(path)
    if any(name.startswith("seq.") for name in held):
        return read(path, settings.deviations)
    try:
        return read_state_dict(held, name=path.stem, activation=activation)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


if __name__ == "__main__":
    sys.exit(main())

"""How tight are the bounds of Φ, ∂Φ/∂θ and ∂²Φ/∂θ²: each method beside an attack.

Without arguments: the published benchmark networks. With --model or --sizes: one network.
"""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

import tyro

from experiments import tightness_of_network, tightness_of_suite
from experiments.output import Output
from experiments.tightness_measurement import FAST, METHODS, REFINED
from lbdnn.bounds import Method


@dataclass(frozen=True)
class Settings:
    quick: bool = False
    """Fewer networks and a shorter attack."""
    suite: Literal["published", "full", "random", "controllers"] = "published"
    """full: more seeds, activations and sizes. random: structures drawn with --seed. controllers:
    trained ones, from LBDNN_DATA. In these three, and with slow methods, networks that are done are
    not done again."""
    networks: tuple[str, ...] = ()
    """Of the published networks only these, by hidden layers × width: 3x3 5x10. Default: all."""
    model: Path | None = None
    """One network from a file: ONNX, .nnet, safetensors, or the text format."""
    inputs: tuple[str, str] | None = None
    """LO HI of the box of inputs: a number each, or one a network input, separated by commas."""
    radius: float | None = None
    """Radius of the parameter ball about the network's weights; default 1 % of their norm."""
    activation: str | None = None
    """Of a random network (with --sizes), or of a file that does not name its own."""
    sizes: tuple[int, ...] | None = None
    """Inputs, hidden widths and outputs of one random network, weights U(−0.5, 0.5)."""
    seed: int = 0
    """Of the (first) random network, drawn in float64."""
    method: Literal[
        "fast", "polynomial", "layerwise", "dissipation", "interval", "refined", "all"
    ] = "fast"
    """Which bounds. fast: polynomial and layerwise, in milliseconds. interval takes seconds a
    network, mostly for compiling. dissipation takes some minutes more, refined some minutes a
    network."""
    levels: tuple[int, ...] = REFINED.levels
    """Of refined: pieces of the shared radius, the first for all radii, the others above 5 % of
    ‖θ‖. 3 12 is tighter there than the default and takes twice as long."""
    output: Path = Path("results/bound_tightness")
    """Folder of the results."""

    @property
    def methods(self) -> dict[str, Method]:
        """Those asked for, by name."""
        if self.method == "fast":
            return dict(FAST)
        known = METHODS | {"refined": replace(REFINED, levels=self.levels)}
        return {n: m for n, m in known.items() if self.method == "all" or n.startswith(self.method)}


def main() -> int:
    settings = tyro.cli(Settings, prog="bound_tightness", description=__doc__)
    try:
        _check(settings)
        output = Output(settings.output, asdict(settings))
        if settings.model is not None or settings.sizes is not None:
            return tightness_of_network.run(settings, output)
        return tightness_of_suite.run(settings, output)
    except (ValueError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def _check(settings: Settings) -> None:
    single = settings.model is not None or settings.sizes is not None
    if settings.model is not None and settings.sizes is not None:
        raise ValueError("--model and --sizes name two networks; pass one of them")
    if settings.seed < 0:
        raise ValueError(f"--seed takes a number >= 0; got {settings.seed}")
    if settings.quick and settings.suite != "published":
        raise ValueError(f"--quick and --suite {settings.suite} are two suites; pass one of them")
    if single and settings.suite != "published":
        raise ValueError("--suite runs many networks; leave out --model and --sizes")
    if settings.networks and (single or settings.suite != "published" or settings.quick):
        raise ValueError("--networks chooses of the published networks; pass no other choice")
    if settings.levels != REFINED.levels and "refined" not in settings.methods:
        raise ValueError("--levels goes with --method refined or all")
    for name in ("inputs", "radius", "activation"):
        if not single and getattr(settings, name) is not None:
            raise ValueError(f"--{name} goes with --model or --sizes")


if __name__ == "__main__":
    sys.exit(main())

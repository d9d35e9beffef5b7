"""Convolutional flow layers beside the plain layers of equinox with as many convolutions.

Each pair is compiled, mapped over the same batch of images, and timed in turn in the same process:
values, with kernels that are made from parameters once a batch and with kernels made before, and
gradients of a loss in parameters and images, kernels made once a batch. Ratios of times are
printed.
"""

from __future__ import annotations

import json
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import tyro

from lbdnn.files import write_whole
from lbdnn.structured.flows import Expansive, GradientFlow, Layer
from lbdnn.structured.lipschitz import Convolution
from lbdnn.structured.weights import (
    BlockOrthogonalConvolution,
    NormBoundedConvolution,
    OrthogonalConvolution,
)


@dataclass(frozen=True)
class Settings:
    channels: int = 16
    """Of the images, and as many hidden ones."""
    size: int = 32
    """Height and width, in pixels; kernels are 3 × 3."""
    batch: int = 64
    """Images at once."""
    repeats: int = 15
    """Of each of the two, in turn."""
    seed: int = 0
    """Of the weights and the images."""
    processor: bool = False
    """Time of the processor instead of the clock's: where others use the machine."""
    quick: bool = False
    """Images of 8 × 8 pixels and 8 channels, 3 repeats."""
    output: Path | None = None
    """A file for the results as JSON."""


def main() -> None:
    settings = tyro.cli(Settings, description=__doc__)
    channels, size = (8, 8) if settings.quick else (settings.channels, settings.size)
    repeats = 3 if settings.quick else settings.repeats
    clock = time.process_time if settings.processor else time.perf_counter
    device = jax.devices()[0].device_kind
    versions = {
        "jax": jax.__version__,
        "equinox": eqx.__version__,
        "python": platform.python_version(),
    }
    print(f"{settings.batch} images of {channels} × {size} × {size}, float32, {device},", end=" ")
    print(*(f"{name} {version}" for name, version in versions.items()))
    keys = jax.random.split(jax.random.key(settings.seed), 3)
    images = jax.random.normal(keys[0], (settings.batch, channels, size, size))
    results = {}
    for name, (layer, plain) in cases(channels, size, keys[1]).items():
        parameters = layer.init(keys[2])
        other = eqx.filter(plain, eqx.is_array), _called(plain)
        tasks = {
            "kernels made before": (jax.jit(layer.weights)(parameters), layer.apply, values),
            "values": (parameters, layer, values),
            "gradients": (parameters, layer, gradients),
        }
        results[name] = {
            task: compare(f"{name}, {task}", [(own, call), other], make, images, repeats, clock)
            for task, (own, call, make) in tasks.items()
        }
    if settings.output is not None:
        found = {
            "settings": asdict(settings),
            "device": device,
            "versions": versions,
            "layers": results,
        }
        settings.output.parent.mkdir(parents=True, exist_ok=True)
        write_whole(settings.output, json.dumps(found, indent=1, default=str))
        print(f"written: {settings.output}")


class TwoConvolutions(eqx.Module):
    """x − Bσ(Ax + b), A and B free."""

    there: eqx.nn.Conv2d
    back: eqx.nn.ConvTranspose2d

    def __call__(self, x: jax.Array) -> jax.Array:
        return x - self.back(jax.nn.relu(self.there(x)))


class OneConvolution(eqx.Module):
    """x + σ(Ax + b)."""

    there: eqx.nn.Conv2d

    def __call__(self, x: jax.Array) -> jax.Array:
        return x + jax.nn.relu(self.there(x))


def cases(channels: int, size: int, key: jax.Array) -> dict[str, tuple[Layer, eqx.Module]]:
    """Flow layers, and layers of equinox that do as many convolutions with 3 × 3 kernels."""
    first, second = jax.random.split(key)
    there = eqx.nn.Conv2d(channels, channels, 3, padding=1, key=first)
    back = eqx.nn.ConvTranspose2d(channels, channels, 3, padding=1, use_bias=False, key=second)
    bounded = NormBoundedConvolution(channels, channels, Convolution((size, size), (3, 3)))
    whole = OrthogonalConvolution(channels, channels, (size, size))
    few = BlockOrthogonalConvolution(channels, channels, (size, size))
    two, one = TwoConvolutions(there, back), OneConvolution(there)
    return {
        "gradient flow, bounded": (Layer(GradientFlow(bounded, "relu"), step=1.0), two),
        "expansive, bounded": (Layer(Expansive(bounded, "relu"), step=1.0), one),
        "gradient flow, orthogonal blocks": (Layer(GradientFlow(few, "relu"), step=1.0), two),
        "expansive, orthogonal blocks": (Layer(Expansive(few, "relu"), step=1.0), one),
        "gradient flow, orthogonal, Cayley": (Layer(GradientFlow(whole, "relu"), step=1.0), two),
        "expansive, orthogonal, Cayley": (Layer(Expansive(whole, "relu"), step=1.0), one),
    }


def values(call: Callable[..., Any]) -> Callable[..., Any]:
    return jax.vmap(call, (None, 0))


def gradients(call: Callable[..., Any]) -> Callable[..., Any]:
    def loss(parameters: Any, images: jax.Array) -> jax.Array:
        return jnp.mean(jax.vmap(call, (None, 0))(parameters, images) ** 2)

    return jax.grad(loss, (0, 1))


def compare(
    title: str,
    both: list[tuple[Any, Callable[..., Any]]],
    make: Callable[..., Any],
    images: jax.Array,
    repeats: int,
    clock: Callable[[], float],
) -> dict[str, Any]:
    compiled = [jax.jit(make(call)).lower(own, images).compile() for own, call in both]
    seconds = []
    for repeat in range(repeats + 1):
        times = [
            _seconds(clock, f, own, images) for f, (own, _) in zip(compiled, both, strict=True)
        ]
        if repeat:  # the first warms up
            seconds.append(times)
    ratios = [first / second for first, second in seconds]
    ours, plain = (1e3 * statistics.median(each) for each in zip(*seconds, strict=True))
    ratio = statistics.median(ratios)
    print(
        f"{title:<54}{ours:>9.2f} ms, equinox {plain:>8.2f} ms, ratio {ratio:.2f} "
        f"(median of pairs; {min(ratios):.2f} to {max(ratios):.2f})"
    )
    return {"seconds": seconds, "ratio": ratio, "ratios": ratios}


def _called(plain: eqx.Module) -> Callable[..., Any]:
    static = eqx.filter(plain, eqx.is_array, inverse=True)
    return lambda parameters, x: eqx.combine(parameters, static)(x)


def _seconds(clock: Callable[[], float], function: Callable[..., Any], *arguments: Any) -> float:
    start = clock()
    jax.block_until_ready(function(*arguments))
    return clock() - start


if __name__ == "__main__":
    main()

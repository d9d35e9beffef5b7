"""Certified Lipschitz constants of networks of gradient layers, layer by layer."""

from __future__ import annotations

from collections.abc import Iterator

from experiments.lipschitz.gradient_network import GradientNetwork
from experiments.lipschitz.layer_rows import Row
from lbdnn.structured.lipschitz import (
    Constant,
    composition,
    convolution_norm,
    gradient_step,
    matrix_norm,
    max_pooling_constant,
    relative_step,
)
from lbdnn.structured.lipschitz.constant import above, below

# Proved, or proved to be otherwise, or neither.
VERDICTS = ("at most 2", "above 2", "undecided")


def verdict(relative: Constant) -> str:
    """Whether τ‖A‖² ≤ 2."""
    if relative.upper <= 2:
        return VERDICTS[0]
    return VERDICTS[1] if relative.lower > 2 else VERDICTS[2]


def layers(net: GradientNetwork, *, steps: int) -> Iterator[Row]:
    """A row a layer, in the order of evaluation; `constant` is an upper bound.

    `steps` of Lanczos' method are taken for each lower bound.
    """
    least = min(net.deviations)
    if set(net.deviations) != {1.0}:
        # Two roundings: of the decimal number, and of the division.
        scale = Constant(below(below(1 / least)), above(above(1 / least)))
        yield _row("", "normalisation", scale, constant=scale)
    for s, stage in enumerate(net.stages):
        lift = convolution_norm(stage.lift, stage.convolution(stage.lift), steps=steps)
        yield _row(s, "lift", lift, constant=lift.times(stage.rescaling), image=stage.image)
        for weight, step in zip(stage.weights, stage.steps, strict=True):
            norm = convolution_norm(weight, stage.convolution(weight), steps=steps)
            relative = relative_step(norm, step)
            yield _row(
                s, "gradient", norm, constant=gradient_step(norm, step), image=stage.image
            ) | {
                "step": step,
                "relative_step_lower": relative.lower,
                "relative_step_upper": relative.upper,
                "verdict": verdict(relative),
            }
        pooling = max_pooling_constant(stage.windows)
        yield _row(s, "pooling", None, constant=pooling, image=stage.image)
    final = matrix_norm(net.weight)
    yield _row("", "affine", final, constant=final)


def _row(
    stage: int | str, kind: str, norm: Constant | None, *, constant: Constant, image: int = 1
) -> Row:
    return {
        "stage": stage,
        "kind": kind,
        "image": image if image > 1 else "",
        "step": "",
        "norm_lower": norm.lower if norm else "",
        "norm_upper": norm.upper if norm else "",
        "relative_step_lower": "",
        "relative_step_upper": "",
        "verdict": "",
        "constant": constant.upper,
    }


def parts(rows: list[Row]) -> list[Row]:
    """Upper bounds of the constants of each stage, and of the network."""

    def bound(name: str, own: list[Row]) -> Row:
        constants = [Constant(0.0, row["constant"]) for row in own]
        gradient = [row for row in own if row["kind"] == "gradient"]
        steps = [Constant(0.0, row["constant"]) for row in gradient]
        return {
            "part": name,
            "layers": len(own),
            "constant": composition(*constants).upper,
            "of_the_gradient_layers": composition(*steps).upper,
        }

    stages = sorted({row["stage"] for row in rows if row["stage"] != ""})
    found = [bound(f"stage {s}", [r for r in rows if r["stage"] == s]) for s in stages]
    inside = [row for row in rows if row["kind"] != "normalisation"]
    found.append(bound("network", inside))
    if len(inside) < len(rows):
        found.append(bound("network and normalisation", rows))
    return found

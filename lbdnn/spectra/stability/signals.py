"""What enters and leaves the activations of a network, as linear functions."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from ...compilation import QUICK
from ...intervals import Centred, centred
from ...intervals.constants import stands_for
from ...networks import Affine, Chain, Operation, Pointwise, Residual, Scaling, Theta
from ...networks.operations import Parameters


class Signals(NamedTuple):
    """Linear functions of ξ = [x; s_1; …; s_L]: what enters and what leaves each activation, and
    the output; matrices with one column for each entry of ξ."""

    entering: tuple[Any, ...]
    leaving: tuple[Any, ...]
    output: Any


def signals_of(net: Chain, theta: Theta) -> Signals:
    """Matrices with radii (`Centred`), of differences: without biases and offsets."""
    steps = net.steps(theta)
    size = net.inputs + _neurons(steps, net.inputs)
    start = Signals((), (), centred(selected(size, 0, net.inputs)))
    return _follow(steps, start, net.inputs)[0]


def _neurons(steps: Sequence[tuple[Operation, Parameters]], n: int) -> int:
    total = 0
    for operation, _ in steps:
        if isinstance(operation, Pointwise):
            total += n
        if isinstance(operation, Residual):
            total += _neurons([(one, None) for one in operation.operations], n)
        n = operation.outputs(n)
    return total


def _follow(
    steps: Sequence[tuple[Operation, Parameters]], signals: Signals, place: int
) -> tuple[Signals, int]:
    """The signals after the operations; the place in ξ of the next neuron."""
    for operation, own in steps:
        entering, leaving, at = signals
        match operation:
            case Affine():
                signals = signals._replace(output=centred(operation.weight(own)) @ at)
            case Scaling(scale, _):
                by = stands_for(np.asarray(scale), jnp.float64)[:, None]
                signals = signals._replace(output=at * by)
            case Pointwise():
                width, size = at.shape
                out = centred(selected(size, place, width))
                signals = Signals((*entering, at), (*leaving, out), out)
                place += width
            case Residual(operations):
                inside = list(zip(operations, own, strict=True))
                signals, place = _follow(inside, signals, place)
                signals = signals._replace(output=at + signals.output)
    return signals, place


def selected(size: int, first: int, count: int) -> np.ndarray:
    return np.eye(size)[first : first + count]


@partial(jax.jit, static_argnames="net", compiler_options=QUICK)
def centres(net: Chain, theta: Theta) -> Signals:
    """The same as matrices, without their rounding errors."""

    def centre(matrix: Centred) -> Array:
        return matrix.centre

    return jax.tree.map(centre, signals_of(net, theta), is_leaf=lambda x: isinstance(x, Centred))

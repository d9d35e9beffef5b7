"""The .nnet text format of the Stanford Intelligent Systems Laboratory."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .decimal_text import Numbers
from .model import MOST_OPERATIONS, Assembly, Model, ModelError


def read_nnet(path: Path) -> Model:
    """A ReLU network with linear output and fixed normalisation of inputs and outputs.

    Numbers, after comment lines: number of layers, inputs, outputs, largest width; the sizes; an
    unused flag; the inputs' minima, maxima, means and ranges, means and ranges each with one more
    value, the outputs'; then layer by layer the rows of W, then b.

    Inputs enter as (x − mean)/range, outputs leave as y·range + mean: fixed scalings, rounded to
    float64, not parameters. The minima and maxima become `Model.inputs`; the clipping to them that
    the format's own evaluator does is not modelled, so the network is theirs inside that box only.
    Decimals are read as the nearest float64.
    """
    numbers = Numbers(path)
    count = numbers.one("the number of layers")
    if not (1 <= count <= MOST_OPERATIONS and count == int(count)):
        raise ModelError(
            f"the number of layers is {count}; 1 to {MOST_OPERATIONS} layers are supported"
        )
    n_in, n_out = numbers.size("the number of inputs"), numbers.size("the number of outputs")
    numbers.one("the largest width")
    sizes = [numbers.size(f"size {j}") for j in range(int(count) + 1)]
    if (sizes[0], sizes[-1]) != (n_in, n_out):
        raise ModelError(
            f"the header states {n_in} inputs and {n_out} outputs; the sizes begin with "
            f"{sizes[0]} and end with {sizes[-1]}"
        )
    numbers.one("the flag")
    lo = numbers.take(n_in, "the inputs' minima")
    hi = numbers.take(n_in, "the inputs' maxima")
    means = numbers.take(n_in + 1, "the means")
    ranges = numbers.take(n_in + 1, "the ranges")
    if np.any(lo > hi):
        place = int(np.argmax(lo > hi))
        raise ModelError(f"input {place} has its minimum above its maximum")
    if np.any(ranges == 0):
        place = int(np.argmax(ranges == 0))
        raise ModelError(f"range {place} is zero; every range must be non-zero")

    net = Assembly(n_in)
    with np.errstate(over="ignore", invalid="ignore"):
        net.scaling(1 / ranges[:-1], -means[:-1] / ranges[:-1], "the inputs' normalisation")
    for j, width in enumerate(sizes[1:]):
        if j:
            net.pointwise("relu", f"layer {j - 1}")
        weight = numbers.take(width * net.size, f"W of layer {j}").reshape(width, net.size)
        net.affine(weight, numbers.take(width, f"b of layer {j}"), f"layer {j}")
    numbers.end()
    net.scaling(ranges[-1], means[-1], "the outputs' normalisation")
    return net.model(path.stem, (lo, hi))

"""Text files that list the neurons of a network, one number a line (as ARCH-COMP's TORA)."""

from __future__ import annotations

from pathlib import Path

from ...activations import Activation
from .decimal_text import Numbers
from .layers import Activations, hidden_activations
from .model import MOST_OPERATIONS, Assembly, Model, ModelError


def read_neuron_list(
    path: Path, *, activation: Activations = "sigmoid", output: str | Activation | None = None
) -> Model:
    """Numbers: inputs, outputs, number of hidden layers, their widths; then layer by layer, for
    each neuron its weights and its bias; then an offset and a scale.

    The value is u = scale·(Φ − offset), a fixed output scaling (scale, −scale·offset): not
    parameters. The file does not name its activation; by default it is the sigmoid on every layer,
    the output's included. Decimals are read as the nearest float64.
    """
    numbers = Numbers(path)
    n_in, n_out = numbers.size("the number of inputs"), numbers.size("the number of outputs")
    hidden = numbers.one("the number of hidden layers")
    if not (0 <= hidden <= MOST_OPERATIONS and hidden == int(hidden)):
        raise ModelError(
            f"the number of hidden layers is {hidden}; 0 to {MOST_OPERATIONS} are supported"
        )
    widths = [numbers.size(f"the width of hidden layer {j}") for j in range(int(hidden))]
    if output is None:
        if not isinstance(activation, str | Activation):
            raise ModelError("a list of activations leaves the output's open; pass output= too")
        output = activation
    after = [*hidden_activations(activation, len(widths)), output]

    net = Assembly(n_in)
    for j, (width, ς) in enumerate(zip([*widths, n_out], after, strict=True)):
        where = f"layer {j}"
        rows = numbers.take(width * (net.size + 1), where).reshape(width, net.size + 1)
        net.affine(rows[:, :-1], rows[:, -1], where)
        net.pointwise(ς, where)
    offset, scale = numbers.one("the output's offset"), numbers.one("the output's scale")
    numbers.end()
    net.scaling(scale, -scale * offset, "the output")
    return net.model(path.stem)

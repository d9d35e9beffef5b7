"""The box of inputs of a network that the command line names."""

from __future__ import annotations

from lbdnn import Box, Model


def input_box(model: Model, given: tuple[str, str] | None, default: Box | None = None) -> Box:
    """The box that --inputs LO HI gives, else the file's own, else the default.

    An end is a number, or one for each input, separated by commas. Raises ValueError, one sentence.
    """
    if given is not None:
        box = Box(*map(_numbers, given))
    elif model.inputs is not None:
        box = Box(*model.inputs)
    elif default is not None:
        box = default
    else:
        raise ValueError(f"{model.name} names no box of inputs; pass --inputs LO HI")
    box.ends(model.net.inputs)
    return box


def _numbers(text: str) -> float | list[float]:
    try:
        values = [float(piece) for piece in text.split(",")]
    except ValueError:
        raise ValueError(
            f"--inputs takes LO HI, a number each or numbers separated by commas; got {text!r}"
        ) from None
    return values[0] if len(values) == 1 else values

"""A network and a certificate to try things on."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from lbdnn import (
    Bound,
    Certificate,
    FullyConnected,
    load_certificate,
)
from lbdnn.certificate.stored import checksum

NET = FullyConnected((2, 3, 1), "tanh")


def certificate(**changes) -> Certificate:
    base = Certificate(
        bounds={
            "jacobian": Bound("jacobian", "operator", 3.0, 2.0, "Layerwise()"),
            "hessian": Bound("hessian", "operator", 8.0, 0.0, "Layerwise()", {"sigma": [0.1]}),
        },
        network="ab" * 32,
        inputs="Box(lo=-1, hi=1)",
        parameters="Ball(radius=0.5)",
        radius=0.5,
        arithmetic="float64",
    )
    return replace(base, **changes)


def refuse(content: dict, path: Path) -> None:
    """The content is refused, though its checksum is right."""
    path.write_text(json.dumps(content | {"checksum": checksum(content)}))
    with pytest.raises(ValueError, match="not a certificate"):
        load_certificate(path)

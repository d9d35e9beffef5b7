"""A name for a network: its structure and exactly its weights."""

from __future__ import annotations

import hashlib
from dataclasses import fields
from functools import partial
from typing import Any

import numpy as np

from ..activations import Activation
from ..networks import Chain, Theta


def fingerprint(net: Chain, theta: Theta) -> str:
    """The SHA-256 of the network's structure and of its weights as stored."""
    digest = hashlib.sha256(repr(net).encode())
    for activation in net.activations:
        digest.update(_identity(activation).encode())
    for weight in map(np.asarray, net.weights(theta)):
        digest.update(f"{weight.dtype.str}{weight.shape}".encode())
        digest.update(np.ascontiguousarray(weight).tobytes())
    return digest.hexdigest()


def _identity(activation: Activation) -> str:
    # Constants by value, functions by name: a name can be that of another function, an address is
    # another in every process.
    def told(value: Any) -> Any:
        if isinstance(value, tuple | list):
            return [told(each) for each in value]
        if isinstance(value, partial):
            return [told(value.func), told(value.args), told(sorted(value.keywords.items()))]
        return getattr(value, "__qualname__", value)

    return repr([told(getattr(activation, field.name)) for field in fields(activation)])

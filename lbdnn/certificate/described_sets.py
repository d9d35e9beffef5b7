"""Sets as plain numbers, exact enough to make them again, and in words."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from ..networks import Chain
from ..sets import Ball, Box, LayerBalls

Described = dict[str, Any]

_FIELDS = {"Box": ("lo", "hi"), "Ball": ("radius", "center"), "LayerBalls": ("radii", "center")}
_KINDS = {"Box": Box, "Ball": Ball, "LayerBalls": LayerBalls}


def described(region: object, net: Chain) -> Described:
    """The kind of a set and its fields: None, floats, and lists of floats.

    Parameters of a network become the vector of `net.ravel`. Of a kind of set that this library
    does not know, the name alone.
    """
    kind = type(region).__name__
    if type(region) is not _KINDS.get(kind):
        return {"kind": kind}
    return {"kind": kind} | {name: _plain(getattr(region, name), net) for name in _FIELDS[kind]}


def remade(description: Described) -> Box | Ball | LayerBalls:
    """The set that `described` described.

    Raises ValueError where there is no such set.
    """
    kind = description.get("kind")
    if kind not in _FIELDS or set(description) != {"kind", *_FIELDS[kind]}:
        raise ValueError(f"{kind!r} is no kind of set that can be made again")
    return _KINDS[kind](*(description[name] for name in _FIELDS[kind]))


def in_words(description: Described) -> str:
    """As a user would write it; a long array by its size, norm and SHA-256 (of float64 values)."""

    def shown(value: Any) -> str:
        if value is None:
            return "None"
        if isinstance(value, float):
            return repr(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
        if len(value) <= 16:
            return f"[{', '.join(map(shown, value))}]"
        array = np.asarray(value)
        digest = hashlib.sha256(array.tobytes()).hexdigest()
        return f"<{array.size} values, norm {np.linalg.norm(array):.6g}, SHA-256 {digest}>"

    fields = [f"{name}={shown(v)}" for name, v in description.items() if name != "kind"]
    return f"{description['kind']}({', '.join(fields)})"


def _plain(value: Any, net: Chain) -> float | list[float] | None:
    if value is None:
        return None
    if isinstance(value, tuple | list) and any(np.ndim(x) or x is None for x in value):
        leaves = [np.ravel(np.asarray(w, np.float64)) for w in net.weights(tuple(value))]
        return np.concatenate(leaves).tolist()
    return np.asarray(value, np.float64).tolist()

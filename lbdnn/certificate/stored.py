"""Certificates as JSON: every float in hexadecimal, read back bit for bit.

A list of floats is one string, "0x1.8p+1 -0x1p+0"; an array is {"shape": …, "numbers": …}. The
checksum is that of the rest, as compact JSON with sorted keys.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from dataclasses import fields as dataclass_fields
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..files import write_whole
from .described_sets import in_words

if TYPE_CHECKING:
    from .certificate import Bound, Certificate

FORMAT = "lbdnn certificate 2"


def save(certificate: Certificate, path: str | os.PathLike[str]) -> None:
    """See `Certificate.save`."""
    content = as_content(certificate)
    content["checksum"] = checksum(content)
    write_whole(path, json.dumps(content, indent=1, ensure_ascii=False))


def load_certificate(path: str | os.PathLike[str]) -> Certificate:
    """Reads what `Certificate.save` wrote.

    Raises ValueError, in one sentence, for a file that is no certificate or was changed.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        if content["format"] != FORMAT:
            raise ValueError(f"its format is {content['format']!r}")
        if content.pop("checksum") != checksum(content):
            raise ValueError("it was changed after it was written: its checksum is another")
        return from_content(content)
    except OSError as error:
        raise ValueError(
            f"{path} cannot be read ({error.strerror}); pass a file that Certificate.save wrote"
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError(f"{path} is not a certificate of this version ({error!r})") from None


def as_content(certificate: Certificate) -> dict[str, Any]:
    """What is written, without the checksum."""
    bounds = {
        quantity: {
            "quantity": bound.quantity,
            "norm": bound.norm,
            "upper": _hex(bound.upper),
            "lower": _hex(bound.lower),
            "method": bound.method,
            "witness": _written(bound.witness),
            "proof": _written(bound.proof),
        }
        for quantity, bound in certificate.bounds.items()
    }
    return {
        "format": FORMAT,
        "bounds": bounds,
        "network": certificate.network,
        "inputs": certificate.inputs,
        "parameters": certificate.parameters,
        "sets": {what: _written(own) for what, own in certificate.sets.items()},
        "radius": _hex(certificate.radius),
        "arithmetic": certificate.arithmetic,
        "missing": certificate.missing,
        "versions": certificate.versions,
        "seconds": _hex(certificate.seconds),
    }


def from_content(content: dict[str, Any]) -> Certificate:
    """The inverse of `as_content`; ValueError, KeyError or TypeError for anything else."""
    from .certificate import Certificate

    fields = {name: value for name, value in content.items() if name != "format"}
    if set(fields) != {field.name for field in dataclass_fields(Certificate)}:
        raise ValueError("a field is missing or unknown")
    fields["bounds"] = {name: _bound(name, own) for name, own in fields["bounds"].items()}
    fields["sets"] = {what: _read(own) for what, own in fields["sets"].items()}
    fields |= {name: float.fromhex(fields[name]) for name in ("radius", "seconds")}
    certificate = Certificate(**fields)
    if not (math.isfinite(certificate.radius) and certificate.radius >= 0):
        raise ValueError("the radius is no number")
    texts = [getattr(certificate, name) for name in ("network", "inputs", "parameters")]
    texts += [certificate.arithmetic, *certificate.missing.values(), *certificate.versions.values()]
    texts += [text for bound in certificate.bounds.values() for text in (bound.norm, bound.method)]
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("a number stands where text belongs")
    for what, own in certificate.sets.items():
        if what not in ("inputs", "parameters") or in_words(own) != getattr(certificate, what):
            raise ValueError(f"the set of {what} in words is not the one in numbers")
    return certificate


def checksum(content: dict[str, Any]) -> str:
    """The SHA-256 of the content as compact JSON with sorted keys."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _bound(name: str, own: dict[str, Any]) -> Bound:
    from .certificate import MEANINGS, Bound

    numbers = {which: float.fromhex(own[which]) for which in ("upper", "lower")}
    more = {which: _read(own[which]) for which in ("witness", "proof")}
    fields: dict[str, Any] = own | numbers | more
    bound = Bound(**fields)
    if name not in MEANINGS or bound.quantity != name:
        raise ValueError(f"{name} is no quantity")
    if not all(math.isfinite(number) and number >= 0 for number in numbers.values()):
        raise ValueError(f"the bounds of {name} are not numbers >= 0")
    if bound.lower > bound.upper:
        raise ValueError(f"the lower bound of {name} is above its upper bound")
    return bound


def _hex(value: float) -> str:
    return float(value).hex()


def _written(value: Any) -> Any:
    """Dictionaries, None, names ({"name": …}), integers, floats, arrays and lists of floats."""
    match value:
        case dict():
            return {key: _written(each) for key, each in value.items()}
        case None | int():
            return value
        case str():
            return {"text": value}
        case np.ndarray() if value.ndim != 1:
            return {"shape": list(value.shape), "numbers": _joined(value.ravel())}
        case float() | np.floating():
            return {"number": _hex(float(value))}
        case _ if all(isinstance(each, Real) for each in value):
            return _joined(value)
        case _:
            return [_written(each) for each in value]


def _joined(values: Any) -> str:
    return " ".join(map(_hex, values))


def _read(value: Any) -> Any:
    match value:
        case str():
            return [float.fromhex(word) for word in value.split()]
        case {"number": str(word), **rest} if not rest:
            return float.fromhex(word)
        case {"text": str(text), **rest} if not rest:
            return text
        case {"shape": list(shape), "numbers": str(words), **rest} if not rest:
            return np.asarray(_read(words), np.float64).reshape(shape)
        case dict():
            return {key: _read(each) for key, each in value.items()}
        case list():
            return [_read(each) for each in value]
        case None | int():
            return value
    raise TypeError(f"{value!r} is neither a number nor a list of numbers")

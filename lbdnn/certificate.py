"""What was asked of a network, what was shown, and how."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields as dataclass_fields
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from .activations import Activation
from .files import write_whole
from .networks import Chain, Theta

MEANINGS = {
    "value": "‖Φ‖₂",
    "jacobian": "‖∂Φ/∂θ‖₂",
    "hessian": "‖∂²Φ/∂θ²‖ (operator norm)",
    "input_jacobian": "‖∂Φ/∂σ‖₂",
}


@dataclass(frozen=True)
class Bound:
    """lower ≤ sup of the quantity over the set ≤ upper.

    `norm` is "euclidean" for the value, else "operator". `lower` is attained at `witness`: the
    point (sigma, theta as a vector) and, for derivatives, unit directions; 0 and None without an
    attack. `method` names the method behind `upper`.
    """

    quantity: str
    norm: str
    upper: float
    lower: float
    method: str
    witness: dict[str, Any] | None = field(default=None, repr=False, compare=False)

    @property
    def ratio(self) -> float:
        """upper / lower: how loose the bound can be at most (1 where both are 0)."""
        if self.lower > 0:
            return self.upper / self.lower
        return 1.0 if self.upper == 0 else math.inf


@dataclass(frozen=True)
class Certificate(Mapping[str, Bound]):
    """Bounds of one network over one set of inputs and parameters, by quantity.

    `network` is the SHA-256 of its structure and of exactly the stored weights; `inputs` and
    `parameters` describe the sets; `radius` is the longest step θ̃ that `remainder` covers: the
    radius of the set if it is centred at θ, else its diameter (θ and θ + θ̃ anywhere in it);
    `missing` says of a quantity without a bound why; `arithmetic` says how far rounding was taken
    into account.
    """

    bounds: dict[str, Bound]
    network: str
    inputs: str
    parameters: str
    radius: float
    arithmetic: str
    missing: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    def __getitem__(self, quantity: str) -> Bound:
        if quantity in self.missing:
            raise KeyError(self.missing[quantity])
        return self.bounds[quantity]

    def __iter__(self) -> Iterator[str]:
        return iter(self.bounds)

    def __len__(self) -> int:
        return len(self.bounds)

    def remainder(self, radius: float) -> float:
        r"""A bound of ‖Φ(σ,θ+θ̃) − Φ(σ,θ) − ∂Φ/∂θ(σ,θ)θ̃‖ for θ, θ+θ̃ in the set, ‖θ̃‖ ≤ radius.

        ½ H̄ ‖θ̃‖² by Taylor's theorem on the (convex) set, or 2 J̄ ‖θ̃‖ by the mean value theorem,
        whichever is smaller; the second alone where no Hessian bound exists.

        Raises ValueError if the radius is larger than that of the certified set, or where neither
        "hessian" nor "jacobian" was certified.
        """
        if not 0 <= radius <= self.radius * (1 + 1e-12):
            raise ValueError(
                f"the certificate covers steps of length at most {self.radius:g}; got "
                f"radius {radius:g}: certify a larger set"
            )
        found = []
        if "hessian" in self.bounds:
            found.append(0.5 * self["hessian"].upper * radius**2)
        if "jacobian" in self.bounds:
            found.append(2 * self["jacobian"].upper * radius)
        if not found:
            raise ValueError("the remainder needs 'hessian' or 'jacobian' among the quantities")
        return min(found)

    def __str__(self) -> str:
        head = f"{'quantity':<28}{'upper':>14}{'lower':>14}{'ratio':>10}  method"
        rows = [
            f"{MEANINGS[quantity]:<28}{b.upper:>14.6g}{b.lower:>14.6g}{b.ratio:>10.3g}  {b.method}"
            for quantity, b in self.bounds.items()
        ]
        notes = [f"no {quantity}: {why}" for quantity, why in self.missing.items()]
        foot = [
            f"network {self.network[:12]}, inputs {self.inputs}, parameters {self.parameters}",
            f"arithmetic: {self.arithmetic}",
            f"{self.seconds:.2g} s",
        ]
        return "\n".join([head, *rows, *notes, *foot])

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the certificate as JSON; the file appears whole or not at all."""
        content = asdict(self) | {"format": "lbdnn certificate 1"}
        write_whole(path, json.dumps(content, indent=1, ensure_ascii=False, default=_listed))


def load_certificate(path: str | os.PathLike[str]) -> Certificate:
    """Reads what `Certificate.save` wrote.

    Raises ValueError, in one sentence, for a file that is no certificate.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        if content.pop("format") != "lbdnn certificate 1":
            raise KeyError("format")
        bounds = {name: _checked(name, Bound(**b)) for name, b in content.pop("bounds").items()}
        return Certificate(bounds=bounds, **content)
    except OSError as error:
        raise ValueError(
            f"{path} cannot be read ({error.strerror}); pass a file that Certificate.save wrote"
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is not a certificate of this version ({error!r})") from None


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

    return repr([told(getattr(activation, field.name)) for field in dataclass_fields(activation)])


def _checked(name: str, bound: Bound) -> Bound:
    numbers = [bound.lower, bound.upper]
    if name not in MEANINGS or bound.quantity != name:
        raise ValueError(f"{name} is no quantity")
    if not all(isinstance(number, float) and number >= 0 for number in numbers):
        raise ValueError(f"the bounds of {name} are not numbers")
    if bound.lower > bound.upper:
        raise ValueError(f"the lower bound of {name} is above its upper bound")
    return bound


def _listed(value: Any) -> Any:
    return np.asarray(value).tolist()

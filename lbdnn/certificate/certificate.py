"""Bounds of one network over one set of inputs and parameters."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from . import stored
from .described_sets import Described
from .latex import table

MEANINGS = {
    "value": "‖Φ‖₂",
    "jacobian": "‖∂Φ/∂θ‖₂",
    "hessian": "‖∂²Φ/∂θ²‖ (operator norm)",
    "input_jacobian": "‖∂Φ/∂σ‖₂",
    "input_jacobian_max": "‖∂Φ/∂σ‖∞",
    "input_hessian": "‖∂²Φ/∂σ²‖ (operator norm)",
    "mixed_hessian": "‖∂²Φ/∂σ∂θ‖ (operator norm)",
}


@dataclass(frozen=True)
class Bound:
    """lower ≤ sup of the quantity over the set ≤ upper.

    `norm` is "euclidean" for the value, "maximum" for the operator norm between maximum norms, else
    "operator". `lower` is attained at `witness`: the
    point (sigma, theta as a vector) and, for derivatives, unit directions; 0 and None without an
    attack. `method` names the method behind `upper`, and `proof` holds the numbers from which
    `upper` can be proved again (`lbdnn.check`), None where the method gives none.
    """

    quantity: str
    norm: str
    upper: float
    lower: float
    method: str
    witness: dict[str, Any] | None = field(default=None, repr=False, compare=False)
    proof: dict[str, Any] | None = field(default=None, repr=False, compare=False)

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
    `parameters` are the sets in words, `sets` both as plain numbers, exactly; `radius` is the
    longest step θ̃ that `remainder` covers: the radius of the set if it is centred at θ, else its
    diameter (θ and θ + θ̃ anywhere in it); `missing` says of a quantity without a bound why;
    `arithmetic` says how far rounding was taken into account.
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
    sets: dict[str, Described] = field(default_factory=dict, repr=False)

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

    def latex(self) -> str:
        """A LaTeX `tabular`, one row a quantity; it needs no package.

        Upper bounds are rounded up and lower bounds down to four digits.
        """
        return table(self.bounds)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the certificate as JSON; the file appears whole or not at all.

        Numbers are written in hexadecimal, so that `load_certificate` reads them bit for bit; a
        checksum over all of it tells a damaged file.
        """
        stored.save(self, path)

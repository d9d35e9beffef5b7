"""What is proved of the Lipschitz constants of a network, layer by layer."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jaxlib.version import __version__ as jaxlib_version

from ...certificate import fingerprint
from ...networks import Affine, Chain, Operation, Pointwise, Residual, Scaling, Theta
from ..lipschitz import Constant, composition, operation_constants

FORMAT = "lbdnn Lipschitz certificate 1"
ARITHMETIC = (
    "of the network in real arithmetic with the weights exactly as stored; all errors of rounding "
    "of the proof are counted"
)


@dataclass(frozen=True)
class LipschitzCertificate:
    """‖Φ(x) − Φ(y)‖₂ ≤ L‖x − y‖₂ for all x, y, link by link.

    - `network`: the SHA-256 of the structure and of exactly the stored weights.
    - `layers`: (what it is, its constant from above), one an operation in order.
    - `features`: the product of all but the last, the readout: of what the readout acts on.
    - `pairs`: from above ‖w_i − w_j‖₂ of the rows of the readout, (k, k), symmetric.
    - `arithmetic`: what the numbers are about, in words; `versions`: of what made them.
    """

    network: str
    layers: tuple[tuple[str, float], ...]
    features: float
    pairs: tuple[tuple[float, ...], ...]
    arithmetic: str
    versions: Mapping[str, str]

    @property
    def logits(self) -> float:
        """A Lipschitz constant of the logits: `features` times that of the readout."""
        return composition(*(Constant(0.0, upper) for _, upper in self.layers)).upper

    def __str__(self) -> str:
        rows = [f"{what:<44}{upper:>18.12g}" for what, upper in self.layers]
        foot = [f"{'features':<44}{self.features:>18.12g}", f"network {self.network[:12]}"]
        return "\n".join([*rows, *foot, self.arithmetic])

    def as_content(self) -> dict[str, Any]:
        """For JSON: numbers in hexadecimal, read back bit for bit by `from_content`."""
        return {
            "format": FORMAT,
            "network": self.network,
            "layers": [[what, upper.hex()] for what, upper in self.layers],
            "features": self.features.hex(),
            "pairs": [[number.hex() for number in row] for row in self.pairs],
            "arithmetic": self.arithmetic,
            "versions": dict(self.versions),
        }

    @staticmethod
    def from_content(content: Mapping[str, Any]) -> LipschitzCertificate:
        """The inverse of `as_content`.

        **Raises:** ValueError for anything else.
        """
        try:
            if content["format"] != FORMAT:
                raise ValueError(f"the format of the certificate is {content['format']!r}")
            found = LipschitzCertificate(
                network=str(content["network"]),
                layers=tuple((str(w), float.fromhex(upper)) for w, upper in content["layers"]),
                features=float.fromhex(content["features"]),
                pairs=tuple(tuple(map(float.fromhex, row)) for row in content["pairs"]),
                arithmetic=str(content["arithmetic"]),
                versions={str(k): str(v) for k, v in content["versions"].items()},
            )
        except (KeyError, TypeError, AttributeError, OverflowError) as error:
            raise ValueError(f"the certificate is not one of this version ({error!r})") from None
        numbers = [upper for _, upper in found.layers] + [found.features]
        numbers += [number for row in found.pairs for number in row]
        if any(math.isnan(number) or number < 0 for number in numbers):
            raise ValueError("the certificate holds what is no Lipschitz constant")
        return found


def fitting(certificate: LipschitzCertificate, net: Chain) -> bool:
    """Whether its numbers are one for each operation and pair of classes of the network, and those
    of all operations but the last make up `features`."""
    layers, pairs = certificate.layers, np.array(certificate.pairs, dtype=object)
    features = composition(*(Constant(0.0, upper) for _, upper in layers[:-1])).upper
    return (
        len(layers) == len(net.written_out)
        and pairs.shape == (net.outputs, net.outputs)
        and features == certificate.features
    )


def lipschitz_certificate(net: Chain, theta: Theta) -> LipschitzCertificate:
    """What `operation_constants` proves of a network whose last operation is affine.

    **Raises:** ValueError for another last operation, and as `operation_constants`.
    """
    operations = net.written_out
    if not operations or not isinstance(operations[-1], Affine):
        raise ValueError("a classifier ends in an affine readout; the network's last layer is none")
    constants = operation_constants(net, theta)
    last = np.asarray(net.weights(theta)[-1]).astype(np.float64)
    from ... import __version__

    versions = {"lbdnn": __version__, "jax": jax.__version__, "jaxlib": jaxlib_version}
    return LipschitzCertificate(
        network=fingerprint(net, theta),
        layers=tuple(
            (_named(operation), constant.upper)
            for operation, constant in zip(operations, constants, strict=True)
        ),
        features=composition(*constants[:-1]).upper,
        pairs=_pairs(last[:, : operations[-1].n_in]),
        arithmetic=ARITHMETIC,
        versions=versions | {"numpy": np.__version__},
    )


def _pairs(readout: np.ndarray) -> tuple[tuple[float, ...], ...]:
    # A difference of two numbers of float64 is rounded once, relative to itself, and hypot of
    # many numbers is off by less than an ulp: eight are added.
    above, tiny = 1 + 8 * float(np.finfo(np.float64).eps), float(np.finfo(np.float64).tiny)

    def distance(one: np.ndarray, other: np.ndarray) -> float:
        found = math.hypot(*(one - other).tolist())
        return found * above + tiny if found > 0 else 0.0

    return tuple(tuple(distance(one, other) for other in readout) for one in readout)


def _named(operation: Operation) -> str:
    match operation:
        case Affine(n_in, n_out):
            return f"affine {n_in} -> {n_out}"
        case Pointwise(activation):
            return str(activation.spec)
        case Scaling():
            return "fixed scaling"
        case Residual(operations):
            return f"x + ({', '.join(map(_named, operations))})(x)"
    return type(operation).__name__

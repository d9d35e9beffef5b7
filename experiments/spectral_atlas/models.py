"""The 828 models of Drgoňa et al. (2020), appendix D, with weights drawn by a seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import jax
import numpy as np

from lbdnn import Chain
from lbdnn.activations import get
from lbdnn.networks import Affine, Pointwise, Theta
from lbdnn.structured.weights import (
    SVD,
    Gershgorin,
    Parametrization,
    PerronFrobenius,
    Unstructured,
)

RANGES = (
    (-1.5, -1.1), (0.0, 1.0), (0.99, 1.0), (0.99, 1.01), (0.99, 1.1), (1.0, 1.01), (1.1, 1.5),
)  # fmt: skip
DEPTHS = (1, 4, 8)
ACTIVATIONS = ("relu", "selu", "gelu", "tanh", "logistic", "softplus")
Discs = Literal["equal", "inner"]
BOX = 6.0  # all of it happens on [−6, 6]²


@dataclass(frozen=True)
class Constraint:
    """One of the 23 rows: a factorisation and, but for one, the range given to it."""

    factorization: str
    range: tuple[float, float] | None = None

    def __str__(self) -> str:
        if self.range is None:
            return self.factorization
        low, high = self.range
        return f"{self.factorization} ({low:.2f}, {high:.2f})"

    def weight(self, discs: Discs) -> Parametrization:
        """The 2 × 2 weights of this row; `discs` as in `Gershgorin`."""
        if self.range is None:
            return Unstructured(2, 2)
        least, greatest = self.range
        match self.factorization:
            case "spectral":
                return SVD(2, 2, least=least, greatest=greatest)
            case "Perron-Frobenius":
                return PerronFrobenius(2, 2, least=least, greatest=greatest)
        kind = "real" if self.factorization.endswith("real") else "complex"
        return Gershgorin(2, least=least, greatest=greatest, eigenvalues=kind, discs=discs)


CONSTRAINTS = (
    *(Constraint("Gershgorin, real", own) for own in RANGES),
    *(Constraint("Gershgorin, complex", own) for own in RANGES),
    *(Constraint("spectral", own) for own in RANGES),
    Constraint("Perron-Frobenius", (1.0, 1.0)),
    Constraint("unstructured"),
)


@dataclass(frozen=True)
class Model:
    """One of the 828: x ↦ ς(A_L ς(⋯ς(A_0 x + b_0)⋯) + b_L), the last layer like the others."""

    constraint: Constraint
    depth: int
    activation: str
    bias: bool

    def __str__(self) -> str:
        bias = "bias" if self.bias else "no bias"
        return f"{self.constraint}, {self.activation} ×{self.depth}, {bias}"

    @cached_property
    def structure(self) -> tuple[int, str]:
        return self.depth, self.activation


def models(depths: Sequence[int] = DEPTHS, activations: Sequence[str] = ACTIVATIONS) -> list[Model]:
    """All of them, those of one structure one after the other."""
    return [
        Model(constraint, depth, activation, bias)
        for depth in depths
        for activation in activations
        for constraint in CONSTRAINTS
        for bias in (True, False)
    ]


def network(depth: int, activation: str) -> Chain:
    """With a bias in every layer; models without have a bias 0."""
    layer = (Affine(2, 2), Pointwise(get(activation)))
    return Chain(layer * depth, 2)


class Weights:
    """The weights of all models: a seed, a constraint and a depth give them.

    So models that differ by activation and bias share them (appendix D). Biases are
    U(−1/√2, 1/√2), the layers of a model differ. float64.
    """

    def __init__(self, seed: int, discs: Discs) -> None:
        self._drawn: dict[tuple[Constraint, int], np.ndarray] = {}
        layers, limit = sum(DEPTHS), 2**-0.5
        for i, constraint in enumerate(CONSTRAINTS):
            family = constraint.weight(discs)
            drawing, shifting = jax.random.split(jax.random.fold_in(jax.random.key(seed), i))
            with jax.enable_x64(True):
                own = jax.vmap(family)(jax.vmap(family.init)(jax.random.split(drawing, layers)))
                shifts = jax.random.uniform(shifting, (layers, 2, 1), float, -limit, limit)
            stack = np.concatenate([np.asarray(own), np.asarray(shifts)], -1).astype(float)
            parts = np.split(stack, np.cumsum(DEPTHS)[:-1])
            self._drawn |= {(constraint, d): p for d, p in zip(DEPTHS, parts, strict=True)}

    def theta(self, model: Model) -> Theta:
        """Parameters of `network(…)`."""
        stack = self._drawn[model.constraint, model.depth]
        if not model.bias:
            stack = stack * np.array([1.0, 1.0, 0.0])
        return tuple(own for layer in stack for own in (layer, None))

    def stacked(self, chosen: Sequence[Model]) -> Theta:
        """Parameters of models of one structure, stacked."""
        return jax.tree.map(lambda *leaves: np.stack(leaves), *map(self.theta, chosen))

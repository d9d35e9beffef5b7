"""Weights of this library, and the arguments that give those of `neuromancer.slim`."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jax
import numpy as np
from peers_environment import run_peer

from lbdnn.structured.weights import (
    SVD,
    Gershgorin,
    Hamiltonian,
    Orthogonal,
    Parametrization,
    PerronFrobenius,
    SkewSymmetric,
    Unstructured,
)


@dataclass(frozen=True)
class Case:
    """A parametrization with parameters, and the same of `neuromancer.slim`.

    `sizes` are slim's numbers of rows and columns, `expected` is the matrix that slim should have,
    and `relation` says what that is in terms of the weight W.
    """

    family: Parametrization
    seed: int
    parameters: Any
    slim: str
    sizes: tuple[int, int]
    expected: np.ndarray
    relation: str = "W"
    options: dict[str, Any] = field(default_factory=dict)
    attributes: dict[str, np.ndarray] = field(default_factory=dict)
    penalty: float | None = None


def cases(sizes: Sequence[int], seeds: int) -> list[Case]:
    """All shared families with random parameters, square of each size, and 3 × 4 where slim can."""
    with jax.enable_x64(True):
        found = []
        for seed in range(seeds):
            for n in sizes:
                for family in _square(n):
                    found.append(_case(family, seed))
            for family in (
                Unstructured(3, 4),
                PerronFrobenius(3, 4, least=0.9, greatest=1.1),
                SVD(3, 4, least=0.9, greatest=1.1),
            ):
                found.append(_case(family, seed))
        return found


def by_slim(python: Path, chosen: Sequence[Case]) -> tuple[dict[str, str], list[np.ndarray], list]:
    """Versions, weights and answers of `peer_slim.py`.

    Raises ValueError, in one sentence, where that program fails.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        request = [
            {
                "class": case.slim,
                "sizes": case.sizes,
                "options": case.options,
                "attributes": list(case.attributes),
                "penalty": case.penalty is not None,
            }
            for case in chosen
        ]
        (folder / "request.json").write_text(json.dumps(request), encoding="utf-8")
        values = {
            f"{i}:{k}": v for i, case in enumerate(chosen) for k, v in case.attributes.items()
        }
        np.savez(folder / "values.npz", **values)  # pyright: ignore[reportArgumentType]
        run_peer(python, "neuromancer", "peer_slim.py", folder)
        answer = json.loads((folder / "answer.json").read_text("utf-8"))
        with np.load(folder / "weights.npz") as weights:
            found = [weights[str(index)] for index in range(len(chosen))]
    return answer["versions"], found, answer["answers"]


def _square(n: int) -> Iterator[Parametrization]:
    yield Unstructured(n, n)
    yield PerronFrobenius(n, n, least=0.9, greatest=1.1)
    yield SVD(n, n, least=0.9, greatest=1.1)
    yield SVD(n, n, least=0.9, greatest=1.1, factors="householder")
    yield SkewSymmetric(n)
    yield SkewSymmetric(n, damping=0.3)
    if n % 2 == 0:
        yield Hamiltonian(n)
    yield Gershgorin(n, least=0.9, greatest=1.1, discs="inner")
    yield Gershgorin(n, least=0.9, greatest=1.1, eigenvalues="complex", discs="inner")
    yield Orthogonal(n, n, method="householder")


def _case(family: Parametrization, seed: int) -> Case:
    p = jax.tree.map(np.array, family.init(jax.random.key(seed)))
    n_out, n_in = family.shape
    sizes = n_out, n_in
    if isinstance(family, Orthogonal):
        p = np.triu(p)  # slim's reflections leave the first entries alone
        attributes = {"U": p, "bias": np.zeros((1, n_in))}
        # Without bias slim's own call fails; with one it belongs to what it calls the weight.
        w, options = np.asarray(family(p)), {"bias": True}
        return Case(family, seed, p, "OrthogonalLinear", sizes, w, "W", options, attributes)
    if isinstance(family, SVD) and family.factors == "householder":
        p = p._replace(left=np.triu(p.left), right=np.triu(p.right[::-1])[::-1])
        attributes = {"U": p.left, "V": p.right[::-1].copy(), "p": -p.values}
        w, options = np.asarray(family(p)), _range(family)
        return Case(family, seed, p, "SpectralLinear", sizes, w, "W", options, attributes)
    if isinstance(family, SVD):
        # Beside orthogonal factors the penalty would be 0 in both.
        p = p._replace(left=p.left + 0.1)
        values = np.pad(p.values, (0, n_out - len(p.values)))[:, None]
        attributes = {"U": p.left, "V": p.right, "sigma": values}
        w, penalty = np.asarray(family(p)), float(family.orthogonality_penalty(p))
        options = _range(family)
        return Case(family, seed, p, "SVDLinear", sizes, w, "W", options, attributes, penalty)
    w = np.asarray(family(p))
    if isinstance(family, Unstructured):
        sizes, options = (n_in, n_out), {}
        return Case(family, seed, p, "Linear", sizes, w.T, "Wᵀ", options, {"linear.weight": p})
    if isinstance(family, PerronFrobenius):
        attributes = {"weight": p.shares, "scaling": p.scales}
        name, options = "PerronFrobeniusLinear", _range(family)
        return Case(family, seed, p, name, sizes, w, "W", options, attributes)
    if isinstance(family, SkewSymmetric):
        attributes = {"weight": np.triu(w, 1)}
        if not family.damping:
            return Case(family, seed, p, "SkewSymmetricLinear", sizes, w, "W", {}, attributes)
        attributes["gamma"] = np.full((1, 1), -family.damping)
        relation = "W with γ of the other sign"
        name = "DampedSkewSymmetricLinear"
        return Case(family, seed, p, name, sizes, w, relation, {}, attributes)
    if isinstance(family, Hamiltonian):
        return Case(family, seed, p, "SymplecticLinear", sizes, w, "W", {}, {"weight": p})
    assert isinstance(family, Gershgorin)
    off, logits = ~np.eye(n_out, dtype=bool), np.zeros(sizes)
    if family.eigenvalues == "real":
        logits[np.tril_indices(n_out, -1)] = p.couplings  # slim adds the transpose
        m, own = off * np.exp(logits + logits.T), w
    else:
        logits[off] = p.couplings.ravel()
        m, own = off * np.exp(logits), np.where(off, abs(w), w)
    # Slim divides m_ij by the sum of all of them, not by that of its row.
    rows = np.where(off, m.sum(1, keepdims=True) / m.sum(), 1)
    expected = 2 * family.centre * np.eye(n_out) - rows * own
    relation = "2λI − W, rows scaled" + ", no signs" * (family.eigenvalues == "complex")
    options = _range(family) | {"real": family.eigenvalues == "real"}
    attributes = {"w": logits, "diag": p.centres}
    return Case(family, seed, p, "GershgorinLinear", sizes, expected, relation, options, attributes)


def _range(family: Any) -> dict[str, float]:
    return {"sigma_min": family.least, "sigma_max": family.greatest}

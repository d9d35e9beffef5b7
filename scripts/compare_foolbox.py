"""The attack of this library beside those of foolbox: attacked accuracy of the same networks.

Classifiers of digits are trained, and their test images attacked at the same radii, with the same
numbers of steps and restarts. Every point of either program counts only where it lies in the ball
and in the range of pixels and gets a wrong label, evaluated alike in float64. foolbox runs in an
environment of its own, `.venv-peers-foolbox`, which the first call makes.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import tyro
from foolbox_cases import Case, Weights, blocks, by_foolbox, networks
from jax.tree_util import Partial
from peers_environment import environment

from experiments.output import Output
from experiments.robustness.digits import digits, split
from lbdnn.search import ProjectedGradient
from lbdnn.search.projected_gradient import Norm

# Class and arguments beside the steps; the last ones look for the smallest perturbation by
# themselves, and are not repeated.
ATTACKS: dict[Norm, tuple[str, ...]] = {
    "2": ("L2PGD", "L2DeepFoolAttack", "DDNAttack", "L2FMNAttack"),
    "maximum": ("LinfPGD", "LinfDeepFoolAttack", "LInfFMNAttack"),
}
_REPEATED = ("L2PGD", "LinfPGD")
# foolbox computes in float32: its points may lie outside by so much, relative to the radius.
_TOLERANCE = 1e-5


@dataclass(frozen=True)
class Settings:
    images: int = 360
    """Of the test, at most 360."""
    steps: int = 50
    """Of each attack."""
    restarts: int = 5
    """Of the projected gradient descents."""
    radii: tuple[float, ...] = (0.3, 0.5)
    """In the 2-norm."""
    maximum: tuple[float, ...] = (0.05, 0.1)
    """In the maximum norm."""
    epochs: int = 30
    """Of training."""
    seed: int = 0
    """Of the split, the training and the attacks."""
    output: Path = Path("results/foolbox")
    """Folder of the results."""


def main() -> int:
    settings = tyro.cli(Settings, prog="compare_foolbox", description=__doc__)
    try:
        _check(settings)
        output = Output(settings.output, asdict(settings))
        python = environment("peers_foolbox.txt")
        part = split(digits(), settings.seed)
        nets = networks(part, settings.seed, settings.epochs)
        images, labels = (x[: settings.images] for x in part.test)
        chosen = cases(settings, nets)
        versions, points = by_foolbox(python, chosen, nets, images, labels)
    except (ValueError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    output.settings["peer_versions"] = versions
    rows = own_rows(settings, nets, images, labels)
    rows += peer_rows(chosen, points, nets, images, labels)
    order = {name: place for place, name in enumerate(nets)}
    rows.sort(key=lambda row: (order[row["network"]], row["norm"], row["radius"]))
    output.table("foolbox", rows)
    for row in rows:
        away = f"{row['outside']:>6} outside" if row["outside"] else ""
        print(
            f"{row['network']:24}{row['norm']:>9}{row['radius']:>7g}  {row['attack']:28}"
            f"{100 * row['accuracy']:>7.1f} %{away}"
        )
    print("\nnetwork, norm, radius, attack, accuracy under it; clean accuracy at radius 0; points")
    print("outside ball or box, which do not count.")
    print(f"results in {output.folder}")
    return 0


def _check(settings: Settings) -> None:
    if min(settings.images, settings.steps, settings.restarts, settings.epochs) < 1:
        raise ValueError("--images, --steps, --restarts and --epochs take numbers >= 1")
    if settings.seed < 0 or not all(0 < r < np.inf for r in (*settings.radii, *settings.maximum)):
        raise ValueError("--seed takes a number >= 0, --radii and --maximum positive numbers")


def _radii(settings: Settings) -> dict[Norm, tuple[float, ...]]:
    return {"2": settings.radii, "maximum": settings.maximum}


def cases(settings: Settings, nets: Mapping[str, Weights]) -> list[Case]:
    """Every attack of foolbox, on every network, at every radius of its norm."""
    found = []
    for name in nets:
        for norm, radii in _radii(settings).items():
            for attack in ATTACKS[norm]:
                repeats = settings.restarts if attack in _REPEATED else 1
                options = {"steps": settings.steps}
                found += [Case(name, attack, options, repeats, norm, radius) for radius in radii]
    return found


def own_rows(
    settings: Settings, nets: Mapping[str, Weights], images: np.ndarray, labels: np.ndarray
) -> list[dict[str, Any]]:
    """Of this library's attack, and the clean accuracy."""
    found = []
    for name, parts in nets.items():
        logits = Partial(blocks, dict(parts))
        for norm, radii in _radii(settings).items():
            attack = ProjectedGradient(
                norm, steps=settings.steps, restarts=settings.restarts, seed=settings.seed
            )
            clean = attack(logits, images, labels, 0.0)
            rows = [("none", 0.0, clean)]
            rows += [("this library", r, attack(logits, images, labels, r)) for r in radii]
            found += [
                _row(name, norm, radius, words, 1 - np.mean(one.fooled), 0)
                for words, radius, one in rows
            ]
    return found


def peer_rows(
    chosen: Sequence[Case],
    points: Sequence[np.ndarray],
    nets: Mapping[str, Weights],
    images: np.ndarray,
    labels: np.ndarray,
) -> list[dict[str, Any]]:
    """Of foolbox's points, each checked."""
    found = []
    for case, own in zip(chosen, points, strict=True):
        shift = (own.astype(float) - images).reshape(len(images), -1)
        sizes = np.linalg.norm(shift, 2 if case.norm == "2" else np.inf, axis=1)
        inside = np.all((own >= 0) & (own <= 1), axis=(1, 2))
        inside &= sizes <= case.radius * (1 + _TOLERANCE)
        with jax.enable_x64(True):
            parts = {k: jnp.asarray(v, jnp.float64) for k, v in nets[case.network].items()}
            compute = jax.jit(jax.vmap(blocks, (None, 0)))
            values = np.asarray(compute(parts, jnp.asarray(own, jnp.float64)))
            clean = np.asarray(compute(parts, jnp.asarray(images, jnp.float64)))
        fooled = (np.argmax(values, 1) != labels) & inside | (np.argmax(clean, 1) != labels)
        words = case.attack + f", {case.repeats} times" * (case.repeats > 1)
        away = int(np.sum(~inside))
        row = _row(case.network, case.norm, case.radius, words, 1 - np.mean(fooled), away)
        found.append(row)
    return found


def _row(
    network: str, norm: str, radius: float, attack: str, accuracy: Any, outside: int
) -> dict[str, Any]:
    return {
        "network": network,
        "norm": norm,
        "radius": radius,
        "attack": attack,
        "accuracy": float(accuracy),
        "outside": outside,
    }


if __name__ == "__main__":
    sys.exit(main())

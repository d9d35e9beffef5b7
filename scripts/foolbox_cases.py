"""Trained classifiers of digits, and foolbox's attacks of them."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from peers_environment import run_peer

from experiments.robustness.digits import Split
from lbdnn.structured.classifiers import (
    nonexpansive_classifier,
    residual_classifier,
    train,
)

Weights = Mapping[str, np.ndarray]
# Logits whose differences are so large that softmax rounds to 0 and 1.
CONFIDENT = 1000.0


@dataclass(frozen=True)
class Case:
    """A class of `foolbox.attacks` with its arguments, at one radius of a norm."""

    network: str
    attack: str
    options: Mapping[str, Any]
    repeats: int
    norm: str
    radius: float


def blocks(parts: Weights, image: Any) -> Any:
    """The logits of one image: blocks x + B max(Ax + a, 0) + b, and a readout."""
    x: Any = image.ravel()
    place = 0
    while f"{place}:A" in parts:
        first, own, second, shift = (parts[f"{place}:{part}"] for part in "AaBb")
        x, place = x + second @ jnp.maximum(first @ x + own, 0) + shift, place + 1
    return parts["W"] @ x + parts["w"]


def networks(part: Split, seed: int, epochs: int) -> dict[str, Weights]:
    """A ResNet, the same with larger logits, and a non-expansive flow, trained."""
    found = {}
    for name, model in (
        ("ResNet", residual_classifier((8, 8), 10, pairs=2)),
        ("non-expansive", nonexpansive_classifier((8, 8), 10, pairs=2)),
    ):
        done = train(
            model, *part.train, keys=jax.random.key(seed), epochs=epochs, margin=0.3, progress=False
        )
        net, theta = model.unrolled(done.parameters)
        *layers, last = (np.asarray(own) for own in net.weights(theta))
        parts = {"W": last[:, :-1], "w": last[:, -1]}
        for place, (first, second) in enumerate(zip(layers[::2], layers[1::2], strict=True)):
            n = first.shape[0]
            shift = second[:, n] if second.shape[1] > n else np.zeros(len(second))
            own = (first[:, :-1], first[:, -1], second[:, :n], shift)
            parts |= {f"{place}:{key}": value for key, value in zip("AaBb", own, strict=True)}
        found[name] = {key: np.asarray(value, np.float32) for key, value in parts.items()}
    larger = dict(found["ResNet"])
    for key in "Ww":
        larger[key] = np.float32(CONFIDENT) * larger[key]
    return {"ResNet": found["ResNet"], f"ResNet, logits × {CONFIDENT:g}": larger} | {
        "non-expansive": found["non-expansive"]
    }


def by_foolbox(
    python: Path,
    chosen: Sequence[Case],
    nets: Mapping[str, Weights],
    images: np.ndarray,
    labels: np.ndarray,
) -> tuple[dict[str, str], list[np.ndarray]]:
    """Versions, and the perturbed images of each case, by `peer_foolbox.py`.

    Raises ValueError, in one sentence, where that program fails.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        request = [asdict(case) | {"class": case.attack} for case in chosen]
        (folder / "request.json").write_text(json.dumps(request), encoding="utf-8")
        values = {f"{net}:{key}": v for net, parts in nets.items() for key, v in parts.items()}
        values |= {"images": images, "labels": labels}
        np.savez(folder / "values.npz", **values)  # pyright: ignore[reportArgumentType]
        run_peer(python, "foolbox", "peer_foolbox.py", folder)
        versions = json.loads((folder / "answer.json").read_text("utf-8"))
        with np.load(folder / "points.npz") as points:
            return versions, [points[str(index)] for index in range(len(chosen))]
